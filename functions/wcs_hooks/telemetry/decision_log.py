"""The decision log: the fields of a hook's line, and how they become text.

Of a hook's body a line holds the `appKey`, and through masks the fields of the setting
`loggedFields`: bodies are full of secrets (`docs/reference/wcs-protocol.md`, section 6). A session
shows as a hash that only a holder of the callers' secret can compute.
"""

import json
import logging
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import LambdaPowertoolsFormatter

from wcs_hooks.core.decision import Denial, Failure
from wcs_hooks.core.json_template import HOLE, TEMPLATES_KEPT, template
from wcs_hooks.core.payload import encode
from wcs_hooks.core.secrets import printable
from wcs_hooks.hook.request import HookResult, RestError
from wcs_hooks.telemetry.catalogue import rest_error_dimensions

_NO_MEMBERS: Final[Mapping[str, str]] = MappingProxyType({})


class Facts(NamedTuple):
    """What the log says of a hook that it says of others, too: all but time, ids and session."""

    level: int
    category: str
    method: str
    kind: HookResult
    status: int
    app: str
    versions: tuple[tuple[str, int], ...]
    error: str
    denial: Denial | None
    applied: tuple[str, ...]
    shadow_denied: tuple[str, ...]
    shadow_overridden: tuple[str, ...]
    failures: tuple[Failure, ...]
    dead_lettered: bool | None
    dead_letter_fallback: bool
    stale: bool
    deny_suppressed: bool
    rest_error: RestError | None
    redriven: bool
    redrive_of: str
    token: tuple[tuple[str, str], ...] = ()
    lookup_failures: tuple[Failure, ...] = ()
    limit_failures: tuple[Failure, ...] = ()
    passed_over: tuple[tuple[str, str], ...] | None = None

    @property
    def message(self) -> str:
        """The line in short."""
        return f"{printable(self.method)} {self.kind}"

    def fields(self) -> dict[str, Any]:
        """What is there to be said."""
        denial = self.denial
        line: dict[str, Any] = {
            "category": self.category,
            "method": printable(self.method),
            "answer": self.kind,
            "status": self.status,
            "redriven": self.redriven,
            "redriveOf": self.redrive_of,
            "app": printable(self.app),
            "versions": dict(self.versions),
            "error": self.error,
            "policy": f"{denial.app}/{denial.policy}" if denial else "",
            "policies": self.applied,
            "shadowDenied": self.shadow_denied,
            "shadowOverridden": self.shadow_overridden,
            "expressionErrors": [f"{f.policy}: {f.attribute}" for f in self.failures],
            "lookupErrors": [f"{f.policy}: {f.attribute}" for f in self.lookup_failures],
            "limitErrors": [f"{f.policy}: {f.attribute}" for f in self.limit_failures],
            "deadLetterFallback": self.dead_letter_fallback,
            "stale": self.stale,
            "denySuppressed": self.deny_suppressed,
            "token": dict(self.token),
            **self._rest_error_dimensions(),
        }
        present = {name: value for name, value in line.items() if value}
        if self.passed_over is not None:
            # Empty too: then each policy that did not apply has an exact value that differs.
            present["passedOver"] = dict(self.passed_over)
        if self.dead_lettered is not None:
            present["deadLettered"] = self.dead_lettered
        return present

    def _rest_error_dimensions(self) -> dict[str, str]:
        error = self.rest_error
        return rest_error_dimensions(self.category, *error) if error else {}


class DecisionFormatter(LambdaPowertoolsFormatter):
    """Powertools' formatter, with a shorter way for decisions.

    The general way makes a record, finds out which line, thread and process it comes from, copies
    and sieves it, tries to parse its message and makes an encoder for each line. Of the lines of
    one method most differ in time, ids and session alone, so what else they say is encoded once.
    """

    def __init__(self) -> None:
        encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)
        super().__init__(json_serializer=encoder.encode)
        self._template_of = lru_cache(TEMPLATES_KEPT)(self._make_template)
        self._second = -1
        self._second_text = ""

    def decision(
        self,
        facts: Facts,
        decision_id: str,
        session: str,
        at: float,
        members: Mapping[str, str] = _NO_MEMBERS,
    ) -> str:
        """A decision's line, with its end.

        Parameters
        ----------
        facts
            What it shares with others.
        decision_id, session
            What it does not: texts that need no escape in JSON, the latter may be empty.
        at
            When, in seconds since the epoch.
        members
            What else it does not share: JSON texts by name.
        """
        trace = self._get_latest_trace_id()
        own = [f'"{self._time(at)}"', f'"{decision_id}"']
        if session:
            own.append(f'"{session}"')
        own += members.values()
        if trace:
            own.append(encode(trace))
        return self._template_of(facts, bool(session), bool(trace), *members) % tuple(own)

    def formatTime(  # noqa: N802 - the parent's name
        self, record: logging.LogRecord, datefmt: str | None = None
    ) -> str:
        """The time of a record, as decisions have it."""
        del datefmt
        return self._time(record.created)

    def _time(self, at: float) -> str:
        """A moment by RFC 3339, in milliseconds, UTC."""
        second = int(at)
        if second != self._second:
            self._second = second
            self._second_text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._second_text}.{int(at % 1 * 1000):03}Z"

    def _make_template(
        self,
        facts: Facts,
        has_session: bool,  # noqa: FBT001 - `lru_cache` takes keywords more slowly
        has_trace: bool,  # noqa: FBT001
        *members: str,
    ) -> str:
        line = {
            "timestamp": HOLE,
            "decision": HOLE,
            **({"session": HOLE} if has_session else {}),
            "level": logging.getLevelName(facts.level),
            "message": facts.message,
            "service": self.log_format["service"],
            **facts.fields(),
            **dict.fromkeys(members, HOLE),
            **({"xray_trace_id": HOLE} if has_trace else {}),
        }
        return f"{template(line)}\n"


def make_logger() -> Logger:
    """Powertools' logger, with this project's formatter."""
    return Logger(location=None, logger_formatter=DecisionFormatter())
