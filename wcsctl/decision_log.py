"""The decision log: one line for each reply that is not a plain echo, of which a sample is there.

The fields are written by `wcs_hooks.telemetry.decision_log`.
"""

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from wcs_hooks.core.methods import METHODS, STATUS_PROBE
from wcsctl.function_configuration import CATEGORIES
from wcsctl.function_logs import FunctionLogs, LogRecord

PAUSE_SECONDS: Final = 2.0
"""Between two looks while following: four log groups are asked, and CloudWatch allows few calls."""

_PATTERN: Final = "{ $.decision = * }"
_ID: Final = re.compile(r"[\w-]+")
_OVERLAP_MS: Final = 20_000
"""How far a look goes back behind the one before: lines reach CloudWatch out of order."""

FAILURES: Final = ("expressionErrors", "lookupErrors", "limitErrors")
"""The fields of a line with what could not be found out: `policy: attribute` each."""

_NOT_SHOWN: Final = frozenset({"level", "message", "timestamp", "service", "location"})


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions; what is empty does not matter.

    Attributes
    ----------
    denied, failed, suppressed
        Denials; what could not be answered or done; denials that were not carried out. Of several
        any.
    method
        In any of its spellings.
    policy
        An id, or `app/id`; it applied, or would have outside shadow mode.
    decision
        A decision's id, or how it begins.
    fields
        What a line shows of the hook, by name, as text.
    subjects, sessions
        Any of these: ids or hashes.
    """

    denied: bool = False
    failed: bool = False
    suppressed: bool = False
    method: str = ""
    policy: str = ""
    app: str = ""
    decision: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    subjects: frozenset[str] = frozenset()
    sessions: frozenset[str] = frozenset()

    def holds(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is of such a decision.

        Examples
        --------
        >>> Filter(policy="no-calls").holds({"policies": ["school/no-calls"]})
        True
        """
        return (
            self._is_of_a_kind(line)
            and (not _is_probe(line) or self.method == STATUS_PROBE or bool(self.decision))
            and (not self.method or _canonical(line.get("method", "")) == _canonical(self.method))
            and (not self.policy or any(self._is_policy(name) for name in _policies(line)))
            and (not self.app or line.get("app") == self.app)
            and str(line.get("decision", "")).startswith(self.decision)
            and self._shows(line)
            and (not self.subjects or _subject(line) in self.subjects)
            and (not self.sessions or line.get("session") in self.sessions)
        )

    def _is_of_a_kind(self, line: Mapping[str, Any]) -> bool:
        answer = line.get("answer")
        kinds = (
            (self.denied, answer == "denied"),
            (self.suppressed, bool(line.get("denySuppressed"))),
            # What is malformed is the caller's failure.
            (self.failed, answer == "failed" or (answer != "malformed" and "deadLettered" in line)),
        )
        return any(holds for wanted, holds in kinds if wanted) or not any(
            wanted for wanted, _ in kinds
        )

    def _shows(self, line: Mapping[str, Any]) -> bool:
        shown = line.get("fields")
        fields = shown if isinstance(shown, dict) else {}
        return all(
            name in fields and field_text(fields[name]) == text
            for name, text in self.fields.items()
        )

    def _is_policy(self, name: str) -> bool:
        # An app's name may hold a slash, a policy's too.
        return name == self.policy or name.endswith(f"/{self.policy}")


def field_text(value: Any) -> str:
    r"""A field of a line as people write it: a text as it is, anything else as JSON.

    A text that could end a line, or steer a terminal, is JSON too: a stranger may have sent it.

    Examples
    --------
    >>> field_text("lesson"), field_text(True), field_text("a\nb")
    ('lesson', 'true', '"a\\nb"')
    """
    is_plain = isinstance(value, str) and value.isprintable()
    return str(value) if is_plain else json.dumps(value, ensure_ascii=False)


def _subject(line: Mapping[str, Any]) -> str:
    subject = line.get("subject")
    return str(subject.get("id") or subject.get("hash")) if isinstance(subject, dict) else ""


class DecisionLog:
    """Reads decisions, of all functions together.

    Parameters
    ----------
    logs
        The functions'.
    wanted
        Which ones.
    """

    def __init__(self, logs: FunctionLogs, wanted: Filter) -> None:
        self._logs = logs
        self._wanted = wanted

    def decisions(self, since: float, until: float | None = None) -> list[LogRecord]:
        """Those of a time, in order; moments are seconds since the epoch."""
        end = None if until is None else int(until * 1000)
        wanted = self._wanted.decision
        pattern = f'{{ $.decision = "{wanted}*" }}' if _ID.fullmatch(wanted) else _PATTERN
        records = self._logs.records(CATEGORIES, int(since * 1000), end, pattern=pattern)
        found = [
            record
            for record in records
            if "decision" in record.fields and self._wanted.holds(record.fields)
        ]
        return sorted(found, key=lambda record: record.at)

    def follow(
        self, since: float, pause: Callable[[float], None] = time.sleep
    ) -> Iterator[LogRecord]:
        """Those since a moment, and then for ever what comes."""
        looks = Looks(self, since)
        while True:
            yield from looks.new()
            pause(PAUSE_SECONDS)


class Looks:
    """Repeated reads of a log, each of which returns only new decisions.

    Parameters
    ----------
    log
        The log.
    since
        Earliest decision to return, in seconds since the epoch.
    """

    def __init__(self, log: DecisionLog, since: float) -> None:
        self._log = log
        self._since = since
        self._start = since
        self._shown: dict[str, int] = {}

    def new(self) -> list[LogRecord]:
        """Return the decisions that were not returned before, in order."""
        found = [one for one in self._log.decisions(self._start) if one.key not in self._shown]
        shown = self._shown | {record.key: record.at for record in found}
        if shown:
            self._start = max(self._since, (max(shown.values()) - _OVERLAP_MS) / 1000)
        self._shown = {key: at for key, at in shown.items() if at >= self._start * 1000}
        return found


def to_json(record: LogRecord) -> dict[str, Any]:
    """A decision for programs."""
    fields = {name: value for name, value in record.fields.items() if name not in _NOT_SHOWN}
    return {"at": datetime.fromtimestamp(record.at / 1000, UTC).isoformat(), **fields}


def _is_probe(line: Mapping[str, Any]) -> bool:
    """Whether a line is about the hook of `wcsctl status`, to which nothing happened."""
    return line.get("method") == STATUS_PROBE and line.get("answer") == "echoed"


def _policies(line: Mapping[str, Any]) -> Iterator[str]:
    for name in ("policies", "shadowDenied", "shadowOverridden"):
        yield from texts_of(line, name)
    for name in FAILURES:
        for failure in texts_of(line, name):
            yield failure.rpartition(": ")[0]


def texts_of(line: Mapping[str, Any], field: str) -> list[str]:
    """The texts of a line's field; what else it may hold was written by no function."""
    value = line.get(field)
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _canonical(method: object) -> object:
    if not isinstance(method, str):
        return method
    known = METHODS.get(method)
    return known.canonical if known else method
