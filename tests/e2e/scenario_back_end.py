"""The deployed stack, as the simulated WCS and its scenarios see it."""

from collections.abc import Mapping, Sequence
from typing import Any

from local import policies
from simulated_wcs.transport import Signature
from tests.e2e.conftest import PATIENCE_SECONDS, Deployed, until


class DeployedBackEnd:
    def __init__(self, deployed: Deployed) -> None:
        self._deployed = deployed
        self.target = deployed.hooks.address.target
        self.authentication = Signature(deployed.hooks.secret)

    def put_in_force(self, items: Sequence[dict[str, Any]]) -> None:
        policies.put_in_force(self._deployed.policies, items, PATIENCE_SECONDS)

    def policies_behind(self, decisions: Sequence[str]) -> Mapping[str, tuple[str, ...]]:
        lines = until(
            lambda: self._deployed.log.lines(decisions),
            lambda found: found.keys() >= set(decisions),
        )
        return {decision: tuple(line.get("policies", ())) for decision, line in lines.items()}
