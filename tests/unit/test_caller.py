"""Who is calling: only WCS, which proves it over the very bytes that it sent."""

import hashlib
import hmac
from base64 import b64encode
from contextlib import suppress

import pytest

from tests.support.caller_checks import check_basic, check_signature
from wcs_hooks.core.caller import RejectedCallerError, authorize_source

_BODY = b'{"appKey": "live",  "bitrate":1e0}'


def _signed(body: bytes, secret: str) -> str:
    return "WCS " + hmac.new(secret.encode(), body, hashlib.md5).hexdigest()


def _basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


def _in_pieces(header: str) -> str:
    """A header that was folded in the middle of its hash; gateways put a blank for the fold."""
    return f"{header[:20]} {header[20:]}"


def test_given_a_published_example_when_its_hash_is_checked_then_it_fits() -> None:
    # RFC 2202, section 2, test case 2.
    body, signature = b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"

    check_signature(f"WCS {signature}", body, ["Jefe"])


@pytest.mark.parametrize("secrets", [["s3cret"], ["new", "s3cret"], ["s3cret", "old"]])
def test_given_a_valid_secret_when_the_body_is_signed_with_it_then_wcs_is_let_in(
    secrets: list[str],
) -> None:
    check_signature(_signed(_BODY, "s3cret"), _BODY, secrets)


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text.replace(" ", "  ")])
def test_given_another_case_or_blank_when_the_hash_fits_then_wcs_is_let_in(change: object) -> None:
    assert callable(change)

    check_signature(change(_signed(_BODY, "s3cret")), _BODY, ["s3cret"])


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "WCS",
        "WCS ",
        _signed(_BODY, "another"),
        _signed(_BODY + b"\n", "s3cret"),
        _signed(_BODY, "s3cret").removeprefix("WCS "),
        _signed(_BODY, "s3cret").replace("WCS", "Bearer"),
        _signed(_BODY, "s3cret")[:-1],
        _signed(_BODY, "s3cret") + "0",
        _signed(_BODY, "s3cret") + "\0",
        _signed(_BODY, "s3cret") * 2,
        f"{_signed(_BODY, 's3cret')},{_signed(_BODY, 's3cret')}",
        f"{_signed(_BODY, 's3cret')}, {_basic('wcs:s3cret')}",
        f"{_basic('wcs:s3cret')}, {_signed(_BODY, 's3cret')}",
        _signed(_BODY, "s3cret").replace(" ", "\t"),
        _signed(_BODY, "s3cret").replace(" ", "="),
        _signed(_BODY, "s3cret").replace("WCS", "\uff37\uff23\uff33"),
        " " + _signed(_BODY, "s3cret"),
        _in_pieces(_signed(_BODY, "s3cret")),
        "WCS " + "\u0660" * 32,
        "WCS 0x" + _signed(_BODY, "s3cret").removeprefix("WCS "),
        "WCS " + "0" * 32,
        "WCS " + "0" * 100_000,
        "WCS \udcff",
        "WCS ü",
        "Digest username=wcs",
        "Negotiate YII=",
        "AWS4-HMAC-SHA256 Credential=x",
        _basic("wcs:s3cret"),
    ],
)
def test_given_no_proof_when_the_signature_is_checked_then_the_caller_is_rejected(
    authorization: str | None,
) -> None:
    with pytest.raises(RejectedCallerError) as caught:
        check_signature(authorization, _BODY, ["s3cret"])

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("fitting", ["first", "second", "neither"])
def test_given_two_secrets_when_a_signature_is_checked_then_both_are_compared_whichever_fits(
    fitting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = _compared(monkeypatch)

    with suppress(RejectedCallerError):
        check_signature(_signed(_BODY, fitting), _BODY, ["first", "second"])

    given = _signed(_BODY, fitting).removeprefix("WCS ").encode()
    # Where neither fits, the secrets are read again and compared again: there may be newer ones.
    assert compared == _times(fitting) * [
        (_signed(_BODY, secret).removeprefix("WCS ").encode(), given)
        for secret in ("first", "second")
    ]


@pytest.mark.parametrize("fitting", ["first", "second", "neither"])
def test_given_two_secrets_when_credentials_are_checked_then_both_are_compared_whichever_fits(
    fitting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = _compared(monkeypatch)

    with suppress(RejectedCallerError):
        check_basic(_basic(f"wcs:{fitting}"), "wcs", ["first", "second"])

    given = _basic(f"wcs:{fitting}").removeprefix("Basic ").encode()
    assert compared == _times(fitting) * [
        (_basic(f"wcs:{secret}").removeprefix("Basic ").encode(), given)
        for secret in ("first", "second")
    ]


def _times(fitting: str) -> int:
    return 2 if fitting == "neither" else 1


def _compared(monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
    """What is compared from now on, by the one function that takes as long for any two bytes.

    Timing reveals nothing, because this function is called for every secret. A measured time
    would say more about the machine.
    """
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(expected: bytes, given: bytes) -> bool:
        compared.append((expected, given))
        return compare(expected, given)

    monkeypatch.setattr(hmac, "compare_digest", watched)
    return compared


def test_given_no_secret_at_all_when_a_body_is_signed_with_nothing_then_it_is_rejected() -> None:
    with pytest.raises(RejectedCallerError):
        check_signature(_signed(_BODY, ""), _BODY, [])


def test_given_a_removed_secret_when_a_body_is_signed_with_it_then_it_is_rejected() -> None:
    with pytest.raises(RejectedCallerError):
        check_signature(_signed(_BODY, "old"), _BODY, ["new"])


@pytest.mark.parametrize("secrets", [["pa:ss ü"], ["new", "pa:ss ü"]])
def test_given_basic_credentials_when_they_are_right_then_wcs_is_let_in(
    secrets: list[str],
) -> None:
    check_basic(_basic("wcs:pa:ss ü"), "wcs", secrets)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic ???",
        _basic("wcs:s3cret").rstrip("="),
        _basic("wcs:s3cret") + "=",
        f"{_basic('wcs:s3cret')},{_basic('wcs:s3cret')}",
        "Basic wcs:s3cret",
        _basic("WCS:s3cret"),
        _basic("wcs:s3cret\n"),
        _basic("wcs:s3cre"),
        _basic("wcs:" + "x" * 100_000),
        "Basic \udcff",
        _basic("wcs:wrong"),
        _basic("other:s3cret"),
        _basic("wcs:"),
        _basic("s3cret"),
        _signed(_BODY, "s3cret"),
    ],
)
def test_given_wrong_credentials_when_they_are_checked_then_the_caller_is_rejected(
    authorization: str | None,
) -> None:
    with pytest.raises(RejectedCallerError) as caught:
        check_basic(authorization, "wcs", ["s3cret"])

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.9", []),
        ("203.0.113.9", ["203.0.113.0/24"]),
        ("203.0.113.9", ["2001:db8::/32", "203.0.113.9/32"]),
        ("2001:db8::1", ["203.0.113.0/24", "2001:db8::/32"]),
        ("2001:0db8:0000::0001", ["2001:db8::1/128"]),
        ("::ffff:203.0.113.9", ["203.0.113.0/24"]),
        ("::ffff:cb00:7109", ["203.0.113.9/32"]),
        ("::ffff:203.0.113.9", ["::ffff:203.0.113.0/120"]),
        ("203.0.113.9", ["0.0.0.0/0"]),
    ],
)
def test_given_allowed_sources_when_the_address_is_among_them_then_it_may_call(
    address: str, networks: list[str]
) -> None:
    authorize_source(address, networks)


