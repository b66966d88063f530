"""A hook's body: what is refused, what is read, and that no byte of it changes unasked."""

import json
from typing import Any

import pytest

from wcs_hooks.core.payload import (
    MAX_BODY_BYTES,
    MAX_DEPTH,
    LongNumber,
    MalformedBodyError,
    append_fields,
    encode,
    parse,
    replace_fields,
)

_MIB = 1_048_576


def _of_size(size: int) -> bytes:
    frame = len(b'{"a":""}')
    return b'{"a":"' + b"x" * (size - frame) + b'"}'


def _arrays(depth: int) -> bytes:
    """An object that is the outermost of so many levels."""
    return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


def _objects(depth: int) -> bytes:
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


_MALFORMED = {
    "empty": b"",
    "blank": b" \n",
    "array": b"[1,2]",
    "string": b'"connect"',
    "number": b"5",
    "null": b"null",
    "true": b"true",
    "truncated": b'{"a":1',
    "truncated-string": b'{"a":"b',
    "no-value": b'{"a":}',
    "no-colon": b'{"a" 1}',
    "bare-name": b"{a:1}",
    "single-quotes": b"{'a':1}",
    "trailing-comma": b'{"a":1,}',
    "something-behind": b'{"a":1} {}',
    "comment": b'{"a":1} // no',
    "leading-zero": b'{"a":01}',
    "plus-sign": b'{"a":+1}',
    "no-fraction": b'{"a":1.}',
    "arabic-digits": '{"a":٣}'.encode(),
    "NaN": b'{"a":NaN}',
    "Infinity": b'{"a":Infinity}',
    "minus-Infinity": b'{"a":[-Infinity]}',
    "byte-order-mark": b'\xef\xbb\xbf{"a":1}',
    "no-break-space": b'{\xc2\xa0"a":1}',
    "raw-control-character": b'{"a":"\x01"}',
    "raw-NUL": b'{"a":"\x00"}',
    "raw-newline": b'{"a":"\n"}',
    "unknown-escape": b'{"a":"\\x41"}',
    "short-escape": b'{"a":"\\u12"}',
    "invalid-utf-8": b'{"a":"\xff"}',
    "truncated-utf-8": b'{"a":"\xc3"}',
    "overlong-utf-8": b'{"a":"\xc0\xaf"}',
    "surrogate-in-utf-8": b'{"a":"\xed\xa0\x80"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "100,000-levels-of-arrays": _arrays(100_000),
    "100,000-levels-of-objects": _objects(100_000),
    "100,000-opening-brackets": b'{"a":' + b"[" * 100_000,
    "65-levels-of-arrays": _arrays(65),
    "65-levels-of-objects": _objects(65),
    "65-levels-that-a-later-value-hides": _arrays(65)[:-1] + b',"a":0}',
}


@pytest.mark.parametrize("body", _MALFORMED.values(), ids=_MALFORMED)
def test_given_a_body_that_is_no_hook_when_it_is_parsed_then_it_is_a_bad_request(
    body: bytes,
) -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parse(body)

    assert caught.value.status == 400
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("body", [_of_size(_MIB + 1), b"\xff" * (_MIB + 1), b"[" * (2 * _MIB)])
def test_given_a_body_over_1_mib_when_it_is_parsed_then_it_is_too_large_whatever_it_holds(
    body: bytes,
) -> None:
    with pytest.raises(MalformedBodyError, match="1,048,576") as caught:
        parse(body)

    assert caught.value.status == 413


def test_given_a_body_of_exactly_1_mib_when_it_is_parsed_then_it_is_a_hook() -> None:
    body = _of_size(_MIB)

    assert len(body) == MAX_BODY_BYTES == _MIB
    assert parse(body).raw == body


def test_given_an_error_when_it_is_told_then_nothing_of_the_body_is_quoted() -> None:
    with pytest.raises(MalformedBodyError) as caught:
        parse(b'{"sipPassword":"hunter2" "custom":{}}')

    assert "hunter2" not in str(caught.value)
    assert str(caught.value).endswith("at 25")


