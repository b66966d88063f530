"""Shows the deployment at work: loads example policies, posts the vendor's hooks, prints answers.

The hooks are those that the vendor's documentation prints (``local/payloads``), and a few of our
own that the example policies have something to say about.
"""

import json
import re
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.errors import LocalRunError
from local.progress import Steps
from local.workspace import REPOSITORY
from simulated_wcs.transport import HookReply, Signature
from wcs_hooks.core.policy.vocabulary import STATUS_ID
from wcs_hooks.core.reply import OK
from wcsctl.caller_authentication import caller_authentication
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.decision_log import DecisionLog, Filter
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.hook_sender import as_of_client, send_alone
from wcsctl.policies import files
from wcsctl.scenario_back_end import DeployedBackEnd

PAYLOADS: Final = Path(__file__).resolve().parent / "payloads"
EXAMPLES: Final = REPOSITORY / "policies" / "examples"

_NUMBERED: Final = re.compile(r"-\d+$")
_SHOWN_VALUE: Final = 60
_DEFAULTS: Final = {"restOnError": "LOG", "restPolicy": "NOTIFY"}
"""What WCS does unless restClientConfig says otherwise."""


@dataclass(frozen=True, slots=True)
class DemonstratedHook:
    """A hook to post.

    Attributes
    ----------
    title
        Its name in the table of answers.
    method
        The last segment of the path.
    body
        The bytes to send.
    is_genuine
        Whether it is signed with the deployment's secret.
    """

    title: str
    method: str
    body: bytes
    is_genuine: bool = True


@dataclass(frozen=True, slots=True)
class DemonstratedAnswer:
    """A hook with its reply, and the line of the decision log about it, if there is one."""

    hook: DemonstratedHook
    reply: HookReply
    logged: Mapping[str, Any]


def vendor_hooks() -> Iterator[DemonstratedHook]:
    """Yield every hook that the vendor's documentation prints.

    >>> next(vendor_hooks()).method
    'ConnectionStatusEvent'
    """
    for file in sorted(PAYLOADS.glob("*.json")):
        yield DemonstratedHook(file.stem, _NUMBERED.sub("", file.stem), file.read_bytes())


def own_hooks() -> Iterator[DemonstratedHook]:
    """Yield hooks that show what the example policies, signatures and unknown methods do."""
    published = (PAYLOADS / "publishStream.json").read_bytes()
    private = _with_name(published, "private-lesson")
    # An earlier run has connected the session that the vendor's hook names.
    unknown = private.replace(b'"sessionId": "', b'"sessionId": "%s-' % uuid.uuid4().hex.encode())
    yield DemonstratedHook(
        'publishStream "private-lesson", by the REST API', "publishStream", unknown
    )
    connect, private = as_of_client("publishStream", private, {})
    yield DemonstratedHook("connect of the client below", "connect", connect or b"{}")
    yield DemonstratedHook('publishStream "private-lesson"', "publishStream", private)
    yield DemonstratedHook(
        'playStream "public-lesson"', "playStream", _with_name(published, "public-lesson")
    )
    call = b'{"appKey": "defaultApp", "callId": "1", "caller": "1000", "callee": "0900123456"}'
    yield DemonstratedHook("call to 0900123456", "call", call)
    yield DemonstratedHook(
        "publishStream, wrong signature", "publishStream", published, is_genuine=False
    )
    yield DemonstratedHook("a method yet to be invented", "inventedMethod", published)


def examples() -> list[dict[str, Any]]:
    """Return the example policies.

    Raises
    ------
    LocalRunError
        A file holds something else.
    """
    found = files.load([EXAMPLES])
    if found.findings:
        raise LocalRunError(str(found.findings[0]))
    return [policy for policies in found.policies.values() for policy in policies.values()]


def load_examples(deployment: Deployment, steps: Steps) -> None:
    """Put the example policies into the table, and wait until they are active.

    Raises
    ------
    NotActiveError
        They did not become active.
    """
    with steps.step("Loading policies/examples and waiting until they are active"):
        DeployedBackEnd(deployment).activate_policies(examples())


def post_hooks(deployment: Deployment, steps: Steps) -> list[DemonstratedAnswer]:
    """Post every hook, signed, and find out which policies decided."""
    hooks = [*vendor_hooks(), *own_hooks()]
    configurations = FunctionConfigurations(deployment)
    genuine = caller_authentication(deployment, configurations)
    began = time.time()
    with steps.step("Posting hooks") as step:
        replies: list[tuple[DemonstratedHook, HookReply]] = []
        for number, hook in enumerate(hooks, start=1):
            step.detail(f"{number} of {len(hooks)}, {hook.method}")
            authentication = genuine if hook.is_genuine else Signature("not the secret")
            reply = send_alone(deployment.target, authentication, hook.method, hook.body)
            replies.append((hook, reply))
        step.detail("reading the decision log")
        log = DecisionLog(FunctionLogs(deployment, configurations), Filter())
        logged = {line.fields["decision"]: line.fields for line in log.decisions(began)}
    return [
        DemonstratedAnswer(hook, reply, logged.get(reply.decision, {})) for hook, reply in replies
    ]


