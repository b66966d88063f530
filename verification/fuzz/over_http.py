"""Fuzzes a deployment of its own over HTTP: by its OpenAPI document, and byte by byte."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from local import deployment
from local.emulator import Emulator
from local.workspace import Workspace
from simulated_wcs.transport import Signature
from verification.fuzz.fuzzing import RESULTS, ROOT
from verification.fuzz.policies_in_force import EVERY_APP, OWN
from verification.fuzz.raw_http import RawRequests
from verification.fuzz.signed import SECRET_VARIABLE
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import CATEGORIES, FunctionConfigurations
from wcsctl.function_logs import FunctionLogs
from wcsctl.hook_sender import send_alone
from wcsctl.scenario_back_end import DeployedBackEnd

_DOCUMENT: Final = ROOT / "docs" / "reference" / "openapi.yaml"
_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)


@dataclass(frozen=True)
class HttpPlan:
    """How much is sent.

    Attributes
    ----------
    examples
        For each method, by schemathesis.
    seconds
        The most that schemathesis may take.
    raw
        Mutations of raw requests.
    seed
        Of both.
    """

    examples: int
    seconds: int
    raw: int
    seed: int


@dataclass
class HttpFigures:
    """What came of it.

    Attributes
    ----------
    requests
        Those of schemathesis.
    raw
        Raw requests.
    statuses
        How often each status, of the raw ones.
    by_gateway
        Of those, server errors that came from before the functions: the emulator's.
    problems
        What is wrong.
    """

    requests: int = 0
    raw: int = 0
    seconds: float = 0.0
    statuses: dict[str, int] = field(default_factory=dict)
    by_gateway: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return asdict(self)


def fuzz_over_http(plan: HttpPlan) -> HttpFigures:
    """Deploy, send, look into the functions' log, and stop the emulator again."""
    directory = RESULTS / "http"
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    figures = HttpFigures()
    with _deployed(directory) as made:
        began, since_ms = time.monotonic(), int(time.time() * 1000)
        secret = CallerSecretStore(made).read().current
        _by_document(plan, made.url, secret, directory, figures)
        place = urlsplit(made.url)
        answers = RawRequests(place.port or 80, place.path, secret).send_all(plan.raw, plan.seed)
        figures.raw = answers.sent
        figures.statuses = dict(sorted(answers.statuses.items()))
        figures.by_gateway = dict(answers.by_gateway)
        figures.problems += answers.broken
        figures.problems += _failures(made, since_ms)
        reply = send_alone(made.target, Signature(secret), "connect", b'{"appKey":"live"}')
        if reply.status != 200:
            figures.problems.append(f"afterwards a plain connect gets {reply.status}")
        figures.seconds = round(time.monotonic() - began, 1)
    return figures


@contextmanager
def _deployed(directory: Path) -> Iterator[Deployment]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    workspace = Workspace(directory, port)
    emulator = Emulator(workspace)
    emulator.start()
    try:
        deployment.synthesise(workspace)
        deployment.bootstrap(workspace)
        made = deployment.deploy(workspace, lambda _: None)
        policies = [{"app": "live", **policy} for policy in OWN]
        policies += [{"app": "*", **policy} for policy in EVERY_APP]
        DeployedBackEnd(made).activate_policies(policies)
        yield made
    finally:
        emulator.stop()


def _by_document(
    plan: HttpPlan, url: str, secret: str, directory: Path, figures: HttpFigures
) -> None:
    search = os.pathsep.join(map(str, (ROOT, ROOT / "functions")))
    report = directory / "events.ndjson"
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("run", str(_DOCUMENT), "--url", url, "--checks", ",".join(_CHECKS)),
        *("--phases", "examples,coverage,fuzzing", "--max-examples", str(plan.examples)),
        *("--max-time", str(plan.seconds), "--seed", str(plan.seed), "--request-timeout", "20"),
        *("--report", "ndjson", "--report-ndjson-path", str(report), "--workers", "2"),
        *("--continue-on-failure", "--no-color", "--warnings", "off"),
    ]
    environment = {
        **os.environ,
        "PYTHONPATH": search,
        "SCHEMATHESIS_HOOKS": "verification.fuzz.signed",
        SECRET_VARIABLE: secret,
        "NO_PROXY": "127.0.0.1,localhost",
    }
    log = directory / "schemathesis.log"
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    figures.requests = _requests(report)
    if done.returncode:
        figures.problems.append(f"schemathesis: see {log.relative_to(ROOT)}")


def _requests(report: Path) -> int:
    if not report.exists():
        return 0
    return sum(line.count('"status_code"') for line in report.read_text().splitlines())


def _failures(made: Deployment, since_ms: int) -> Iterator[str]:
    """What the functions that answer hooks log about failures."""
    logs = FunctionLogs(made, FunctionConfigurations(made))
    for record in logs.records(CATEGORIES, since_ms):
        line = record.fields
        if line.get("answer") == "failed" or line.get("level") in {"ERROR", "CRITICAL"}:
            yield f"{record.function}: {json.dumps(line)[:300]}"
