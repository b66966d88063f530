"""Where in a hook a token is looked for."""

from typing import Any

import pytest

from tests.unit.tokens.issuer import NOW, public_key, token, trust
from wcs_hooks.core.tokens.jwt import MalformedTokenError
from wcs_hooks.core.tokens.places import token_at
from wcs_hooks.core.tokens.verification import TokenHook, TokenStatus, verify


@pytest.mark.parametrize(
    ("fields", "place", "text"),
    [
        ({"token": "t"}, "token", "t"),
        ({"custom": {"token": "t"}}, "custom.token", "t"),
        ({"custom.token": "t", "custom": {"token": "u"}}, "custom.token", "t"),
        ({"custom": {"a": {"b": "t"}}}, "custom.a.b", "t"),
        ({"token": "Bearer t"}, "token", "t"),
        ({"token": "bearer t"}, "token", "t"),
        ({"token": "Bearer Bearer t"}, "token", "Bearer t"),
        ({"token": "Bearer "}, "token", ""),
        ({"token": "Bearert"}, "token", "Bearert"),
        ({"token": ""}, "token", ""),
        ({"token": 5}, "token", ""),
        ({"token": ["t"]}, "token", ""),
        ({"custom": "t"}, "custom.token", ""),
        ({}, "custom.token", ""),
        ({"name": "s?aclAuth=t"}, "name?aclAuth", "t"),
        ({"name": "rtsp://h/s?a=1&aclAuth=t&b=2"}, "name?aclAuth", "t"),
        ({"name": "s?aclAuth=a%2Eb%2ec"}, "name?aclAuth", "a.b.c"),
        ({"name": "s?aclAuth=a%252Eb"}, "name?aclAuth", "a%2Eb"),
        ({"name": "s?aclAuth=a+b"}, "name?aclAuth", "a+b"),
        ({"name": "s?aclAuth=Bearer%20t"}, "name?aclAuth", "t"),
        ({"name": "s?acl%41uth=t"}, "name?aclAuth", "t"),
        ({"name": "s?aclauth=t&AclAuth=u"}, "name?aclAuth", ""),
        ({"name": "s?x=?aclAuth=t"}, "name?aclAuth", ""),
        ({"name": "s?aclAuth"}, "name?aclAuth", ""),
        ({"name": "s?"}, "name?aclAuth", ""),
        ({"name": "aclAuth=t"}, "name?aclAuth", ""),
        ({"name": "s?aclAuth=a=b"}, "name?aclAuth", "a=b"),
        ({"custom": {"url": "h?k=t"}}, "custom.url?k", "t"),
    ],
)
def test_given_a_place_then_the_text_there_is_the_token(
    fields: dict[str, Any], place: str, text: str
) -> None:
    assert token_at(fields, place) == text


@pytest.mark.parametrize(
    "query", ["aclAuth=a&aclAuth=a", "aclAuth=a&x=1&aclAuth=", "aclAuth=a&acl%41uth=b"]
)
def test_given_a_parameter_twice_then_the_token_is_malformed_though_one_of_them_is_valid(
    query: str,
) -> None:
    fields = {"name": f"s?{query.replace('=a', f'={token()}')}"}

    with pytest.raises(MalformedTokenError):
        token_at(fields, "name?aclAuth")
    verified = verify(
        TokenHook("live", "playHLS", "s", fields),
        [trust(token_in=("name?aclAuth",))],
        lambda _: [public_key("ES256")],
        NOW,
    )
    assert (verified.status, verified.claims) == (TokenStatus.MALFORMED, None)
