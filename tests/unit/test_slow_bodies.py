"""Whatever a body is made of, what the core does with it takes time in proportion to its size."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.support.slow_bodies import MALFORMED, VALID
from tests.unit.given import decided, override, snapshot
from wcs_hooks.core import reply
from wcs_hooks.core.payload import MAX_BODY_BYTES, MalformedBodyError, Payload, encode, parse
from wcs_hooks.core.secrets import masked, without_secrets
from wcs_hooks.handlers.garbage import PausedCollector

_LIMIT = 3.0
"""Seconds of CPU, for what takes some tens of milliseconds (`docs/maintainers/hostile-input.md`),
on a machine that does much else meanwhile. What is quadratic takes minutes."""

_TRIES = 3


def _timed[T](call: Callable[[], T]) -> T:
    """Make a call, which must not take long: the quickest of a few, as others use the machine too.

    No garbage is collected meanwhile, as in the functions: how long that takes depends on what else
    this process holds.
    """
    seconds = 0.0
    for _ in range(_TRIES):
        with PausedCollector():
            began = time.process_time()
            result = call()
            seconds = time.process_time() - began
        if seconds < _LIMIT:
            return result
    raise AssertionError(f"took {seconds:.1f} s of CPU")


@pytest.fixture(scope="module", params=VALID)
def payload(request: pytest.FixtureRequest) -> Payload:
    return parse(VALID[request.param])


@pytest.mark.parametrize("kind", VALID)
def test_given_a_body_made_to_be_slow_when_it_is_parsed_then_it_takes_little_time(
    kind: str,
) -> None:
    body = VALID[kind]
    assert 0.9 * MAX_BODY_BYTES < len(body) <= MAX_BODY_BYTES

    assert _timed(lambda: parse(body)).app == "live"


@pytest.mark.parametrize("kind", MALFORMED)
def test_given_a_malformed_body_made_to_be_slow_when_it_is_parsed_then_it_is_refused_in_little_time(
    kind: str,
) -> None:
    def refuse() -> MalformedBodyError:
        with pytest.raises(MalformedBodyError) as refused:
            parse(MALFORMED[kind])
        return refused.value

    assert _timed(refuse).status in {400, 413}


def test_given_a_body_made_to_be_slow_when_it_is_overridden_then_it_takes_little_time(
    payload: Payload,
) -> None:
    fields = {"name": '"replaced"', "appKey": '"other"'}

    body = _timed(lambda: reply.override(payload, fields, "{}")).body

    changed = json.loads(body, parse_int=str, parse_float=str)
    assert (changed["name"], changed["appKey"]) == ("replaced", "other")
    assert changed["restClientConfig"] == {}


@pytest.mark.parametrize("clean", [without_secrets, masked])
def test_given_a_body_made_to_be_slow_when_its_secrets_are_taken_out_then_it_takes_little_time(
    payload: Payload, clean: Callable[[Any], dict[str, Any]]
) -> None:
    def cleaned() -> str:
        return encode(clean(payload.expression_fields))

    assert '"sessionId":"s"' not in _timed(cleaned)


def test_given_a_body_made_to_be_slow_when_policies_match_it_then_it_takes_little_time(
    payload: Payload,
) -> None:
    policies = snapshot(
        override(id="literal", match={"appKey": "live"}, set={"name": "replaced"}),
        override(id="path", match={"a.a.a": [1, {}, "x"]}, set={"a": None}),
        override(id="whole", match={"a": [[1], {"a": 1}]}, set={"a": None}),
    )

    decision = _timed(lambda: decided(policies, payload.raw))

    assert decision.applied == ("live/literal",)
