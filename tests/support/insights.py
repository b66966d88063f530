"""Evaluates CloudWatch Logs Insights queries on log lines, so far as this project uses them.

Neither moto nor the emulator does: both return lines whatever a `filter` or `stats` says. What this
evaluator does not know is an error, and a field that a line does not have fits no comparison.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
"""

import json
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

type Value = str | float
type Row = Mapping[str, Value]
type Condition = Callable[[Row], bool]

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<text>"(?:\\.|[^"\\])*")
      | (?P<pattern>/(?:\\.|[^/\\])+/)
      | (?P<duration>\d+[smh]\b)
      | (?P<number>-?\d+(?:\.\d+)?)
      | (?P<name>@?[A-Za-z_][\w.]*)
      | (?P<mark><=|>=|!=|[=<>(),*\[\]])
    )""",
    re.VERBOSE,
)
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


class InsightsError(Exception):
    """The query is wrong, or uses what this evaluator does not know."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A log event.

    Attributes
    ----------
    at
        When it was written, in milliseconds since the epoch.
    message
        The line.
    """

    at: int
    message: str

    def row(self) -> dict[str, Value]:
        """The fields that Logs Insights discovers: those of JSON, with members by dotted names."""
        found: dict[str, Value] = {"@timestamp": float(self.at), "@message": self.message}
        try:
            value = json.loads(self.message)
        except ValueError:
            return found
        return found | dict(_flattened("", value)) if isinstance(value, dict) else found


def run(query: str, lines: Iterable[LogLine]) -> list[dict[str, Value]]:
    """Run a query.

    Returns
    -------
    list
        The rows, with the fields that the query names. Without `display`, `fields` and `stats`
        they have every field.

    Raises
    ------
    InsightsError
        The query is wrong, or uses what this evaluator does not know.
    """
    rows = [line.row() for line in lines]
    shown: list[str] = []
    for step in re.split(r"\s*\n?\|\s+(?=[a-z]+\s)", query.strip()):
        command, _, rest = step.partition(" ")
        match command:
            case "parse":
                rows = _parsed(rows, rest)
            case "display" | "fields":
                shown = _Reader(rest).names()
            case _:
                rows = _applied(command, _Reader(rest), rows)
    return [{name: row[name] for name in shown if name in row} if shown else row for row in rows]


def _applied(
    command: str, reader: "_Reader", rows: list[dict[str, Value]]
) -> list[dict[str, Value]]:
    match command:
        case "filter":
            condition = reader.condition()
            rows = [row for row in rows if condition(row)]
        case "stats":
            rows = reader.statistics().of(rows)
        case "sort":
            name, descending = reader.order()
            known = [row for row in rows if name in row]
            if len(known) < len(rows):
                raise InsightsError(f"sort: {name} is not in every row")
            rows = sorted(rows, key=lambda row: row[name], reverse=descending)
        case "limit":
            rows = rows[: int(reader.take("number"))]
        case _:
            raise InsightsError(f"unknown command: {command}")
    reader.end()
    return rows


def _flattened(name: str, value: object) -> Iterator[tuple[str, Value]]:
    match value:
        case dict():
            for member, each in value.items():
                yield from _flattened(f"{name}.{member}" if name else member, each)
        case list():
            for number, each in enumerate(value):
                yield from _flattened(f"{name}.{number}", each)
        case bool() | int() | float():
            yield name, float(value)
        case str():
            yield name, value
        case _:
            return


def _parsed(rows: Iterable[Row], rest: str) -> list[dict[str, Value]]:
    name, _, pattern = rest.strip().partition(" ")
    # Python's names of groups have a P.
    wanted = re.compile(_pattern(pattern).replace("(?<", "(?P<"))
    found = [(row, wanted.search(str(row.get(name, "")))) for row in rows]
    return [{**row, **(match.groupdict() if match else {})} for row, match in found]


def _pattern(text: str) -> str:
    if not re.fullmatch(r"/.+/", text.strip()):
        raise InsightsError(f"not a regular expression: {text}")
    return text.strip()[1:-1]


@dataclass(frozen=True, slots=True)
class _Aggregate:
    """A figure of several rows: `pct(ServiceTime.0, 99) as p99`."""

    function: str
    field: str
    argument: float
    name: str

    def of(self, rows: Sequence[Row]) -> Value | None:
        """The figure; None if no row has the field."""
        if self.field == "*":
            return float(len(rows))
        values = [row[self.field] for row in rows if self.field in row]
        if self.function == "count":
            return float(len(values))
        numbers = sorted(float(each) for each in values)
        if not numbers:
            return None
        match self.function:
            case "max":
                return numbers[-1]
            case "min":
                return numbers[0]
            case "pct":
                return numbers[max(math.ceil(len(numbers) * self.argument / 100), 1) - 1]
            case _:
                raise InsightsError(f"unknown function: {self.function}")


@dataclass(frozen=True, slots=True)
class _Statistics:
    """What `stats` says: figures, and the keys that rows are put together by."""

    aggregates: Sequence[_Aggregate]
    keys: Mapping[str, Callable[[Row], Value | None]]

    def of(self, rows: Iterable[Row]) -> list[dict[str, Value]]:
        """The figures of each group."""
        groups: dict[tuple[Value | None, ...], list[Row]] = {}
        for row in rows:
            groups.setdefault(tuple(key(row) for key in self.keys.values()), []).append(row)
        made = []
        for values, group in groups.items():
            figures = {each.name: each.of(group) for each in self.aggregates}
            cells = {**dict(zip(self.keys, values, strict=True)), **figures}
            made.append({name: value for name, value in cells.items() if value is not None})
        return made


class _Reader:
    """Reads the words of one command."""

    def __init__(self, text: str) -> None:
        self._tokens = list(self._read(text))
        self._at = 0

    @staticmethod
    def _read(text: str) -> Iterator[tuple[str, str]]:
        at = 0
        while text[at:].strip():
            found = _TOKEN.match(text, at)
            if found is None or found.lastgroup is None:
                raise InsightsError(f"not understood: {text[at:].strip()}")
            yield found.lastgroup, found[found.lastgroup]
            at = found.end()

    def condition(self) -> Condition:
        """Read alternatives: `and` binds more tightly than `or`."""
        parts = [self._all()]
        while self._skip("or"):
            parts.append(self._all())
        return lambda row: any(part(row) for part in parts)

    def statistics(self) -> _Statistics:
        """Read figures, and what they are put together by."""
        aggregates = [self._aggregate()]
        while self._skip(","):
            aggregates.append(self._aggregate())
        keys: dict[str, Callable[[Row], Value | None]] = {}
        if self._skip("by"):
            keys.update([self._key()])
            while self._skip(","):
                keys.update([self._key()])
        return _Statistics(aggregates, keys)

    def order(self) -> tuple[str, bool]:
        """Read what to sort by, and whether the highest comes first."""
        name = self.take("name")
        if self._skip("desc"):
            return name, True
        self._skip("asc")
        return name, False

    def names(self) -> list[str]:
        """Read a list of fields, to the end."""
        names = [self.take("name")]
        while self._skip(","):
            names.append(self.take("name"))
        self.end()
        return names

    def take(self, kind: str) -> str:
        """Read a token of a kind."""
        found, text = self._peek()
        if found != kind:
            raise InsightsError(f"expected a {kind}, not {text!r}")
        self._at += 1
        return text

    def end(self) -> None:
        """Nothing may follow."""
        if self._at < len(self._tokens):
            raise InsightsError(f"not understood: {self._peek()[1]}")

    def _all(self) -> Condition:
        parts = [self._one()]
        while self._skip("and"):
            parts.append(self._one())
        return lambda row: all(part(row) for part in parts)

    def _one(self) -> Condition:
        if self._skip("not"):
            negated = self._one()
            return lambda row: not negated(row)
        if self._skip("("):
            inner = self.condition()
            self._expect(")")
            return inner
        name = self.take("name")
        if name == "ispresent":
            self._expect("(")
            field = self.take("name")
            self._expect(")")
            return lambda row: field in row
        return self._comparison(name)

    def _comparison(self, name: str) -> Condition:
        if self._skip("like"):
            pattern = re.compile(_pattern(self.take("pattern")))
            return lambda row: name in row and bool(pattern.search(str(row[name])))
        if self._skip("in"):
            self._expect("[")
            allowed = [self._literal()]
            while self._skip(","):
                allowed.append(self._literal())
            self._expect("]")
            return lambda row: row.get(name) in allowed
        compare = _COMPARISONS.get(self.take("mark"))
        if compare is None:
            raise InsightsError(f"not understood: {name}")
        value = self._literal()

        def compared(row: Row) -> bool:
            if name not in row:
                return False
            if type(row[name]) is not type(value):
                raise InsightsError(f"{name} is {row[name]!r}, which {value!r} is compared with")
            return compare(row[name], value)

        return compared

    def _literal(self) -> Value:
        kind, text = self._peek()
        self._at += 1
        match kind:
            case "text":
                decoded: str = json.loads(text)
                return decoded
            case "number":
                return float(text)
            case _:
                raise InsightsError(f"expected a value, not {text!r}")

    def _aggregate(self) -> _Aggregate:
        function = self.take("name")
        self._expect("(")
        field = "*" if self._skip("*") else self.take("name")
        argument = float(self.take("number")) if self._skip(",") else math.nan
        self._expect(")")
        if function not in {"count", "max", "min", "pct"}:
            raise InsightsError(f"unknown function: {function}")
        self._expect("as")
        return _Aggregate(function, field, argument, self.take("name"))

    def _key(self) -> tuple[str, Callable[[Row], Value | None]]:
        name = self.take("name")
        if name != "bin":
            return name, lambda row: row.get(name)
        self._expect("(")
        length = self.take("duration")
        self._expect(")")
        step = int(length[:-1]) * _SECONDS[length[-1]] * 1000
        return f"bin({length})", lambda row: float(row["@timestamp"]) // step * step

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._at] if self._at < len(self._tokens) else ("end", "the end")

    def _skip(self, text: str) -> bool:
        found = self._peek()[1] == text
        self._at += found
        return found

    def _expect(self, text: str) -> None:
        if not self._skip(text):
            raise InsightsError(f"expected {text!r}, not {self._peek()[1]!r}")
