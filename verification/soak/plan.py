"""What is to go wrong, and when: written down before the first hook is sent, by a seed."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from verification.soak.faults import READS, WRITES, Fault, How, Place
from wcs_hooks.core.methods import Category

LEAD_IN: Final = 4.0
"""Seconds at the beginning and at the end of the main phase in which nothing is let in."""

_LENGTH: Final = (5.0, 9.0)
_GAP: Final = (3.0, 6.0)
_KILL_EVERY: Final = (12.0, 25.0)
_EDIT_EVERY: Final = 11.0
_COLD_SHARE: Final = 0.35

_WITH_ANSWER: Final = (How.THROTTLED, How.FAILING, How.HANGING, How.REFUSED)
_SECRET_AFTERMATH: Final = 6.0


@dataclass(frozen=True, slots=True)
class Window:
    """A time in which calls fail.

    Attributes
    ----------
    at
        When it begins, in seconds from the main phase's beginning.
    cold
        Whether the functions' workers are killed just after its beginning, so that hooks meet cold
        starts: what a warm function remembers serves it for a while.
    """

    at: float
    seconds: float
    faults: tuple[Fault, ...]
    cold: bool = False

    @property
    def name(self) -> str:
        """In words."""
        return " and ".join(fault.name for fault in self.faults) + (", cold" if self.cold else "")


@dataclass(frozen=True, slots=True)
class Kill:
    """A worker of a category's function is killed, whatever it is doing."""

    at: float
    category: Category


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit of a policy: a good one, or one that does not compile."""

    at: float
    good: bool


@dataclass(frozen=True, slots=True)
class Rotation:
    """The secret is rotated: when a new one is made, when WCS gets it, when the old one ends."""

    rotate: float
    tell_wcs: float
    finish: float


@dataclass(frozen=True, slots=True)
class Plan:
    """All that happens in the main phase, besides the traffic.

    Attributes
    ----------
    seconds
        The main phase's length.
    redeploy
        When the stack is deployed again, with a changed setting.
    """

    seed: int
    seconds: float
    windows: tuple[Window, ...]
    kills: tuple[Kill, ...]
    edits: tuple[Edit, ...]
    rotation: Rotation
    redeploy: float

    @classmethod
    def from_seed(cls, seed: int, seconds: float) -> "Plan":
        """Write a plan: the same seed and length give the same.

        Examples
        --------
        >>> plan = Plan.from_seed(1, 600)
        >>> plan == Plan.from_seed(1, 600), plan == Plan.from_seed(2, 600)
        (True, False)
        """
        chance = random.Random(seed)
        rotation = Rotation(seconds * 0.55, seconds * 0.55 + 5, seconds * 0.55 + 15)
        return cls(
            seed,
            seconds,
            tuple(_windows(chance, seconds, rotation)),
            tuple(_kills(chance, seconds)),
            tuple(_edits(seconds)),
            rotation,
            seconds * 0.4,
        )

    def to_json(self) -> dict[str, Any]:
        """For the record."""
        return {
            "seed": self.seed,
            "seconds": self.seconds,
            "windows": [
                {"at": round(one.at, 1), "seconds": round(one.seconds, 1), "faults": one.name}
                for one in self.windows
            ],
            "kills": [{"at": round(one.at, 1), "function": one.category} for one in self.kills],
            "edits": [{"at": round(one.at, 1), "good": one.good} for one in self.edits],
            "rotation": {
                "rotate": round(self.rotation.rotate, 1),
                "tellWcs": round(self.rotation.tell_wcs, 1),
                "finish": round(self.rotation.finish, 1),
            },
            "redeploy": round(self.redeploy, 1),
        }


def fault_sets() -> Sequence[tuple[Fault, ...]]:
    """All that can go wrong at a time, but for queue and table both refusing letters."""
    return [
        *((Fault(Place.SNAPSHOTS, how),) for how in How),
        *((Fault(Place.SESSIONS, how, READS),) for how in How),
        *((Fault(Place.SESSIONS, how, WRITES),) for how in How),
        *((Fault(Place.SECRET, how),) for how in _WITH_ANSWER),
        *((Fault(Place.BUS, how),) for how in _WITH_ANSWER),
        # The queue refuses what it is sent first, while there is something to send; the SDK's
        # second try goes through.
        *(
            (Fault(Place.SESSIONS, How.FAILING), Fault(Place.QUEUE, how, first_attempts=True))
            for how in (How.THROTTLED, How.FAILING, How.REFUSED)
        ),
        # It takes nothing at all: the table does.
        *((Fault(Place.SESSIONS, How.FAILING), Fault(Place.QUEUE, how)) for how in How),
        # The table is not needed while the queue takes letters.
        (Fault(Place.SESSIONS, How.FAILING), Fault(Place.LETTERS, How.FAILING)),
    ]


QUEUE_REFUSES: Final = (Fault(Place.SESSIONS, How.FAILING), Fault(Place.QUEUE, How.FAILING))
"""The phase after the main one: the queue takes nothing, and the table takes it all."""

BOTH_REFUSE: Final = (*QUEUE_REFUSES, Fault(Place.LETTERS, How.FAILING))
"""The last phase: nothing can be kept, and each hook that is lost must be counted."""


def _windows(chance: random.Random, seconds: float, rotation: Rotation) -> Iterator[Window]:
    at = LEAD_IN
    sets: list[tuple[Fault, ...]] = []
    while True:
        length = chance.uniform(*_LENGTH)
        if at + length > seconds - LEAD_IN:
            return
        if not sets:
            sets = list(fault_sets())
            chance.shuffle(sets)
        rotating = rotation.rotate - _SECRET_AFTERMATH < at + length and (
            at < rotation.finish + _SECRET_AFTERMATH
        )
        # A rotation that the functions cannot read is not a rotation.
        chosen = next(
            (one for one in sets if not (rotating and one[0].place is Place.SECRET)), None
        )
        if chosen is None:
            at = rotation.finish + _SECRET_AFTERMATH
            continue
        sets.remove(chosen)
        # A warm function does not ask for the secret for a minute.
        always = chosen[0].place is Place.SECRET
        sometimes = chosen[0].place is Place.SNAPSHOTS and chance.random() < _COLD_SHARE
        yield Window(at, length, chosen, cold=always or sometimes)
        at += length + chance.uniform(*_GAP)


def _kills(chance: random.Random, seconds: float) -> Iterator[Kill]:
    at = LEAD_IN
    while (at := at + chance.uniform(*_KILL_EVERY)) < seconds - LEAD_IN:
        yield Kill(at, chance.choice(list(Category)))


def _edits(seconds: float) -> Iterator[Edit]:
    at = LEAD_IN
    good = True
    while (at := at + _EDIT_EVERY) < seconds - LEAD_IN:
        yield Edit(at, good)
        good = not good