def show(console: Console, deployment: Deployment, answers: list[DemonstratedAnswer]) -> None:
    """Print the table of answers, and what to do next."""
    table = Table(title="Hooks, and what was answered", title_justify="left", expand=True)
    # So that in 80 columns most names stay whole.
    for heading, ratio in (
        ("Hook", 21),
        ("Decided by", 22),
        ("Status", None),
        ("What changed", 18),
    ):
        table.add_column(heading, ratio=ratio, overflow="fold")
    for answer in answers:
        colour = "" if answer.reply.status == OK else "yellow"
        table.add_row(
            answer.hook.title,
            Text(_decider(answer)),
            Text(str(answer.reply.status), colour),
            Text(_changes(answer)),
        )
    console.print(table)
    secret = CallerSecretStore(deployment).read().current
    console.print(_next_steps(deployment.url, secret), soft_wrap=True)


def _decider(answer: DemonstratedAnswer) -> str:
    policies = ", ".join(answer.logged.get("policies", ()))
    if answer.logged.get("denySuppressed"):
        return f"{policies}, but never connected: not refused"
    if policies:
        return policies
    shadow = [*answer.logged.get("shadowDenied", ()), *answer.logged.get("shadowOverridden", ())]
    if shadow:
        return f"no policy (in shadow: {', '.join(shadow)})"
    if answer.reply.status != OK:
        return "caller check"
    echoed = answer.reply.body == answer.hook.body
    return "no policy" if echoed else "derived from the policies"


def _changes(answer: DemonstratedAnswer) -> str:
    reply = answer.reply
    if reply.status != OK:
        return str(reply.error.get("reason", "")) or "no reason given"
    if reply.body == answer.hook.body:
        return "same bytes"
    before: dict[str, Any] = json.loads(answer.hook.body)
    after: dict[str, Any] = reply.json()
    changes = [
        _change(name, before.get(name), value)
        for name, value in after.items()
        if name not in before or before[name] != value
    ]
    return "\n".join(changes) or "the same fields in other bytes"


def _change(name: str, before: object, after: object) -> str:
    if name == "restClientConfig" and isinstance(after, dict):
        entries = "\n".join(
            f"  {method}: {', '.join(f'{field} {value}' for field, value in _unusual(entry))}"
            for method, entry in after.items()
        )
        return f"restClientConfig added:\n{entries}"
    return f"{name}: {_short(before)} -> {_short(after)}"


def _unusual(entry: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for field, value in entry.items():
        if value and _DEFAULTS.get(field) != value:
            yield field, value


def _with_name(body: bytes, name: str) -> bytes:
    return body.replace(b'"name": "b4e7"', f'"name": "{name}"'.encode())


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 3]}..."


def _next_steps(url: str, secret: str) -> Text:
    return Text(
        f"""
URL      {url}
Secret   {secret}

The emulator runs until `make local-stop`. What to try next:

  Your first policy, as docs/tutorials/first-ten-minutes.md shows it:
    PATH="$PWD/.venv/bin:$PATH"
    wcsctl policy new teachers-only --app school
    wcsctl policy test school
    wcsctl policy apply school
    wcsctl send publishStream name=lesson --app school -c custom.role=pupil

  The same hook without wcsctl on the PATH:
    make hook METHOD=publishStream BODY='{{"appKey": "school"}}' \\
      CONNECT='custom.role=pupil'

  Edit a policy with the AWS CLI, as in AWS, and ask whether it is active:
    . .local/env
    .venv/bin/aws dynamodb put-item --table-name "$POLICIES_TABLE" --item '{{
      "app": {{"S": "school"}}, "id": {{"S": "no-calls"}},
      "method": {{"S": "call"}}, "action": {{"S": "deny"}},
      "reason": {{"S": "Calls are off today."}}}}'
    .venv/bin/aws dynamodb get-item --table-name "$POLICIES_TABLE" \\
      --key '{{"app": {{"S": "school"}}, "id": {{"S": "{STATUS_ID}"}}}}'

  Send a hook with curl, signed as WCS signs it:
    body='{{"appKey": "school", "name": "room"}}'
    secret={secret}
    hash=$(printf %s "$body" | openssl dgst -md5 -hmac $secret)
    curl -i -H "Authorization: WCS ${{hash##* }}" -d "$body" \\
      -H 'Content-Type: application/json' \\
      '{url}/publishStream'
"""
    )
