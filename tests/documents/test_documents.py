"""Every page: the commands exist, the files can be read, the links work.

A block of a language that is not known here fails, as does a program.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent, indent
from typing import Any, Final

import pytest
import yaml
from botocore.session import Session
from typer.exceptions import TyperException
from typer.testing import CliRunner

from infra.settings import Settings, SettingsError
from simulated_wcs.scenario import Scenario
from tests.support import wcsctl_words
from tests.support.documents import PROGRAMS, ROOT, Block, Call, Document, blocks, document, pages
from wcs_hooks.core.policy.reader import ATTRIBUTES
from wcsctl import cli
from wcsctl.policies.files import load_text
from wcsctl.policies.lint import lint
from wcsctl.policies.testing.reading import read_tests

PAGES: Final = pages()
README: Final = "README.md"
INDEX: Final = "docs/index.md"
COOKBOOK: Final = "docs/cookbook/index.md"
SESSION_WIDTH: Final = 80

OTHER_PROGRAMS: Final = frozenset(
    {
        *(".", "[", "cat", "echo", "export", "git", "jq", "openssl", "pip", "python", "sed"),
        *("sort", "uniq"),
    }
)
"""What is on the machine of everybody who types it."""

PLACEHOLDERS: Final = {
    "…": "203.0.113.0/28",
    "CLOUDFRONT-BLOCKS": "203.0.113.0/28",
    "$CERTIFICATE_ARN": "arn:aws:acm:eu-west-1:111122223333:certificate/c-1",
    "VERSION": "3",
    "METHOD": "publishStream",
}
"""Words that the reader replaces, and what may be in their place where not any text may."""

DIAGRAMS: Final = ("flowchart ", "sequenceDiagram\n")
"""How a diagram may begin."""

SITE: Final = {
    "id": "any-site",
    "action": "trust",
    "issuer": "https://rooms.example.org",
    "audience": "wcs",
    "keys": "https://rooms.example.org/.well-known/jwks.json",
    "required": True,
}
"""What gives others their claims, beside policies that do not say it."""

NOWHERE: Final = Block("page.md", 1, "sh", "")
"""A block of no page."""

UNKNOWN_TO_AWS: Final = "aws sqs get-queue-attributes --queue-url QUEUE --policies"


class DocumentError(Exception):
    """Something on a page is not right; the message says what."""


@pytest.mark.parametrize("page", PAGES)
def test_given_a_page_when_its_blocks_are_taken_for_what_they_say_they_are_then_they_are_that(
    page: str, tmp_path: Path
) -> None:
    wrong = []
    for block in document(page).blocks:
        try:
            check_block(block, tmp_path)
        except Exception as error:  # noqa: BLE001 - any failure to read it is a finding
            wrong.append(f"{block}: {type(error).__name__}: {error}")

    assert wrong == []


@pytest.mark.parametrize("page", PAGES)
def test_given_a_page_when_its_commands_are_typed_then_there_are_such_commands(
    page: str, aws_errors: Mapping[tuple[str, ...], str]
) -> None:
    assert wrong_calls(document(page), aws_errors) == []


@pytest.mark.parametrize("page", PAGES)
def test_given_a_link_or_a_file_on_a_page_when_it_is_followed_then_something_is_there(
    page: str,
) -> None:
    here = document(page)

    assert [each for each in here.links if not leads_somewhere(page, each[1])] == []
    assert [each for each in here.named if is_missing(each[1])] == []


def test_given_a_page_of_docs_then_the_readme_or_the_index_leads_there() -> None:
    led_to = {
        os.path.normpath(Path(page).parent / link.partition("#")[0])
        for page in (README, INDEX, COOKBOOK)
        for _, link in document(page).links
    }

    assert [page for page in PAGES if page.startswith("docs/") and page not in led_to] == []


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("docs/tutorials/")])
def test_given_a_session_on_a_page_then_its_lines_fit_a_terminal(page: str) -> None:
    sessions = [block for block in document(page).blocks if block.language == "console"]
    lines = [line for block in sessions for line in block.text.splitlines()]

    # The reply to a hook stays one line, so that it can be copied.
    assert [line for line in lines if len(line) > SESSION_WIDTH and not line.startswith("{")] == []


def test_given_tests_of_policies_on_a_page_when_they_are_run_then_its_policies_pass_them(
    tmp_path: Path,
) -> None:
    tested = set()
    for page in {block.page for block in blocks("yaml")}:
        directory = tmp_path / Path(page).stem
        files = [block for block in document(page).blocks if is_file_of_policies(block)]
        for block in files:
            (directory / block.file).parent.mkdir(parents=True, exist_ok=True)
            (directory / block.file).write_text(block.text)
        counts = [len(items(block)) for block in files if ".test." in block.file]
        for root in {block.file.partition("/")[0] for block in files} if counts else ():
            words = ["--json", "policy", "test", str(directory / root)]
            result = CliRunner().invoke(cli.app, words)
            assert result.exit_code == 0, result.output
            said = json.loads(result.stdout)
            assert len(said["tests"]) == sum(counts)
            assert said["policies"] == sum(len(items(block)) for block in files) - sum(counts)
            tested.add(page)
    assert "docs/tutorials/five-needs.md" in tested


@pytest.mark.parametrize(
    "typed",
    [
        *("wcsctl secrets", "wcsctl -x", "wcsctl dead-letter redrive --all", "wcsctl policy get a"),
        *("make nothing", "make hook VERB=call", ".venv/bin/make check"),
        *("npx cdk deploy -c stge=test", "npx cdk deploy -c auth=maybe", "npx cdk fly"),
        UNKNOWN_TO_AWS,
        *("frobnicate", "cat docs/nowhere.md", "python nowhere.py", "pip install nothing"),
        'echo "$(wcsctl secrets)" | sort',
    ],
)
def test_given_what_nobody_can_type_when_a_page_tells_to_type_it_then_that_is_noticed(
    typed: str, aws_errors: Mapping[tuple[str, ...], str]
) -> None:
    page = Document(NOWHERE.page, (replace(NOWHERE, text=typed),), (), (), frozenset())

    assert len(wrong_calls(page, aws_errors)) == 1


@pytest.mark.parametrize(
    ("language", "text"),
    [
        *(("", "all"), ("text", "make check"), ("mermaid", "graph"), ("js", "const;")),
        *(("json", "{"), ("json", '{"auth": "maybe"}'), ("properties", "rest_hook=true")),
        *(("yaml", "a: 1"), ("yaml", "- {id: a, action: allow}"), ("yaml", "hours: never")),
        *(("yaml", "- {hook: {}}"), ("yaml", "name: N\ntimeline: []"), ("python", "for")),
        ("python", "from infra.settings import Setting"),
        ("json", '{"Version": "2012-10-17", "Statement": [{"Action": "sts:AssumeNothing"}]}'),
    ],
)
def test_given_a_block_that_is_not_what_it_says_it_is_then_that_is_noticed(
    language: str, text: str, tmp_path: Path
) -> None:
    with pytest.raises(Exception):  # noqa: B017, PT011 - of whatever reads the language
        check_block(replace(NOWHERE, language=language, text=text), tmp_path)


# --- Commands -----------------------------------------------------------------------------------

_MAKEFILE: Final = (ROOT / "Makefile").read_text()
_TARGETS: Final = frozenset(re.findall(r"^([a-z][a-z-]*):", _MAKEFILE, re.MULTILINE))
_CDK: Final = frozenset({"bootstrap", "deploy", "destroy", "diff"})
# Without `bench`: pages name what measured their figures at the time.
_SOURCES: Final = ("docs", "functions", "infra", "tests", "tools", "verification")
_VARIABLE: Final = re.compile(r"\$\w+|…")
_UNREACHABLE: Final = "Could not connect to the endpoint URL"

_RUN_AWS: Final = f"""
import contextlib, io, json, os, sys
from awscli.clidriver import create_clidriver

