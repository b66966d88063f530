"""Expressions in the Common Expression Language, run by Google's own runtime.

https://github.com/cel-expr/cel-python (`cel-expr-python`). An expression is type-checked when a
policy is compiled (`wcs_hooks.core.cel.check`), stored in its checked form, and only
evaluated when a hook arrives.

What trials showed of the runtime, and what is done about it: values nested 10,000 deep crash the
process, so `wcs_hooks.core.payload` refuses bodies deeper than 64; a lone surrogate raises and a
NUL cuts a string off, so `Payload.expression_fields` replaces both; integers beyond 64 bits raise,
so they are floats there. Its own bounds (32 levels of nesting in an expression, an iteration
budget, RE2) count steps, and not what a step costs: `contains` on two texts of half a MiB takes a
second, hence `MAX_VISIBLE_BYTES`; for patterns, see `wcs_hooks.core.cel.patterns`.

The functions only read expressions that the compiler function compiled. An environment that has
compiled nothing does not know the types of its variables: it takes a value for what its Python type
says, and has no such type for a `datetime` (`bind`). Time zones are files, of which
`wcs_hooks.core.cel.time_zones` takes care.
"""

import base64
import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from cel_expr_python import cel

VARIABLES: Final = (
    *("method", "category", "app", "stream", "clientAddress", "body", "session", "now", "known"),
    *("connectedAt", "token", "claims", "rows"),
)
"""What an expression may refer to. `wcs_hooks.core.decision` binds them."""

FIELD_OF: Final[Mapping[str, str]] = {
    "app": "appKey",
    "clientAddress": "sessionId",
    "stream": "name",
}
"""Variables that are made of one field of the body, each with that field."""

OF_SESSION: Final = frozenset({"session", "known", "connectedAt"})
"""Variables for which the hook's session is read."""

_TIMESTAMPS: Final = frozenset({"now", "connectedAt"})

MAX_VISIBLE_BYTES: Final = 65_536
"""The most that an expression sees of a body, in bytes of JSON: the fields that it refers to. Where
these have more it has no value, so that `whenError` decides: a client who sends much gets past no
denial. Hooks are 0.3 to 4 KB."""

MAX_VISIBLE_VALUES: Final = 500
"""The most values that these fields may hold, at all depths; the same limit holds for the session.
`map` and `filter` copy what they have so far for each element: of a list of 9,000 they make 1.3 GB.
Hooks hold some 30 values."""

_TAKES_TIME_ZONE: Final = b"_with_tz"
"""In the names of the overloads that take a time zone, `timestamp_to_hours_with_tz` and its like,
which a checked expression lists."""

# The last two are raised if memory cannot be allocated, and for a string that is not valid text.
_NO_VALUE: Final = (RuntimeError, MemoryError, SystemError)
_JSON_TYPES: Final = frozenset({"BOOL", "DOUBLE", "DYN", "INT", "NULL", "STRING", "UINT"})


OF_NOTHING: Final = "Applying SELECT to non-message type"
"""The runtime's message where a field is read from null, or from anything else without fields."""


class ExpressionError(Exception):
    """An expression that does not compile, or that has no value for this hook."""


class Expression:
    """A checked expression, read back from its serialized form when it is first evaluated.

    Attributes
    ----------
    sees
        The fields of the body that it can see; none if it can see all of it.
    rows
        The aliases of the policy's `lookup` that it can see.

    Examples
    --------
    >>> from wcs_hooks.core.cel.check import check
    >>> checked = check("body.name.startsWith('private-')")
    >>> hook = bind(method="publishStream", body={"name": "private-1"})
    >>> Expression(checked.serialized).is_true(hook)
    True
    """

    __slots__ = ("_program", "_serialized", "rows", "sees")

    def __init__(
        self, serialized: str, sees: Sequence[str] | None = None, rows: Sequence[str] = ()
    ) -> None:
        self._serialized = serialized
        self.sees = sees
        self.rows = rows
        self._program: cel.Expression | None = None

    def is_true(self, activation: "cel.Activation") -> bool:
        """Whether it holds.

        Raises
        ------
        ExpressionError
            If it has no value for this hook (a missing field, say), or one that is not a boolean.
        """
        try:
            value = (self._program or self._load()).eval(activation).value()
        except _NO_VALUE as error:
            raise ExpressionError(plain(str(error))) from error
        if value is True or value is False:
            return value
        raise ExpressionError(_no_value(value, "a boolean"))

    def json_value(self, activation: "cel.Activation") -> Any:
        """Its value, as `json` has it.

        Raises
        ------
        ExpressionError
            If it has no value for this hook, or one that JSON does not have.
        """
        try:
            value = (self._program or self._load()).eval(activation)
            native = value.plain_value()
        except _NO_VALUE as error:
            raise ExpressionError(plain(str(error))) from error
        kind = value.type().name()
        if not may_be_json(kind):
            raise ExpressionError(_no_value(native, "a JSON value"))
        return native

    def text_value(self, activation: "cel.Activation") -> str:
        """Its value, which must be a string.

        Raises
        ------
        ExpressionError
            If it has no value for this hook, or one that is not a string.
        """
        value = self.json_value(activation)
        if type(value) is not str:
            raise ExpressionError(_no_value(value, "a string"))
        return value

    def says(self, text: str) -> bool:
        """Whether a text is in the expression itself: as the name of a field, or a literal."""
        encoded = text.encode()
        # In Protobuf a text stands behind its length, which has one byte up to 127.
        length = bytes([len(encoded)]) if len(encoded) < 128 else b""  # noqa: PLR2004
        return bool(length) and length + encoded in base64.b64decode(self._serialized)

    def _load(self) -> "cel.Expression":
        self._program = read_back(base64.b64decode(self._serialized))
        return self._program


