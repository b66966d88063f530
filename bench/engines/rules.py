"""The rules of the comparison, in no engine's language, and the hooks that they are asked about.

A rule denies; the first that applies decides. Hooks have every field, so that no engine's way with
a missing one matters, and numbers are whole, since not every engine has others.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final, Protocol

METHODS: Final = (
    *("connect", "publishStream", "playStream", "playHLS", "call"),
    *("hold", "transfer", "sendMessage", "OnCallEvent", "OnMessageEvent"),
)
"""Ten methods that can be refused."""


@dataclass(frozen=True, slots=True)
class StartsWith:
    """A field's text begins so."""

    field: str
    prefix: str


@dataclass(frozen=True, slots=True)
class MoreThan:
    """A field's number is larger than this."""

    field: str
    number: int


@dataclass(frozen=True, slots=True)
class OneOf:
    """A field's text is one of these."""

    field: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Is:
    """A field's truth value is this."""

    field: str
    truth: bool


type Term = StartsWith | MoreThan | OneOf | Is


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that denies.

    Attributes
    ----------
    match
        A field and the text that it must equal; none for any.
    when
        Terms that must all hold.
    """

    id: str
    method: str
    match: tuple[str, str] | None
    when: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """A hook.

    Attributes
    ----------
    body
        Its fields, as parsed: parsing is no part of a decision.
    text, raw
        What they were parsed from.
    """

    method: str
    body: dict[str, Any]
    text: str
    raw: bytes

    @classmethod
    def of(cls, method: str, body: dict[str, Any]) -> "Question":
        """A hook with such a body."""
        text = json.dumps(body, separators=(",", ":"))
        return cls(method, body, text, text.encode())


class Engine(Protocol):
    """Rules, loaded."""

    def decide(self, question: Question) -> str:
        """The id of the rule that denies; empty if none does."""
        ...


class LoadEngine(Protocol):
    """Loads rules into an engine."""

    def __call__(self, rules: Sequence[Rule]) -> Engine:
        """Give the engine with these rules."""
        ...


_KINDS: Final = 4


def ten_methods(match: tuple[str, str] | None = None) -> list[Rule]:
    """100 rules over ten methods, each with `match` and `when`.

    Parameters
    ----------
    match
        The same for all; by default each has a room of its own.
    """
    return [
        Rule(
            f"{method}-{number:03}", method, match or ("room", f"room-{number}"), _when(number, 10)
        )
        for method in METHODS
        for number in range(10)
    ]


def one_method() -> list[Rule]:
    """100 rules of one method, each with a `when` that nothing but evaluation can tell about."""
    return [
        Rule(f"publishStream-{number:03}", "publishStream", None, _when(number, 100))
        for number in range(100)
    ]


def exact(count: int) -> list[Rule]:
    """So many rules of one method, each for one stream's name."""
    return [
        Rule(f"publishStream-{number:06}", "publishStream", ("name", f"stream-{number}"), ())
        for number in range(count)
    ]


def question(method: str, name: str, room: str = "room-9") -> Question:
    """A hook like the vendor's example of publishStream."""
    return Question.of(
        method,
        {
            "nodeId": "Hw47CFMBEchVOpBMDr29IxjudnJ1sjOY@192.168.1.101",
            "appKey": "defaultApp",
            "sessionId": "/192.168.1.102:4388/192.168.1.101:8443",
            "mediaSessionId": "56141d10-fddc-11e6-ac3a-4d67d5b3360d",
            "name": name,
            "room": room,
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
        },
    )


def random_questions(rules: Sequence[Rule], count: int, seed: int = 1) -> list[Question]:
    """Hooks that meet rules in every way: some none, some one, some several."""
    random = Random(seed)  # noqa: S311 - the same hooks each time
    prefixes = [term.prefix for rule in rules for term in rule.when if type(term) is StartsWith]
    texts = [
        text for rule in rules for term in rule.when if type(term) is OneOf for text in term.texts
    ]
    matches = [rule.match[1] for rule in rules if rule.match is not None]
    questions = []
    for _ in range(count):
        asked = question(random.choice(rules).method, random.choice(prefixes or ["b"]) + "4e7")
        body = {
            **asked.body,
            "room": random.choice(matches or ["room-1"]),
            "bitrate": random.choice([0, 700, 5_000, 100_000]),
            "hasVideo": random.random() < 1 / 2,
            "status": random.choice([*texts, "PENDING"]),
        }
        if random.random() < 1 / 2:
            body["name"] = "b4e7"
        questions.append(Question.of(asked.method, body))
    return questions


def _when(number: int, count: int) -> tuple[Term, ...]:
    """What rules ask for differs; the last one's can be met by a stream's name alone."""
    kind = 0 if number == count - 1 else number % _KINDS
    prefix = StartsWith("name", f"private-{number:03}-")
    by_kind: tuple[tuple[Term, ...], ...] = (
        (prefix,),
        (MoreThan("bitrate", 1_000 * (1 + number)), Is("hasVideo", truth=True)),
        (OneOf("status", (f"HELD-{number}", f"LATE-{number}")),),
        (prefix, Is("hasVideo", truth=True)),
    )
    return by_kind[kind]


LAST_OF_TEN: Final = "private-009-b4e7"
"""The name that the last of a method's ten rules denies."""

LAST_OF_HUNDRED: Final = "private-099-b4e7"
"""Likewise of a hundred."""
