"""Numbers are compared, sent and kept digit by digit: from the table to the reply, and back."""

import hashlib
import json
import zlib
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.support.aws_tables import POLICIES, Aws
from tests.support.hook_client import HookClient
from tests.support.policy_items import deny, override
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.compiler.policy_compiler import PolicyCompiler, Status

_LONG = "0.1234567890123456789012345678901234567"
_LARGE = "12345678901234567890"


@pytest.fixture
def put(aws: Aws, compiler: PolicyCompiler) -> Callable[..., Status]:
    """Write a policy with one number, as DynamoDB has it, and compile it."""

    def write(policy: Any, attribute: str, number: str) -> Status:
        key: Any = {"app": {"S": "school"}}
        plain: Any = {name: {"S": value} for name, value in policy.items() if name != attribute}
        aws.dynamodb.put_item(
            TableName=POLICIES, Item={**key, **plain, attribute: {"M": {"n": {"N": number}}}}
        )
        return compiler.compile("school")

    return write


@pytest.mark.parametrize(
    ("number", "equal", "others"),
    [
        (_LARGE, [_LARGE, f"{_LARGE}.0", "1234567890123456789e1"], ["12345678901234567891"]),
        (_LONG, [_LONG, f"{_LONG}0"], ["0.12345678901234568", f"{_LONG}1"]),
        ("0.1", ["0.1", "1e-1"], ["0.1000000000000000055511151231257827"]),
        ("1E+30", ["1e30", "1" + "0" * 30], ["1000000000000000019884624838656"]),
        ("9007199254740993", ["9007199254740993"], ["9007199254740992", "9007199254740993.5"]),
    ],
)
def test_given_a_number_to_match_when_hooks_bring_others_then_only_the_same_one_matches(
    put: Callable[..., Status], hooks: HookClient, number: str, equal: list[str], others: list[str]
) -> None:
    assert put(deny(), "match", number).ok

    def status(written: str) -> int:
        return hooks.post("publishStream", f'{{"appKey":"school","n":{written}}}'.encode()).status

    assert [status(written) for written in equal] == [403] * len(equal)
    assert [status(written) for written in others] == [200] * len(others)


@pytest.mark.parametrize("number", [_LONG, _LARGE, "1" * 38, "0.1", "1.5E-9", "5"])
def test_given_a_number_to_set_when_a_hook_comes_then_wcs_gets_just_that_number(
    put: Callable[..., Status], hooks: HookClient, number: str
) -> None:
    assert put(override(set={}), "set", number).ok

    reply = hooks.post("publishStream", {"appKey": "school"})

    sent = json.loads(reply.body, parse_float=Decimal, parse_int=Decimal)["n"]
    assert sent == Decimal(number)


def test_given_a_long_fraction_when_nothing_changes_then_there_is_no_new_version(
    put: Callable[..., Status], store: DynamoPolicyStore
) -> None:
    first = put(override(set={}), "set", _LONG)
    again = put(override(set={}), "set", _LONG)
    other = put(override(set={}), "set", f"{_LONG}1")

    assert (first.version, again.version, other.version) == (1, 1, 2)
    assert store.source("school", 1)[0]["set"] == {"n": Decimal(_LONG)}


def test_given_a_snapshot_from_before_when_a_hook_brings_a_large_number_then_it_still_matches(
    aws: Aws, put: Callable[..., Status], hooks: HookClient
) -> None:
    put(deny(), "match", _LARGE)
    item = aws.snapshot_items("school")["v0000000001#part#000"]
    document = json.loads(zlib.decompress(item["data"]))
    del document["exactNumbers"]
    text = json.dumps(document).replace(f"\\u0000{_LARGE}", "\\u00001.2345678901234567e+19")
    data = zlib.compress(text.encode())
    aws.put_item("PolicySnapshots", {**item, "data": data})
    pointer = aws.snapshot_items("school")["current"]
    digest = hashlib.sha256(data).hexdigest()
    aws.put_item("PolicySnapshots", {**pointer, "digest": digest})

    reply = hooks.post("publishStream", f'{{"appKey":"school","n":{_LARGE}}}'.encode())

    assert reply.status == 403


def test_given_a_priority_of_too_many_digits_when_compiled_then_it_is_an_error(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    item: Any = {"app": "school", **deny(), "priority": Decimal("1.00000000000000000001")}
    aws.put_item(POLICIES, item)

    status = compiler.compile("school")

    assert [error.attribute for error in status.errors] == ["priority"]


@pytest.mark.parametrize(
    "attribute", ["when", "match", "notAfter", "notBefore", "priority", "mode", "reason", "note"]
)
def test_given_an_attribute_of_type_null_when_compiled_then_the_edit_is_an_error(
    aws: Aws, compiler: PolicyCompiler, attribute: str
) -> None:
    aws.put_item(POLICIES, {"app": "school", **deny(), attribute: None})

    status = compiler.compile("school")

    assert [error.attribute for error in status.errors] == [attribute]
    assert "is empty: remove it, or give" in status.errors[0].message
