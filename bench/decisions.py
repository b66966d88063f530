"""The decision alone, without a function around it.

CPU time of this process for a decision, the hook's body parsed beforehand, in turn with guards and
without. How other policy engines compare was measured once: `results/engines.json`.
"""

import gc
import json
import time
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from bench import policies
from bench.figures import Figures
from bench.policies import Item, snapshot_of
from bench.progress import Progress
from bench.samples import paired_ratios
from wcs_hooks.core.decision import Hook, decide
from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.payload import Payload
from wcs_hooks.core.snapshot import Snapshot

ROUNDS: Final = 30
_SLICE_SECONDS: Final = 0.05
"""CPU seconds for which one decides before the next one has its turn."""

_FEW: Final = 100
_MANY: Final = 100_000


class Question:
    """A hook of publishStream like the vendor's example, whose body is parsed already."""

    def __init__(self, name: str) -> None:
        self.body: dict[str, Any] = {
            "nodeId": "Hw47CFMBEchVOpBMDr29IxjudnJ1sjOY@192.168.1.101",
            "appKey": "defaultApp",
            "sessionId": "/192.168.1.102:4388/192.168.1.101:8443",
            "mediaSessionId": "56141d10-fddc-11e6-ac3a-4d67d5b3360d",
            "name": name,
            "room": "room-9",
            "published": True,
            "hasVideo": True,
            "hasAudio": True,
            "status": "PENDING",
            "sdp": ".....",
            "record": False,
            "width": 640,
            "height": 480,
            "bitrate": 700,
            "quality": 0,
            "mediaProvider": "WebRTC",
        }
        self.text = json.dumps(self.body, separators=(",", ":"))
        self.raw = self.text.encode()


class Engine:
    """Policies, compiled and loaded as the functions have them."""

    def __init__(self, snapshot: bytes) -> None:
        self._snapshots = [Snapshot.load(snapshot)]

    def decide(self, question: Question) -> str:
        """The id of the policy that denies; empty if none does."""
        # Made again for each decision, as for each hook.
        payload = Payload(question.raw, question.text, question.body)
        hook = Hook("publishStream", METHODS["publishStream"].category, payload)
        decision = decide(self._snapshots, hook, time.time())
        return decision.denial.policy if decision.denial else ""


def without_guards(snapshot: bytes) -> bytes:
    """The snapshot as it was before there were guards: the CEL runtime evaluates each condition."""
    document = json.loads(zlib.decompress(snapshot))
    for record in document["policies"]:
        # The last member; a snapshot without it is still read.
        del record[-1]
    return zlib.compress(json.dumps(document).encode())


class Case(NamedTuple):
    """Policies, and the hook that is decided again and again.

    Attributes
    ----------
    name
        In figures.
    answer
        The id of the policy that denies the hook.
    """

    name: str
    policies: Sequence[Item]
    question: Question
    answer: str


def cases() -> list[Case]:
    """Everything that is measured with guards and without."""
    last_of_ten = Question(policies.LAST_OF_TEN)
    return [
        # All ten of the method match, and each `when` is evaluated until the last one denies.
        Case(
            "ten-methods.all-match",
            policies.ten_methods({"mediaProvider": "WebRTC"}),
            last_of_ten,
            "publishStream-009",
        ),
        # One of the ten matches: the index of exact values leaves the others out.
        Case("ten-methods.one-matches", policies.ten_methods(), last_of_ten, "publishStream-009"),
        Case(
            "one-method",
            policies.one_method(),
            Question(policies.LAST_OF_HUNDRED),
            "publishStream-099",
        ),
    ]


def measure_decisions(progress: Progress, rounds: int = ROUNDS) -> Figures:
    """Measure decisions.

    The figures are `decision.<case>.{ours,ours-by-cel}` (us), the latter's `ratio` to the former,
    and `decision.exact.{100,100000}` with their `ratio`.

    Raises
    ------
    ValueError
        If a hook gets another answer than expected.
    """
    figures = Figures()
    for name, given, question, answer in cases():
        snapshot = snapshot_of(given)
        engines = {"ours": Engine(snapshot), "ours-by-cel": Engine(without_guards(snapshot))}
        samples = _in_turn(engines, question, answer, rounds, progress)
        for engine, measurements in samples.items():
            figures.add(f"decision.{name}.{engine}", "us", measurements)
        ratios = paired_ratios(samples["ours-by-cel"], samples["ours"])
        figures.add(f"decision.{name}.ours-by-cel.ratio", "x", ratios)
    progress(f"decisions, {_MANY:,} policies: compiling")
    # Policies of one method with a `match` each: few, and a thousand times as many.
    engines = {str(count): Engine(snapshot_of(policies.exact(count))) for count in (_FEW, _MANY)}
    question = Question(f"stream-{_FEW - 1}")
    samples = _in_turn(engines, question, "publishStream-000099", rounds, progress)
    for engine, measurements in samples.items():
        figures.add(f"decision.exact.{engine}", "us", measurements)
    ratios = paired_ratios(samples[str(_MANY)], samples[str(_FEW)])
    figures.add("decision.exact.ratio", "x", ratios)
    return figures


def _in_turn(
    engines: Mapping[str, Engine],
    question: Question,
    answer: str,
    rounds: int,
    progress: Progress,
) -> dict[str, list[float]]:
    """Microseconds of CPU a decision, by engine, a measurement each round."""
    for name, engine in engines.items():
        if (said := engine.decide(question)) != answer:
            raise ValueError(f"{name} answers {said!r}; expected {answer!r}")
    samples: defaultdict[str, list[float]] = defaultdict(list)
    batches = {name: _batch(engine, question) for name, engine in engines.items()}
    gc.collect()
    for number in range(rounds):
        progress(f"decisions, {', '.join(engines)}: round {number + 1} of {rounds}")
        for name, engine in engines.items():
            samples[name].append(_microseconds(engine, question, batches[name]))
    return dict(samples)


def _batch(engine: Engine, question: Question) -> int:
    """How many decisions fill an engine's turn."""
    count = 1
    while True:
        seconds = _microseconds(engine, question, count) * count / 1e6
        if seconds >= _SLICE_SECONDS / 4:
            return max(1, round(count * _SLICE_SECONDS / seconds))
        count *= 4


def _microseconds(engine: Engine, question: Question, count: int) -> float:
    decide_hook = engine.decide
    began = time.process_time_ns()
    for _ in range(count):
        decide_hook(question)
    return (time.process_time_ns() - began) / count / 1e3


def details() -> dict[str, Any]:
    """What the policies look like, for readers of the results."""
    return {
        case.name: {
            "policies": len(case.policies),
            "first": case.policies[0],
            "answer": case.answer,
        }
        for case in cases()
    }
