"""Which token of a hook counts, which item and which key it is for, and what must hold of it."""

import json
from typing import Any

import pytest

from tests.unit.tokens.issuer import (
    ISSUER,
    NOW,
    OTHER_SECRET,
    SECRET,
    claims,
    public_key,
    secrets,
    shown,
    signed,
    token,
    trust,
)
from wcs_hooks.core.policy.vocabulary import Mode
from wcs_hooks.core.tokens.keys import Key
from wcs_hooks.core.tokens.trust import Form, KeySource, Trust, in_order
from wcs_hooks.core.tokens.verification import NOTHING_SHOWN, Shown, TokenHook, TokenStatus, verify

_OTHER = "https://other.example"


def _hook(method: str = "connect", **fields: Any) -> TokenHook:
    return TokenHook("live", method, "lesson", fields)


def _by_trust(**keys: list[Key]) -> Any:
    return lambda item: keys.get(item.id)


def test_given_a_valid_token_then_its_claims_its_item_and_its_key_are_told() -> None:
    text = signed({"alg": "ES256", "kid": "2026"}, claims(role="teacher"))

    verified = shown(text, keys=[public_key("ES256", kid="2026")])

    assert verified == Shown(TokenStatus.VALID, "site", "ES256", "2026", claims(role="teacher"))
    assert verified.variable() == {
        "status": "valid",
        "trust": "site",
        "alg": "ES256",
        "kid": "2026",
    }


def test_given_no_token_then_all_texts_are_empty_and_no_key_is_asked_for() -> None:
    def keys(_: Trust) -> list[Key]:
        raise AssertionError

    empty: list[dict[str, Any]] = [{}, {"custom": {}}, {"custom": {"token": ""}}, {"token": 5}]
    for fields in empty:
        assert verify(_hook(**fields), [trust()], keys, NOW) == NOTHING_SHOWN
    assert verify(_hook(token=token()), [], keys, NOW) == NOTHING_SHOWN
    assert NOTHING_SHOWN.variable() == {"status": "none", "trust": "", "alg": "", "kid": ""}


def test_given_tokens_at_two_places_then_the_first_place_in_evaluation_order_counts() -> None:
    late = trust("late", priority=5, token_in=("token",))
    early = trust("early", priority=1, token_in=("custom.token", "custom.jwt"), issuers=(_OTHER,))
    fields: dict[str, Any] = {"token": token(), "custom": {"token": "", "jwt": token(iss=_OTHER)}}
    keys = [public_key("ES256")]

    verified = verify(_hook(**fields), in_order([late, early]), lambda _: keys, NOW)
    without = verify(_hook(token=token()), in_order([late, early]), lambda _: keys, NOW)

    assert (verified.status, verified.trust) == (TokenStatus.VALID, "early")
    assert (without.status, without.trust) == (TokenStatus.VALID, "late")


def test_given_a_bad_token_at_the_first_place_then_the_second_place_is_not_looked_at() -> None:
    verified = verify(
        _hook(custom={"token": "x"}, token=token()),
        [trust()],
        lambda _: [public_key("ES256")],
        NOW,
    )

    assert verified.status is TokenStatus.MALFORMED


def test_given_items_of_the_app_and_of_every_app_then_the_apps_own_come_first() -> None:
    own, general = trust("b"), trust("a")._replace(app="*")

    assert in_order([general, own]) == (own, general)
    assert in_order([own._replace(priority=1), general]) == (general, own._replace(priority=1))


def test_given_two_issuers_then_iss_chooses_the_item_and_only_its_keys_are_used() -> None:
    items = [trust("site"), trust("other", issuers=(_OTHER, "https://third.example"))]
    keys = _by_trust(site=[public_key("ES256", 2)], other=[public_key("ES256")])

    def status(text: str) -> tuple[str, TokenStatus]:
        verified = verify(_hook(token=text), items, keys, NOW)
        return verified.trust, verified.status

    assert status(token(iss=_OTHER)) == ("other", TokenStatus.VALID)
    assert status(token(iss="https://third.example")) == ("other", TokenStatus.VALID)
    assert status(token()) == ("site", TokenStatus.BAD_SIGNATURE)
    assert status(token(iss="https://nobody.example")) == ("", TokenStatus.UNKNOWN_ISSUER)


