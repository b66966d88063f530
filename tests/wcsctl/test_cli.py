"""The command line as a whole: errors, exit statuses, help and the reference."""

import doctest
import json
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.support.operated_stack import SECRET, OperatedStack, operated
from tests.support.policy_items import deny
from tools.reference import FILE, reference
from wcsctl import ages, app_words, cli, decision_log, metrics, output, permissions, since
from wcsctl.commands import bars, version
from wcsctl.lists import cells, stored_lists


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def end_of(monkeypatch: pytest.MonkeyPatch, *words: str) -> object:
    """Run the whole program; gives its exit status."""
    monkeypatch.setattr(sys, "argv", ["wcsctl", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code or 0


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    written = capsys.readouterr()
    assert not written.out
    [line] = written.err.splitlines()
    return line


def test_given_no_such_stack_then_one_line_says_so_and_the_status_is_5(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    del stack

    status = end_of(monkeypatch, "--stack", "Nowhere", "secret", "show")

    assert status == 5
    assert "no stack Nowhere in us-east-1" in one_line(capsys)


def test_given_no_local_deployment_then_one_line_tells_how_to_make_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status = end_of(monkeypatch, "--local", "--local-directory", str(tmp_path), "status")

    assert status == 5
    assert "`make local` makes one" in one_line(capsys)


_VARIABLES = "".join(
    f"export {name}=x\n" for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
)


@pytest.mark.parametrize(
    ("outputs", "variables"),
    [
        ("[1]", f"{_VARIABLES}export AWS_ENDPOINT_URL=http://127.0.0.1:1\n"),
        ('{"a": {"b": 1}}', f"{_VARIABLES}export AWS_ENDPOINT_URL=http://127.0.0.1:1\n"),
        ("[" * 100_000, ""),
        ('{"a": {}}', "export 'x"),
        ('{"a": {}}', "export\n"),
        ('{"a": {}}', _VARIABLES),
        ('{"a": {}}', f"{_VARIABLES}export AWS_ENDPOINT_URL=http://[\n"),
    ],
)
def test_given_a_damaged_local_deployment_then_one_line_tells_how_to_mend_it(
    outputs: str,
    variables: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "outputs.json").write_text(outputs)
    (tmp_path / "env").write_text(variables)

    status = end_of(monkeypatch, "--local", "--local-directory", str(tmp_path), "secret", "show")

    assert status == 5
    assert "`make local` writes them again" in one_line(capsys)


def test_given_what_cannot_be_written_then_one_line_names_it(
    stack: OperatedStack,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    stack.aws.put_policies("school", {"id": "a", "method": "call", "action": "deny"})

    assert end_of(monkeypatch, "policy", "export", str(taken / "policies")) == 1
    assert f"{taken / 'policies'}: Not a directory" in one_line(capsys)

    with Path("/dev/full").open("w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert end_of(monkeypatch, "policy", "schema") == 1
    assert one_line(capsys) == "error: No space left on device"


def test_given_an_argument_that_is_not_utf_8_then_one_line_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert end_of(monkeypatch, "send", "call", "callee=\udcff[/y]") == 2
    assert r"\udcff[/y]" in one_line(capsys)


def test_given_aws_refuses_then_one_line_names_the_call_and_the_status_is_4(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stack.refused.add("GetSecretValue")

    status = end_of(monkeypatch, "secret", "show")

    assert status == 4
    line = one_line(capsys)
    assert "GetSecretValue" in line
    assert "AccessDenied" in line


_REFUSED = {
    "secretsmanager:GetSecretValue": "secret show",
    "dynamodb:Scan": "policy list",
    # The error that reaches the command is the adapter's; IAM's is its cause.
    "dynamodb:BatchGetItem": "try call --file {body}",
}
_ALLOWED = {
    "secretsmanager:GetSecretValue": [
        "OperatorPolicyArn allows it on SignatureSecretArn and TokenSecretsArn and SubjectSecretArn"
    ],
    "dynamodb:Scan": [
        "PolicyEditorPolicyArn allows it on PoliciesTableName",
        (
            "OperatorPolicyArn allows it on PoliciesTableName and LeasesTableName and "
            "DeadLetterTableName"
        ),
    ],
    "dynamodb:BatchGetItem": [
        "PolicyEditorPolicyArn allows it on SnapshotsTableName",
        "OperatorPolicyArn allows it on SnapshotsTableName and ListsTableName and LeasesTableName",
    ],
}


@pytest.mark.parametrize("action", _REFUSED)
def test_given_a_missing_permission_then_the_error_names_it_and_the_managed_policy_that_allows_it(
    stack: OperatedStack,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    action: str,
) -> None:
    body = tmp_path / "body.json"
    body.write_text('{"appKey": "a"}')
    stack.refused.add(action.partition(":")[2])

    status = end_of(monkeypatch, *_REFUSED[action].format(body=body).split())

    assert status == 4
    assert one_line(capsys).endswith(
        f". This profile needs permission for {action}. "
        f"Of the managed policies in the stack's outputs, {'; '.join(_ALLOWED[action])}."
    )


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "secret", "show"),
        ("secret", "--json", "show"),
        ("secret", "show", "-o", "json"),
        ("secret", "-o", "yaml", "show", "--output=json"),
    ],
    ids=" ".join,
)
def test_given_an_option_of_every_command_then_it_may_be_anywhere(
    stack: OperatedStack, words: tuple[str, ...]
) -> None:
    assert json.loads(stack.run(*words).stdout) == {"length": len(SECRET), "rotating": False}


def test_given_options_of_the_deployment_after_the_command_then_they_hold(
    stack: OperatedStack,
) -> None:
    result = stack.run("secret", "show", "--stack", "Nowhere", "--region", "eu-west-1")

    assert "no stack Nowhere in eu-west-1" in str(result.exception)


def test_given_yaml_then_a_result_is_a_document_and_each_decision_one(stack: OperatedStack) -> None:
    stack.log("direct", *({"answer": "denied", "decision": one} for one in ("d-1", "d-2")))

    shown = yaml.safe_load(stack.run("secret", "show", "-o", "yaml").stdout)
    decisions = list(yaml.safe_load_all(stack.run("decisions", "-o", "yaml").stdout))

    assert shown == {"length": len(SECRET), "rotating": False}
    assert [one["decision"] for one in decisions] == ["d-1", "d-2"]


def test_given_a_region_of_the_environment_then_it_is_that_of_the_aws_cli(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    assert "in eu-west-1" in str(stack.run("status", "--stack", "Nowhere").exception)
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert "in eu-west-1" in str(stack.run("status", "--stack", "Nowhere").exception)


@pytest.mark.parametrize(
    ("deployed", "compatible", "status"),
    [(metadata.version("wcs-hooks"), True, 0), ("99.0.0", False, 1), (None, None, 0)],
)
def test_given_a_deployed_version_then_it_is_shown_and_whether_it_fits(
    stack: OperatedStack, deployed: str | None, compatible: object, status: int
) -> None:
    if deployed is not None:
        stack.outputs["Version"] = deployed

    result = stack.run("version", "--json")

    shown = json.loads(result.stdout)
    assert result.exit_code == status
    assert shown["client"] == metadata.version("wcs-hooks")
    assert (shown["deployed"], shown["compatible"]) == (deployed, compatible)


def test_given_the_word_for_every_app_then_its_policies_are_meant(stack: OperatedStack) -> None:
    stack.enforce("*", deny("no-calls", "call"))

    assert "no-calls" in stack.run("policy", "get", "every-app", "no-calls").stdout
    listed = json.loads(stack.run("policy", "list", "--app", "every-app", "--json").stdout)
    assert [one["app"] for one in listed["policies"]] == ["*"]


@pytest.mark.parametrize(
    "words",
    [
        ("--json", "stats", "--watch"),
        ("stats", "--json", "-o", "yaml"),
        ("stats", "-o", "xml"),
        ("stats", "--since", "yesterday"),
        ("decisions", "--since", "2999-01-01"),
        ("dead-letter", "purge"),
        ("dead-letter", "purge", "--all", "12345678"),
        ("dead-letter", "show", "short"),
        ("nonsense",),
    ],
)
def test_given_words_that_do_not_fit_then_the_status_is_2(
    stack: OperatedStack, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    stack.send("{}")

    assert end_of(monkeypatch, *words) == 2
    assert stack.waiting() == 1


@pytest.mark.parametrize(
    "module",
    [
        ages,
        app_words,
        bars,
        cells,
        decision_log,
        metrics,
        output,
        permissions,
        since,
        stored_lists,
        version,
    ],
)
def test_the_examples_in_the_docstrings_do_what_they_say(module: ModuleType) -> None:
    outcome = doctest.testmod(module, raise_on_error=False)

    assert outcome.attempted
    assert not outcome.failed


def test_the_reference_is_what_the_commands_say() -> None:
    assert FILE.read_text(encoding="utf-8") == reference(), "run: make reference"


def test_the_reference_has_every_exit_status_and_each_command_once() -> None:
    lines = reference().splitlines()

    for status in range(6):
        assert any(line.startswith(f"| `{status}` |") for line in lines)
    sections = [line for line in lines if line.startswith("## wcsctl ")]
    assert "## wcsctl dead-letter redrive" in sections
    assert len(sections) == len(set(sections))
