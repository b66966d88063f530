"""A hook's body: parsed for the policies, kept byte for byte for the reply.

WCS wants back exactly what it sent (`docs/reference/wcs-protocol.md`, section 3, rules 1, 2 and 5),
so nothing here re-serialises a body. An override is spliced into the text that was received.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate, islice
from json.scanner import make_scanner
from typing import TYPE_CHECKING, Any, Final

from wcs_hooks.core.policy.vocabulary import count_values, has_more_values_than

if TYPE_CHECKING:
    from decimal import Decimal

MAX_BODY_BYTES: Final = 1_048_576
"""The largest body that is processed, 1 MiB. WCS documents no maximum; hooks are 0.3 to 4 KB."""

MAX_DEPTH: Final = 64
"""The deepest nesting that is processed. The CEL runtime crashes on values nested 10,000 deep."""

_MOST_FIELDS: Final = 1_000
_MOST_VALUES: Final = 100
_LONGEST_TEXT: Final = 1_024
_INT64_DIGITS: Final = 19
_INT64_MAX: Final = 2**63 - 1
_EXACT_DIGITS: Final = 15
"""Two decimal numbers of so many digits are never the same double."""

_EXACT_INTEGER: Final = 2**53
_SMALLEST: Final = 1e-290
"""Below this doubles have fewer digits than that."""

MAX_NUMBER_DIGITS: Final = 38
"""How many significant digits a number of a policy has at most: DynamoDB keeps no more."""

_MOST_DIGITS: Final = 150
"""How far from the decimal point the digits of a policy's number can be: DynamoDB ends at 126."""
_WHITESPACE: Final = " \t\n\r"


class MalformedBodyError(Exception):
    """A body that is not a hook.

    Attributes
    ----------
    status
        The HTTP status of the reply: 413 for a body over `MAX_BODY_BYTES`, else 400.
    """

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class LongNumber(float):
    """A number that a double may not hold: the nearest double, and what was written."""

    __slots__ = ("_written",)

    _written: "str | Decimal | None"

    @property
    def exact(self) -> "Decimal | None":
        """Its value; none if no number of a policy can be equal to it."""
        if isinstance(self._written, str):
            # A client can send a million digits, and many policies may ask.
            self._written = _policy_number(self._written)
        return self._written


_LAST_LONG_NUMBER: Final[list[LongNumber | None]] = [None]
"""The one that was made last, by which `parse` knows whether a body has any."""


type _Measured = tuple[Any, int, int]


