import ast
import base64
import csv
import hashlib
import json
import os
import platform
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import boto3
import pytest
import requests
from botocore import xform_name
from moto import mock_aws

from bench.targets import MB
from infra import packaging
from infra.packaging import (
    COMPILER_LIBRARIES,
    SERVICE_MODELS,
    SOURCES,
    FunctionPackage,
    FunctionPackages,
    PackagingError,
    TargetPlatform,
    package,
    target_of,
)
from infra.service_models import OPERATIONS
from infra.settings import Architecture, Packaging, Settings
from tests.infra.conftest import Synthesise
from tests.infra.test_functions import FUNCTIONS
from tests.support.aws_tables import POLICIES, Aws
from tests.support.hook_client import ENVIRONMENT, SECRET, gateway_event, signature
from tests.support.policy_items import deny
from wcs_hooks.core.cel import time_zones
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.methods import Category

HERE = TargetPlatform("here", None)

WHEELS = {
    "aws_lambda_powertools/__init__.py": "",
    "aws_lambda_powertools/logging/logger.py": "",
    "aws_lambda_powertools/metrics/provider/tests/test_metrics.py": "",
    "aws_lambda_powertools/event_handler/api_gateway.py": "",
    "aws_lambda_powertools/utilities/__init__.py": "",
    "aws_lambda_powertools/utilities/jmespath_utils/__init__.py": "",
    "aws_lambda_powertools/utilities/parser/parser.py": "",
    "aws_lambda_powertools/utilities/serialization.py": "",
    "aws_lambda_powertools-3.37.0.dist-info/METADATA": "Name: aws-lambda-powertools",
    "aws_lambda_powertools-3.37.0.dist-info/RECORD": "",
    "aws_lambda_powertools-3.37.0.dist-info/licenses/LICENSE": "",
    "bazel-project/setup.py": "",
    "bin/jp.py": "",
    "cel_expr_python/cel.pyi": "",
    "cel_expr_python/cel.so": "machine code",
    "cel_expr_python/ext/ext_math.so": "machine code",
    "_cffi_backend.so": "machine code",
    "google_re2-1.1.dist-info/METADATA": "Name: google-re2",
    "google_re2-1.1.dist-info/RECORD": "_re2.so,,\ngoogle_re2-1.1.dist-info/METADATA,,\n"
    "google_re2-1.1.dist-info/RECORD,,\nre2/__init__.py,,\nre2/__init__.pyi,,\n",
    "_re2.so": "machine code",
    "re2/__init__.py": "",
    "re2/__init__.pyi": "",
    "cffi/__init__.py": "",
    "cffi/cparser.py": "",
    "pycparser/c_parser.py": "",
    "urllib3/contrib/__init__.py": "",
    "urllib3/contrib/emscripten/fetch.py": "",
    "tzdata/__init__.py": "",
    "tzdata/zones": "Europe/Riga",
    "tzdata/zoneinfo/__init__.py": "",
    "tzdata/zoneinfo/tzdata.zi": "# version 2026f",
    "tzdata/zoneinfo/zone.tab": "LV",
    "tzdata/zoneinfo/Europe/__init__.py": "",
    "tzdata/zoneinfo/Europe/Riga": "TZif2",
}
"""What the functions' dependencies look like once installed, in small."""

KEPT = {
    "aws_lambda_powertools/__init__.py",
    "aws_lambda_powertools/logging/logger.py",
    "aws_lambda_powertools/utilities/__init__.py",
    "aws_lambda_powertools/utilities/jmespath_utils/__init__.py",
    "aws_lambda_powertools-3.37.0.dist-info/METADATA",
    "aws_lambda_powertools-3.37.0.dist-info/RECORD",
    "aws_lambda_powertools-3.37.0.dist-info/licenses/LICENSE",
    "cel_expr_python/cel.so",
    "_cffi_backend.so",
    "urllib3/contrib/__init__.py",
    "tzdata/__init__.py",
    "tzdata/zones",
    "tzdata/zoneinfo/Europe/Riga",
}


