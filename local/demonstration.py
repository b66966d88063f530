"""Shows the deployment at work: example policies in force, the vendor's hooks posted, the answers.

The hooks are those that the vendor's documentation prints (``local/payloads``), and a few of our
own that the example policies have something to say about.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local import policies
from local.client_session import with_session
from local.decisions import DecisionLog
from local.deployment import StackOutputs
from local.hooks import SIGNED, HookAddress, HookPoster, Reply, read_secret
from local.policies import PolicyTable
from local.progress import Steps
from local.workspace import Workspace

PAYLOADS: Final = Path(__file__).resolve().parent / "payloads"

_COMPILE_TIMEOUT: Final = 30.0
_NUMBERED: Final = re.compile(r"-\d+$")
_OK: Final = 200
_SHOWN_VALUE: Final = 60
_DEFAULTS: Final = {"restOnError": "LOG", "restPolicy": "NOTIFY"}
"""What WCS does unless restClientConfig says otherwise."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A hook to post.

    Attributes
    ----------
    title
        What tells it from the others of its method.
    method
        The last segment of the path.
    body
        The bytes to send.
    authorization
        That header, instead of WCS's own.
    """

    title: str
    method: str
    body: bytes
    authorization: str | None = SIGNED


@dataclass(frozen=True, slots=True)
class Answer:
    """A hook with its reply, and the line of the decision log about it, if there is one."""

    hook: Hook
    reply: Reply
    logged: Mapping[str, Any]


def vendor_hooks() -> Iterator[Hook]:
    """Yield every hook that the vendor's documentation prints.

    >>> next(vendor_hooks()).method
    'ConnectionStatusEvent'
    """
    for file in sorted(PAYLOADS.glob("*.json")):
        yield Hook(file.stem, _NUMBERED.sub("", file.stem), file.read_bytes())


def own_hooks() -> Iterator[Hook]:
    """Yield hooks that show what the example policies, signatures and unknown methods do."""
    published = (PAYLOADS / "publishStream.json").read_bytes()
    private = _with_name(published, "private-lesson")
    yield Hook('publishStream "private-lesson", by the REST API', "publishStream", private)
    connect, private = with_session("publishStream", private)
    yield Hook("connect of the client below", "connect", connect or b"{}")
    yield Hook('publishStream "private-lesson"', "publishStream", private)
    yield Hook('playStream "public-lesson"', "playStream", _with_name(published, "public-lesson"))
    call = b'{"appKey": "defaultApp", "callId": "1", "caller": "1000", "callee": "0900123456"}'
    yield Hook("call to 0900123456", "call", call)
    wrong = "WCS 00000000000000000000000000000000"
    yield Hook("publishStream, wrong signature", "publishStream", published, wrong)
    yield Hook("a method yet to be invented", "inventedMethod", published)


def load_examples(workspace: Workspace, outputs: StackOutputs, steps: Steps) -> None:
    """Put the example policies into the table, and wait until they are in force.

    Raises
    ------
    NotInForceError
        They did not come into force.
    """
    with steps.step("Loading policies/examples and waiting until they are in force"):
        examples = policies.load()
        policies.put_in_force(PolicyTable(workspace, outputs), examples, _COMPILE_TIMEOUT)


def post_hooks(workspace: Workspace, outputs: StackOutputs, steps: Steps) -> list[Answer]:
    """Post every hook, signed, and find out which policies decided."""
    hooks = [*vendor_hooks(), *own_hooks()]
    poster = HookPoster(HookAddress.of(outputs, workspace), read_secret(outputs, workspace))
    with steps.step("Posting hooks") as step:
        replies: list[tuple[Hook, Reply]] = []
        for number, hook in enumerate(hooks, start=1):
            step.detail(f"{number} of {len(hooks)}, {hook.method}")
            replies.append(
                (hook, poster.post(hook.method, hook.body, authorization=hook.authorization))
            )
        step.detail("reading the decision log")
        logged = DecisionLog(workspace, outputs).lines(reply.decision for _, reply in replies)
    return [Answer(hook, reply, logged.get(reply.decision, {})) for hook, reply in replies]


def show(
    console: Console, workspace: Workspace, outputs: StackOutputs, answers: list[Answer]
) -> None:
    """Print the table of answers, and what to do next."""
    table = Table(title="Hooks, and what was answered", title_justify="left")
    for heading in ("Hook", "Decided by", "Status", "What changed"):
        table.add_column(heading, overflow="fold")
    for answer in answers:
        colour = "" if answer.reply.status == _OK else "yellow"
        table.add_row(
            answer.hook.title,
            Text(_decider(answer)),
            Text(str(answer.reply.status), colour),
            Text(_changes(answer)),
        )
    console.print(table)
    secret = read_secret(outputs, workspace)
    url = HookAddress.of(outputs, workspace).url
    console.print(_next_steps(url, secret), soft_wrap=True)


def _decider(answer: Answer) -> str:
    policies = ", ".join(answer.logged.get("policies", ()))
    if answer.logged.get("denySuppressed"):
        return f"{policies}, but never connected: not refused"
    if policies:
        return policies
    shadow = [*answer.logged.get("shadowDenied", ()), *answer.logged.get("shadowOverridden", ())]
    if shadow:
        return f"no policy (in shadow: {', '.join(shadow)})"
    if answer.reply.status != _OK:
        return "caller check"
    echoed = answer.reply.body == answer.hook.body
    return "no policy" if echoed else "derived from the policies"


def _changes(answer: Answer) -> str:
    reply = answer.reply
    if reply.status != _OK:
        return str(reply.error().get("reason", "")) or "no reason given"
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
    policy = (
        '{"app": {"S": "defaultApp"}, "id": {"S": "no-calls"}, "method": {"S": "call"}, '
        '"action": {"S": "deny"}, "reason": {"S": "calls are off today"}}'
    )
    return Text(
        f"""
URL      {url}
Secret   {secret}

The emulator goes on running; `make local-stop` ends it. To go on from here:

  Edit a policy, which is in force within 5 seconds, and see it refuse a call:
    . .local/env
    .venv/bin/aws dynamodb put-item --table-name "$POLICIES_TABLE" \\
      --item '{policy}'
    make hook METHOD=call BODY='{{"appKey": "defaultApp", "callee": "1000"}}'

  See what the compiler says about the policies of an app:
    .venv/bin/aws dynamodb get-item --table-name "$POLICIES_TABLE" \\
      --key '{{"app": {{"S": "defaultApp"}}, "id": {{"S": "#status"}}}}'

  Post a hook without make, signed as WCS signs it:
    body='{{"appKey": "defaultApp", "name": "room"}}'
    hash=$(printf %s "$body" | openssl dgst -md5 -hmac {secret} | awk '{{print $NF}}')
    curl -i -H "Authorization: WCS $hash" -H 'Content-Type: application/json' -d "$body" \\
      '{url}/publishStream'
"""
    )
