"""What has to be said to WCS, for each way of checking callers."""

from tests.support.operated_stack import SECRET, operated

_URL = "https://abc123.execute-api.us-east-1.amazonaws.com"


def test_given_hmac_then_properties_sign_and_the_commands_have_the_url() -> None:
    with operated() as stack:
        told = stack.json("wcs-setup", "school")
        people = stack.run("wcs-setup", "school").stdout

    assert told["properties"] == [
        "rest_request_timeout=5",
        "rest_hook_send_hash=true",
        "rest_hook_secret_key=<current>",
    ]
    assert told["commands"] == [
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
        told = stack.json("wcs-setup", "school", "--reveal")

    assert f"rest_hook_secret_key={SECRET}" in told["properties"]


def test_given_no_check_of_callers_then_no_secret_is_asked_for() -> None:
    with operated(AUTH="none", REPLY_TIMEOUT_SECONDS="4.5") as stack:
        stack.refused.add("GetSecretValue")
        told = stack.json("wcs-setup", "school", "--reveal")

    assert told["properties"] == ["rest_request_timeout=8"]
