"""The targets, and how much of a run each of them has."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from verification.fuzz.mutation import JsonMutation
from verification.fuzz.target import Target
from verification.fuzz.targets.body import Body
from verification.fuzz.targets.caller import Caller
from verification.fuzz.targets.dead_letter import DeadLetter
from verification.fuzz.targets.decision import Decided
from verification.fuzz.targets.function import Function, GatewayEvent
from verification.fuzz.targets.operator import Operator
from verification.fuzz.targets.override import Override
from verification.fuzz.targets.policies import POOL, Policies
from verification.fuzz.targets.secrets import Secrets
from verification.fuzz.targets.size import Size
from verification.fuzz.targets.token import Token
from wcs_hooks.core.policy.reader import ATTRIBUTES


@dataclass(frozen=True)
class Campaign:
    """How a target is fuzzed.

    Attributes
    ----------
    make
        Makes the target.
    promise
        What is checked, for people.
    share
        Its inputs among all, in parts of 1,000.
    longest
        The largest input, in bytes.
    mutation
        Changes of its own besides libFuzzer's.
    """

    make: Callable[[], Target]
    promise: str
    share: int
    longest: int = 8_192
    mutation: JsonMutation | None = None


CAMPAIGNS: Final[Mapping[str, Campaign]] = {
    "body": Campaign(
        Body,
        "parsed, or 400 or 413; as any JSON parser reads it; its bytes kept",
        210,
        mutation=JsonMutation(),
    ),
    "override": Campaign(
        Override,
        "exactly the named fields change, valid JSON comes out",
        150,
        mutation=JsonMutation(prefix=2),
    ),
    "decision": Campaign(
        Decided,
        "decided, twice with the same result, as a simple implementation of the contract decides",
        130,
        mutation=JsonMutation(prefix=2),
    ),
    "caller": Campaign(
        Caller, "accepted only with one of two secrets, from allowed addresses", 150
    ),
    "secrets": Campaign(
        Secrets,
        "no marked secret is kept or shown",
        100,
        mutation=JsonMutation(prefix=1),
    ),
    "function": Campaign(
        Function,
        "a signed hook: no 5xx, no field lost, log, bus and errors without secrets",
        80,
        mutation=JsonMutation(prefix=2),
    ),
    "gateway-event": Campaign(
        GatewayEvent,
        "any event of the gateway: a defined answer",
        40,
        longest=16_384,
        mutation=JsonMutation(),
    ),
    "token": Campaign(
        Token,
        "no 5xx, no hook let in by a token that nobody signed, none in a log or an error",
        40,
    ),
    "policies": Campaign(
        Policies,
        "compiled, or rejected by policy and attribute with the last version still active",
        40,
        mutation=JsonMutation(prefix=1, pool=POOL, names=sorted(ATTRIBUTES)),
    ),
    "dead-letter": Campaign(
        DeadLetter,
        "kept and read back: the same bytes",
        58,
        mutation=JsonMutation(prefix=1),
    ),
    "operator": Campaign(
        Operator,
        "wcsctl: odd files, tables, logs and terminals are shown or refused, and never obeyed",
        50,
        mutation=JsonMutation(prefix=2, pool=POOL, names=sorted(ATTRIBUTES)),
    ),
    "size": Campaign(Size, "up to 1 MiB of anything, repeatedly: the same as `function`", 2),
}
"""By name, in the order of the report."""