_ODD_BUT_VALID: dict[str, tuple[bytes, dict[str, Any]]] = {
    "empty-object": (b"{}", {}),
    "blanks-around": (b' \t\r\n{ "a" : 1 }\n', {"a": 1}),
    "duplicate-keys": (b'{"a":1,"b":2,"a":3}', {"a": 3, "b": 2}),
    "escaped-duplicate": (b'{"a":1,"\\u0061":2}', {"a": 2}),
    "empty-name": (b'{"":1}', {"": 1}),
    "infinite-number": (b'{"a":1e400}', {"a": float("inf")}),
    "tiny-number": (b'{"a":1e-400}', {"a": 0.0}),
    "30-digit-integer": (
        b'{"a":123456789012345678901234567890}',
        {"a": 123456789012345678901234567890.0},
    ),
    "5,000-digit-integer": (b'{"a":' + b"9" * 5000 + b"}", {"a": float("inf")}),
    "negative-5,000-digit-integer": (b'{"a":-' + b"9" * 5000 + b"}", {"a": float("-inf")}),
    "lone-surrogate": (b'{"a":"\\ud800"}', {"a": "\ud800"}),
    "escaped-NUL": (b'{"a":"b\\u0000c"}', {"a": "b\0c"}),
    "surrogate-pair": (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
    "64-levels-of-arrays": (_arrays(64), json.loads(_arrays(64))),
    "64-levels-of-objects": (_objects(64), json.loads(_objects(64))),
    "brackets-in-a-string": (b'{"a":"' + b"[{" * 500 + b'"}', {"a": "[{" * 500}),
    "many-flat-arrays": (b'{"a":[' + b"[]," * 500 + b"{}]}", {"a": [*([[]] * 500), {}]}),
}


@pytest.mark.parametrize(("body", "fields"), _ODD_BUT_VALID.values(), ids=_ODD_BUT_VALID)
def test_given_an_odd_body_when_it_is_parsed_then_it_is_read_and_its_bytes_are_kept(
    body: bytes, fields: dict[str, Any]
) -> None:
    payload = parse(body)

    assert payload.fields == fields
    assert payload.raw == body
    assert payload.text.encode() == body


def test_given_the_limit_on_nesting_then_it_is_64() -> None:
    assert MAX_DEPTH == 64


@pytest.mark.parametrize("number", [2**63 - 1, -(2**63), 10**18, -(10**18), 0, 2**53 + 1])
def test_given_an_integer_that_64_bits_hold_when_it_is_parsed_then_it_is_exact(number: int) -> None:
    value = parse(b'{"a":%d}' % number).fields["a"]

    assert type(value) is int
    assert value == number


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 10**19, 2**64, -(10**30)])
def test_given_an_integer_that_64_bits_do_not_hold_when_it_is_parsed_then_it_is_a_float(
    number: int,
) -> None:
    payload = parse(b'{"a":%d,"b":[%d]}' % (number, number))
    value = payload.fields["a"]

    assert isinstance(value, LongNumber)
    assert value == float(number)
    assert value.exact == number
    # The runtime takes no other kind of float.
    seen = payload.expression_fields
    assert [type(one) for one in (seen["a"], *seen["b"])] == [float, float]


@pytest.mark.parametrize(
    ("body", "app"),
    [
        (b'{"appKey":"live"}', "live"),
        (b"{}", ""),
        (b'{"appKey":null}', ""),
        (b'{"appKey":5}', ""),
        (b'{"appKey":["live"]}', ""),
        (b'{"appKey":"a","appKey":"b"}', "b"),
    ],
)
def test_given_a_body_when_its_app_is_asked_for_then_it_is_the_app_key_if_that_is_a_text(
    body: bytes, app: str
) -> None:
    assert parse(body).app == app


@pytest.mark.parametrize(
    ("body", "seen"),
    [
        (b'{"a":"b"}', {"a": "b"}),
        (b'{"a":"\\ud800"}', {"a": "\ufffd"}),
        (b'{"a":"\\uDfff!"}', {"a": "\ufffd!"}),
        (b'{"a":"\\ud83d\\ude00"}', {"a": "😀"}),
        (b'{"a":"live\\u0000x"}', {"a": "live\ufffdx"}),
        (b'{"a":[{"b\\u0000":"\\udc00"},1,null]}', {"a": [{"b\ufffd": "\ufffd"}, 1, None]}),
        (b'{"a":"\\\\u0000"}', {"a": "\\u0000"}),
    ],
)
def test_given_text_that_cel_cannot_hold_when_expressions_see_it_then_it_is_replaced(
    body: bytes, seen: dict[str, Any]
) -> None:
    assert parse(body).expression_fields == seen


def test_given_text_that_cel_cannot_hold_when_it_is_replaced_then_the_fields_stay() -> None:
    payload = parse(b'{"a":"b\\u0000"}')

    assert payload.expression_fields != payload.fields
    assert payload.fields == {"a": "b\0"}
    assert payload.raw == b'{"a":"b\\u0000"}'


