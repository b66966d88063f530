"""Checks policies as the compiler will, app by app, and across apps; it needs no AWS."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from strict_yaml import plain
from wcs_hooks.core.client_config import Demand
from wcs_hooks.core.compilation import Compilation, compile_policies
from wcs_hooks.core.policy import EVERY_APP
from wcsctl.policy_files import FileFinding

type Advance = Callable[[int], object]


def lint(
    policies: Mapping[str, Mapping[str, Mapping[str, Any]]],
    files: Mapping[tuple[str, str], str],
    others: Callable[[str], Sequence[Demand]] | None = None,
    advance: Advance = lambda _: None,
) -> list[FileFinding]:
    """Everything that is wrong, in the order of the apps.

    Parameters
    ----------
    policies
        By app and id.
    files
        The file of each.
    others
        What apps that are not among these demand of restClientConfig besides, for an app of these:
        what is in force in a deployment. None without one.
    advance
        Is told how many policies were checked.
    """
    now = time.time()
    items = {app: [plain(item) for item in found.values()] for app, found in policies.items()}
    alone: dict[str, Compilation] = {}
    for app, found in items.items():
        alone[app] = compile_policies(app, found, (), now)
        advance(len(found))
    findings: list[FileFinding] = []
    for app, compiled in alone.items():
        besides = [*_of_these(app, alone), *(others(app) if others else ())]
        # What others demand only matters where something there is to contradict it.
        whole = compile_policies(app, items[app], besides, now) if besides else compiled
        findings += [
            FileFinding(files.get((app, finding.policy), ""), app, finding)
            for finding in (*whole.errors, *whole.warnings)
        ]
    return findings


def _of_these(app: str, compiled: Mapping[str, Compilation]) -> Iterable[Demand]:
    partners = [EVERY_APP] if app != EVERY_APP else [other for other in compiled if other != app]
    return [
        demand
        for partner in partners
        if partner in compiled
        for demand in compiled[partner].demands
    ]