driver = create_clidriver()
said = []
for directory, words in json.load(sys.stdin):
    os.chdir(directory)
    with contextlib.redirect_stderr(io.StringIO()) as errors, contextlib.suppress(SystemExit):
        driver.main([*words, "--endpoint-url", "http://127.0.0.1:1"])
    said.append("{_UNREACHABLE}" if "{_UNREACHABLE}" in errors.getvalue() else errors.getvalue())
json.dump(said, sys.stdout)
"""
"""Nobody listens there: the CLI comes as far as that only if the words are right."""


def wrong_calls(here: Document, aws_errors: Mapping[tuple[str, ...], str]) -> list[str]:
    """What cannot be typed, and why."""
    wrong = []
    for call in here.calls():
        try:
            check_call(here, call)
        except (DocumentError, SettingsError, TyperException) as error:
            wrong.append(f"{call}: {error}")
    for call in calls_of_aws(here):
        said = aws_errors[here.page, *call.words]
        is_named = not call.is_whole and "arguments are required" in said
        if said != _UNREACHABLE and not is_named:
            wrong.append(f"{call}: {said.strip()}")
    return wrong


def check_call(here: Document, call: Call) -> None:
    program = call.words[0].removeprefix(".venv/bin/")
    words = [PLACEHOLDERS.get(word, word) for word in call.words[1:]]
    if missing := [word for word in words if is_missing(word)]:
        raise DocumentError(f"there is no {missing[0]}")
    if program != call.words[0] and program not in {"aws", "python", "wcsctl"}:
        raise DocumentError("is not in .venv/bin")
    match program:
        case "wcsctl":
            wcsctl_words.parse(words, is_whole=call.is_whole)
        case "make":
            check_make(words)
        case "npx":
            check_npx(words)
        case "pip" if words[0] != "install" or not re.match(r"\.$|git\+", words[1]):
            raise DocumentError("what is installed is this directory, or a Git repository")
        case "python":
            check_python(words, [block.file for block in here.blocks])
        case _ if program not in OTHER_PROGRAMS | {"aws"}:
            raise DocumentError(f"{program} is not a program that is known here")


def check_make(words: list[str]) -> None:
    for word in words:
        name, is_variable, _ = word.partition("=")
        if not is_variable and name not in _TARGETS:
            raise DocumentError(f"the Makefile has no target {name}")
        if is_variable and not re.search(rf"(?:[({{]|value ){name}\b", _MAKEFILE):
            raise DocumentError(f"the Makefile has no variable {name}")


def check_npx(words: list[str]) -> None:
    if words[0] != "cdk" or words[1] not in _CDK:
        raise DocumentError(f"what is called is cdk, with one of {', '.join(sorted(_CDK))}")
    options, given = words[2::2], [word.partition("=") for word in words[3::2]]
    if set(options) > {"-c"}:
        raise DocumentError(f"the only option is -c, and not {options}")
    Settings.from_context({name: PLACEHOLDERS.get(value, value) for name, _, value in given})


def check_python(words: list[str], files: list[str]) -> None:
    match words:
        case ["-m", module, *_] if find_spec(module):
            return
        case [file, *_] if file in files:
            return
    raise DocumentError("runs neither a module nor a file that the page has")


@pytest.fixture(scope="module")
def aws_errors(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, ...], str]:
    """What the AWS command line writes to standard error, by page and words; it is loaded once."""
    unknown = Document(NOWHERE.page, (replace(NOWHERE, text=UNKNOWN_TO_AWS),), (), (), frozenset())
    typed: list[tuple[tuple[str, ...], list[str], str]] = []
    for here in (*map(document, PAGES), unknown):
        directory = tmp_path_factory.mktemp("page")
        for block in here.blocks:
            if block.file and "/" not in block.file:
                (directory / block.file).write_text(block.text)
        for call in calls_of_aws(here):
            for name in re.findall(r"fileb?://(\S+)", " ".join(call.words)):
                # What the reader has to write, if the page does not.
                if not (directory / name).exists():
                    (directory / name).write_text("{}")
            words = [_VARIABLE.sub(_value, word) for word in call.words[1:]]
            typed.append(((here.page, *call.words), words, str(directory)))
    done = subprocess.run(
        [sys.executable, "-c", _RUN_AWS],
        input=json.dumps([(directory, words) for _, words, directory in typed]),
        env={**os.environ, "AWS_MAX_ATTEMPTS": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(zip((key for key, _, _ in typed), json.loads(done.stdout), strict=True))


def _value(variable: re.Match[str]) -> str:
    """What may be the value of a variable, or of what is cut."""
    is_arn = variable[0].endswith("ARN")
    return "arn:aws:service:eu-west-1:111122223333:x" if is_arn else variable[0].strip("$…") or "x"


def calls_of_aws(here: Document) -> list[Call]:
    return [call for call in here.calls() if call.words[0].removeprefix(".venv/bin/") == "aws"]


# --- Blocks -------------------------------------------------------------------------------------


def check_block(block: Block, directory: Path) -> None:
    """Raise what is wrong with a block.

    Parameters
    ----------
    directory
        An empty one.
    """
    check = LANGUAGES.get(block.language)
    if check is None:
        raise DocumentError(f"nothing here can check the language {block.language!r}")
    check(block, directory)


def check_text(block: Block, _: Path) -> None:
    """What is neither typed nor read by a program; of a command at most its usage."""
    for line in block.text.splitlines():
        if line.split(" ")[0] == "wcsctl":
            words = line.partition("[")[0].split()[1:]
            wcsctl_words.parse([PLACEHOLDERS.get(each, each) for each in words], is_whole=False)
        elif line.split(" ")[0] in PROGRAMS:
            raise DocumentError(f"this is typed, so mark it as sh: {line}")


def check_yaml(block: Block, directory: Path) -> None:
    content = Template(block.text).get_single_data()
    match content:
        case {"timeline": _}:
            check_scenario(block.text, str(block))
        case [{"does": _} | {"wait": _}, *_]:
            steps = indent(dedent(block.text), "  ")
            check_scenario(f"name: N\ndescription: D\napp: a\ntimeline:\n{steps}", str(block))
        case {"jobs": dict(), True: _}:  # the key is `on`
            return
        case {"Resources": dict()}:
            # cfn-lint, in tests/infra/test_independent_checks.py, takes aliases, CloudFormation
            # does not.
            assert not re.search(r"[:-] [&*]\w", block.text)
        case [{"hook": _}, *_]:
            tests = directory / "block.test.yaml"
            tests.write_text(block.text)
            assert read_tests(tests)
        case {"action": _} | [{"action": _}, *_]:
            check_policies(block)
        case dict() if content.keys() <= ATTRIBUTES:
            policy = f"id: a\nmethod: connect\naction: deny\n{block.text}"
            check_policies(replace(block, text=policy))
        case _:
            raise DocumentError("is neither scenario, policy, test, workflow nor template")


def check_scenario(text: str, name: str) -> None:
    scenario = Scenario.parse(text, name)
    check_policies(Block(name, 0, "yaml", yaml.safe_dump(list(scenario.policies))))


def check_policies(block: Block) -> None:
    """All that lint says is what WCS has to be configured to call."""
    policies = items(block)
    app = next((policy["app"] for policy in policies if "app" in policy), "live")
    files = load_text(block.text, str(block), app)
    if not any(policy["action"] == "trust" for policy in policies):
        files.policies.setdefault(app, {})["any-site"] = {**SITE, "app": app}
    found = [*files.findings, *lint(files.policies, files.files)]
    others = [str(one) for one in found if "flashphoner.properties" not in one.finding.message]
    if others:
        raise DocumentError("; ".join(others))


def check_json(block: Block, _: Path) -> None:
    is_member = block.text.startswith('"')
    content = json.loads(f"{{{block.text}}}" if is_member else block.text)
    if "Statement" in content:
        assert content["Version"] == "2012-10-17"
        for statement in content["Statement"]:
            for action in strings(statement["Action"]):
                service, operation = action.split(":")
                assert operation in Session().get_service_model(service).operation_names
    elif content.keys() & {field.metadata["name"] for field in fields(Settings)}:
        Settings.from_context(content)


def check_properties(block: Block, _: Path) -> None:
    named = {code for _, code in document("docs/reference/wcs-protocol.md").named}
    for line in block.text.splitlines():
        key = line.partition("=")[0]
        assert any(re.match(rf"{key}\b", code) for code in named), key


def check_python_code(block: Block, _: Path) -> None:
    tree = ast.parse(block.text)
    for node in ast.walk(tree):
        file = ROOT / f"{(getattr(node, 'module', None) or '').replace('.', '/')}.py"
        if isinstance(node, ast.ImportFrom) and file.exists():
            made = {getattr(each, "name", "") for each in ast.parse(file.read_text()).body}
            assert {name.name for name in node.names} <= made, f"{file} lacks some of them"


def check_javascript(block: Block, directory: Path) -> None:
    node = shutil.which("node")
    assert node is not None, "Node.js is needed, as it is for the CDK command line"
    script = directory / "block.js"
    script.write_text(block.text)
    subprocess.run([node, "--check", script], check=True, capture_output=True)


def check_diagram(block: Block, _: Path) -> None:
    assert block.text.startswith(DIAGRAMS)


def nothing_to_check(_block: Block, _directory: Path) -> None:
    """Its commands are checked as such, or another test runs all blocks of the language."""


LANGUAGES: Final[Mapping[str, Callable[[Block, Path], None]]] = {
    "console": nothing_to_check,
    "insights": nothing_to_check,  # tests/infra/test_log_queries.py
    "js": check_javascript,
    "json": check_json,
    "mermaid": check_diagram,
    "php": nothing_to_check,  # no other part of the project needs PHP
    "properties": check_properties,
    "python": check_python_code,
    "sh": nothing_to_check,
    "text": check_text,
    "yaml": check_yaml,
}


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as `!Ref`, as their values."""


def _short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


Template.add_multi_constructor("!", _short_form)


def items(block: Block) -> list[dict[str, Any]]:
    """The policies, or tests, of a block."""
    content = yaml.safe_load(block.text)
    return content if isinstance(content, list) else [content]


def is_file_of_policies(block: Block) -> bool:
    """Whether a block is a file in an app's folder."""
    return block.language == "yaml" and "/" in block.file and not block.file.startswith(".")


def strings(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else value


# --- Links --------------------------------------------------------------------------------------


def leads_somewhere(page: str, link: str) -> bool:
    if "://" in link or link.startswith("mailto:"):
        return True
    file, _, anchor = link.partition("#")
    target = (ROOT / page).parent / file if file else ROOT / page
    if not target.exists():
        return False
    name = target.resolve().relative_to(ROOT).as_posix()
    return not anchor or anchor in document(name).anchors


def is_missing(name: str) -> bool:
    """Whether it is the path of a file in the repository, and there is none."""
    is_path = re.fullmatch(rf"(?:{'|'.join(_SOURCES)})/[\w./*-]*", name)
    return is_path is not None and not [*ROOT.glob(name.rstrip("/"))]
