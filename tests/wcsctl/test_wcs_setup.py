"""What has to be said to WCS, for each way of checking callers."""

from tests.support.operated_stack import SECRET, operated
from tests.support.policy_items import configure, deny, policy

_URL = "https://abc123.execute-api.us-east-1.amazonaws.com"


def test_given_hmac_then_properties_sign_and_the_commands_have_the_url() -> None:
    with operated() as stack:
        setup = stack.json("wcs-setup", "school")
        people = stack.run("wcs-setup", "school").stdout

    assert setup["properties"] == [
        "rest_request_timeout=5",
        "rest_hook_send_hash=true",
        "rest_hook_secret_key=<current>",
    ]
    assert setup["commands"] == [
        f"update app -l {_URL} school",
        "add app-rest-method -a school",
    ]
    # In one piece, to be copied.
    assert f"  update app -l {_URL} school\n" in people


def test_given_basic_then_the_credentials_stand_in_the_command() -> None:
    with operated(AUTH="basic", BASIC_USER="flash") as stack:
        hidden = stack.json("wcs-setup", "school")
        revealed = stack.json("wcs-setup", "school", "--reveal")

    assert hidden["commands"][0] == f"update app -u flash -p <current> -l {_URL} school"
    assert revealed["commands"][0] == f"update app -u flash -p {SECRET} -l {_URL} school"
    assert not any("hash" in line for line in hidden["properties"])


def test_given_hmac_when_revealed_then_the_secret_stands_there() -> None:
    with operated() as stack:
        setup = stack.json("wcs-setup", "school", "--reveal")

    assert f"rest_hook_secret_key={SECRET}" in setup["properties"]


def test_given_no_check_of_callers_then_no_secret_is_asked_for() -> None:
    with operated(AUTH="none", REPLY_TIMEOUT_SECONDS="4.5") as stack:
        stack.refused.add("GetSecretValue")
        setup = stack.json("wcs-setup", "school", "--reveal")

    assert setup["properties"] == ["rest_request_timeout=8"]


def test_given_policies_for_what_wcs_does_not_call_by_default_then_the_lines_switch_it_on() -> None:
    with operated() as stack:
        stack.enforce("school", deny("cut", "StreamKeepAliveEvent"), deny("hls", "playHLS"))
        setup = stack.json("wcs-setup", "school")
        people = stack.run("wcs-setup", "school").stdout

    assert setup["properties"][3:] == [
        "keep_alive_streaming_sessions_enabled=true",
        "streaming_sessions_keep_alive_interval=10000",
        "streaming_sessions_keep_alive_app_keys=school",
        "hls_auth_enabled=true",
    ]
    assert setup["neededBy"] == {
        "StreamKeepAliveEvent": ["school/cut"],
        "playHLS": ["school/hls"],
    }
    assert "  streaming_sessions_keep_alive_app_keys=school\n" in people
    assert "StreamKeepAliveEvent: school/cut" in people
    assert "hls_auth_token_cache" in people


def test_given_policies_of_every_app_and_of_others_then_all_their_apps_are_kept_alive() -> None:
    with operated() as stack:
        stack.enforce("hall", deny("no", "call"))
        stack.enforce("club", deny("cut", "StreamKeepAliveEvent"))
        own = stack.json("wcs-setup", "club")
        another = stack.json("wcs-setup", "hall")
        stack.enforce("*", configure("arm", "StreamKeepAliveEvent", restOnError="FAIL"))
        new = stack.json("wcs-setup", "school")

    keys = "streaming_sessions_keep_alive_app_keys"
    assert f"{keys}=club" in own["properties"]
    assert not any(keys in line for line in another["properties"])
    assert f"{keys}=club,hall,school" in new["properties"]
    assert new["neededBy"] == {"StreamKeepAliveEvent": ["*/arm"]}


def test_given_policies_that_need_no_switch_then_there_are_no_such_lines() -> None:
    with operated() as stack:
        stack.enforce(
            "school",
            deny("no"),
            deny("off", "playHLS", mode="off"),
            deny("over", "playRTSP", notAfter="2020-01-01T00:00:00Z"),
            policy("all", "*"),
        )
        setup = stack.json("wcs-setup", "school")

    assert (len(setup["properties"]), setup["neededBy"]) == (3, {})


def test_given_a_limit_of_streams_then_wcs_is_to_keep_them_alive() -> None:
    limit = {"by": "body.name", "most": 2, "holds": "stream"}
    with operated() as stack:
        stack.enforce("school", deny("two", limit=limit))
        stack.enforce("club", deny("calls", "call", limit={**limit, "holds": "60s"}))
        setup = stack.json("wcs-setup", "school")
        people = stack.run("wcs-setup", "school").stdout
        another = stack.json("wcs-setup", "club")

    assert "streaming_sessions_keep_alive_app_keys=school" in setup["properties"]
    assert setup["neededBy"] == {"StreamKeepAliveEvent": ["school/two"]}
    assert "Streams are limited by school/two: one that is not kept alive gives" in people
    assert another["neededBy"] == {}