class Payload:
    """A body that was received, and its fields.

    Attributes
    ----------
    raw
        The bytes as they came.
    text
        The same, decoded.
    fields
        The top-level object. Of a name that occurs twice the last one counts, as in most parsers.
        An integer beyond 64 bits is a `LongNumber` here, and so is a fraction of many digits.
    """

    __slots__ = (
        "_expression_fields",
        "_has_long_numbers",
        "_is_foreign",
        "_visible",
        "fields",
        "raw",
        "text",
    )

    def __init__(
        self, raw: bytes, text: str, fields: dict[str, Any], *, has_long_numbers: bool = False
    ) -> None:
        self.raw = raw
        self.text = text
        self.fields = fields
        self._has_long_numbers = has_long_numbers
        self._is_foreign: bool | None = None
        self._expression_fields: dict[str, Any] | None = None
        self._visible: dict[str, _Measured] | None = None

    @property
    def app(self) -> str:
        """The hook's `appKey`; empty where it is absent or no string."""
        app = self.fields.get("appKey")
        return app if type(app) is str else ""

    @property
    def expression_fields(self) -> dict[str, Any]:
        """`fields` as expressions see them.

        The CEL runtime raises on a lone surrogate, which UTF-8 cannot hold, and cuts a string off
        at a NUL, so that a longer name would pass for a shorter one. Both read U+FFFD here. JSON
        can hold either only as an escape, so most bodies are seen as they are. A `LongNumber` is
        a plain float here.
        """
        if self._expression_fields is None:
            fields = self.fields
            self._expression_fields = representable(fields) if self._foreign() else fields
        return self._expression_fields

    def visible_fields(
        self, names: Iterable[str], max_bytes: int, max_values: int
    ) -> dict[str, Any] | None:
        """Some of the fields as expressions see them; none if these hold more than the limits.

        Parameters
        ----------
        names
            Of the fields, those that are not there included.
        max_bytes
            The most that they may have as JSON texts, in bytes of UTF-8.
        max_values
            The most values that they may hold, at all depths.
        """
        if self._visible is None:
            self._visible = {}
        found: dict[str, Any] = {}
        size = values = 0
        for name in names:
            if name not in self.fields:
                continue
            measured = self._visible.get(name)
            if measured is None:
                measured = self._visible[name] = self._measure(name, max_values)
            found[name] = measured[0]
            size += measured[1]
            values += measured[2]
            if size > max_bytes or values > max_values:
                return None
        return found

    def _measure(self, name: str, max_values: int) -> "_Measured":
        """A field as expressions see it, how large it is, and how many values it holds."""
        value = self.fields[name]
        values = 1 + count_values(value, max_values)
        if values > max_values:
            return None, 0, values
        if self._foreign():
            value = representable(value)
        # It writes infinite numbers too, as `Infinity`, which will do for the size.
        text = json.dumps({name: value}, ensure_ascii=False, separators=(",", ":"))
        return value, len(text.encode()), values

    def _foreign(self) -> bool:
        """Whether there may be something that the CEL runtime cannot hold."""
        if self._is_foreign is None:
            raw = self.raw
            self._is_foreign = self._has_long_numbers or (
                b"\\" in raw and (b"\\u0000" in raw or b"\\ud" in raw or b"\\uD" in raw)
            )
        return self._is_foreign

    def has_more_values_than(self, limit: int) -> bool:
        """Whether the body holds more values than that, at all depths."""
        # A value has a byte at the least, and a comma or a bracket before it.
        return len(self.raw) > 2 * limit and has_more_values_than(limit, self.fields)

    def with_fields(self, replacements: Mapping[str, str]) -> str:
        """The text with some top-level fields replaced or appended, as `replace_fields` does it.

        The parsed body shows which fields there are. A name that there is once as a text, and
        that no escape can spell otherwise, is the field's, so that nothing else need be read.
        """
        text = self.text
        found: list[tuple[int, int, str]] = []
        missing: dict[str, str] = {}
        for name, value in replacements.items():
            if name not in self.fields:
                missing[name] = value
                continue
            quoted = f'"{name}"'
            if not name.isidentifier() or "\\u" in text or text.count(quoted) != 1:
                return replace_fields(text, replacements)
            start = _after(":", text, text.index(quoted) + len(quoted))
            found.append((start, _end_of_value(text, start), value))
        pieces: list[str] = []
        copied = 0
        for start, end, value in sorted(found):
            pieces += (text[copied:start], value)
            copied = end
        pieces.append(text[copied:])
        return append_fields("".join(pieces), missing)

    def small_fields(self, limit: int) -> dict[str, Any]:
        """The fields as expressions see them; of a body of more bytes than that only small ones.

        They are texts of up to 1,024 characters, and values that hold up to 100 others; of many
        fields the first 1,000.
        """
        if len(self.raw) <= limit:
            return self.expression_fields
        small: dict[str, Any] = representable(
            {
                name: value
                for name, value in islice(self.fields.items(), _MOST_FIELDS)
                if not has_more_values_than(_MOST_VALUES, value)
                and (type(value) is not str or len(value) <= _LONGEST_TEXT)
                and len(name) <= _LONGEST_TEXT
            }
        )
        return small


def parse(raw: bytes) -> Payload:
    """Read a hook's body.

    Parameters
    ----------
    raw
        The request's body, UTF-8 JSON.

    Raises
    ------
    MalformedBodyError
        If it is larger than `MAX_BODY_BYTES`, not UTF-8, not JSON by RFC 8259, not an object, or
        nested deeper than `MAX_DEPTH`.

    Examples
    --------
    >>> parse(b'{"appKey": "live", "name": "b4e7"}').fields["name"]
    'b4e7'
    """
    if len(raw) > MAX_BODY_BYTES:
        raise MalformedBodyError(
            f"the body has {len(raw):,} bytes; at most {MAX_BODY_BYTES:,} are processed", 413
        )
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedBodyError(f"the body is not UTF-8 at byte {error.start}") from error
    # Few brackets cannot nest deeply, and counting them costs nothing.
    if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and nesting(raw) > MAX_DEPTH:
        raise MalformedBodyError(f"the body is nested deeper than {MAX_DEPTH} levels")
    try:
        before = _LAST_LONG_NUMBER[0]
        fields = _decoded(text)
    except json.JSONDecodeError as error:
        raise MalformedBodyError(f"the body is not JSON: {error.msg} at {error.pos}") from error
    if type(fields) is not dict:
        raise MalformedBodyError("the body is JSON, but not an object")
    return Payload(raw, text, fields, has_long_numbers=_LAST_LONG_NUMBER[0] is not before)


