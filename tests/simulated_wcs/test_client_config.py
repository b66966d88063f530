"""restClientConfig: what is missing or malformed has the vendor's defaults."""

from typing import Any

import pytest

from simulated_wcs.client_config import MethodConfig, RestClientConfig, RestPolicy
from wcs_hooks.core.outcome import RestOnError

_DEFAULTS = MethodConfig()


def test_given_no_config_then_refusals_are_logged_and_returned_values_ignored() -> None:
    config = RestClientConfig.from_reply({"appKey": "room"}).method("publishStream")

    assert (config.rest_on_error, config.rest_policy) == (RestOnError.LOG, RestPolicy.NOTIFY)
    assert config.taken({"name": "a"}, {"name": "b"}) == {"name": "a"}
    assert config.for_back_end({"sdp": "v=0"}) == {"sdp": "v=0"}
    assert config.for_client({"sdp": "v=0"}) == {"sdp": "v=0"}


def test_given_the_vendors_own_example_then_each_method_has_its_entry() -> None:
    config = RestClientConfig.from_reply(
        {
            "restClientConfig": {
                "call": {
                    "restExclude": "",
                    "clientExclude": "",
                    "restOnError": "FAIL",
                    "restPolicy": "OVERWRITE",
                    "restOverwrite": "callee",
                },
                "ConnectionStatusEvent": {"clientExclude": "sipLogin,sipPassword"},
            }
        }
    )

    call = config.method("call")
    assert call.rest_on_error is RestOnError.FAIL
    assert call.taken({"callee": "1", "caller": "2"}, {"callee": "9", "caller": "9"}) == {
        "callee": "9",
        "caller": "2",
    }
    event = config.method("ConnectionStatusEvent")
    assert event.for_client({"sipLogin": "1", "sipPassword": "s", "status": "x"}) == {"status": "x"}
    assert event.rest_on_error is RestOnError.LOG
    assert config.method("hangup") == _DEFAULTS
    assert config.complaints == ()


def test_given_overwrite_of_a_field_that_the_reply_lacks_then_it_stays() -> None:
    config = MethodConfig(rest_policy=RestPolicy.OVERWRITE, rest_overwrite=frozenset({"name"}))

    assert config.taken({"name": "a"}, {}) == {"name": "a"}
    assert config.taken({}, {"name": "b", "other": 1}) == {"name": "b"}


def test_given_blanks_in_a_list_of_fields_then_they_belong_to_the_names() -> None:
    reply = {"restClientConfig": {"call": {"restExclude": "sdp, custom"}}}

    assert RestClientConfig.from_reply(reply).method("call").rest_exclude == {"sdp", " custom"}


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ([], "restClientConfig is not an object"),
        ("FAIL", "restClientConfig is not an object"),
        ({"call": None}, "call is not an object"),
        ({"call": {"restOnError": "ABORT"}}, "call.restOnError is 'ABORT': known are FAIL, LOG"),
        ({"call": {"restOnError": "fail"}}, "call.restOnError is 'fail'"),
        ({"call": {"restOnError": None}}, "call.restOnError is None"),
        ({"call": {"restOnError": ["FAIL"]}}, "call.restOnError is ['FAIL']"),
        ({"call": {"restPolicy": 1}}, "call.restPolicy is 1"),
        ({"call": {"restOverwrite": ["name"]}}, "call.restOverwrite is not a string"),
    ],
)
def test_given_a_malformed_config_then_the_defaults_hold_and_a_complaint_says_why(
    config: Any, complaint: str
) -> None:
    parsed = RestClientConfig.from_reply({"restClientConfig": config})

    assert parsed.method("call") == _DEFAULTS
    assert len(parsed.complaints) == 1
    assert parsed.complaints[0].startswith(complaint)


def test_given_one_malformed_entry_then_the_others_hold() -> None:
    config = RestClientConfig.from_reply(
        {"restClientConfig": {"call": 7, "hold": {"restOnError": "FAIL", "restPolicy": "?"}}}
    )

    assert config.method("hold") == MethodConfig(rest_on_error=RestOnError.FAIL)
