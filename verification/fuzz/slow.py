"""Measures what bodies that are made to be slow take of a whole function, uninstrumented."""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

from tests.support.hook_client import gateway_event, signature
from tests.support.in_memory_function import InMemoryAws, InMemoryFunction
from tests.support.slow_bodies import MALFORMED, VALID
from tools import markdown
from verification.fuzz.measure import CPU_LIMIT_MS
from verification.fuzz.policies_in_force import in_force
from wcs_hooks.core.methods import METHODS, Category

_METHODS: Final = ("connect", "publishStream", "StreamStatusEvent")
"""One that is recorded, one that is decided alone, one that is published."""

_TRIES: Final = 3


@dataclass(frozen=True)
class SlowFigures:
    """Milliseconds of processor time that a body takes, by the category that answers it."""

    body: str
    connect: float
    direct: float
    event: float

    @property
    def slowest(self) -> float:
        """In the category that takes longest."""
        return max(self.connect, self.direct, self.event)

    def to_json(self) -> dict[str, Any]:
        """As it is written down."""
        return asdict(self)


def measure() -> list[SlowFigures]:
    """Post each body to each function, the slowest first."""
    aws, snapshots = InMemoryAws(), in_force()
    functions = {
        category: InMemoryFunction(category, snapshots, aws)
        for category in {METHODS[method].category for method in _METHODS}
    }
    figures = [
        SlowFigures(name, *(_least_ms(functions, aws, method, body) for method in _METHODS))
        for name, body in {**VALID, **MALFORMED}.items()
    ]
    return sorted(figures, key=lambda one: -one.slowest)


def problems(figures: list[SlowFigures]) -> Iterator[str]:
    """What is wrong."""
    for one in figures:
        if one.slowest > CPU_LIMIT_MS:
            yield f"a body of {one.body} takes {one.slowest:.0f} ms of processor time"


def table(figures: list[SlowFigures]) -> str:
    """Markdown."""
    rows = [
        [one.body, f"{one.connect:.0f}", f"{one.direct:.0f}", f"{one.event:.0f}"] for one in figures
    ]
    return markdown.table(["1 MiB of", "connect", "direct", "event"], rows) + "\n"


def _least_ms(
    functions: dict[Category, InMemoryFunction], aws: InMemoryAws, method: str, body: bytes
) -> float:
    """The least processor time of some tries: the others were disturbed."""
    event = gateway_event(method, body, signature(body), "203.0.113.7")
    taken = []
    for _ in range(_TRIES):
        began = time.process_time()
        functions[METHODS[method].category].invoke(event, "decision")
        taken.append((time.process_time() - began) * 1000)
        aws.forget()
    return round(min(taken), 1)
