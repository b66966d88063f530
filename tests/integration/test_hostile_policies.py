"""Policies that nobody means, in DynamoDB itself: `#status` names them, nothing else changes."""

import zlib
from typing import Any

import pytest
from moto.dynamodb.models.dynamo_type import LimitedSizeDict

from tests.support.aws_tables import POLICIES, Aws
from tests.support.policy_items import deny, override
from wcs_hooks.compiler.policy_compiler import PolicyCompiler

_NEARLY_400_KIB = 400_000


def _status(aws: Aws) -> dict[str, Any]:
    item = aws.policy_item("live", "#status")
    assert item is not None
    return item


def _put(aws: Aws, item_id: str, **attributes: Any) -> None:
    """Put an item as DynamoDB's own types say."""
    item = {"app": {"S": "live"}, "id": {"S": item_id}, **attributes}
    aws.dynamodb.put_item(TableName=POLICIES, Item=item)


@pytest.mark.parametrize(
    "value",
    [
        {"B": b"\x00\xff"},
        {"SS": ["a", "b"]},
        {"NS": ["1", "2.5", "1E+30"]},
        {"BS": [b"a", b"b"]},
        {"NULL": True},
        {"BOOL": False},
        {"N": "9.9999999999999999999999999999999999999E+125"},
        {"N": "1E-130"},
        {"L": [{"M": {"a": {"L": [{"NULL": True}]}}}]},
        {"M": {"a": {"BS": [b"a"]}, "b.c": {"S": ""}}},
        {"S": "\t\n\x01\N{RIGHT-TO-LEFT OVERRIDE}\ufffe"},
    ],
    ids=lambda value: next(iter(value)),
)
def test_given_a_value_of_another_type_in_each_attribute_when_compiled_then_the_last_version_stays(
    aws: Aws, compiler: PolicyCompiler, value: dict[str, Any]
) -> None:
    aws.put_policies("live", deny("good"))
    assert compiler.compile("live").version == 1
    names = "method action priority match when set compute status reason mode whenError notBefore"
    for name in [*names.split(), "notAfter", "note", "restOnError", "restOverwrite", "unheard-of"]:
        _put(aws, f"odd-{name}", **{name: value})

    status = compiler.compile("live")

    assert (status.ok, status.version) == (False, 1)
    item = _status(aws)
    assert item["ok"] is False
    assert {error["policy"].partition("-")[0] for error in item["errors"]} == {"odd"}
    assert aws.snapshot_items("live")["current"]["version"] == 1


def test_given_an_item_of_nearly_400_kib_when_it_is_compiled_then_it_is_in_force(
    aws: Aws, compiler: PolicyCompiler
) -> None:
    noise = "".join(
        chr(0x4E00 + zlib.crc32(b"%d" % n) % 20_000) for n in range(_NEARLY_400_KIB // 3 - 200)
    )
    aws.put_policies("live", override("huge", set={"name": noise}))

    status = compiler.compile("live")

    assert (status.ok, status.version) == (True, 1)


def test_given_an_item_of_nearly_400_kib_of_mistakes_when_compiled_then_the_status_fits_an_item(
    aws: Aws, compiler: PolicyCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = {f"no-attribute-{number}": {"N": "1"} for number in range(15_000)}
    assert sum(len(name) + 1 for name in names) < _NEARLY_400_KIB
    with monkeypatch.context() as patch:
        # moto measures the whole item again for each attribute, which takes a minute.
        patch.setattr(LimitedSizeDict, "__setitem__", dict.__setitem__)
        _put(aws, "mistakes", **names, method={"S": "call"}, action={"S": "deny"})

    status = compiler.compile("live")

    assert not status.ok
    item = _status(aws)
    assert item["errorCount"] == 15_000
    assert {error["policy"] for error in item["errors"]} == {"mistakes"}
