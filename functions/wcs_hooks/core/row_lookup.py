"""The rows that policies look up for one hook."""

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wcs_hooks.core.cel.expression import OF_NOTHING, Expression, ExpressionError
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import MAX_KEY_BYTES, DamagedRow, Row, RowKey, Rows

_MISSING_KEY: Final = re.compile('Key not found in map : "(.*)"')
_NOT_A_TEXT: Final = re.compile(r"gives \w+, where a string is wanted")
_ROW: Final = "a row"
_NULL: Final = "null"


class PolicyRows(NamedTuple):
    """What a policy's expressions see of the lists.

    Attributes
    ----------
    values
        The variable `rows`: alias to the row, or none where there is none.
    missing
        Of each alias that has no value why; nothing of a row or a key is quoted.
    """

    values: Mapping[str, Mapping[str, Any] | None]
    missing: Mapping[str, str]

    def summary(self) -> Mapping[str, str]:
        """Of each alias whether there is a row, in words."""
        found = {alias: _NULL if row is None else _ROW for alias, row in self.values.items()}
        return found | {alias: f"no value: {why}" for alias, why in self.missing.items()}

    def reason(self, expression: Expression, message: str) -> str:
        """Why an expression that sees rows has no value, without quoting any of them.

        Parameters
        ----------
        message
            The runtime's, which may quote whatever it stumbled over.
        """
        for alias in expression.rows:
            if alias in self.missing:
                return f"rows.{alias} has no value: {self.missing[alias]}"
        null = [alias for alias, row in self.values.items() if row is None]
        if message == OF_NOTHING and null:
            row = f"rows.{null[0]}"
            return f"{message}; perhaps because {row} is null: did you mean {row} != null && …?"
        if len(null) == len(self.values) or _quotes_nothing(expression, message):
            return message
        return "has no value; the reason may quote a row, and is not shown"


class HookRows:
    """Reads rows for one hook, each once: what could not be read is not asked for again.

    Parameters
    ----------
    read
        Reads those that were not read yet.
    """

    __slots__ = ("_failed", "_known", "_read")

    def __init__(self, read: Rows) -> None:
        self._read = read
        self._known: dict[RowKey, Row] = {}
        self._failed: dict[RowKey, UnavailableError] = {}

    def rows(self, keys: Mapping[str, RowKey]) -> dict[str, Row]:
        """The rows of a policy, by alias, in one call.

        Raises
        ------
        UnavailableError
            If the store does not answer, or did not when it was asked for one of them before.
        """
        consistent = {key for key in keys.values() if key.consistent}
        wanted = [
            key
            for key in dict.fromkeys(keys.values())
            if key not in self._known and (key.consistent or _consistent(key) not in consistent)
        ]
        for key in wanted:
            if key in self._failed:
                raise self._failed[key]
        if wanted:
            try:
                found = self._read(wanted)
            except UnavailableError as error:
                self._failed |= _for_any_read(dict.fromkeys(wanted, error))
                raise
            self._known |= _for_any_read(found)
        return {alias: self._known[key] for alias, key in keys.items()}


def without_quotes(key: Expression, error: ExpressionError) -> ExpressionError:
    """Why the expression of a key has no value, without quoting what it was made of."""
    message = str(error)
    if _quotes_nothing(key, message) or _NOT_A_TEXT.fullmatch(message):
        return error
    return ExpressionError("the reason may quote it, and is not shown")


def _quotes_nothing(expression: Expression, message: str) -> bool:
    """Whether a message of the runtime quotes no value but what the expression itself says."""
    key = _MISSING_KEY.fullmatch(message)
    return message.startswith(OF_NOTHING) or (key is not None and expression.says(key[1]))


def wrong_key(key: str) -> str:
    """Say why no row can have a key; empty if one can."""
    if not key:
        return "its key is empty"
    size = len(key.encode())
    if size > MAX_KEY_BYTES:
        return f"its key has {size:,} bytes; at most {MAX_KEY_BYTES:,} are looked up"
    return ""


def policy_rows(rows: Mapping[str, Row], missing: Mapping[str, str]) -> PolicyRows:
    """What a policy sees of rows that were read.

    Parameters
    ----------
    missing
        Of each alias that has no key why.
    """
    damaged = {alias: row.reason for alias, row in rows.items() if isinstance(row, DamagedRow)}
    values = {alias: row for alias, row in rows.items() if not isinstance(row, DamagedRow)}
    return PolicyRows(values, {**missing, **damaged})


def _for_any_read[Found](found: Mapping[RowKey, Found]) -> dict[RowKey, Found]:
    """What came of reads; of a consistent one that will do for another, too."""
    return {**found, **{key._replace(consistent=False): one for key, one in found.items()}}


def _consistent(key: RowKey) -> RowKey:
    return key._replace(consistent=True)
