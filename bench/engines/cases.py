"""What engines are compared by: rules, and a hook that is decided again and again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bench.engines import rules
from bench.engines.rules import Question, Rule

_ALL_MATCH: Final = ("mediaProvider", "WebRTC")


@dataclass(frozen=True, slots=True)
class Case:
    """Rules, and the hook that is decided again and again.

    Attributes
    ----------
    name
        In figures.
    answer
        The id of the rule that denies the hook.
    """

    name: str
    rules: Sequence[Rule]
    question: Question
    answer: str


def cases() -> list[Case]:
    """What engines are compared by."""
    last_of_ten = rules.question("publishStream", rules.LAST_OF_TEN)
    return [
        # All ten of the method match, and each `when` is evaluated until the last one denies.
        Case(
            "ten-methods.all-match",
            rules.ten_methods(_ALL_MATCH),
            last_of_ten,
            "publishStream-009",
        ),
        # One of the ten matches: the index of exact values leaves the others out.
        Case("ten-methods.one-matches", rules.ten_methods(), last_of_ten, "publishStream-009"),
        Case(
            "one-method",
            rules.one_method(),
            rules.question("publishStream", rules.LAST_OF_HUNDRED),
            "publishStream-099",
        ),
    ]