def replace_fields(text: str, replacements: Mapping[str, str]) -> str:
    """Replace or append top-level fields of a JSON object, leaving every other character alone.

    Parameters
    ----------
    text
        A JSON object, valid.
    replacements
        Field name to the JSON text of its new value. A name that occurs twice in `text` is replaced
        at both places, so that no reader can see the old value.

    Examples
    --------
    >>> replace_fields('{"name": "a",  "bitrate":1e0}', {"name": '"b"', "record": "true"})
    '{"name": "b",  "bitrate":1e0,"record":true}'
    """
    pieces: list[str] = []
    missing = dict(replacements)
    copied = 0
    for name, start, end in _members(text):
        if name in replacements:
            pieces += (text[copied:start], replacements[name])
            copied = end
            missing.pop(name, None)
    pieces.append(text[copied:])
    return append_fields("".join(pieces), missing)


def append_fields(text: str, fields: Mapping[str, str]) -> str:
    """Append top-level fields, which it must not have yet, to a JSON object.

    Parameters
    ----------
    text
        A JSON object, valid.
    fields
        Field name to the JSON text of its value.

    Examples
    --------
    >>> append_fields('{"appKey": "live"}', {"restClientConfig": "{}"})
    '{"appKey": "live","restClientConfig":{}}'
    """
    if not fields:
        return text
    close = text.rindex("}")
    head = text[:close].rstrip(_WHITESPACE)
    addition = ",".join(f"{encode(name)}:{value}" for name, value in fields.items())
    # Only an empty object has its opening brace before the closing one.
    comma = "" if head[-1] == "{" else ","
    return f"{head}{comma}{addition}{text[len(head) :]}"


def encode(value: object, *, sort_names: bool = False) -> str:
    """The compact JSON text of a value. A `Decimal` is written digit by digit.

    Parameters
    ----------
    sort_names
        Whether objects have their fields in order of their names, and not in their own order.

    Raises
    ------
    ValueError
        If JSON has no text for it: an infinite number or one that is none, or another type.
    """
    try:
        return (_SORTING_ENCODER if sort_names else _ENCODER).encode(value)
    except TypeError as error:
        return _encode_with_decimals(value, error, sort_names=sort_names)


def _decoded(text: str) -> Any:
    """The value that a JSON text has."""
    if text.startswith("{"):
        value, end = _DECODER.raw_decode(text)
        if end == len(text):
            return value
    # With blanks around it, or wrong: `decode` looks for blanks, by two regular expressions.
    return _DECODER.decode(text)


def _encode_with_decimals(value: object, error: TypeError, *, sort_names: bool) -> str:
    # Imported here because only policies hold such numbers, and no hook should wait for it.
    from decimal import Decimal  # noqa: PLC0415

    match value:
        case dict():
            names = sorted(value) if sort_names else value
            inner = ((name, encode(value[name], sort_names=sort_names)) for name in names)
            return f"{{{','.join(f'{encode(name)}:{text}' for name, text in inner)}}}"
        case list():
            return f"[{','.join(encode(inner, sort_names=sort_names) for inner in value)}]"
        case Decimal():
            return str(value)
        case _:
            raise ValueError(str(error)) from error


def json_number(number: "Decimal") -> "int | float | Decimal":
    """A number in JSON's types; itself where a double would be another number.

    Examples
    --------
    >>> from decimal import Decimal
    >>> json_number(Decimal("5.0")), json_number(Decimal("0.1"))
    (5, 0.1)
    >>> json_number(Decimal("0.12345678901234567890"))
    Decimal('0.12345678901234567890')
    """
    if number == number.to_integral_value():
        return int(number)
    value = float(number)
    return value if type(number)(repr(value)) == number else number


