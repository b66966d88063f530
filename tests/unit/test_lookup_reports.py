"""What a function answers, counts and logs where rows of lists cannot be read or used."""

import io
import json
import os
from collections.abc import Collection, Mapping
from contextlib import redirect_stdout
from typing import Any, Final, NamedTuple
from unittest.mock import patch

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.hook_client import ENVIRONMENT, forget_logger, read_output
from tests.unit.given import APP, deny, override, snapshot
from wcs_hooks.clock import Deadline
from wcs_hooks.core.active_policies import ActivePolicies
from wcs_hooks.core.caller import Auth, RestApiCalls
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import DamagedRow, Row, RowKey
from wcs_hooks.core.methods import Category
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.endpoint import HookEndpoint
from wcs_hooks.hook.request import Request
from wcs_hooks.ports import Place, SessionKey, SessionRecord
from wcs_hooks.telemetry.hook_reporter import HookReporter

_MARK: Final = "MARK-77c1"
_BAN: Final = {"list": "bans", "key": "body.custom.user"}
_BANNED: Final = deny(id="banned", lookup={"ban": _BAN}, when="rows.ban != null")
_BODY: Final = {"appKey": APP, "sessionId": "s", "name": "x", "custom": {"user": _MARK}}
_UNAVAILABLE: Final = UnavailableError("the list store does not answer")
_DAMAGED: Final = DamagedRow("it holds more than 500 values")


class _Ports:
    """Everything that an endpoint needs, with one answer for every row."""

    def __init__(self, policies: ActivePolicies, row: Row | UnavailableError) -> None:
        self._policies = policies
        self._row = row
        self.letters: list[Mapping[str, Any]] = []

    def in_force(self, app: str, deadline: Deadline) -> tuple[ActivePolicies, bool]:
        del app, deadline
        return self._policies, False

    def for_every_app(self) -> ActivePolicies | None:
        return None

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        del key, deadline
        return SessionRecord({}, {APP: 1}, frozenset({"publishStream"}))

    read_for_label = read

    def send(self, message: Mapping[str, Any], deadline: Deadline) -> Place:
        del deadline
        self.letters.append(message)
        return Place.QUEUE

    def rows(self, keys: Collection[RowKey], deadline: Deadline) -> Mapping[RowKey, Row]:
        del deadline
        if isinstance(self._row, UnavailableError):
            raise self._row
        return dict.fromkeys(keys, self._row)

    def _unused(self, *arguments: Any, **options: Any) -> Any:
        raise NotImplementedError

    record = forget = valid = refreshed = _unused


class _HangingRows(_Ports):
    """Lists that never answer, beside a session store that answers while there is time."""

    def __init__(self, policies: ActivePolicies, clock: FakeClock) -> None:
        super().__init__(policies, _UNAVAILABLE)
        self._clock = clock

    def rows(self, keys: Collection[RowKey], deadline: Deadline) -> Mapping[RowKey, Row]:
        self._clock.advance(deadline.remaining())
        return super().rows(keys, deadline)

    def read(self, key: SessionKey, deadline: Deadline) -> SessionRecord | None:
        del key
        if not deadline.remaining():
            raise UnavailableError("there was no time left to ask the session store")
        return None


class Written(NamedTuple):
    """What came of a hook.

    Attributes
    ----------
    counts
        The values of each metric.
    """

    status: int
    reply: bytes
    counts: Mapping[str, Any]
    line: Mapping[str, Any]
    text: str
    letters: list[Mapping[str, Any]]


def _nothing_counts() -> Any:
    raise NotImplementedError


def _endpoint(ports: _Ports, clock: FakeClock) -> HookEndpoint:
    return HookEndpoint(
        Category.DIRECT,
        check_caller=CallerCheck(Auth.NONE, ports),
        policies=ports,
        sessions=ports,
        token_keys=lambda _trust, _deadline: None,
        lists=ports,
        leases=_nothing_counts,
        session_places=_nothing_counts,
        rest_api_calls=RestApiCalls.NEVER_DENY,
        side_effects=(),
        dead_letters=ports,
        clock=clock,
        reply_timeout=2.0,
    )


