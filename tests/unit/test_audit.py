"""Known vulnerabilities: what cannot be looked up must not pass for what has none."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from local.workspace import REPOSITORY
from tools import audit
from tools.audit import Status

FINE: dict[str, Any] = {"name": "fine", "version": "1.0", "vulns": []}
SKIPPED: dict[str, Any] = {"name": "odd", "skip_reason": "Dependency not found on PyPI"}
VULNERABLE: dict[str, Any] = {
    "name": "broken",
    "version": "2.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
NO_NETWORK = "Traceback (most recent call last):\n  …\nConnectionError: api.osv.dev\n"
NODE_FINE = {"vulnerabilities": {}, "metadata": {"dependencies": {"total": 2}}}
NODE_VULNERABLE = NODE_FINE | {
    "vulnerabilities": {"left-pad": {"severity": "high", "fixAvailable": True}}
}


class Programs:
    """A fake of pip-audit and npm.

    Parameters
    ----------
    services
        What pip-audit prints with each service.
    node
        What npm prints.
    """

    def __init__(self, services: dict[str, Any], node: Any) -> None:
        self._services = services
        self._node = node
        self.looked_up: list[str] = []

    def __call__(self, command: Sequence[str]) -> str:
        if command[0] == "npm":
            return _text(self._node)
        assert {"--require-hashes", "--disable-pip"} <= set(command)
        self.looked_up.append(command[command.index("--requirement") + 1])
        return _text(self._services[command[command.index("--vulnerability-service") + 1]])


def _text(answer: Any) -> str:
    if isinstance(answer, list):
        return json.dumps({"dependencies": answer})
    return answer if isinstance(answer, str) else json.dumps(answer)


@pytest.mark.parametrize(
    ("pypi", "osv", "node", "status"),
    [
        ([FINE], NO_NETWORK, NODE_FINE, Status.NOTHING_KNOWN),
        ([SKIPPED], [FINE], NODE_FINE, Status.NOTHING_KNOWN),
        (NO_NETWORK, [FINE], NODE_FINE, Status.NOTHING_KNOWN),
        ([FINE, VULNERABLE], NO_NETWORK, NODE_FINE, Status.VULNERABLE),
        ([SKIPPED, VULNERABLE], NO_NETWORK, NODE_FINE, Status.VULNERABLE),
        ([SKIPPED], [VULNERABLE], NODE_FINE, Status.VULNERABLE),
        ([FINE], NO_NETWORK, NODE_VULNERABLE, Status.VULNERABLE),
        (NO_NETWORK, NO_NETWORK, NODE_VULNERABLE, Status.VULNERABLE),
        ([SKIPPED], NO_NETWORK, NODE_FINE, Status.NOT_AUDITED),
        ([FINE, SKIPPED], [FINE, SKIPPED], NODE_FINE, Status.NOT_AUDITED),
        ([], [], NODE_FINE, Status.NOT_AUDITED),
        ("", "null", NODE_FINE, Status.NOT_AUDITED),
        ([FINE], NO_NETWORK, {"message": "405 Method Not Allowed"}, Status.NOT_AUDITED),
        ([FINE], NO_NETWORK, "", Status.NOT_AUDITED),
    ],
)
def test_given_what_the_services_say_then_the_status_tells_unknown_from_harmless(
    pypi: Any, osv: Any, node: Any, status: Status, capsys: pytest.CaptureFixture[str]
) -> None:
    assert audit.main(Programs({"pypi": pypi, "osv": osv}, node)) is status

    output = capsys.readouterr().out
    assert ("not audited" in output) == ("Not everything could be looked up" in output)
    assert ("broken 2.0: PYSEC-1, fixed in 2.1" in output) == (VULNERABLE in [*pypi, *osv])


def test_given_the_repository_when_it_is_audited_then_every_lock_of_it_is() -> None:
    programs = Programs({"pypi": [FINE]}, NODE_FINE)
    locks = [
        *REPOSITORY.glob("requirements.txt"),
        *REPOSITORY.glob("functions/*requirements.txt"),
        *REPOSITORY.glob("local/*requirements.txt"),
        *REPOSITORY.glob("tools/*requirements.txt"),
    ]

    audit.main(programs)

    assert sorted(programs.looked_up) == sorted(map(str, locks))