@pytest.mark.parametrize(
    ("text", "replacements", "expected"),
    [
        ('{"a":1}', {"a": "2"}, '{"a":2}'),
        ('{ "a" : 1 , "b":2 }', {"a": "null"}, '{ "a" : null , "b":2 }'),
        ('{"a":1,"b":2}', {"b": '"x"'}, '{"a":1,"b":"x"}'),
        ('{"a":1,"b":2}', {"b": "3", "a": "4"}, '{"a":4,"b":3}'),
        ('{"a":1.0e0,"b":[1, 2],"c":"\\u0041"}', {"b": "0"}, '{"a":1.0e0,"b":0,"c":"\\u0041"}'),
        ('{"a":1,"a":2}', {"a": "3"}, '{"a":3,"a":3}'),
        ('{"\\u0061":1}', {"a": "2"}, '{"\\u0061":2}'),
        ('{"a":{"b":1},"b":2}', {"b": "3"}, '{"a":{"b":1},"b":3}'),
        ('{"x":"\\"a\\":1","a":1}', {"a": "2"}, '{"x":"\\"a\\":1","a":2}'),
        ('{"a":1}', {"b": "2"}, '{"a":1,"b":2}'),
        ('{"a":1 }\n', {"b": "2"}, '{"a":1,"b":2 }\n'),
        ("{}", {"b": "2"}, '{"b":2}'),
        (" { } ", {"b": "2"}, ' {"b":2 } '),
        ('{"a":1}', {"b": "2", "a": "3", "c": "4"}, '{"a":3,"b":2,"c":4}'),
        ('{"a":1}', {'q"': "2"}, '{"a":1,"q\\"":2}'),
        ('{"a":-0}', {}, '{"a":-0}'),
    ],
)
def test_given_fields_to_replace_when_they_are_spliced_in_then_nothing_else_changes(
    text: str, replacements: dict[str, str], expected: str
) -> None:
    assert replace_fields(text, replacements) == expected
    assert parse(text.encode()).with_fields(replacements) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", '{"n":{}}'),
        ('{"a":{}}', '{"a":{},"n":{}}'),
        ('{"a":"}"}', '{"a":"}","n":{}}'),
        ('{"a":"{"}\t', '{"a":"{","n":{}}\t'),
        ('{\n  "a": 1\n}\n', '{\n  "a": 1,"n":{}\n}\n'),
    ],
)
def test_given_a_field_to_append_when_it_is_then_it_comes_last(text: str, expected: str) -> None:
    assert append_fields(text, {"n": "{}"}) == expected


def test_given_nothing_to_append_when_it_is_then_the_text_stays() -> None:
    assert append_fields(' {"a":1 } ', {}) == ' {"a":1 } '


@pytest.mark.parametrize("value", [float("nan"), float("inf"), [float("-inf")], b"x", {"a": {1}}])
def test_given_what_json_does_not_have_when_it_is_encoded_then_that_is_an_error(
    value: object,
) -> None:
    with pytest.raises(ValueError, match="JSON"):
        encode(value)


def test_given_a_value_when_it_is_encoded_then_it_is_compact_and_keeps_its_characters() -> None:
    assert encode({"a": [1, "ü", None, True]}) == '{"a":[1,"ü",null,true]}'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"a":"\\"name\\"","name":1}', id="in a text"),
        pytest.param('{"a":{"name":2},"name":1}', id="deeper"),
        pytest.param('{"a":["name"],"name":1}', id="a value"),
        pytest.param('{"name":1,"a":"name"}', id="a value behind it"),
        pytest.param('{"n\\u0061me":1,"a":"name"}', id="escaped"),
        pytest.param('{"a":"\\"name","name":1}', id="a text that ends so"),
        pytest.param('{"name" \t:\n1,"\\"name":2}', id="a name that ends so"),
        pytest.param('{"name":1,"x":"C:\\\\users"}', id="what looks like an escape"),
        pytest.param('{"name":1, "name":3}', id="twice"),
    ],
)
def test_given_a_name_that_stands_elsewhere_too_then_its_own_field_is_replaced(text: str) -> None:
    before = json.loads(text)

    after = parse(text.encode()).with_fields({"name": '"new"'})

    assert json.loads(after) == before | {"name": "new"}
    assert after == replace_fields(text, {"name": '"new"'})
