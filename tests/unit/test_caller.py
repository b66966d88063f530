"""Who is calling: only WCS, which proves it over the very bytes that it sent."""

import hashlib
import hmac
from base64 import b64encode

import pytest

from wcs_hooks.core.caller import (
    RejectedCallerError,
    authorize_basic,
    authorize_signature,
    authorize_source,
)

_BODY = b'{"appKey": "live",  "bitrate":1e0}'


def _signed(body: bytes, secret: str) -> str:
    return "WCS " + hmac.new(secret.encode(), body, hashlib.md5).hexdigest()


def _basic(credentials: str) -> str:
    return "Basic " + b64encode(credentials.encode()).decode()


def test_given_a_published_example_when_its_hash_is_checked_then_it_fits() -> None:
    # RFC 2202, section 2, test case 2.
    body, signature = b"what do ya want for nothing?", "750c783e6ab0b503eaa86e310a5db738"

    authorize_signature(f"WCS {signature}", body, ["Jefe"])


@pytest.mark.parametrize("secrets", [["s3cret"], ["new", "s3cret"], ["s3cret", "old"]])
def test_given_a_valid_secret_when_the_body_is_signed_with_it_then_wcs_is_let_in(
    secrets: list[str],
) -> None:
    authorize_signature(_signed(_BODY, "s3cret"), _BODY, secrets)


@pytest.mark.parametrize("change", [str.upper, str.lower, lambda text: text.replace(" ", "  ")])
def test_given_another_case_or_blank_when_the_hash_fits_then_wcs_is_let_in(change: object) -> None:
    assert callable(change)

    authorize_signature(change(_signed(_BODY, "s3cret")), _BODY, ["s3cret"])


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
        "WCS \udcff",
        "WCS ü",
        _basic("wcs:s3cret"),
    ],
)
def test_given_no_proof_when_the_signature_is_checked_then_the_caller_is_rejected(
    authorization: str | None,
) -> None:
    with pytest.raises(RejectedCallerError) as caught:
        authorize_signature(authorization, _BODY, ["s3cret"])

    assert "s3cret" not in str(caught.value)


def test_given_no_secret_at_all_when_a_body_is_signed_with_nothing_then_it_is_rejected() -> None:
    with pytest.raises(RejectedCallerError):
        authorize_signature(_signed(_BODY, ""), _BODY, [])


def test_given_a_removed_secret_when_a_body_is_signed_with_it_then_it_is_rejected() -> None:
    with pytest.raises(RejectedCallerError):
        authorize_signature(_signed(_BODY, "old"), _BODY, ["new"])


@pytest.mark.parametrize("secrets", [["pa:ss ü"], ["new", "pa:ss ü"]])
def test_given_basic_credentials_when_they_are_right_then_wcs_is_let_in(
    secrets: list[str],
) -> None:
    authorize_basic(_basic("wcs:pa:ss ü"), "wcs", secrets)


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic ???",
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
        authorize_basic(authorization, "wcs", ["s3cret"])

    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("203.0.113.9", []),
        ("203.0.113.9", ["203.0.113.0/24"]),
        ("203.0.113.9", ["2001:db8::/32", "203.0.113.9/32"]),
        ("2001:db8::1", ["203.0.113.0/24", "2001:db8::/32"]),
    ],
)
def test_given_allowed_sources_when_the_address_is_among_them_then_it_may_call(
    address: str, networks: list[str]
) -> None:
    authorize_source(address, networks)


@pytest.mark.parametrize(
    "address",
    ["203.0.114.1", "2001:db9::1", "::ffff:198.51.100.1", "", "unknown"],
)
def test_given_allowed_sources_when_the_address_is_not_among_them_then_it_is_rejected(
    address: str,
) -> None:
    with pytest.raises(RejectedCallerError):
        authorize_source(address, ["203.0.113.0/24", "2001:db8::/32"])
