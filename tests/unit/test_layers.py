"""Which part may import which: the core is pure, arrows between rooms lead one way, no circles."""

import ast
import subprocess
import sys
from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Final

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_FUNCTIONS = _ROOT / "functions"
_CORE = sorted((_FUNCTIONS / "wcs_hooks" / "core").rglob("*.py"))
_TIME_ZONES = "time_zones.py"
"""Sets the environment variable from which the CEL runtime learns where time zones are."""
_SIGNATURES = frozenset({"joserfc", "cryptography"})
_RUNTIME = sorted((_FUNCTIONS / "wcs_hooks").rglob("*.py"))
_SIMULATION = [*sorted((_ROOT / "simulated_wcs").rglob("*.py")), _ROOT / "strict_yaml.py"]
_INFRA = [*sorted((_ROOT / "infra").rglob("*.py")), _ROOT / "app.py"]

_PACKAGES = {"wcs_hooks": _FUNCTIONS} | dict.fromkeys(
    ("bench", "infra", "local", "simulated_wcs", "tools", "verification", "wcsctl"), _ROOT
)
_SOURCES = {
    ".".join(path.relative_to(top).with_suffix("").parts).removesuffix(
        ".__init__"
    ): path.read_text()
    for package, top in _PACKAGES.items()
    for path in sorted((top / package).rglob("*.py"))
}

_ARROWS: Final[Mapping[str, set[str]]] = {
    "core": set(),
    "clock": set(),
    "environment": {"core"},
    "ports": {"core", "clock"},
    "hook": {"core", "clock", "ports"},
    "compiler": {"core", "clock"},
    "adapters": {"core", "clock", "ports", "hook", "compiler"},
    "telemetry": {"core", "clock", "hook", "compiler"},
    "handlers": {"core", "clock", "ports", "hook", "compiler", "adapters", "telemetry"}
    | {"environment"},
}
"""Which rooms of the functions each room may import. Telemetry and adapters take values of the
hook's and the compiler's: what is reported, how a session is packed, what a status is."""

_CATALOGUE = "wcs_hooks.telemetry.catalogue"


def _name(path: Path) -> str:
    return str(path.relative_to(_ROOT))