def _posted(row: Row | UnavailableError, *items: Mapping[str, Any]) -> Written:
    clock = FakeClock()
    ports = _Ports(ActivePolicies([snapshot(*items)]), row)
    endpoint = _endpoint(ports, clock)
    output = io.StringIO()
    forget_logger()
    with redirect_stdout(output), patch.dict(os.environ, ENVIRONMENT):
        reporter = HookReporter(
            Category.DIRECT, 1.0, lambda: "secret", echo_metrics_seconds=0.0, clock=clock
        )
        request = Request("publishStream", json.dumps(_BODY).encode(), None, "192.0.2.7", "1")
        reply, observation = endpoint.answer(request)
        reporter.report(observation, reply, 0.001)
    forget_logger()
    [counts], [line] = read_output(output.getvalue())
    return Written(reply.status, reply.body, counts, line, output.getvalue(), ports.letters)


@pytest.mark.parametrize(
    ("row", "items", "status", "errors"),
    [
        (_UNAVAILABLE, [_BANNED], 503, ["banned: lookup.ban"]),
        (_UNAVAILABLE, [_BANNED | {"whenError": "skip"}], 200, ["banned: lookup.ban"]),
        (_UNAVAILABLE, [_BANNED | {"mode": "shadow"}], 200, ["banned: lookup.ban"]),
        (_DAMAGED, [_BANNED], 403, ["banned: lookup.ban"]),
        (
            _UNAVAILABLE,
            [_BANNED | {"mode": "shadow", "priority": 1}, _BANNED | {"id": "b"}],
            503,
            ["banned: lookup.ban", "b: lookup.ban"],
        ),
        ({"level": 1}, [_BANNED], 403, None),
        (None, [_BANNED], 200, None),
    ],
)
def test_given_rows_when_they_have_no_value_then_that_is_counted_and_logged_whatever_the_answer(
    row: Row | UnavailableError, items: list[dict[str, Any]], status: int, errors: list[str] | None
) -> None:
    written = _posted(row, *items)

    assert written.status == status
    assert written.line.get("lookupErrors") == errors
    assert written.counts.get("LookupErrors") == (None if errors is None else [len(errors)])
    assert len(written.letters) == (status == 503)
    assert _MARK not in written.text


@pytest.mark.parametrize("passed_over", [{"mode": "shadow"}, {"whenError": "skip"}])
def test_given_lists_that_hang_when_a_policy_may_be_passed_over_then_time_is_left_for_the_session(
    passed_over: dict[str, str],
) -> None:
    clock = FakeClock()
    denies = deny(id="all", priority=200)
    policies = ActivePolicies([snapshot(_BANNED | passed_over, denies)])
    body = json.dumps(_BODY).encode()
    request = Request("publishStream", body, None, "192.0.2.7", "1")

    reply, observation = _endpoint(_HangingRows(policies, clock), clock).answer(request)

    # Nobody saw this session connect: its denial is suppressed, as it is without the first policy.
    assert (reply.status, reply.body) == (200, body)
    assert observation.deny_suppressed


def test_given_a_secret_in_a_row_then_only_what_an_override_sets_from_it_comes_out() -> None:
    row = {"reason": _MARK, "note": "shown", _MARK: {_MARK: [_MARK]}}
    failing = deny(id="a", lookup={"r": _BAN}, when="int(rows.r.reason) == 1", whenError="skip")
    ported = override(id="b", lookup={"r": _BAN}, compute={"name": "rows.r.note"})
    missing = deny(id="c", lookup={"r": _BAN}, when="body[rows.r.reason] == 1", mode="shadow")
    denied = deny(id="d", lookup={"r": _BAN}, when="rows.r != null")

    overridden = _posted(row, failing, missing, ported)
    refused = _posted(row, failing, missing, denied)

    assert json.loads(overridden.reply) == _BODY | {"name": "shown"}
    assert refused.status == 403
    assert _MARK not in f"{overridden.text}{refused.text}{refused.reply.decode()}"
    assert overridden.line["expressionErrors"] == ["a: when", "c: when"]
