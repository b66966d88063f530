"""Writes `docs/reference/wcsctl.md` from the commands themselves: `make reference`."""

import inspect
import re
from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path
from textwrap import dedent
from typing import Any, Final

from typer.main import get_command

from tools.locations import DOCS
from tools.markdown import table
from wcsctl.cli import app
from wcsctl.errors import ExitStatus

FILE: Final = DOCS / "reference" / "wcsctl.md"

_STATUSES: Final = {
    ExitStatus.OK: "done, and all is well",
    ExitStatus.FAILED: "what was checked is not in order: a policy has errors, a test failed, "
    "files differ, something is unhealthy, a redrive did not succeed; or the answer to a question "
    "was no",
    ExitStatus.USAGE: "the words of the command do not fit",
    ExitStatus.CONFLICT: "somebody else edited meanwhile, or a rotation of the secret is under "
    "way; nothing was written",
    ExitStatus.UNREACHABLE: "AWS or the endpoint does not answer, or refuses",
    ExitStatus.NOT_FOUND: "there is no such deployment, app, policy, version, dead letter, row",
}
_INTRODUCTION: Final = """\
# wcsctl

<!-- Written by `make reference`; edit the commands' own help instead. -->

Everything that an operator does, in one command. `pip install .` gives it; on a developer's machine
it is `.venv/bin/wcsctl` after `make setup`.

It works on a stack in AWS, found by its name and with the credentials that the AWS CLI uses
(`--stack`, `--profile`, `--region`), or on the deployment that `make local` made (`--local`). The
region is that of `--region`, else of `AWS_REGION`, `AWS_DEFAULT_REGION`, or the profile. These
options may be anywhere: `wcsctl decisions --json`.

Results go to standard output, remarks and questions to standard error. They are tables for people,
or with `-o json` (`--json`) and `-o yaml` data for programs. In the decision log each decision is a
line of JSON, or a document of YAML. An error is one line that says what to do.

Where an app is named, `every-app` is the app `*`, whose policies hold for every app: a shell makes
file names of `*`.

## Contexts

A context is a name for a deployment. `make local` makes and selects the context `local`, so that
`--local` need not be typed; `make local-stop` removes it.

```sh
wcsctl context use prod --stack WcsHooks --profile prod --region eu-central-1
wcsctl context use test --stack WcsHooks-test --profile dev --region eu-central-1
wcsctl status                    # test: it was selected last
wcsctl status --context prod     # prod, this time
export WCSCTL_CONTEXT=prod       # prod, in this shell
```

An option outweighs `--context`, which outweighs `WCSCTL_CONTEXT`, then `WCSCTL_STACK`, then the
selected context. Without all of these it is the stack `WcsHooks`. `--profile` or `--region` beside
a context changes only that. The contexts are in `wcsctl/contexts.json` in `XDG_CONFIG_HOME` or
`~/.config`; the file has names only, never credentials.

## Completion

`wcsctl --install-completion` makes the shell complete commands, options, apps, policies, versions,
methods, contexts, and the dead letters that `dead-letter list` showed in the last ten minutes. What
is read from the deployment is kept for a minute, in `wcsctl` in `XDG_CACHE_HOME` or `~/.cache`. The
first key press after an installation takes about a second longer.
"""
_WORDS: Final = {int: "number", float: "number", Path: "path"}
_FENCED: Final = re.compile(r"^```\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_INDENTED: Final = re.compile(r"(?:^    .*(?:\n(?=    ))?)+", re.MULTILINE)
_OF_COMPLETION: Final = frozenset({"install_completion", "show_completion"})


def reference() -> str:
    """The whole file."""
    root = get_command(app)
    parts = [_INTRODUCTION, "## Exit statuses\n", _statuses(), "## Options of every command\n"]
    parts.append(_parameters(root))
    parts += ["## Commands\n", _contents(root)]
    parts += [_section(words, command) for words, command in _commands(root, ("wcsctl",))]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Write the file."""
    FILE.write_text(reference(), encoding="utf-8")


def _statuses() -> str:
    rows = [(f"`{status.value}`", meaning) for status, meaning in _STATUSES.items()]
    return table(("status", "meaning"), rows) + "\n"


def _commands(group: Any, words: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each command with its words; groups themselves are none."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, (*words, name))
        else:
            yield (*words, name), command


def _contents(root: Any) -> str:
    rows = [
        (f"[`{' '.join(words[1:])}`](#{'-'.join(words)})", _summary(command))
        for words, command in _commands(root, ("wcsctl",))
    ]
    return table(("command", "does"), rows) + "\n"


def _section(words: Sequence[str], command: Any) -> str:
    usage = " ".join([*words, *_usage(command)])
    parts = [f"## {' '.join(words)}\n", f"```text\n{usage}\n```\n", _help(command) + "\n"]
    if _documented(command):
        parts.append(_parameters(command))
    return "\n".join(parts)


def _usage(command: Any) -> Iterator[str]:
    if any(_is_option(one) for one in _documented(command)):
        yield "[OPTIONS]"
    for one in _documented(command):
        if not _is_option(one):
            name = _argument(one)
            yield name if one.required else f"[{name}]"


def _parameters(command: Any) -> str:
    rows = [(_names(one), _description(one)) for one in _documented(command)]
    return table(("option", "meaning"), rows) + "\n"


def _documented(command: Any) -> list[Any]:
    return [
        one
        for one in command.params
        if not getattr(one, "hidden", False) and one.name not in {"help", *_OF_COMPLETION}
    ]


def _is_option(parameter: Any) -> bool:
    return bool(parameter.param_type_name == "option")


def _argument(parameter: Any) -> str:
    name = str(parameter.metavar or parameter.name.upper()).strip("[]").removesuffix("...")
    name = name.strip("[]")
    return f"{name}..." if parameter.nargs != 1 else name


def _names(parameter: Any) -> str:
    if not _is_option(parameter):
        return f"`{_argument(parameter)}`"
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    return names if parameter.is_flag else f"{names} {_value(parameter)}"


def _value(parameter: Any) -> str:
    kind = parameter.type_descriptor.annotation
    if inspect.isclass(kind) and issubclass(kind, Enum):
        return " or ".join(f"`{choice.value}`" for choice in kind)
    return f"`<{parameter.metavar or _WORDS.get(kind, 'text')}>`"


def _description(parameter: Any) -> str:
    help_text = " ".join((parameter.help or "").split())
    notes = []
    default = parameter.default
    if isinstance(default, Enum):
        default = default.value
    shown = isinstance(default, (str, int, float, Path)) and str(default)
    if shown and _is_option(parameter) and not parameter.is_flag:
        notes.append(f"default `{default}`")
    if parameter.envvar:
        notes.append(f"environment `{parameter.envvar}`")
    return f"{help_text} ({', '.join(notes)})" if notes else help_text


def _help(command: Any) -> str:
    """A command's help, with its examples as blocks that say what they are."""
    text = _FENCED.sub(r"```sh\n\1```", inspect.cleandoc(command.help or ""))
    return _INDENTED.sub(_marked, text)


def _marked(block: re.Match[str]) -> str:
    example = dedent(block[0])
    languages = {"wcsctl ": "sh", "- ": "yaml"}
    found = [name for begin, name in languages.items() if example.startswith(begin)]
    return f"```{found[0] if found else 'text'}\n{example}\n```"


def _summary(command: Any) -> str:
    return " ".join(_help(command).split("\n\n")[0].split())


if __name__ == "__main__":
    main()
