"""The client's address, out of the ids that WCS gives to sessions."""

import pytest

from tests.unit.given import decided, deny, errors, snapshot, warnings
from wcs_hooks.core.client_address import client_address


@pytest.mark.parametrize(
    ("session_id", "address"),
    [
        ("/192.168.1.102:4388/192.168.1.101:8443", "192.168.1.102"),
        ("/192.168.1.45:53438/abcdef0123456789", "192.168.1.45"),
        ("/8.8.8.8:64573/192.168.0.39:8443-a98bb891-aeaf-46a8-8fba-772e07ac035b", "8.8.8.8"),
        ("/0:0:0:0:0:0:0:1:50000/192.0.2.2:8443", "::1"),
        ("/[2001:DB8:0:0:0:0:0:1]:50000/x", "2001:db8::1"),
        ("/0:0:0:0:0:ffff:c000:201:50000/x", "192.0.2.1"),
        ("a98bb891-aeaf-46a8-8fba-772e07ac035b", None),
        ("camera-HLS", None),
        ("192.0.2.1:50000/192.0.2.2:8443", None),
        ("host/192.0.2.1:50000/192.0.2.2:8443", None),
        ("/192.0.2.1/192.0.2.2:8443", None),
        ("/192.0.2.1:port/x", None),
        ("/192.0.2.256:1/x", None),
        ("/host:1/x", None),
        ("/", None),
        ("", None),
    ],
)
def test_given_a_sessions_id_then_the_address_of_its_client_is_its_first_part(
    session_id: str, address: str | None
) -> None:
    assert client_address(session_id) == address


_OFFICE = "clientAddress.isIn(['192.0.2.0/24', '2001:db8::/32'])"


@pytest.mark.parametrize(
    ("session_id", "denied"),
    [
        ("/192.0.2.9:1/x", False),
        ("/2001:db8:0:0:0:0:0:1:50000/x", False),
        ("/::ffff:192.0.2.9:1/x", False),
        ("/198.51.100.1:1/x", True),
        ("camera-HLS", True),
        (5, True),
    ],
)
def test_given_a_denial_of_other_networks_then_a_client_without_an_address_is_denied_too(
    session_id: object, *, denied: bool
) -> None:
    found = decided(snapshot(deny(when=f"!{_OFFICE}")), {"sessionId": session_id})

    assert bool(found.denial) is denied


@pytest.mark.parametrize("networks", ["office", ["192.0.2.0/24", "office"], [5], "192.0.2.1/24"])
def test_given_networks_in_a_hook_that_are_none_then_the_expression_has_no_value(
    networks: object,
) -> None:
    policy = deny(when="!clientAddress.isIn(body.networks)")
    body = {"sessionId": "/192.0.2.9:1/x", "networks": networks}

    found = decided(snapshot(policy), body)

    assert found.denial
    assert [one.message for one in found.failures] == ["not a network in CIDR notation"]


def test_given_a_secret_in_place_of_an_address_then_no_message_quotes_it() -> None:
    found = decided(snapshot(deny(when="ip(body.token) == '::1'")), {"token": "a-secret"})

    assert [one.message for one in found.failures] == ["not an IP address"]


def test_given_a_policy_by_the_clients_address_then_it_may_be_for_connect_too() -> None:
    policy = deny(method=["connect", "publishStream"], when=_OFFICE)

    assert warnings(policy) == []
    assert errors(deny(when="clientAddress.isIn('office')")) == [("a", "when")]
