"""The stream's own name, out of what WCS sends as its name."""

import pytest

from tests.unit.given import decided, deny, snapshot
from wcs_hooks.core.stream_name import stream_name


@pytest.mark.parametrize(
    ("name", "own"),
    [
        ("b4e7", "b4e7"),
        ("", ""),
        ("rtsp://p11.flashphoner.com:554/test", "test"),
        ("rtsp://wcs:5554/streamName?aclAuth=1254789", "streamName"),
        ("RTMPS://user:secret@host/live/a/b?x=1?y", "live/a/b"),
        ("rtsp://host", ""),
        ("rtsp://host?x=/anna-1", ""),
        ("rtsp://host//a/", "/a/"),
        ("lesson?key=k1.p.1.YQ.x", "lesson"),
        ("lesson?from=rtsp://host/other", "lesson"),
        ("a room://host/other", "a room://host/other"),
        ("a/b://host/other", "a/b://host/other"),
        ("://host/other", "://host/other"),
        ("1x://host/other", "1x://host/other"),
    ],
)
def test_given_what_wcs_sends_then_the_streams_own_name_has_neither_host_nor_query(
    name: str, own: str
) -> None:
    assert stream_name(name) == own


@pytest.mark.parametrize("body", [{}, {"name": 5}, {"name": None}, {"name": ["lesson"]}])
def test_given_a_hook_that_names_no_stream_when_a_denial_asks_for_it_then_it_applies(
    body: dict[str, object],
) -> None:
    assert decided(snapshot(deny(when="stream != 'lesson'")), body).denial


def test_given_a_character_that_cel_cannot_hold_then_the_name_has_the_same_in_its_place() -> None:
    body = {"name": "lesson\0private?key=1"}

    assert not decided(snapshot(deny(when="stream == 'lesson'")), body).denial
    assert decided(snapshot(deny(when="stream == 'lesson\ufffdprivate'")), body).denial


def test_given_a_large_body_when_policies_ask_for_the_name_alone_then_they_see_it() -> None:
    body = {"name": "lesson?key=1", "sdp": "x" * 100_000}

    assert decided(snapshot(deny(when="stream == 'lesson'")), body).denial
    assert not decided(
        snapshot(deny(when="stream == 'other'"), deny(id="b", when="size(body) < 0")), body
    ).failures[1:]


def test_given_a_large_name_then_it_has_no_value() -> None:
    found = decided(snapshot(deny(when="stream == 'x'")), {"name": "x" * 100_000})

    [failure] = found.failures
    assert "expressions see at most 65,536 bytes" in failure.message
