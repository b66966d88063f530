"""The attribute `lookup`: which rows of the operator's lists a policy looks up."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from wcs_hooks.core.cel.check import Checked
from wcs_hooks.core.policy.attributes import AttributeReader, listed, mapping_or_empty, shown
from wcs_hooks.core.policy.limit_reader import Limit
from wcs_hooks.core.policy.vocabulary import SYSTEM_ID_PREFIX

WANTED_OF_LOOKUP: Final = "an alias and its list and key, as ban: {list: bans, key: claims.sub}"
"""What to give for `lookup`."""

MAX_LOOKUPS: Final = 3
"""How many rows a policy looks up at most."""

MAX_LIST_BYTES: Final = 2048
"""The longest name of a list, in bytes of UTF-8: DynamoDB's limit for a partition key."""

_ALIAS: Final = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_KEYWORDS: Final = frozenset({"false", "in", "null", "true"})
"""Identifiers that CEL does not take for a field."""

_MEMBERS: Final = frozenset({"consistent", "key", "list"})


@dataclass(frozen=True, slots=True)
class Lookup:
    """A row that a policy looks up.

    Attributes
    ----------
    alias
        Its name in `rows`.
    list
        The list that it is in.
    key
        The expression that gives its key.
    consistent
        Whether the read is strongly consistent.
    """

    alias: str
    list: str
    key: Checked
    consistent: bool


def read_lookups(reader: AttributeReader) -> tuple[Lookup, ...]:
    """Read what a policy looks up, without what is wrong."""
    lookup = reader.mapping("lookup", WANTED_OF_LOOKUP)
    if len(lookup) > MAX_LOOKUPS:
        reader.error("lookup", f"looks up {len(lookup)} rows; at most {MAX_LOOKUPS} are possible")
    read = (_lookup(reader, alias, members) for alias, members in lookup.items())
    return tuple(one for one in read if one is not None)


def check_rows(
    reader: AttributeReader,
    when: Checked | None,
    compute: Mapping[str, Checked],
    limit: Limit | None,
) -> None:
    """Check that the rows which a policy's expressions refer to are those that it looks up."""
    aliases = mapping_or_empty(reader.item.get("lookup"))
    expressions = {f"compute.{name}": expression for name, expression in compute.items()}
    if when is not None:
        expressions["when"] = when
    if limit is not None:
        expressions.update(limit.expressions_by_attribute)
    seen: set[str] = set()
    for attribute, expression in expressions.items():
        rows = expression.rows
        if "rows" in expression.uses and not aliases:
            reader.error(
                attribute, f"uses rows, but nothing is looked up: give `lookup`, {WANTED_OF_LOOKUP}"
            )
            continue
        seen.update(aliases if rows is None else rows)
        for alias in sorted((rows or frozenset()) - aliases.keys()):
            reader.error(attribute, f"`lookup` has no alias {alias!r}{_near(alias, aliases)}")
    # An expression that does not compile may refer to any of them.
    if not reader.failed:
        for alias in sorted(aliases.keys() - seen):
            reader.warning(
                f"lookup.{alias}", f"is never read: no expression refers to rows.{alias}"
            )


def _lookup(reader: AttributeReader, alias: str, members: Any) -> Lookup | None:
    attribute = f"lookup.{alias}"
    if not _ALIAS.fullmatch(alias) or alias in _KEYWORDS:
        reader.error(
            attribute, "an alias must be an identifier, such as ban: expressions call it rows.ban"
        )
    if not isinstance(members, dict):
        reader.error(attribute, "must be a map: {list: …, key: …}")
        return None
    for name in sorted(members.keys() - _MEMBERS):
        instead = _near(name, _MEMBERS) or f"; known are {listed(_MEMBERS)}"
        reader.error(f"{attribute}.{name}", f"is not a member of a lookup{instead}")
    consistent = members.get("consistent", False)
    if not isinstance(consistent, bool):
        reader.error(f"{attribute}.consistent", f"{shown(consistent)} is neither true nor false")
    name = _list(reader, f"{attribute}.list", members.get("list"))
    key = _key(reader, f"{attribute}.key", members.get("key"))
    return None if name is None or key is None else Lookup(alias, name, key, consistent is True)


def _list(reader: AttributeReader, attribute: str, name: Any) -> str | None:
    if not isinstance(name, str) or not name:
        reader.error(attribute, "must be the name of a list, such as bans")
        return None
    if name.startswith(SYSTEM_ID_PREFIX):
        reader.error(
            attribute, f"a name that begins with {SYSTEM_ID_PREFIX} is the system's, not a list's"
        )
    if len(name.encode(errors="surrogatepass")) > MAX_LIST_BYTES:
        reader.error(attribute, f"a list's name can have {MAX_LIST_BYTES:,} bytes at most")
    return name


def _key(reader: AttributeReader, attribute: str, source: Any) -> Checked | None:
    if not isinstance(source, str) or not source.strip():
        reader.error(attribute, "must be an expression that gives the key, such as claims.sub")
        return None
    key = reader.expression(attribute, source)
    if key is None:
        return None
    if not key.may_be_text:
        reader.error(attribute, f"gives {key.returns}; it must give a string: convert it, string()")
    if "rows" in key.uses:
        reader.error(attribute, "uses rows, which are only read by this key")
    return key


def _near(name: str, known: Mapping[str, Any] | frozenset[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]!r}?" if near else ""
