"""`wcsctl ban`: who is banned, and what that ends."""

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.support.aws_tables import LISTS, SNAPSHOTS
from tests.support.operated_stack import OperatedStack, operated
from wcs_hooks.adapters.dynamo_snapshots import CURRENT
from wcsctl.commands import ban
from wcsctl.errors import NotFoundError, UsageError

_BANNED: dict[str, Any] = {
    "id": "banned",
    "action": "deny",
    "method": ["connect", "publishStream", "playHLS"],
    "lookup": {"ban": {"list": "bans", "key": "claims.sub"}},
    "when": "rows.ban != null",
}
_STREAMS = {**_BANNED, "id": "banned-streams", "method": "StreamKeepAliveEvent"}


@pytest.fixture
def stack() -> Iterator[OperatedStack]:
    with operated() as one:
        yield one


def _put_row(stack: OperatedStack, key: str, **attributes: Any) -> None:
    stack.aws.put_item(LISTS, {"list": "bans", "key": key, **attributes})


def test_given_a_ban_when_bans_are_listed_then_it_is_there_until_it_ends_or_is_lifted(
    stack: OperatedStack,
) -> None:
    _put_row(stack, "gone", expiresAt=int(time.time()) - 10)
    _put_row(stack, "by-another-system")

    stack.json("ban", "anna", "--for", "1h", "--reason", "shouting")

    anna, another = stack.json("bans")
    assert another == {
        "user": "by-another-system",
        "reason": "",
        "bannedAt": "",
        "by": "",
        "expiresAt": None,
    }
    assert (anna["user"], anna["reason"]) == ("anna", "shouting")
    assert anna["expiresAt"] == pytest.approx(time.time() + 3600, abs=5)
    assert anna["by"]
    assert "anna" in stack.run("bans").output
    assert stack.json("unban", "anna")["reason"] == "shouting"
    for user in ("anna", "gone"):
        assert isinstance(stack.run("unban", user).exception, NotFoundError)
    assert [one["user"] for one in stack.json("bans")] == ["by-another-system"]


def test_given_policies_that_look_up_bans_when_a_user_is_banned_then_it_says_what_ends_where(
    stack: OperatedStack,
) -> None:
    stack.enforce("school", _BANNED, _STREAMS, {"id": "open", "method": "call", "action": "echo"})
    stack.enforce("shop", _BANNED, {**_STREAMS, "mode": "shadow"})
    over = {**_STREAMS, "notAfter": "2026-01-01T00:00:00Z"}
    stack.enforce("club", over)

    said = stack.json("ban", "anna")["reach"]
    shown = stack.run("ban", "anna").output

    assert said == [
        {
            "app": "school",
            "refused": ["connect", "publishStream", "playHLS", "StreamKeepAliveEvent"],
            "policies": ["school/banned", "school/banned-streams"],
            "unless": [],
            "inShadow": [],
            "closed": [],
            "otherKey": [],
            "endsStreams": True,
            "known": True,
        },
        {
            "app": "shop",
            "refused": ["connect", "publishStream", "playHLS"],
            "policies": ["shop/banned"],
            "unless": [],
            "inShadow": ["shop/banned-streams"],
            "closed": [],
            "otherKey": [],
            "endsStreams": False,
            "known": True,
        },
    ]
    assert "school: a running stream ends at its next keep-alive" in shown
    assert "if its session connected after the policy became active" in shown
    assert "keep_alive_streaming_sessions_enabled=true" in shown
    assert "school: from now on refused: connect, publishStream, playHLS" in shown
    assert (
        "school: except for connect, playHLS, this holds in sessions that connected after" in shown
    )
    assert "shop: running streams go on" in shown
    assert "shop/banned-streams is in shadow mode" in shown
    assert "Other apps: no policy looks up bans" in shown
    assert "hls_auth_token_cache" in shown


def test_given_an_app_whose_active_version_is_lost_then_it_is_named_and_the_others_are_known(
    stack: OperatedStack,
) -> None:
    stack.enforce("school", _BANNED)
    stack.enforce("lost", _BANNED)
    boto3.client("dynamodb").update_item(
        TableName=SNAPSHOTS,
        Key={"app": {"S": "lost"}, "item": {"S": CURRENT}},
        UpdateExpression="SET version = :lost",
        ExpressionAttributeValues={":lost": {"N": "4711"}},
    )

    said = stack.run("ban", "anna").output

    assert "school: from now on refused: connect" in said
    assert "what holds in lost is not known: its active policies cannot be read" in said


def test_given_a_policy_of_every_app_for_keep_alives_then_an_apps_own_streams_end_by_it(
    stack: OperatedStack,
) -> None:
    stack.enforce("*", _STREAMS)
    stack.enforce("school", _BANNED)

    said = stack.json("ban", "anna")["reach"]

    assert [(one["app"], one["endsStreams"]) for one in said] == [("*", True), ("school", True)]
    assert "Other apps" not in stack.run("ban", "anna").output


