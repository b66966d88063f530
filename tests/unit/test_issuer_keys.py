"""Addresses of issuers' keys: what their text alone says against them."""

import pytest

from wcs_hooks.core.issuer_keys import (
    Endpoint,
    KeyAddress,
    KeyAddressError,
    StoredKeys,
    endpoint_of,
)


def _https(host: str, target: str) -> Endpoint:
    return Endpoint(encrypted=True, host=host, port=443, target=target)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Issuer.Example", _https("issuer.example", "/")),
        ("https://issuer.example:443/a/b?c=d", _https("issuer.example", "/a/b?c=d")),
    ],
)
def test_given_an_https_address_when_it_is_checked_then_it_leads_somewhere(
    url: str, expected: Endpoint
) -> None:
    assert endpoint_of(url) == endpoint_of(url, local=True) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://issuer.example/", "must begin with https://"),
        ("ftp://issuer.example/", "must begin with https://"),
        ("//issuer.example/", "must begin with https://"),
        ("", "must consist of printable ASCII"),
        ("https://issuer.example:8443/", "must use port 443"),
        ("https://issuer.example:0/", "must use port 443"),
        ("https://issuer.example:port/", "must be an address such as"),
        ("https://[::1/", "must be an address such as"),
        ("https://[2606:4700::1111]/", "must have a DNS name or an IPv4 address"),
        ("https://user:secret@issuer.example/", "must not have a user name"),
        ("https://@issuer.example/", "must not have a user name"),
        ("https:///keys", "must have a DNS name"),
        ("https://issuer%2eexample/", "must have a DNS name"),
        ("https://issuer.example/#keys", "must not have a fragment"),
        ("https://issuer.example\\@other.example/", "must consist of printable ASCII"),
        ("https://issuer.example/a b", "must consist of printable ASCII"),
        ("https://issuer.example/\r\nHost: other", "must consist of printable ASCII"),
        ("https://issüer.example/", "must consist of printable ASCII"),
        (f"https://issuer.example/{'a' * 2048}", "must have at most 2048"),
    ],
)
def test_given_an_address_that_breaks_a_rule_when_it_is_checked_then_the_rule_is_said(
    url: str, expected: str
) -> None:
    with pytest.raises(KeyAddressError, match=expected) as caught:
        endpoint_of(url)

    assert "secret" not in str(caught.value)


def test_given_the_local_run_when_http_is_checked_then_any_port_will_do() -> None:
    endpoint = endpoint_of("http://127.0.0.1:8080/keys", local=True)

    assert endpoint == Endpoint(encrypted=False, host="127.0.0.1", port=8080, target="/keys")
    assert endpoint.authority == "127.0.0.1:8080"


@pytest.mark.parametrize("issuer", ["https://issuer.example/tenant", "https://issuer.example/"])
def test_given_an_issuer_alone_when_its_keys_are_looked_for_then_by_its_discovery_document(
    issuer: str,
) -> None:
    address = KeyAddress.discovered(issuer)

    assert address.url == issuer.rstrip("/") + "/.well-known/openid-configuration"
    assert address.issuer == issuer
    assert KeyAddress.named_by(address.url, issuer) == address


def test_given_the_address_of_a_jwk_set_then_no_issuer_is_looked_for_in_it() -> None:
    url = "https://issuer.example/keys"

    assert KeyAddress.named_by(url, "https://issuer.example") == KeyAddress(url, "")


def test_given_stored_keys_when_they_were_fetched_long_ago_then_they_do_not_count() -> None:
    keys = StoredKeys(b"{}", 1000.0, ok=False, error="it did not answer")

    assert keys.usable_at(1099.9, 100)
    assert not keys.usable_at(1100.0, 100)
    assert not StoredKeys(b"", 0.0, ok=False).usable_at(0.0, 100)
