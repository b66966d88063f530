"""What differs between two sets of policies, attribute by attribute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rich.text import Text

from strict_yaml import plain
from wcsctl.policies.yaml import in_order, write

_MARKS: Final = {"added": "+", "removed": "-", "changed": "~"}
_STYLES: Final = {"added": "green", "removed": "red", "changed": "yellow"}
_KEYS: Final = ("app", "id")

type Item = Mapping[str, Any]
type Kind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class Change:
    """One policy that differs.

    Attributes
    ----------
    before, after
        Its attributes; none where it is not there.
    """

    app: str
    id: str
    before: Item | None
    after: Item | None

    @property
    def kind(self) -> Kind:
        """What happens to it."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    def attributes(self) -> Iterator[tuple[str, Any, Any]]:
        """The attributes that differ, with `ABSENT` where one is not there."""
        before, after = self.before or {}, self.after or {}
        for name in in_order({**before, **after}):
            old, new = before.get(name, ABSENT), after.get(name, ABSENT)
            if name not in _KEYS and not same(old, new):
                yield name, old, new

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        told: dict[str, Any] = {"app": self.app, "id": self.id, "change": self.kind}
        told["attributes"] = {
            name: {
                side: plain(value)
                for side, value in (("before", old), ("after", new))
                if value is not ABSENT
            }
            for name, old, new in self.attributes()
        }
        return told


class _Absent:
    __slots__ = ()


ABSENT: Final = _Absent()
"""In the place of an attribute that is not there."""


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal in the table's eyes: 1 is 1.0, but true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other)


def compare(
    before: Mapping[str, Mapping[str, Item]],
    after: Mapping[str, Mapping[str, Item]],
    *,
    delete: bool = True,
) -> list[Change]:
    """What turns one set of policies, by app and id, into the other.

    Parameters
    ----------
    delete
        Whether what `after` does not have goes.
    """
    changes: list[Change] = []
    for app in sorted(before.keys() | after.keys()):
        old, new = before.get(app, {}), after.get(app, {})
        for item_id in sorted(old.keys() | new.keys()):
            was, will = old.get(item_id), new.get(item_id)
            if (was is None or will is None or not same(was, will)) and (delete or will):
                changes.append(Change(app, item_id, was, will))
    return changes


def summary(changes: list[Change]) -> str:
    """How many are added, changed and removed."""
    counts = {kind: sum(change.kind == kind for change in changes) for kind in _MARKS}
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.items() if count) or "none"


def render(changes: list[Change], most: int | None = None) -> Text:
    """The changes for people, at most so many of them."""
    text = Text()
    shown = changes if most is None else changes[:most]
    for change in shown:
        style = _STYLES[change.kind]
        text.append(f"{_MARKS[change.kind]} {change.app} {change.id}", style=f"bold {style}")
        text.append(f"  ({change.kind})\n", style=style)
        for name, old, new in change.attributes():
            if old is not ABSENT:
                text.append(_lines("-", name, old), style="red")
            if new is not ABSENT:
                text.append(_lines("+", name, new), style="green")
    if len(shown) < len(changes):
        text.append(f"… and {len(changes) - len(shown):,} more\n")
    text.append(f"{len(changes):,} to change: {summary(changes)}" if changes else "No difference")
    return text


def _lines(mark: str, name: str, value: Any) -> str:
    written = write({name: value}).rstrip("\n")
    return "".join(f"    {mark} {line}\n" for line in written.split("\n"))