def test_given_policies_that_may_not_refuse_this_user_now_then_it_names_each_and_why(
    stack: OperatedStack,
) -> None:
    by_login = {"ban": {"list": "bans", "key": "body.login"}}
    stack.enforce(
        "school",
        {**_BANNED, "id": "all", "method": "@refusable"},
        {**_BANNED, "id": "by-login", "lookup": by_login},
        {**_BANNED, "id": "later", "notBefore": "2100-01-01T00:00:00Z"},
        {"id": "staff", "action": "echo", "method": "publishStream", "priority": 1},
        {"id": "after", "action": "echo", "method": "publishStream", "priority": 1000},
        {"id": "tried", "action": "echo", "method": "call", "priority": 1, "mode": "shadow"},
        {"id": "allowed", "action": "echo", "method": "call", "lookup": by_login, "priority": 900},
    )
    stack.enforce("*", {**_BANNED, "mode": "shadow"})

    every, school = stack.json("ban", "anna")["reach"]
    shown = stack.run("ban", "anna").output

    assert (every["refused"], every["inShadow"]) == ([], ["*/banned"])
    assert {"publishStream", "call"} <= {*school["refused"]}
    assert school["policies"] == ["school/all"]
    assert school["unless"] == ["school/staff"]
    assert "unless an earlier policy ends the evaluation: school/staff" in shown
    assert "school/by-login looks up bans by another key than claims.sub" in shown
    assert "school/later refuses nobody now" in shown
    assert "*/banned is in shadow mode" in shown
    assert "Other apps: no policy looks up bans" in shown


def test_given_rows_that_policies_cannot_read_when_bans_are_listed_then_they_are_named_damaged(
    stack: OperatedStack,
) -> None:
    _put_row(stack, "anna", expiresAt=1893456000000)
    _put_row(stack, "ben", expiresAt="2030-01-01")
    _put_row(stack, "carl", expiresAt=1)

    anna, ben, carl = stack.json("bans")

    assert "milliseconds" in anna["damaged"]
    assert "not a number" in ben["damaged"]
    assert "five years ago" in carl["damaged"]
    shown = stack.run("bans").stdout
    assert shown.count("damaged") == 3
    assert "for good" not in shown
    assert stack.json("unban", "anna")["user"] == "anna"


def test_given_no_policy_that_looks_up_bans_then_it_says_that_nobody_is_refused_and_names_a_recipe(
    stack: OperatedStack,
) -> None:
    stack.enforce("shop", {**_STREAMS, "mode": "shadow"})

    result = stack.run("ban", "anna")

    assert result.exit_code == 0
    assert "Nobody is refused" in result.output
    assert "shop/banned-streams is in shadow mode" in result.output
    assert "policies/cookbook/bans" in result.output


def test_given_somebody_who_may_only_write_lists_when_they_ban_then_the_ban_is_written_all_the_same(
    stack: OperatedStack,
) -> None:
    stack.refused.add("Query")

    result = stack.run("ban", "anna")

    assert result.exit_code == 0
    assert "this profile may not read policies" in result.output
    stack.refused.clear()
    assert [one["user"] for one in stack.json("bans")] == ["anna"]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (ClientError({"Error": {"Code": "InternalError", "Message": "Oops"}}, "Query"), "Oops"),
        (EndpointConnectionError(endpoint_url="https://aws"), "Could not connect"),
    ],
)
def test_given_an_aws_that_fails_after_the_ban_then_it_says_that_the_ban_is_written(
    stack: OperatedStack, failure: Exception, said: str
) -> None:
    with patch.object(ban, "ban_reach", side_effect=failure):
        result = stack.run("ban", "anna")

    assert result.exit_code == 0
    assert "The ban is written, but what it ends is not known here" in result.output
    assert said in result.output


def test_given_a_time_that_policies_cannot_read_or_half_a_character_then_no_ban_is_written(
    stack: OperatedStack,
) -> None:
    for words, said in (
        (("anna", "--for", "99999999d"), "--for is too long"),
        (("anna\udcff",), "half of a surrogate pair"),
    ):
        assert said in str(stack.run("ban", *words).exception)
    assert stack.aws.items(LISTS) == []


def test_given_functions_that_remember_rows_when_a_user_is_banned_then_it_says_for_how_long() -> (
    None
):
    with operated(LISTS_CACHE_SECONDS="30") as stack:
        stack.enforce("school", _BANNED)

        assert "up to 30 s later" in stack.run("ban", "anna").output
        assert stack.json("ban", "anna")["cacheSeconds"] == 30


def test_given_a_user_without_a_name_then_nothing_is_written(stack: OperatedStack) -> None:
    error = stack.run("ban", "").exception

    assert isinstance(error, UsageError)
    assert "USER must have 1 to 1,024 bytes" in str(error)
    assert stack.aws.items(LISTS) == []
