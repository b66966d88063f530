"""Hooks that nobody means well with: a whole function answers them, in little time."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.hook_client import forget_logger, gateway_event, signature
from tests.support.in_memory_function import InMemoryAws, InMemoryFunction
from tests.support.slow_bodies import MALFORMED, VALID
from verification.fuzz.policies_in_force import in_force
from wcs_hooks.core.methods import METHODS, Category

_LIMIT = 5.0
"""Seconds of CPU. `docs/maintainers/hostile-input.md` has what was measured."""

_METHODS = ("connect", "publishStream", "StreamStatusEvent", "OnCallEvent")


class _Wcs:
    def __init__(self) -> None:
        self.aws = InMemoryAws()
        snapshots = in_force()
        self._functions = {
            category: InMemoryFunction(category, snapshots, self.aws) for category in Category
        }

    def post(self, method: str, body: bytes) -> dict[str, Any]:
        event = gateway_event(method, body, signature(body), "203.0.113.7")
        response, _ = self._functions[METHODS[method].category].invoke(event, "decision")
        return response


@pytest.fixture(scope="module")
def wcs() -> Iterator[_Wcs]:
    yield _Wcs()
    forget_logger()


@pytest.mark.parametrize("method", _METHODS)
@pytest.mark.parametrize("kind", [*VALID, *MALFORMED])
def test_given_a_body_made_to_be_slow_when_it_is_posted_then_it_is_answered_in_little_time(
    wcs: _Wcs, kind: str, method: str
) -> None:
    began = time.process_time()

    response = wcs.post(method, VALID[kind] if kind in VALID else MALFORMED[kind])

    assert time.process_time() - began < _LIMIT
    assert response["statusCode"] in ({200, 403} if kind in VALID else {400, 413})


@pytest.mark.parametrize("app", ["live\\ud800", "\\udc00", "a\\u0000b", "\\u0000", "\\uffff"])
def test_given_an_app_that_utf_8_does_not_have_when_an_event_comes_then_it_is_published(
    wcs: _Wcs, app: str
) -> None:
    wcs.aws.forget()
    body = b'{"appKey":"%s","sessionId":"s\\ud800","name":"\\udfff"}' % app.encode()

    response = wcs.post("StreamStatusEvent", body)

    assert response["statusCode"] == 200
    assert wcs.aws.letters == []
    [event] = map(json.loads, wcs.aws.events)
    assert event["app"] == event["body"]["appKey"]
