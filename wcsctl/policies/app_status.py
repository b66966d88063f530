"""What the compiler says about an app: its `#status` item."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class AppStatus:
    """What an app's `#status` item says.

    Attributes
    ----------
    compiled_at
        ISO 8601; empty if it says nothing.
    errors, warnings
        Each with `policy`, `attribute` and `message`. At most
        `wcs_hooks.adapters.dynamo_policy_store.MAX_FINDINGS` of each are listed.
    error_count, warning_count
        How many there are, whether listed or not.
    """

    app: str
    version: int
    compiled_at: str
    ok: bool
    policies: int
    errors: Sequence[Mapping[str, str]] = ()
    warnings: Sequence[Mapping[str, str]] = ()
    error_count: int = 0
    warning_count: int = 0
    pinned: int | None = None

    @classmethod
    def from_item(cls, app: str, item: Mapping[str, Any]) -> "AppStatus":
        """Read the item, which is empty before the compiler's first word."""
        errors, warnings = _findings(item.get("errors")), _findings(item.get("warnings"))
        pinned = item.get("pinned")
        return cls(
            app,
            _count(item.get("version"), 0),
            _moment(item.get("compiledAt")),
            bool(item.get("ok", False)),
            _count(item.get("policies"), 0),
            errors,
            warnings,
            _count(item.get("errorCount"), len(errors)),
            _count(item.get("warningCount"), len(warnings)),
            None if pinned is None else _count(pinned, 0),
        )

    @property
    def error_texts(self) -> list[str]:
        """Each listed error in one line.

        Examples
        --------
        >>> found = {"policy": "p", "attribute": "", "message": "is wrong"}
        >>> AppStatus.from_item("school", {"errors": [found]}).error_texts
        ['p: is wrong']
        """
        return [
            ": ".join(part for part in (one["policy"], one["attribute"], one["message"]) if part)
            for one in self.errors
        ]

    def without_warnings_about(self, attribute: str) -> "AppStatus":
        """The same without the listed warnings about an attribute."""
        warnings = [one for one in self.warnings if one["attribute"] != attribute]
        count = self.warning_count - (len(self.warnings) - len(warnings))
        return replace(self, warnings=warnings, warning_count=count)

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it, with the names that the item has."""
        return {
            "app": self.app,
            "version": self.version,
            "compiledAt": self.compiled_at,
            "ok": self.ok,
            "policies": self.policies,
            "errors": list(self.errors),
            "warnings": list(self.warnings),
            "errorCount": self.error_count,
            "warningCount": self.warning_count,
            "pinned": self.pinned,
        }


# Whoever may edit policies may write this item, too.


def _findings(given: object) -> list[dict[str, str]]:
    names = ("policy", "attribute", "message")
    return [
        {name: str(one.get(name, "")) for name in names}
        for one in (given if isinstance(given, list) else ())
        if isinstance(one, Mapping)
    ]


def _count(given: object, otherwise: int) -> int:
    return given if isinstance(given, int) else otherwise


def _moment(given: object) -> str:
    try:
        datetime.fromisoformat(given if isinstance(given, str) else "")
    except ValueError:
        return ""
    return str(given)