def read_back(serialized: bytes) -> "cel.Expression":
    """Read a checked expression, ready to be evaluated.

    Raises
    ------
    RuntimeError
        If the runtime cannot read it.
    """
    if _TAKES_TIME_ZONE in serialized:
        # Imported here because hardly any policy asks for a time zone.
        from wcs_hooks.core.cel import time_zones  # noqa: PLC0415

        time_zones.provide()
    from wcs_hooks.core.cel.functions import STRING_FUNCTIONS  # noqa: PLC0415

    strings = any(one.encode() in serialized for one in STRING_FUNCTIONS.values())
    return environment(strings=strings).deserialize(serialized)


def bind(**variables: object) -> "cel.Activation":
    """The hook that expressions are evaluated on: values for `VARIABLES`."""
    has_timestamp = not _TIMESTAMPS.isdisjoint(variables)
    return (_typed_environment() if has_timestamp else environment()).Activation(variables)


@cache
def environment(without: str = "", *, strings: bool = False) -> "cel.Env":
    """What expressions are compiled, read back and evaluated in.

    Parameters
    ----------
    without
        One of `VARIABLES` that is not declared there.
    strings
        Whether it has `STRING_FUNCTIONS`.
    """
    # Imported here because a decision that needs no expression should not wait for it.
    from cel_expr_python import cel  # noqa: PLC0415

    from wcs_hooks.core.cel.functions import declarations  # noqa: PLC0415

    functions = declarations()
    if strings:
        from wcs_hooks.core.cel import string_functions  # noqa: PLC0415

        functions += string_functions.declarations()
    kind = cel.Type
    types = {
        "method": kind.STRING,
        "category": kind.STRING,
        "app": kind.STRING,
        "stream": kind.STRING,
        "clientAddress": kind.STRING,
        "body": kind.Map(kind.STRING, kind.DYN),
        "session": kind.DYN,
        "now": kind.TIMESTAMP,
        "known": kind.BOOL,
        "connectedAt": kind.TIMESTAMP,
        "token": kind.Map(kind.STRING, kind.STRING),
        "claims": kind.DYN,
        "rows": kind.Map(kind.STRING, kind.DYN),
    }
    return cel.NewEnv(
        variables={name: of for name, of in types.items() if name != without},
        functions=functions,
    )


@cache
def _typed_environment() -> "cel.Env":
    """Return `environment()`, made to know the types of its variables.

    The runtime looks at their declarations when it first compiles something, whatever that is. It
    takes a millisecond, so only a process that binds a timestamp does it.
    """
    known = environment()
    known.compile("true")
    return known


def plain(message: str) -> str:
    """Return the runtime's message without its status code, which is before and often after it.

    Examples
    --------
    >>> plain('NOT_FOUND: No value with name "connectedAt" found in Activation')
    'connectedAt has no value'
    """
    text = re.sub(r"^[A-Z_]+: (ERROR: )?|\s*\[[A-Z_]+\]$", "", message)
    return re.sub(r'^No value with name "(\w+)" found in Activation$', r"\1 has no value", text)


def _no_value(value: object, wanted: str) -> str:
    text = str(value)
    if re.match(r"[A-Z_]+: ", text):
        return plain(text)
    return f"gives {type(value).__name__}, where {wanted} is wanted"


def may_be_json(kind: str) -> bool:
    """Whether values of a type, by CEL's name, can be JSON's."""
    return kind in _JSON_TYPES or kind.startswith(("LIST", "MAP"))
