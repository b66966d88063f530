"""The functions that expressions have beyond CEL's own."""

import hashlib
import re
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.given import decided, deny, snapshot
from wcs_hooks.core.cel.check import check
from wcs_hooks.core.cel.expression import MAX_VISIBLE_BYTES, ExpressionError
from wcs_hooks.core.cel.functions import glob, sha256

_TEXTS = st.text(alphabet="ab\n.[?", max_size=12)
_PATTERNS = st.text(alphabet="ab*\n.[?", max_size=12)


@given(text=_TEXTS, pattern=_PATTERNS)
def test_given_any_pattern_then_only_its_stars_are_special(text: str, pattern: str) -> None:
    meant = ".*".join(map(re.escape, pattern.split("*")))

    assert glob(text, pattern) is (re.fullmatch(meant, text, re.DOTALL) is not None)


@given(text=_TEXTS, pattern=_PATTERNS)
def test_given_a_pattern_in_a_hook_then_a_policy_decides_by_it(text: str, pattern: str) -> None:
    policy = deny(when="body.name.glob(body.custom.pattern)", whenError="skip")
    body = {"name": text, "custom": {"pattern": pattern}}

    assert bool(decided(snapshot(policy), body).denial) is glob(text, pattern)


@given(text=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_given_a_text_then_its_hash_is_that_of_its_utf_8(text: str) -> None:
    policy = deny(when=f"sha256(body.name) == '{hashlib.sha256(text.encode()).hexdigest()}'")

    assert decided(snapshot(policy), {"name": text}).denial


_HALF = MAX_VISIBLE_BYTES // 2


@pytest.mark.parametrize(
    "call",
    [
        lambda: glob("a" * _HALF, "*".join("a" * (_HALF // 2)) + "b"),
        lambda: glob("a" * _HALF, f"*{'a' * (_HALF - 1)}b*"),
        lambda: glob("a" * _HALF, f"*{'a' * 99}b*"),
        lambda: glob("ab" * (_HALF // 2), f"*{'ab' * 2_000}aa*"),
        lambda: glob("a" * _HALF, "*" * _HALF),
        lambda: sha256("a" * MAX_VISIBLE_BYTES),
    ],
    ids=["stars", "long part", "part", "repeated", "only stars", "hash"],
)
def test_given_the_largest_texts_then_no_call_takes_long(call: Callable[[], object]) -> None:
    quickest = 1.0
    for _ in range(5):
        begun = time.perf_counter()
        call()
        quickest = min(quickest, time.perf_counter() - begun)

    assert quickest < 0.05  # some 10 ms for the first, below 1 ms for the others


@pytest.mark.parametrize(
    "source", ["body.name.glob(5)", "method.glob(5)", "sha256(5)", "sha256(known)"]
)
def test_given_an_argument_of_another_type_when_it_is_checked_then_it_does_not_compile(
    source: str,
) -> None:
    with pytest.raises(ExpressionError, match="no matching overload"):
        check(source)


@pytest.mark.parametrize("when", ["!body.name.glob('a*')", "sha256(body.name) != 'x'"])
def test_given_no_text_when_a_denial_calls_a_function_of_texts_then_it_applies(when: str) -> None:
    found = decided(snapshot(deny(when=when)), {"name": 5})

    assert found.denial
    assert "No matching overloads" in found.failures[0].message