def test_given_an_item_without_issuer_then_it_takes_what_no_other_names() -> None:
    items = [trust("any", issuers=()), trust("site")]
    keys = _by_trust(site=[public_key("ES256", 2)], any=[public_key("ES256")])
    without_issuer = signed({"alg": "ES256"}, {"sub": "anna", "exp": NOW + 60})

    assert verify(_hook(token=token(iss=_OTHER)), items, keys, NOW).trust == "any"
    assert verify(_hook(token=without_issuer), items, keys, NOW).trust == "any"
    named = verify(_hook(token=token()), items, keys, NOW)
    assert (named.trust, named.status) == ("site", TokenStatus.BAD_SIGNATURE)
    assert shown(without_issuer).status is TokenStatus.UNKNOWN_ISSUER


def test_given_an_item_that_reads_another_place_then_it_does_not_take_the_token() -> None:
    items = [trust("other", issuers=(_OTHER,)), trust("site", token_in=("custom.jwt",))]

    verified = verify(_hook(token=token()), items, lambda _: [public_key("ES256")], NOW)

    assert verified.status is TokenStatus.UNKNOWN_ISSUER


@pytest.mark.parametrize(
    "attributes",
    [
        {"methods": ("publishStream",)},
        {"mode": Mode.OFF},
        {"not_before": NOW + 1},
        {"not_after": NOW - 1},
    ],
    ids=lambda attributes: next(iter(attributes)),
)
def test_given_an_item_that_does_not_hold_now_then_it_is_as_if_it_were_not_there(
    attributes: dict[str, Any],
) -> None:
    assert shown(token(), trust(**attributes)) == NOTHING_SHOWN


def test_given_an_item_in_shadow_then_tokens_are_verified_all_the_same() -> None:
    assert shown(token(), trust(mode=Mode.SHADOW, not_before=NOW, not_after=NOW)).claims


def test_given_a_kid_then_the_key_of_that_kid_counts_and_no_other_is_tried() -> None:
    text = signed({"alg": "ES256", "kid": "new"}, claims())
    good, bad = public_key("ES256", kid="new"), public_key("ES256", kid="old")
    other = public_key("ES256", 2, kid="new")

    assert shown(text, keys=[bad, good]).kid == "new"
    assert shown(text, keys=[bad, other]).status is TokenStatus.BAD_SIGNATURE
    assert shown(text, keys=[bad]).status is TokenStatus.UNKNOWN_KEY
    assert shown(text, keys=[good, other]).status is TokenStatus.UNKNOWN_KEY
    assert shown(text, keys=[public_key("ES384", kid="new"), bad]).status is TokenStatus.UNKNOWN_KEY


def test_given_a_kid_that_no_key_has_then_only_a_sole_key_without_kid_is_taken() -> None:
    text = signed({"alg": "ES256", "kid": "new"}, claims())
    plain = public_key("ES256")

    assert shown(text, keys=[plain]).status is TokenStatus.VALID
    assert shown(text, keys=[plain]).kid == ""
    assert shown(text, keys=[plain, public_key("RS256")]).status is TokenStatus.UNKNOWN_KEY


def test_given_no_kid_then_exactly_one_key_must_fit_the_algorithm() -> None:
    text = token()
    fitting, other = public_key("ES256", kid="a"), public_key("RS256", kid="b")

    assert shown(text, keys=[other, fitting]).kid == "a"
    assert shown(text, keys=[other]).status is TokenStatus.UNKNOWN_KEY
    two = [fitting, public_key("ES256", 2, kid="c")]
    assert shown(text, keys=two).status is TokenStatus.UNKNOWN_KEY


def test_given_current_and_previous_of_a_secret_then_both_are_accepted_whatever_the_kid() -> None:
    for kid in ({}, {"kid": "1"}):
        text = signed({"alg": "HS256", **kid}, claims())

        assert shown(text, keys=secrets(OTHER_SECRET, SECRET)).status is TokenStatus.VALID
        assert shown(text, keys=secrets(SECRET, OTHER_SECRET)).status is TokenStatus.VALID
        assert shown(text, keys=secrets(OTHER_SECRET)).status is TokenStatus.BAD_SIGNATURE