@pytest.mark.parametrize(
    "address",
    [
        "203.0.114.1",
        "2001:db9::1",
        "::ffff:198.51.100.1",
        # Other embeddings of 203.0.113.9 than the one that means the address itself.
        "64:ff9b::203.0.113.9",
        "2002:cb00:7109::1",
        "::203.0.113.9",
        "",
        "unknown",
        "203.0.113.9 ",
        "203.0.113.9:443",
        "203.0.113.9, 198.51.100.1",
        "[2001:db8::1]",
        "203.0.113.0/24",
        "203.0.113",
        "0xcb.0.113.9",
        "203.0.113.009",
        "3405803785",
        "٢٠٣.0.113.9",
    ],
)
def test_given_allowed_sources_when_the_address_is_not_among_them_then_it_is_rejected(
    address: str,
) -> None:
    with pytest.raises(RejectedCallerError):
        authorize_source(address, ["203.0.113.0/24", "2001:db8::/32"])


@pytest.mark.parametrize("networks", [["203.0.113.7/24"], ["everywhere"], ["0.0.0.0/0", ""]])
def test_given_a_block_that_is_none_then_nobody_may_call_rather_than_everybody(
    networks: list[str],
) -> None:
    with pytest.raises(RejectedCallerError):
        authorize_source("203.0.113.7", networks)


@pytest.mark.parametrize(
    "scheme", ["basic", "BASIC", "Basic ", "bAsIc"], ids=["lower", "upper", "two blanks", "mixed"]
)
def test_given_the_scheme_in_another_writing_when_the_credentials_are_right_then_wcs_is_let_in(
    scheme: str,
) -> None:
    check_basic(_basic("wcs:s3cret").replace("Basic", scheme), "wcs", ["s3cret"])
