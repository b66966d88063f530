"""Whatever the body: it comes back byte for byte, and an override changes its fields alone."""

import json
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.json_texts import ANY_VALUES, NAMES, STRINGS, TEXTS, VALUES, Text
from wcs_hooks.core import reply
from wcs_hooks.core.payload import (
    MAX_DEPTH,
    MalformedBodyError,
    append_fields,
    encode,
    parse,
    replace_fields,
)


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _standard(body: bytes) -> dict[str, Any] | None:
    """What the standard library reads, strictly; none if it is not an object."""
    try:
        fields = json.loads(body.decode(), parse_int=float, parse_constant=_refuse)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None


def _pairs(text: str) -> list[tuple[str, Any]]:
    """The top-level fields in order, those that occur twice included, numbers as written."""
    decoder = json.JSONDecoder(
        object_pairs_hook=list, parse_int=lambda n: ("n", n), parse_float=lambda n: ("n", n)
    )
    found: list[tuple[str, Any]] = decoder.decode(text)
    return found


@given(TEXTS)
def test_given_any_object_when_it_is_echoed_then_its_bytes_are_what_came(text: Text) -> None:
    body = text.written().encode()

    payload = parse(body)

    assert reply.echo(payload).body == body
    assert reply.override(payload, {}).body == body


@given(TEXTS)
def test_given_any_object_when_it_is_parsed_then_the_fields_are_those_of_a_standard_parser(
    text: Text,
) -> None:
    fields = parse(text.written().encode()).fields

    assert json.loads(json.dumps(fields), parse_int=float) == _standard(text.written().encode())


@given(
    TEXTS,
    st.dictionaries(st.sampled_from([*NAMES, "new", "é", 'q"']), VALUES, max_size=3),
    st.data(),
)
def test_given_any_fields_when_they_are_replaced_then_every_other_character_stays(
    text: Text, values: dict[str, str], data: st.DataObject
) -> None:
    if text.members:
        own = data.draw(st.sampled_from([member.decoded for member in text.members]))
        values = values | {own: data.draw(VALUES)}

    replaced = replace_fields(text.written(), values)

    assert replaced == text.with_values(values)
    assert parse(text.written().encode()).with_fields(values) == replaced


@given(TEXTS, st.dictionaries(st.sampled_from([*NAMES, "new"]), VALUES, max_size=3))
def test_given_any_fields_when_they_are_replaced_then_a_parser_sees_the_others_as_they_were(
    text: Text, values: dict[str, str]
) -> None:
    before, after = _pairs(text.written()), _pairs(replace_fields(text.written(), values))

    present = {name for name, _ in before}
    expected = [
        (name, _pairs(f'{{"v":{values[name]}}}')[0][1] if name in values else value)
        for name, value in before
    ]
    appended = [
        (name, _pairs(f'{{"v":{value}}}')[0][1])
        for name, value in values.items()
        if name not in present
    ]
    assert after == expected + appended


@given(TEXTS, st.dictionaries(st.sampled_from(NAMES), STRINGS, max_size=3))
def test_given_a_replacement_when_it_is_made_again_then_nothing_changes(
    text: Text, values: dict[str, str]
) -> None:
    once = replace_fields(text.written(), values)

    assert replace_fields(once, values) == once


@given(TEXTS, st.dictionaries(st.sampled_from(["new", "newer"]), VALUES, max_size=2))
def test_given_new_fields_when_they_are_appended_then_they_stand_last(
    text: Text, values: dict[str, str]
) -> None:
    appended = append_fields(text.written(), values)

    assert appended == text.with_values(values)


@given(st.binary(max_size=60))
@example(b"")
@example(b"\xff")
@example(b"{" * 5000)
@example(b'{"a":' * 5000 + b"1" + b"}" * 5000)
def test_given_any_bytes_at_all_when_they_are_parsed_then_they_are_a_hook_or_malformed(
    body: bytes,
) -> None:
    try:
        whole = parse(body).raw == body
    except MalformedBodyError as error:
        whole = error.status == 400 and bool(str(error))

    assert whole


@given(TEXTS, st.data())
def test_given_a_damaged_object_when_it_is_parsed_then_it_is_refused_exactly_if_it_is_no_json(
    text: Text, data: st.DataObject
) -> None:
    whole = text.written().encode()
    at = data.draw(st.integers(0, len(whole)))
    gone = data.draw(st.integers(0, 2))
    added = data.draw(st.one_of(st.binary(max_size=2), st.sampled_from([b",", b'"', b"NaN", b"{"])))
    body = whole[:at] + added + whole[at + gone :]

    try:
        accepted = parse(body).raw == body
    except MalformedBodyError:
        accepted = False

    assert accepted == (_standard(body) is not None)


@given(st.lists(st.sampled_from(["array", "object"]), min_size=50, max_size=80))
def test_given_any_nesting_when_it_is_parsed_then_64_levels_are_the_most(kinds: list[str]) -> None:
    inner = "1"
    for kind in kinds:
        inner = f"[{inner}]" if kind == "array" else f'{{"a": {inner}}}'
    body = f'{{"a":{inner}}}'.encode()

    try:
        parse(body)
    except MalformedBodyError:
        accepted = False
    else:
        accepted = True

    assert accepted == (len(kinds) + 1 <= MAX_DEPTH)


@given(TEXTS)
def test_given_any_object_when_expressions_see_it_then_nothing_is_left_that_cel_cannot_hold(
    text: Text,
) -> None:
    seen = parse(text.written().encode()).expression_fields

    rendered = json.dumps(seen, ensure_ascii=False)
    assert rendered.encode()
    assert "\\u0000" not in rendered.replace("\\\\", "")


@given(ANY_VALUES)
def test_given_any_json_value_when_it_is_encoded_then_it_is_read_back_the_same(value: Any) -> None:
    assert json.loads(encode(value)) == value
