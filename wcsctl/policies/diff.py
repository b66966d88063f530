"""What differs between two sets of policies, attribute by attribute."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from strict_yaml import plain
from wcsctl.policies.yaml import in_order

_KEYS: Final = ("app", "id")

type Item = Mapping[str, Any]
type ChangeKind = Literal["added", "removed", "changed"]


@dataclass(frozen=True, slots=True)
class PolicyChange:
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
    def kind(self) -> ChangeKind:
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
        result: dict[str, Any] = {"app": self.app, "id": self.id, "change": self.kind}
        result["attributes"] = {
            name: {
                side: plain(value)
                for side, value in (("before", old), ("after", new))
                if value is not ABSENT
            }
            for name, old, new in self.attributes()
        }
        return result


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
) -> list[PolicyChange]:
    """What turns one set of policies, by app and id, into the other.

    Parameters
    ----------
    delete
        Whether what `after` does not have goes.
    """
    changes: list[PolicyChange] = []
    for app in sorted(before.keys() | after.keys()):
        old, new = before.get(app, {}), after.get(app, {})
        for item_id in sorted(old.keys() | new.keys()):
            was, will = old.get(item_id), new.get(item_id)
            if (was is None or will is None or not same(was, will)) and (delete or will):
                changes.append(PolicyChange(app, item_id, was, will))
    return changes


def compare_managed(
    apps: Mapping[str, Mapping[str, Item]],
    wanted: Mapping[str, Mapping[str, Item]],
    *,
    delete: bool,
) -> tuple[list[PolicyChange], dict[str, list[str]]]:
    """Return the changes in the apps that are wanted, and the policies of the other apps."""
    managed = {name: apps.get(name, {}) for name in wanted}
    others = {name: sorted(items) for name, items in apps.items() if items and name not in wanted}
    return compare(managed, wanted, delete=delete), others
