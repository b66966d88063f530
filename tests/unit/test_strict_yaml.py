"""YAML that people write: one reader, JSON's types, and no text that exhausts it."""

import time

import pytest

import strict_yaml
from strict_yaml import StrictYamlError


def _bomb(line: str) -> str:
    lines = [f"a{n}: &a{n} {line.replace('*', f'*a{n - 1}')}" for n in range(1, 12)]
    return "\n".join(["a0: &a0 {x: 1}", *lines])


@pytest.mark.parametrize(
    "text",
    [
        _bomb("[*, *, *, *, *, *, *, *, *]"),
        _bomb("{<<: [*, *, *, *, *, *, *, *, *]}"),
        _bomb("{p: *, q: *, r: *, s: *, t: *}"),
    ],
    ids=["lists", "merges", "maps"],
)
def test_given_aliases_that_explode_when_read_then_the_text_is_refused_at_once(text: str) -> None:
    started = time.monotonic()

    with pytest.raises(StrictYamlError, match=r"f\.yaml:1: its aliases repeat more than 100,000"):
        strict_yaml.read(text, "f.yaml")

    assert time.monotonic() - started < 1


def test_given_aliases_that_repeat_a_little_when_read_then_they_stand_for_their_values() -> None:
    text = "- &roles [teacher, admin]\n- {may: *roles, <<: {see: *roles}}"

    roles = ["teacher", "admin"]
    assert strict_yaml.read(text, "f.yaml") == [roles, {"may": roles, "see": roles}]


@pytest.mark.parametrize(
    "text",
    ["- " * 100_000 + "x", "[" * 100_000, "{a: " * 101 + "}" * 101, "[" * 101 + "]" * 101],
    ids=["blocks", "open lists", "maps", "lists"],
)
def test_given_deep_nesting_when_read_then_the_text_is_refused(text: str) -> None:
    with pytest.raises(StrictYamlError, match=r"f\.yaml:1: it is nested deeper than 100 levels"):
        strict_yaml.read(text, "f.yaml")


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("!!int x", "'x' is not of the type !!int"),
        ("!!int 1:30", "'1:30' is not of the type !!int"),
        ("!!float .inf", "'.inf' is not of the type !!float"),
        ("!!float nan", "'nan' is not of the type !!float"),
        ("!!bool yes", "'yes' is not of the type !!bool"),
        ("!!null x", "'x' is not of the type !!null"),
        ("!!int [1]", "!!int must be a scalar"),
        ("!!map x", "a mapping is expected here"),
        ("!!seq x", "expected a sequence node"),
        ("!!str [x]", "expected a scalar node"),
        ("!!binary aGk=", "the type !!binary is not read here"),
        ("!!timestamp 2030-01-31", "the type !!timestamp is not read here"),
        ("!!set {a}", "the type !!set is not read here"),
        ("!!python/name:os.system", "the type !!python/name:os.system is not read here"),
        ("1e999999999999999999999999", "is not a number that DynamoDB can hold"),
        ("1" + "0" * 5_000, "is not a number that DynamoDB can hold"),
        ("1e126", "is not a number that DynamoDB can hold"),
        (r'"\ud800"', "invalid Unicode character"),
    ],
)
def test_given_a_value_that_json_or_the_table_does_not_have_then_the_error_names_file_and_line(
    value: str, problem: str
) -> None:
    with pytest.raises(StrictYamlError) as raised:
        strict_yaml.read(f"id: a\npriority: {value}", "f.yaml")

    assert str(raised.value).startswith("f.yaml:2: ")
    assert problem in str(raised.value)


def test_given_a_zero_of_any_exponent_when_read_then_it_is_zero() -> None:
    assert strict_yaml.read("[-0.0, 0e99999999999999]", "f.yaml") == [0, 0]