def test_given_the_algorithms_of_an_item_then_a_key_verifies_no_others() -> None:
    only_ps = trust(algorithms=("PS256",))
    keys = [public_key("RS256")]

    assert shown(token("RS256"), keys=keys).status is TokenStatus.VALID
    assert shown(token("RS256"), only_ps, keys=keys).status is TokenStatus.UNKNOWN_KEY
    assert shown(token("RS256"), keys=[public_key("RS256", alg="PS256")]).status is (
        TokenStatus.UNKNOWN_KEY
    )
    assert shown(token("HS256"), only_ps, keys=secrets()).status is TokenStatus.UNKNOWN_KEY


@pytest.mark.parametrize("keys", [None, []])
def test_given_no_keys_then_the_status_says_so(keys: list[Key] | None) -> None:
    verified = verify(_hook(token=token()), [trust()], lambda _: keys, NOW)

    assert (verified.status, verified.claims) == (TokenStatus.NO_KEYS, None)


@pytest.mark.parametrize(
    ("others", "status"),
    [
        ({"exp": NOW - 29}, TokenStatus.VALID),
        ({"exp": NOW - 30}, TokenStatus.EXPIRED),
        ({"nbf": NOW + 30}, TokenStatus.VALID),
        ({"nbf": NOW + 31}, TokenStatus.NOT_YET),
        ({"iat": NOW + 10**6}, TokenStatus.VALID),
    ],
)
def test_given_the_default_leeway_then_clocks_may_differ_by_30_seconds(
    others: dict[str, Any], status: TokenStatus
) -> None:
    assert shown(token(**others)).status is status


def test_given_another_leeway_then_that_one_counts() -> None:
    assert shown(token(exp=NOW), trust(leeway=0)).status is TokenStatus.EXPIRED
    assert shown(token(exp=NOW - 299), trust(leeway=300)).status is TokenStatus.VALID


def test_given_required_claims_then_each_must_be_there() -> None:
    without_exp = signed({"alg": "ES256"}, {"iss": ISSUER, "sub": "anna"})

    assert shown(without_exp).status is TokenStatus.MISSING_CLAIM
    assert shown(without_exp, trust(require=())).status is TokenStatus.VALID
    refused = shown(token(), trust(require=("exp", "role")))
    assert (refused.status, refused.detail) == (TokenStatus.MISSING_CLAIM, "lacks the claim `role`")
    assert shown(token(role=None), trust(require=("role",))).status is TokenStatus.VALID


def test_given_a_token_that_is_not_valid_then_it_has_no_claims() -> None:
    for text in (token(exp=0), token(nbf=NOW + 99), token(iss=_OTHER), "x", f"{token()[:-4]}AAAA"):
        assert shown(text).claims is None


def test_given_a_session_that_connected_as_somebody_then_a_token_of_another_is_refused() -> None:
    connected = claims(sub="anna")

    assert shown(token()).beside(connected).status is TokenStatus.VALID
    assert shown(token()).beside(None).status is TokenStatus.VALID
    without_sub = signed({"alg": "ES256"}, {"iss": ISSUER, "exp": NOW + 60})
    for other in (
        shown(token(sub="berta")),
        shown(without_sub),
        shown(token(iss=_OTHER), trust(issuers=(_OTHER,))),
    ):
        assert other.status is TokenStatus.VALID
        assert other.beside(connected)[:2] == (TokenStatus.OTHER_SUBJECT, "site")
        assert other.beside(connected).claims is None
    assert shown("x").beside(connected).status is TokenStatus.MALFORMED


def test_given_a_policy_as_a_snapshot_keeps_it_then_it_is_the_same_when_it_is_read() -> None:
    plain = Trust("live", "site", ("connect",), KeySource(secret="site"))  # a name, not a secret
    full = plain._replace(
        methods=("connect", "playHLS"),
        keys=KeySource((public_key("RS256", kid="1", alg="RS512"), public_key("EdDSA"))),
        form=Form.KEY,
        token_in=("name?key",),
        issuers=(ISSUER,),
        audiences=("wcs",),
        algorithms=("RS512",),
        leeway=0,
        require=(),
        required=True,
        mode=Mode.SHADOW,
        status=403,
        reason="no entry",
        priority=2.5,
        not_before=1.0,
        not_after=2.0,
    )
    for item in (plain, full, trust()):
        read = Trust.from_json("live", json.loads(json.dumps(item.to_json())))

        assert read == item
        assert type(read.form) is Form
        assert type(read.mode) is Mode
    assert plain.to_json() == {
        "id": "site",
        "methods": ["connect"],
        "keys": {"secret": "site"},
    }