def exact_number(number: "float | Decimal") -> "int | float | Decimal | None":
    """A number of a hook or a policy, as `json_number` has it; none if it equals no policy's.

    A float is the number that its shortest text says. One that is not finite stays so.
    """
    if isinstance(number, LongNumber):
        return None if number.exact is None else json_number(number.exact)
    if isinstance(number, float):
        if -_EXACT_INTEGER < number < _EXACT_INTEGER:
            return int(number) if number.is_integer() else number
        exact = _policy_number(repr(number))
        return number if exact is None else json_number(exact)
    return json_number(number)


def _policy_number(literal: str) -> "Decimal | None":
    """The number that a text says; none if it has more digits than one of a policy."""
    from decimal import Context, Inexact  # noqa: PLC0415 - as above

    context = Context(prec=MAX_NUMBER_DIGITS, traps=[])
    number = context.create_decimal(literal)
    if context.flags[Inexact] or not number.is_finite():
        return None
    return None if number and abs(number.adjusted()) > _MOST_DIGITS else number


def whole_number(literal: str) -> int | float:
    """The number that an integer of JSON is: beyond 64 bits a `LongNumber`."""
    if len(literal) < _INT64_DIGITS:
        return int(literal)
    if len(literal) > _INT64_DIGITS + 1:
        return _long_number(float(literal), literal)
    value = int(literal)
    if -_INT64_MAX - 1 <= value <= _INT64_MAX:
        return value
    return _long_number(float(literal), literal)


def _fraction(literal: str) -> float:
    value = float(literal)
    if len(literal) <= _EXACT_DIGITS:
        if not -_SMALLEST < value < _SMALLEST:
            return value
        if "e" not in literal and "E" not in literal:
            return value
    return _long_number(value, literal)


def _long_number(value: float, literal: str) -> LongNumber:
    number = _LAST_LONG_NUMBER[0] = LongNumber(value)
    number._written = literal  # noqa: SLF001 - a constructor of its own would be a call more
    return number


def _refuse_constant(name: str) -> None:
    raise MalformedBodyError(f"the body is not JSON: {name} is not a JSON value")


_DECODER: Final = json.JSONDecoder(
    parse_int=whole_number, parse_float=_fraction, parse_constant=_refuse_constant
)
_SCAN: Final = make_scanner(_DECODER)  # type: ignore[arg-type]  # the stub names another type
"""What `raw_decode` wraps: there can be a hundred thousand fields."""

_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
_SORTING_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
)
_STEPS: Final = bytes.maketrans(b"[]{}", b"\x01\xff\x01\xff")
"""What a bracket does to the depth, as a signed byte."""

_NO_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """The top-level fields of a valid JSON object: each one's name, and where its value stands."""
    at = _skip_whitespace(text, text.index("{") + 1)
    while text[at] != "}":
        name, at = _SCAN(text, at)
        if text[at] != ":":
            at = _skip_whitespace(text, at)
        at += 1
        if text[at] in _WHITESPACE:
            at = _skip_whitespace(text, at)
        start = at
        _, at = _SCAN(text, at)
        yield name, start, at
        if text[at] in _WHITESPACE:
            at = _skip_whitespace(text, at)
        if text[at] == ",":
            at += 1
            if text[at] in _WHITESPACE:
                at = _skip_whitespace(text, at)


def _after(mark: str, text: str, at: int) -> int:
    """Where the token behind a mark begins, the next one from a place on."""
    return _skip_whitespace(text, text.index(mark, at) + 1)


def _end_of_value(text: str, start: int) -> int:
    """Where the value that begins at a place ends."""
    _, end = _DECODER.raw_decode(text, start)
    return end


def _skip_whitespace(text: str, at: int) -> int:
    while text[at] in _WHITESPACE:
        at += 1
    return at


def nesting(raw: bytes) -> int:
    """How deep a JSON text is nested; of a text that is not JSON, some number."""
    # Pairs first: the quote in \\\\" ends a string, the one in \\" does not.
    plain = raw.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in raw else raw
    outside_strings = b"".join(plain.split(b'"')[::2])
    steps = outside_strings.translate(_STEPS, _NO_BRACKETS)
    return max(accumulate(memoryview(steps).cast("b")), default=0)


def representable(value: Any) -> Any:
    """A JSON value as expressions see it (`Payload.expression_fields`)."""
    if type(value) is str:
        text = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if type(value) is list:
        return [representable(inner) for inner in value]
    if type(value) is dict:
        return {representable(name): representable(inner) for name, inner in value.items()}
    return float(value) if type(value) is LongNumber else value
