"""The attributes of an item of the Policies table, read one by one, each with its own findings."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

from wcs_hooks.core.cel.check import Checked, check
from wcs_hooks.core.cel.expression import ExpressionError
from wcs_hooks.core.payload import encode
from wcs_hooks.core.policy.vocabulary import Finding, Severity

_MAX_NESTING: Final = 32
_SHOWN: Final = 80
_MAY_BE_EMPTY: Final = frozenset({"app", "id", "note", "reason"})


class AttributeReader:
    """Reads the attributes of one item, and notes what is wrong with them.

    What is wrong is replaced by something that is not, so that all mistakes show at once.

    Parameters
    ----------
    item
        Attribute to value, in the types that `json` gives.

    Attributes
    ----------
    item
        The same without those that were left blank.
    empty
        The names of these.
    findings
        What is wrong.
    """

    def __init__(self, item: Mapping[str, Any]) -> None:
        self.id = str(item.get("id", ""))
        self.findings: list[Finding] = []
        # What is empty must not pass for what is not there: a condition would hold for every hook.
        self.empty = frozenset(name for name, value in item.items() if _is_empty(name, value))
        self.item = {name: value for name, value in item.items() if name not in self.empty}

    @property
    def failed(self) -> bool:
        """Whether anything was found that keeps the policy out of force."""
        return any(finding.severity is Severity.ERROR for finding in self.findings)

    def names(self, attribute: str) -> tuple[str, ...]:
        """The field names of a comma-separated text; none where it is absent."""
        text = self.item.get(attribute)
        if text is None:
            return ()
        names = text.split(",") if isinstance(text, str) else [""]
        if not all(re.fullmatch(r"\S+", name) for name in names):
            self.error(attribute, "must be top-level field names, comma-separated, without blanks")
        return tuple(names)

    def choice(self, attribute: str, choices: tuple[str, ...]) -> str:
        """One of a few texts; empty where it is absent, or no such."""
        value = self.item.get(attribute)
        if value is None:
            return ""
        if value not in choices:
            self.error(attribute, f"{shown(value)} is not among {listed(choices)}")
            return ""
        return str(value)

    def one_of[E: StrEnum](self, attribute: str, kind: type[E], default: E | None) -> E | None:
        """A member of an enumeration, `default` where it is absent; none if there is no such."""
        value = self.item.get(attribute, default)
        if value is None:
            self.error(attribute, f"is required: one of {listed(kind)}")
        elif value not in list(kind):
            self.error(attribute, f"{shown(value)} is not among {listed(kind)}")
        else:
            return kind(value)
        return None

    def number(self, attribute: str, default: int, least: int, most: int) -> int | float:
        """A number between two others, both included; `default` where it is absent, or no such."""
        value = self.item.get(attribute, default)
        if isinstance(value, Decimal):
            self.error(attribute, f"{value} has too many digits; give at most 15")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.error(attribute, f"{shown(value)} is not a number")
        elif not least <= value <= most:
            self.error(attribute, f"{value} is not between {least} and {most}")
        else:
            return value
        return default

    def text(self, attribute: str, longest: int | None) -> str:
        """A text of so many characters at most; empty where it is absent, or no such."""
        value = self.item.get(attribute, "")
        if not isinstance(value, str):
            self.error(attribute, f"{shown(value)} is not a string")
        elif longest is not None and len(value) > longest:
            self.error(attribute, f"has {len(value):,} characters; at most {longest:,} are sent")
        else:
            return value
        return ""

    def truth(self, attribute: str) -> bool:
        """True or false; false where it is absent, or no such."""
        value = self.item.get(attribute, False)
        if not isinstance(value, bool):
            self.error(attribute, f"{shown(value)} is neither true nor false")
            return False
        return value

    def instant(self, attribute: str) -> float | None:
        """A time, in seconds since the epoch; none where it is absent, or no such."""
        value = self.item.get(attribute)
        if value is None:
            return None
        try:
            instant = datetime.fromisoformat(value)
        except (TypeError, ValueError):
            self.error(
                attribute, f"{shown(value)} is not an ISO 8601 time; write 2030-01-31T18:00:00Z"
            )
            return None
        return instant.replace(tzinfo=instant.tzinfo or UTC).timestamp()

    def mapping(self, attribute: str, what: str) -> dict[str, Any]:
        """A map; empty where it is absent, or no such. `what` says what it is to hold."""
        value = self.item.get(attribute)
        if value is not None and not isinstance(value, dict):
            self.error(attribute, f"must be a map: {what}")
        return mapping_or_empty(value)

    def expression(self, attribute: str, source: object) -> Checked | None:
        """A checked expression; none where it is absent, or does not compile."""
        if source is None:
            return None
        if not isinstance(source, str):
            self.error(attribute, f"{shown(source)} is not an expression: it must be a string")
            return None
        try:
            return check(source)
        except ExpressionError as error:
            self.error(attribute, str(error))
            return None

    def json(self, attribute: str, value: Any) -> str | None:
        """The JSON text of a value; none where it has none."""
        if _nesting(value) > _MAX_NESTING:
            self.error(attribute, f"is nested deeper than {_MAX_NESTING} levels")
            return None
        try:
            text = encode(value)
            text.encode()
        except ValueError:
            self.error(attribute, f"{shown(value)} is not a JSON value")
            return None
        return text

    def error(self, attribute: str, message: str) -> None:
        """Note an error of an attribute."""
        self.findings.append(Finding(Severity.ERROR, self.id, attribute, message))

    def warning(self, attribute: str, message: str) -> None:
        """Note a warning about an attribute."""
        self.findings.append(Finding(Severity.WARNING, self.id, attribute, message))


def _is_empty(attribute: str, value: object) -> bool:
    """Whether an attribute was left blank."""
    if attribute in _MAY_BE_EMPTY:
        return value is None
    blank = isinstance(value, str) and not value.strip()
    return value is None or blank or (isinstance(value, dict | list) and not value)


def as_list(value: object) -> list[Any]:
    """The value itself if it is a list, else a list of it; of none an empty one."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def mapping_or_empty(value: object) -> dict[str, Any]:
    """The value itself if it is a map, else an empty one."""
    return value if isinstance(value, dict) else {}


def _nesting(value: object) -> int:
    depth = 0
    level = [value]
    while level and depth <= _MAX_NESTING:
        depth += 1
        level = [
            inner
            for outer in level
            if isinstance(outer, dict | list)
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
    return depth


def listed(names: Iterable[str]) -> str:
    """Names in their order, for people."""
    return ", ".join(sorted(str(name) for name in names))


def shown(value: object) -> str:
    """A value as a message shows it: not at length."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
