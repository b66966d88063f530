"""Who is calling: how WCS proves itself (`docs/reference/wcs-protocol.md`, section 1)."""

import hmac
from base64 import b64encode
from collections.abc import Sequence
from enum import StrEnum
from functools import cache, lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

SIGNATURE_IS_WRONG: Final = "the signature does not fit the body"
BASIC_IS_WRONG: Final = "the Basic credentials are wrong"


class Auth(StrEnum):
    """How a caller proves itself.

    `hmac` is WCS's `rest_hook_send_hash`, `basic` are credentials in the application's URL.
    """

    HMAC = "hmac"
    BASIC = "basic"
    NONE = "none"


class RestApiCalls(StrEnum):
    """Whether what the WCS REST API started may be denied: never, or as if a client had."""

    NEVER_DENY = "never-deny"
    AS_CLIENT = "as-client"


class RejectedCallerError(Exception):
    """The caller is not WCS; the message says what is wrong, and nothing secret."""


def credentials(auth: Auth, authorization: str | None) -> bytes:
    """What an Authorization header carries, if it is of the form that `auth` asks for.

    Raises
    ------
    RejectedCallerError
        If it is absent, or of another form.
    """
    scheme, _, carried = (authorization or "").partition(" ")
    if auth is Auth.HMAC and not authorization:
        raise RejectedCallerError("the request has no signature")
    if auth is Auth.HMAC and (scheme.lower() != "wcs" or not carried.strip()):
        raise RejectedCallerError("the Authorization header is not of the form: WCS <hash>")
    if auth is Auth.BASIC and (scheme.lower() != "basic" or not carried.strip()):
        raise RejectedCallerError("the request has no Basic credentials")
    return carried.strip().encode("utf-8", "replace")


def signature_fits(given: bytes, body: bytes, secrets: Sequence[str]) -> bool:
    """Whether `credentials` are the body's HMAC-MD5 by one of the secrets, in constant time."""
    given = given.lower()
    fits = 0
    # All are compared: whether the first or the second secret fits must not show in the time.
    for secret in secrets:
        signature = _keyed(secret).copy()
        signature.update(body)
        fits += hmac.compare_digest(signature.hexdigest().encode(), given)
    return fits > 0


def basic_fits(given: bytes, user: str, secrets: Sequence[str]) -> bool:
    """Whether `credentials` are the user's with one of the secrets, in constant time."""
    fits = 0
    for secret in secrets:
        fits += hmac.compare_digest(b64encode(f"{user}:{secret}".encode()), given)
    return fits > 0


def source_address(peer: str, forwarded_for: str, trusted_proxies: Sequence[str]) -> str:
    """The address that a request was sent from: behind a trusted proxy, the proxy's own peer.

    Each proxy appends its peer to X-Forwarded-For. What stands before that the sender may have
    made up, so only the last entry of the last proxy is believed, and only if the connection came
    from a trusted one.

    Parameters
    ----------
    peer
        The address that the connection to the gateway came from.
    forwarded_for
        The X-Forwarded-For header; the gateway, too, may have appended its peer.
    trusted_proxies
        CIDR blocks; none of them means that the header is not looked at.
    """
    if not trusted_proxies or not _is_in(peer, trusted_proxies):
        return peer
    *others, last = (entry.strip() for entry in forwarded_for.split(","))
    if others and _is_same(last, peer):
        last = others[-1]
    return last or peer


def authorize_source(address: str, networks: Sequence[str]) -> None:
    """Check the caller's address against CIDR blocks; none of them means that any may call.

    An IPv4 address in IPv6's notation (`::ffff:203.0.113.9`) is in the blocks of either.

    Raises
    ------
    RejectedCallerError
        If the address is in no block, or is none.
    """
    if not networks:
        return
    if not _is_in(address, networks):
        raise RejectedCallerError("the caller's address is not among the allowed sources")


def _is_in(address: str, networks: Sequence[str]) -> bool:
    try:
        forms = _forms(address)
        return any(form in network for network in _parsed(tuple(networks)) for form in forms)
    except ValueError:
        return False


def _is_same(address: str, other: str) -> bool:
    try:
        return not set(_forms(address)).isdisjoint(_forms(other))
    except ValueError:
        return False


# Taking in the key is most of the work of a short body's HMAC, and each hook's is the same.
@lru_cache(maxsize=4)
def _keyed(secret: str) -> hmac.HMAC:
    return hmac.new(secret.encode(), digestmod="md5")


def _forms(address: str) -> tuple[IPv4Address | IPv6Address, ...]:
    given = ip_address(address)
    mapped = given.ipv4_mapped if isinstance(given, IPv6Address) else None
    return (given,) if mapped is None else (given, mapped)


@cache
def _parsed(networks: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(network) for network in networks)
