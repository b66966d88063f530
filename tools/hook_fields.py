"""Writes `docs/reference/hook-fields.md` from `wcs_hooks.core.hook_fields`: `make reference`."""

from collections.abc import Iterator
from typing import Final

from tools.locations import DOCS
from tools.markdown import table
from wcs_hooks.core.hook_fields import FIELDS, FieldKind
from wcs_hooks.core.methods import METHODS, Category, spellings_of

FILE: Final = DOCS / "reference" / "hook-fields.md"

_INTRODUCTION: Final = """\
# Fields of hooks

<!-- Written by `make reference`; edit functions/wcs_hooks/core/hook_fields.py instead. -->

The top-level fields that WCS's hooks are known to have, by method: what policies read as `body`,
name in `match`, and set. No hook has all of them, and WCS may send others, which policies can use
too. A policy that refers to a field which may be missing asks first (`has(body.record)`), or says
by `whenError` what a missing one means.

Fields in the column *other* are objects or lists, or of a type that varies. `custom` is what the
client says of itself; in `session` some fields are missing ([sessions](expressions.md#session)).
"""


_EVERYWHERE: Final = [
    name for name in FIELDS["connect"] if all(name in fields for fields in FIELDS.values())
]


def text() -> str:
    """The whole file."""
    names = ", ".join(f"`{name}`" for name in _EVERYWHERE)
    head = ("methods", *(kind if kind is not FieldKind.ANY else "other" for kind in FieldKind))
    parts = [_INTRODUCTION, f"Every hook has {names}, which are strings.\n"]
    for category in Category:
        parts += [f"## {category.capitalize()}\n", table(head, _rows(category)) + "\n"]
    return "\n".join(parts).rstrip() + "\n"


def _rows(category: Category) -> Iterator[tuple[str, ...]]:
    """Methods that have the same fields, and these by their kind."""
    alike: dict[frozenset[tuple[str, FieldKind]], list[str]] = {}
    for method, fields in FIELDS.items():
        if METHODS[method].category is category:
            alike.setdefault(frozenset(fields.items()), []).append(method)
    for methods in alike.values():
        own = [one for one in FIELDS[methods[0]].items() if one[0] not in _EVERYWHERE]
        spelt = [name for method in methods for name in spellings_of(method)]
        by_kind = [[name for name, one in own if one is kind] for kind in FieldKind]
        yield tuple(", ".join(f"`{name}`" for name in names) for names in (spelt, *by_kind))


def main() -> None:
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    main()
