"""What is kept of a connect: what its policies saw, or nothing."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from tests.property.json_texts import TEXTS, Text
from wcs_hooks.core.payload import encode, parse
from wcs_hooks.core.secrets import is_secret, without_secrets

type Path = tuple[str | int, ...]

_PIECES = st.sampled_from(
    [
        *("admin", "x", "?", "//", "@", "sip:", "SIPS:", "a://", "https://", "/", "#", " ", ":"),
        *(
            "k1.",
            "2f2f",
            "612f2f783a7940",
            "40",
            ".",
            "eyJhbGciOiJub25lIn0",
            "e30",
            "\n",
            "é",
            "&=",
        ),
    ]
)
_CLAIMS = st.recursive(
    st.one_of(
        st.lists(_PIECES, max_size=7).map("".join),
        st.sampled_from([None, True, 0, 5.0, 2**63 - 1, 2**70, 0.1, 1e308]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["login", "role", "Api_Key", "a"]), inner, max_size=3),
    ),
    max_leaves=6,
)


def _leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each value that is not made of others, and where it stands."""
    inner: Iterator[tuple[str | int, Any]]
    if isinstance(value, dict):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = iter(enumerate(value))
    else:
        yield path, value
        return
    for name, each in inner:
        yield from _leaves(each, (*path, name))


def _is_the_url_alone(kept: str, seen: str) -> bool:
    """Whether a text is another one, a URL, less what may be secret in that."""
    parts = urlsplit(seen)
    scheme = seen[: len(parts.scheme)]
    return (
        bool(scheme)
        and kept == f"{scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        and not {"@", "?", "#", " "} & set(kept)
    )


def _check(raw: bytes) -> None:
    seen = parse(raw).expression_fields
    at = dict(_leaves(seen))

    kept = json.loads(encode(without_secrets(seen)))

    for path, leaf in _leaves(kept):
        same = type(leaf) is type(at[path]) and leaf == at[path]
        assert same or _is_the_url_alone(leaf, at[path]), path
        assert not is_secret(tuple(name for name in path if isinstance(name, str)))


@given(TEXTS)
def test_given_any_connect_when_it_is_kept_then_each_value_is_as_its_policies_saw_it(
    text: Text,
) -> None:
    _check(text.written().encode())


@given(_CLAIMS)
@example("admin?x")
@example("//x@admin")
@example(["admin?x", "guest"])
@example("https://evil/?@good.example/a")
def test_given_any_claim_when_it_is_kept_then_it_is_no_other_claim(claim: Any) -> None:
    _check(json.dumps({"custom": {"role": claim, "login": claim}, "name": claim}).encode())