COMPILERS_OWN = {
    "google_re2-1.1.dist-info/METADATA",
    "google_re2-1.1.dist-info/RECORD",
    "_re2.so",
    "re2/__init__.py",
}


class Installer:
    """A fake of uv: it installs the wheels above, and counts how often it was asked to."""

    def __init__(self) -> None:
        self.asked: list[TargetPlatform] = []

    def install(self, _requirements: Path, target: TargetPlatform, into: Path) -> None:
        self.asked.append(target)
        _write(into, WHEELS)


def _write(directory: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _names(made: FunctionPackage) -> set[str]:
    with zipfile.ZipFile(made.path) as archive:
        return set(archive.namelist())


def _content(made: FunctionPackage) -> str:
    return hashlib.sha256(made.path.read_bytes()).hexdigest()


@pytest.fixture
def installer(monkeypatch: pytest.MonkeyPatch) -> Installer:
    installer = Installer()
    monkeypatch.setattr(packaging, "_install", installer.install)
    # Services are described from the real botocore, which the last tests here are about.
    monkeypatch.setattr(packaging, "write_service_models", lambda _data, _directory: None)
    return installer


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    _write(
        tmp_path / "functions",
        {
            "requirements.in": "",
            "requirements.txt": "aws-lambda-powertools==3.37.0",
            "wcs_hooks/__init__.py": "",
            "wcs_hooks/__pycache__/stale.cpython-313.pyc": "",
            "wcs_hooks/handlers/connect.py": "def handler(): ...",
        },
    )
    return tmp_path / "functions"


@pytest.fixture
def build(tmp_path: Path) -> Path:
    return tmp_path / "build"


@pytest.mark.usefixtures("installer")
def test_given_wheels_when_packaged_then_what_functions_do_not_import_is_left_out(
    sources: Path, build: Path
) -> None:
    made = package(HERE, sources=sources, build=build)

    ours = {"wcs_hooks/__init__.py", "wcs_hooks/handlers/connect.py"}
    hooks, compiler = (
        {name for name in _names(one) if "__pycache__" not in name}
        for one in (made.hooks, made.compiler)
    )
    assert hooks == KEPT | ours
    assert compiler == hooks | COMPILERS_OWN


@pytest.mark.usefixtures("installer")
def test_given_lambda_cannot_cache_byte_code_when_packaged_then_every_source_has_its_own(
    sources: Path, build: Path
) -> None:
    made = package(HERE, sources=sources, build=build).compiler

    names = _names(made)
    compiled = {name for name in names if name.endswith(".pyc")}
    beside_source = {
        f"{name.rpartition('/')[0]}/__pycache__/{Path(name).stem}.cpython-313.pyc"
        for name in names
        if name.endswith(".py")
    }
    assert compiled == beside_source
    with zipfile.ZipFile(made.path) as archive:
        # PEP 552: 1 is "by hash, unchecked", which holds whatever the times in a zip are.
        flags = {int.from_bytes(archive.read(name)[4:8], "little") for name in compiled}
    assert flags == {1}


def test_given_a_botocore_without_data_when_packaged_then_one_line_names_the_file(
    sources: Path, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packaging, "_install", Installer().install)

    with pytest.raises(
        PackagingError, match=r"^cannot describe the services .* here: botocore has no data"
    ) as raised:
        package(HERE, sources=sources, build=build)

    assert len(str(raised.value).splitlines()) == 1
    assert list(build.iterdir()) == []


@pytest.mark.usefixtures("installer")
def test_given_a_strict_umask_when_packaged_then_lambdas_own_user_can_read_every_file(
    sources: Path, build: Path
) -> None:
    before = os.umask(0o077)
    try:
        made = package(HERE, sources=sources, build=build).compiler
    finally:
        os.umask(before)

    with zipfile.ZipFile(made.path) as archive:
        assert {info.external_attr >> 16 & 0o777 for info in archive.infolist()} == {0o644}


@pytest.mark.usefixtures("installer")
def test_given_the_same_input_when_packaged_elsewhere_then_the_package_is_the_same(
    sources: Path, build: Path
) -> None:
    first = package(HERE, sources=sources, build=build)
    second = package(HERE, sources=sources, build=build.with_name("elsewhere"))

    assert first.hooks.asset_hash == second.hooks.asset_hash
    assert first.compiler.asset_hash == second.compiler.asset_hash
    assert _content(first.hooks) == _content(second.hooks)
    assert _content(first.compiler) == _content(second.compiler)


def test_given_a_package_when_asked_for_again_then_it_is_not_made_again(
    sources: Path, build: Path, installer: Installer
) -> None:
    first = package(HERE, sources=sources, build=build)
    written = [one.path.stat().st_ino for one in (first.hooks, first.compiler)]

    second = package(HERE, sources=sources, build=build)

    assert second == first
    assert [one.path.stat().st_ino for one in (second.hooks, second.compiler)] == written
    assert installer.asked == [HERE]


def test_given_changed_sources_when_packaged_then_the_dependencies_are_not_fetched_again(
    sources: Path, build: Path, installer: Installer
) -> None:
    first = package(HERE, sources=sources, build=build)
    (sources / "wcs_hooks/handlers/connect.py").write_text("def handler(): return 1")

    second = package(HERE, sources=sources, build=build)

    for before, after in ((first.hooks, second.hooks), (first.compiler, second.compiler)):
        assert after.asset_hash != before.asset_hash
        with zipfile.ZipFile(after.path) as archive:
            assert b"return 1" in archive.read("wcs_hooks/handlers/connect.py")
            assert len(archive.namelist()) == len(set(archive.namelist()))
    assert installer.asked == [HERE]


def test_given_changed_requirements_or_target_when_packaged_then_dependencies_are_fetched_again(
    sources: Path, build: Path, installer: Installer
) -> None:
    there = TargetPlatform("there", "aarch64-manylinux_2_34")
    hashes = {
        package(each, sources=sources, build=build).hooks.asset_hash for each in (HERE, there)
    }
    (sources / "requirements.txt").write_text("aws-lambda-powertools==3.38.0")

    hashes.add(package(HERE, sources=sources, build=build).hooks.asset_hash)

    assert len(hashes) == 3
    assert installer.asked == [HERE, there, HERE]


def test_given_packaging_breaks_off_when_tried_again_then_no_half_a_package_is_found(
    sources: Path, build: Path, installer: Installer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out_of_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(zipfile.ZipFile, "writestr", run_out_of_disk)
        with pytest.raises(OSError, match="No space left"):
            package(HERE, sources=sources, build=build)

    assert list(build.iterdir()) == []
    assert "wcs_hooks/__init__.py" in _names(package(HERE, sources=sources, build=build).hooks)
    assert len(installer.asked) == 2


@pytest.mark.usefixtures("installer")
def test_given_packages_of_earlier_sources_when_a_new_one_is_made_then_old_ones_go(
    sources: Path, build: Path
) -> None:
    old = _paths(package(HERE, sources=sources, build=build))
    for path in old:
        os.utime(path, (0, 0))
    (sources / "wcs_hooks/__init__.py").write_text("'''Recent.'''")
    recent = _paths(package(HERE, sources=sources, build=build))
    (sources / "wcs_hooks/__init__.py").write_text("'''Newest.'''")

    newest = _paths(package(HERE, sources=sources, build=build))

    assert {*build.glob("hooks-here-*.zip"), *build.glob("compiler-here-*.zip")} == recent | newest


def _paths(made: FunctionPackages) -> set[Path]:
    return {made.hooks.path, made.compiler.path}


def test_given_a_package_that_no_index_has_when_fetched_then_one_line_names_it(
    sources: Path, build: Path
) -> None:
    (sources / "requirements.txt").write_text(
        "cel-expr-python==0.1.3 --hash=sha256:" + "0" * 64 + "\n"
    )

    with pytest.raises(PackagingError) as raised:
        package(HERE, sources=sources, build=build)

    said = str(raised.value)
    assert said.startswith("cannot fetch the functions' dependencies for here: ")
    assert "cel-expr-python" in said
    assert len(said.splitlines()) == 1
    assert list(build.iterdir()) == []


def test_given_an_environment_without_uv_when_packaging_then_one_line_tells_the_way_out(
    sources: Path, build: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(PackagingError) as raised:
        package(HERE, sources=sources, build=build)

    assert str(raised.value) == (
        f"cannot package the functions: {sys.prefix} has no uv; run `make` to set it up"
    )


@pytest.mark.parametrize(
    ("settings", "target"),
    [
        (Settings(), TargetPlatform("arm64", "aarch64-manylinux_2_34")),
        (
            Settings(architecture=Architecture.X86_64),
            TargetPlatform("x86_64", "x86_64-manylinux_2_34"),
        ),
        (Settings(packaging=Packaging.HOST), TargetPlatform(f"host-{platform.machine()}", None)),
    ],
)
def test_given_where_functions_run_when_packaged_then_wheels_are_fetched_for_it(
    settings: Settings, target: TargetPlatform
) -> None:
    assert target_of(settings) == target


# The real dependencies, kept in build/ once they were fetched.


@pytest.fixture(scope="module")
def for_host() -> FunctionPackages:
    return package(target_of(Settings(packaging=Packaging.HOST)))


@pytest.fixture(scope="module")
def unpacked(for_host: FunctionPackages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked(for_host.hooks, tmp_path_factory.mktemp("hooks"))


@pytest.fixture(scope="module")
def compiler(for_host: FunctionPackages, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _unpacked(for_host.compiler, tmp_path_factory.mktemp("compiler"))


def _unpacked(made: FunctionPackage, directory: Path) -> Path:
    with zipfile.ZipFile(made.path) as archive:
        archive.extractall(directory)
    return directory


def test_given_the_package_then_each_file_of_a_library_is_the_released_one(compiler: Path) -> None:
    recorded = {
        name: digest
        for record in compiler.glob("*.dist-info/RECORD")
        for name, digest, _ in csv.reader(record.read_text().splitlines())
    }
    own = {"wcs_hooks", SERVICE_MODELS}
    packaged = {
        name: path
        for path in compiler.rglob("*")
        if path.is_file()
        and "__pycache__" not in path.parts
        and path.name != "RECORD"
        and (name := path.relative_to(compiler).as_posix()).partition("/")[0] not in own
    }

    assert len(packaged) > 300
    for name, path in packaged.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        assert recorded[name] == f"sha256={digest.rstrip('=')}", name


def test_given_the_package_then_each_library_comes_with_its_licence(compiler: Path) -> None:
    libraries = list(compiler.glob("*.dist-info"))

    without = [
        library.name
        for library in libraries
        if not any("LICENSE" in file.name.upper() for file in library.rglob("*"))
    ]
    assert len(libraries) > 10
    # These wheels have none; their metadata names the licence.
    assert {name.partition("-")[0] for name in without} <= {"cel_expr_python", "google_re2"}


def test_given_the_packages_then_the_bill_of_materials_of_each_lists_its_libraries(
    for_host: FunctionPackages, unpacked: Path, compiler: Path
) -> None:
    listed = {}
    for made, directory in ((for_host.hooks, unpacked), (for_host.compiler, compiler)):
        bill = json.loads(made.bill_of_materials.read_text())
        installed = {
            tuple(library.name.removesuffix(".dist-info").lower().replace("_", "-").rsplit("-", 1))
            for library in directory.glob("*.dist-info")
        }
        assert bill["bomFormat"] == "CycloneDX"
        assert {(one["name"], one["version"]) for one in bill["components"]} == installed
        assert all(one["hashes"] for one in bill["components"])
        listed[directory] = {one["name"] for one in bill["components"]}
    assert listed[compiler] - listed[unpacked] == COMPILER_LIBRARIES


@pytest.mark.parametrize(
    ("architecture", "machine"), [(Architecture.ARM64, 0xB7), (Architecture.X86_64, 0x3E)]
)
def test_given_an_architecture_when_packaged_for_lambda_then_its_machine_code_is_for_it(
    architecture: Architecture, machine: int
) -> None:
    made = package(target_of(Settings(architecture=architecture)))

    with zipfile.ZipFile(made.compiler.path) as archive:
        libraries = [name for name in archive.namelist() if name.endswith(".so")]
        headers = [archive.read(name)[:20] for name in libraries]
    assert sorted(name.partition("/")[0].partition(".")[0] for name in libraries) == [
        *("_cffi_backend", "cel_expr_python", "cryptography", "re2")
    ]
    assert {header[:4] for header in headers} == {b"\x7fELF"}
    assert {int.from_bytes(header[18:20], "little") for header in headers} == {machine}
    # Deployments pay for each megabyte. What verifies tokens has 5 of them.
    assert made.hooks.path.stat().st_size <= 13 * MB


IMPORT = """
import importlib, json, sys
task, name = sys.argv[1:]
# Lambda has none, and botocore does without.
sys.modules["certifi"] = None
# What the environment itself loads when Python starts, such as the way to this very project.
before = set(sys.modules)
sys.path.insert(0, task)
handler = importlib.import_module(f"wcs_hooks.handlers.{name}").handler
files = {
    module: getattr(sys.modules[module], "__file__", None)
    for module in sys.modules.keys() - before if "." not in module
}
files = {module: file for module, file in files.items() if file}
print(json.dumps([callable(handler), files, list(sys.modules.keys() - before)]))
"""

NOT_IN_A_HOOK_FUNCTION = {
    *("boto3", "s3transfer", "multiprocessing"),
    "aws_xray_sdk",
    # The compiler's half, and what waits for the first expression.
    *(
        "wcs_hooks.compiler.policy_compiler",
        "wcs_hooks.core.policy.compilation",
        "wcs_hooks.core.policy.lint",
    ),
    *("wcs_hooks.core.policy.reader", "wcs_hooks.core.cel.check", "re2", "cel_expr_python"),
    *("wcs_hooks.core.cel.literals", "wcs_hooks.core.cel.time_zones", "tzdata"),
}
"""What a cold start does not load."""

MOST_MODULES = 360
"""The most that a cold start loads, with libraries as released; boto3 alone would make it 500."""


WITH_AWSCRT = """
import sys
from unittest.mock import MagicMock
sys.modules["awscrt"] = sys.modules["awscrt.auth"] = MagicMock(__version__="0.1")
sys.path.insert(0, sys.argv[1])
import botocore.auth, botocore.compat
print(botocore.compat.HAS_CRT)
"""


def test_given_an_environment_that_has_awscrt_when_botocore_is_imported_then_it_finds_its_files(
    unpacked: Path,
) -> None:
    command = [sys.executable, "-I", "-S", "-c", WITH_AWSCRT, os.fspath(unpacked)]

    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (done.stdout, done.stderr) == ("True\n", "")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_given_nothing_but_the_package_when_a_handler_is_imported_then_it_starts(
    name: str, unpacked: Path, compiler: Path, stack_with: Synthesise
) -> None:
    task = unpacked if name in set(Category) else compiler
    is_callable, files, _ = _imported(name, task, stack_with)

    assert is_callable
    elsewhere = {module for module, file in files.items() if "site-packages" in file}
    assert not elsewhere, "imported, but not packaged"
    assert files["wcs_hooks"].startswith(os.fspath(task))
    assert files["botocore"].startswith(os.fspath(task))


@pytest.mark.parametrize("name", Category)
def test_given_a_cold_start_when_a_hook_function_is_imported_then_no_more_is_loaded_than_it_needs(
    name: Category, unpacked: Path, stack_with: Synthesise
) -> None:
    _, _, modules = _imported(name, unpacked, stack_with)

    assert not NOT_IN_A_HOOK_FUNCTION & set(modules)
    assert len(modules) < MOST_MODULES


def _imported(
    name: str, unpacked: Path, stack_with: Synthesise
) -> tuple[bool, dict[str, str], list[str]]:
    """Import a handler; whether it is one, where top-level modules are, all modules' names."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", IMPORT, os.fspath(unpacked), name],
        env=_variables(name, stack_with) | NOWHERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    imported: tuple[bool, dict[str, str], list[str]] = json.loads(done.stdout)
    return imported


def _variables(name: str, stack_with: Synthesise) -> dict[str, str]:
    """What the stack sets for a function; what only CloudFormation knows is `x`."""
    variables = stack_with(Settings(event_bus=True)).function(name)["Environment"]["Variables"]
    return {key: value if isinstance(value, str) else "x" for key, value in variables.items()}


NOWHERE = {
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    # Nobody answers there: a cold start asks for nothing.
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
}

HOUR = """
import sys
from datetime import UTC, datetime
sys.path.insert(0, sys.argv[1])
from wcs_hooks.core.cel.expression import Expression, bind
hour = Expression(sys.argv[2]).json_value(bind(now=datetime(2030, 3, 15, 16, 30, tzinfo=UTC)))
print(hour, sys.modules["tzdata"].__path__[0])
"""


def test_given_nothing_but_the_package_when_a_policy_asks_for_a_time_zone_then_it_is_there(
    unpacked: Path,
) -> None:
    done = subprocess.run(
        # Without this machine's own packages, and pointed away from its zones.
        [
            *(sys.executable, "-I", "-S", "-c", HOUR, os.fspath(unpacked)),
            check("now.getHours('Europe/Riga')").serialized,
        ],
        env={"TZDIR": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["18", os.fspath(unpacked / "tzdata")]
    zones = unpacked / "tzdata" / "zoneinfo"
    packaged = {path.relative_to(zones).as_posix() for path in zones.rglob("*") if path.is_file()}
    assert packaged == set(time_zones.names())


CALL = """
import importlib, json, sys, types
sys.path.insert(0, sys.argv[1])
context = types.SimpleNamespace(aws_request_id="1")
for name, event in json.load(sys.stdin):
    answer = importlib.import_module(f"wcs_hooks.handlers.{name}").handler(event, context)
    print("answer", json.dumps(answer))
"""


class MotoOverHttp(BaseHTTPRequestHandler):
    """Hands what another process asks of AWS to the one that moto pretends in this process."""

    asked: ClassVar[set[str]]

    def do_POST(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked.add(headers["x-amz-target"].rpartition(".")[2])
        # AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …
        _, _, region, service, *_ = headers["authorization"].split("/")
        answer = requests.post(
            f"https://{service}.{region}.amazonaws.com/",
            data=self.rfile.read(int(headers["content-length"])),
            headers={name: value for name, value in headers.items() if name != "host"},
            timeout=10,
        )
        self.send_response(answer.status_code)
        self.send_header("content-type", answer.headers["content-type"])
        self.send_header("content-length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def moto_over_http() -> Iterator[tuple[str, set[str]]]:
    MotoOverHttp.asked = set()
    with mock_aws(), ThreadingHTTPServer(("127.0.0.1", 0), MotoOverHttp) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", MotoOverHttp.asked
        server.shutdown()
        thread.join()


def test_given_short_service_models_when_the_package_runs_then_every_call_of_the_adapters_works(
    unpacked: Path,
    compiler: Path,
    stack_with: Synthesise,
    moto_over_http: tuple[str, set[str]],
) -> None:
    endpoint, asked = moto_over_http
    aws = Aws.set_up(SECRET)
    boto3.client("events").create_event_bus(Name="hooks")
    limit = {"by": "stream", "most": 1, "holds": "stream"}
    aws.put_policies("live", deny("no", "publishStream"), deny("few", "playStream", limit=limit))
    session = {"appKey": "live", "nodeId": "n", "sessionId": "s"}
    edit = {"dynamodb": {"Keys": {"app": {"S": "live"}, "id": {"S": "no"}}}}
    hooks = [
        ("connect", _hook("connect", session)),
        ("direct", _hook("publishStream", session)),
        ("direct", _hook("playStream", {**session, "mediaSessionId": "m", "name": "lesson"})),
        ("event", _hook("ConnectionStatusEvent", {**session, "status": "DISCONNECTED"})),
        ("direct", _hook("publishStream", b"no JSON")),
    ]
    variables = {
        **_variables(Category.EVENT, stack_with),
        **_variables("compiler", stack_with),
        **ENVIRONMENT,
        "DEAD_LETTER_QUEUE_URL": aws.queue_url,
        "SIGNATURE_SECRET_ARN": aws.secret_arn,
        "EVENT_BUS_NAME": "hooks",
        "POLICIES_TABLE": POLICIES,
    }

    outputs = [
        _output_of(runs, task, variables | NOWHERE | {"AWS_ENDPOINT_URL": endpoint})
        for task, runs in ((compiler, [("compiler", {"Records": [edit]})]), (unpacked, hooks))
    ]

    answers = [
        json.loads(line.removeprefix("answer "))
        for output in outputs
        for line in output.splitlines()
        if line.startswith("answer ")
    ]
    assert [answer and answer["statusCode"] for answer in answers] == [
        *(None, 200, 403, 200, 200, 400),
    ]
    assert asked == {operation for each in OPERATIONS.values() for operation in each}
    assert not [output for output in outputs if '"DeadLetterLost"' in output]
    assert len(aws.dead_letters()) == 1


def test_given_the_adapters_then_the_service_models_have_every_operation_that_they_call() -> None:
    clients: tuple[Any, ...] = ("dynamodb", "events", "secretsmanager", "sqs")
    known = {name for client in clients for name in boto3.client(client).meta.method_to_api_mapping}
    adapters = SOURCES.glob("wcs_hooks/adapters/*.py")
    called = {
        node.func.attr
        for path in adapters
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    }

    described = {name for names in OPERATIONS.values() for name in map(xform_name, names)}
    assert called & known == described


def _output_of(runs: Sequence[tuple[str, Any]], task: Path, variables: dict[str, str]) -> str:
    """What handlers write that have nothing but a package, called one after the other."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", CALL, os.fspath(task)],
        env=variables,
        input=json.dumps(runs),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _hook(method: str, body: dict[str, str] | bytes) -> dict[str, Any]:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return gateway_event(method, content, signature(content), "10.0.0.1")


def test_given_the_lock_when_installed_from_then_every_wheel_is_hashed_and_no_host_named() -> None:
    locked = (SOURCES / "requirements.txt").read_text()

    pinned = [line for line in locked.splitlines() if line and line[0] not in " #"]
    assert {line.partition("==")[0] for line in pinned} == {
        *("aws-lambda-powertools", "cel-expr-python", "google-re2", "typing-extensions"),
        *("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3"),
        *("cffi", "cryptography", "joserfc", "pycparser", "tzdata"),
    }
    assert all("--hash=sha256:" in part for part in locked.split("\n    # via")[:-1])
    assert "://" not in locked
