"""The decision alone: ours beside other engines, on the same rules and the same hooks.

CPU time of this process for a decision, the hook's body parsed beforehand. Engines take turns, many
rounds. Each must give the answers that ours gives, or nothing is measured.
"""

import gc
import time
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, Final

from bench.engines import rules
from bench.engines.agreement import assert_agreement
from bench.engines.all import ENGINES, OURS
from bench.engines.cases import cases
from bench.engines.ours import Ours
from bench.engines.rules import Engine, Question
from bench.figures import Figures
from bench.progress import Progress
from bench.samples import paired_ratios

ROUNDS: Final = 30
_SLICE_SECONDS: Final = 0.05
"""CPU seconds for which an engine decides before the next one has its turn."""

_QUESTIONS: Final = 500
_FEW: Final = 100
_MANY: Final = 100_000


def measure_decisions(progress: Progress, rounds: int = ROUNDS) -> Figures:
    """Compare the engines.

    The figures are `decision.<case>.<engine>` (us), `decision.<case>.<engine>.ratio` to ours, and
    for ours alone `decision.exact.{100,100000}` with their `ratio`.

    Raises
    ------
    DisagreementError
        If an engine gives another answer than ours.
    """
    figures = Figures()
    for case in cases():
        progress(f"decisions, {case.name}: do the engines agree?")
        engines = {name: load(case.rules) for name, load in ENGINES.items()}
        assert_agreement(engines, rules.random_questions(case.rules, _QUESTIONS))
        _expect(case.answer, engines, case.question)
        samples = _in_turn(engines, case.question, rounds, progress, case.name)
        for name, measurements in samples.items():
            figures.add(f"decision.{case.name}.{name}", "us", measurements)
            if name != OURS:
                ratios = paired_ratios(measurements, samples[OURS])
                figures.add(f"decision.{case.name}.{name}.ratio", "x", ratios)
    return figures | _exact(progress, rounds)


def _exact(progress: Progress, rounds: int) -> Figures:
    """Policies of one method with a `match` each: few, and a thousand times as many."""
    progress(f"decisions, {_MANY:,} policies: compiling")
    engines: dict[str, Engine] = {str(count): Ours(rules.exact(count)) for count in (_FEW, _MANY)}
    question = rules.question("publishStream", f"stream-{_FEW - 1}")
    _expect("publishStream-000099", engines, question)
    samples = _in_turn(engines, question, rounds, progress, "exact")
    figures = Figures()
    for name, measurements in samples.items():
        figures.add(f"decision.exact.{name}", "us", measurements)
    ratios = paired_ratios(samples[str(_MANY)], samples[str(_FEW)])
    figures.add("decision.exact.ratio", "x", ratios)
    return figures


def _expect(answer: str, engines: Mapping[str, Engine], question: Question) -> None:
    for name, engine in engines.items():
        said = engine.decide(question)
        if said != answer:
            raise ValueError(f"{name} answers {said!r}, where {answer!r} is expected")


def _in_turn(
    engines: Mapping[str, Engine],
    question: Question,
    rounds: int,
    progress: Progress,
    what: str,
) -> dict[str, list[float]]:
    """Microseconds of CPU a decision, by engine, a measurement each round."""
    samples: defaultdict[str, list[float]] = defaultdict(list)
    batches = {name: _batch(engine, question) for name, engine in engines.items()}
    gc.collect()
    for number in range(rounds):
        progress(f"decisions, {what}, round {number + 1} of {rounds}")
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
    decide = engine.decide
    began = time.process_time_ns()
    for _ in range(count):
        decide(question)
    return (time.process_time_ns() - began) / count / 1e3


def details() -> dict[str, Any]:
    """What the rules look like, for whoever reads the results."""
    return {
        case.name: {"rules": len(case.rules), "first": str(case.rules[0]), "answer": case.answer}
        for case in cases()
    }
