"""Whether engines given the same rules say the same: else comparing their times means nothing."""

from collections.abc import Mapping, Sequence

from bench.engines.rules import Engine, Question


class DisagreementError(Exception):
    """Two engines answered a hook differently."""


def assert_agreement(engines: Mapping[str, Engine], questions: Sequence[Question]) -> None:
    """Ask all engines, and compare their answers with the first one's.

    Raises
    ------
    DisagreementError
        Naming the engine, the hook and both answers; or if all hooks have one answer, which would
        compare nothing.
    """
    first, *others = engines
    expected = [engines[first].decide(question) for question in questions]
    if len(set(expected)) < 2:  # noqa: PLR2004 - that many answers are two
        raise DisagreementError(f"all {len(questions)} hooks are answered {expected[:1]}")
    for name in others:
        for question, answer in zip(questions, expected, strict=True):
            said = engines[name].decide(question)
            if said != answer:
                raise DisagreementError(
                    f"{name} answers {said!r} where {first} answers {answer!r}: "
                    f"{question.method} {question.text}"
                )