def _imports(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it that stands."""
    return _imported_by(path.read_text())


def _imported_by(source: str) -> Iterator[str]:
    """The same of a source, what only the type checker imports included."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in node.names)


def _belongs_to(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def _loaded_by(modules: str) -> set[str]:
    """What is loaded in an interpreter that imports nothing but some modules."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, {modules}; print(*sys.modules)"],
        env={"PYTHONPATH": str(_FUNCTIONS)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stdout.split())


@pytest.mark.parametrize("path", _CORE, ids=_name)
def test_given_a_core_module_then_beside_the_core_it_imports_cel_re2_and_what_verifies_tokens_only(
    path: Path,
) -> None:
    foreign = [
        module
        for module in _imports(path)
        if module.partition(".")[0] not in sys.stdlib_module_names
        and not _belongs_to(module, "wcs_hooks.core")
        and not _belongs_to(module, "cel_expr_python")
        and not _belongs_to(module, "re2")
        and not (path.parent.name == "tokens" and module.partition(".")[0] in _SIGNATURES)
        and not (path.name == _TIME_ZONES and module == "tzdata")
    ]

    assert not foreign


@pytest.mark.parametrize("path", _CORE, ids=_name)
def test_given_a_core_module_then_it_reads_no_clock_opens_nothing_and_knows_no_environment(
    path: Path,
) -> None:
    impure = {"time", "os", "socket", "subprocess", "pathlib", "random", "uuid", "threading", "io"}
    if path.name == _TIME_ZONES:
        impure -= {"os"}
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }

    assert not impure & set(_imports(path))
    forbidden = {"print", "input"} if path.name == _TIME_ZONES else {"open", "print", "input"}
    assert not forbidden & calls


def test_given_the_core_when_it_is_imported_then_neither_aws_nor_powertools_is_loaded() -> None:
    modules = [
        ".".join(path.relative_to(_FUNCTIONS).with_suffix("").parts).removesuffix(".__init__")
        for path in _CORE
    ]

    loaded = _loaded_by(", ".join(modules))

    assert not {"boto3", "botocore", "aws_lambda_powertools"} & loaded
    assert set(modules) <= loaded


def test_given_a_cold_start_when_the_decision_is_imported_then_cel_is_not_waited_for() -> None:
    loaded = _loaded_by("wcs_hooks.core.decision")

    assert "wcs_hooks.core.cel.expression" in loaded
    assert "cel_expr_python" not in loaded


def test_given_a_cold_start_when_verification_is_imported_then_its_libraries_are_not() -> None:
    loaded = _loaded_by("wcs_hooks.core.tokens.verification")

    assert "wcs_hooks.core.tokens.keys" in loaded
    assert not (_SIGNATURES | {"dataclasses", "inspect", "cel_expr_python"}) & loaded


def test_given_a_cold_start_when_the_handlers_are_imported_then_the_compilers_half_is_not() -> None:
    loaded = _loaded_by("wcs_hooks.handlers.wiring")

    assert "botocore.session" in loaded
    assert not {"boto3", "s3transfer", "multiprocessing", "cel_expr_python", "re2"} & loaded
    assert not {"wcs_hooks.compiler.policy_compiler", "wcs_hooks.core.policy.reader"} & loaded
    assert not {"wcs_hooks.core.policy.compilation", "wcs_hooks.core.policy.lint"} & loaded
    assert not {"wcs_hooks.core.cel.check", "wcs_hooks.core.cel.syntax_tree"} & loaded


def test_given_a_cold_start_when_the_handlers_are_imported_then_what_reads_lists_is_not() -> None:
    loaded = _loaded_by("wcs_hooks.handlers.wiring")

    assert "wcs_hooks.adapters.dynamo_lists" not in loaded


@pytest.mark.parametrize("path", _RUNTIME, ids=_name)
def test_given_a_runtime_module_then_it_imports_nothing_that_is_not_deployed(path: Path) -> None:
    undeployed = (
        "aws_cdk",
        "constructs",
        "infra",
        "local",
        "wcsctl",
        "tests",
        "tools",
        "verification",
    )

    assert not [m for m in _imports(path) for package in undeployed if _belongs_to(m, package)]


@pytest.mark.parametrize("path", _INFRA, ids=_name)
def test_given_the_stack_then_of_the_runtime_it_knows_no_policies(path: Path) -> None:
    allowed = tuple(
        f"wcs_hooks.{name}"
        for name in (
            *("core.methods", "core.outcome", "core.caller", "core.policy.vocabulary"),
            *("adapters.dynamo_snapshots", "hook.dead_letter", "telemetry.catalogue"),
            *("core.secrets", "core.subject"),
        )
    )
    known = [module for module in _imports(path) if _belongs_to(module, "wcs_hooks")]

    assert not [m for m in known if not any(_belongs_to(m, package) for package in allowed)]


@pytest.mark.parametrize("path", _SIMULATION, ids=_name)
def test_given_the_simulated_wcs_then_it_knows_nothing_of_the_operators_tools(path: Path) -> None:
    tools = ("wcsctl", "local", "infra")

    assert not [m for m in _imports(path) for package in tools if _belongs_to(m, package)]


_SPEAKING = tuple(
    f"wcsctl.{name}"
    for name in ("commands", "command_line", "cli", "__main__", "output", "context", "console")
)
"""What may print, ask and exit; the console runs what does, and shows it on a page."""


@pytest.mark.parametrize(
    "module",
    [
        name
        for name in _SOURCES
        if _belongs_to(name, "wcsctl")
        and not any(_belongs_to(name, speaking) for speaking in _SPEAKING)
    ],
)
def test_given_a_service_of_the_command_line_then_it_does_not_print_ask_or_exit(
    module: str,
) -> None:
    source = _SOURCES[module]
    imported = {name.partition(".")[0] for name in _imported_by(source)}

    assert not {"typer", "rich", "click"} & imported
    assert not _PRINTING & _called_by(source)
    assert not [m for m in _imported_by(source) for top in _SPEAKING if _belongs_to(m, top)]


_PRINTING = {"print", "input", "exit", "sys.exit", "sys.stdout.write"}


@pytest.mark.parametrize(
    "module", [name for name in _SOURCES if _belongs_to(name, "wcsctl.console")]
)
def test_given_the_console_then_it_prints_nothing_itself(module: str) -> None:
    assert not _PRINTING & _called_by(_SOURCES[module])


def _called_by(source: str) -> set[str]:
    return {
        ast.unparse(node.func) for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)
    }


def _room(module: str) -> str:
    """The first part of a functions' module behind the package's name."""
    return module.partition(".")[2].partition(".")[0]


@pytest.mark.parametrize("room", _ARROWS)
def test_given_a_room_of_the_functions_then_it_imports_only_rooms_below_it(room: str) -> None:
    imported = {
        _room(module)
        for name, source in _SOURCES.items()
        if name.startswith("wcs_hooks.") and _room(name) == room
        for module in _imported_by(source)
        if module.startswith("wcs_hooks.")
    }

    assert imported <= _ARROWS[room] | {room}


def test_given_the_functions_then_each_of_their_modules_is_in_a_room_that_has_its_arrows() -> None:
    rooms = {_room(name) for name in _SOURCES if name.startswith("wcs_hooks.")}

    assert rooms == _ARROWS.keys()


def test_given_the_catalogue_of_metrics_then_it_is_pure() -> None:
    loaded = _loaded_by(_CATALOGUE)

    assert not {"boto3", "botocore", "aws_lambda_powertools", "cel_expr_python"} & loaded
    imported = [m for m in _imported_by(_SOURCES[_CATALOGUE]) if m.startswith("wcs_hooks.")]
    assert not [module for module in imported if not _belongs_to(module, "wcs_hooks.core")]


def _follow(sources: Mapping[str, str]) -> None:
    """Follow all imports between some modules.

    Raises
    ------
    CycleError
        If they lead in a circle.
    """
    modules = set(sources)
    graph = {name: modules & set(_imported_by(source)) for name, source in sources.items()}
    TopologicalSorter(graph).prepare()


def test_given_all_modules_when_their_imports_are_followed_then_none_leads_in_a_circle() -> None:
    assert {name.partition(".")[0] for name in _SOURCES} == _PACKAGES.keys()
    assert len(_SOURCES) > 200

    _follow(_SOURCES)


def test_given_a_circle_of_types_alone_when_imports_are_followed_then_it_is_found() -> None:
    first = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from b import C\n"

    with pytest.raises(CycleError):
        _follow({"a": first, "b": "import a"})


def test_given_the_wheel_when_installed_alone_then_every_module_of_wcsctl_can_be_imported() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT_WITH_DEPENDENCIES_ONLY],
        env={"PYTHONPATH": f"{_FUNCTIONS}:{_ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stdout) == (0, ""), done.stderr


_IMPORT_WITH_DEPENDENCIES_ONLY: Final = """
import importlib, pkgutil, re, sys
from importlib.metadata import packages_distributions, requires

def names(distribution):
    for requirement in requires(distribution) or ():
        if "extra ==" not in requirement:
            yield re.match(r"[A-Za-z0-9._-]+", requirement)[0]

def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()

there = {normal(one) for found in packages_distributions().values() for one in found}
installed, waiting = {"wcs-hooks"}, ["wcs-hooks"]
while waiting:
    found = {normal(one) for one in names(waiting.pop())} & there - installed
    installed |= found
    waiting += found
for module, found in packages_distributions().items():
    if not installed & set(map(normal, found)):
        sys.modules[module] = None  # as if it was not installed

import simulated_wcs, wcsctl
for package in (simulated_wcs, wcsctl):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
"""
