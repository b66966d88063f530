"""Addresses of token issuers' keys, and what is stored of the keys that were fetched there."""

import re
from typing import Final, NamedTuple
from urllib.parse import urlsplit

DISCOVERY: Final = "/.well-known/openid-configuration"
"""What the address of a discovery document ends with (OpenID Connect Discovery 1.0, section 4)."""

HTTPS_PORT: Final = 443

MAX_ADDRESS_LENGTH: Final = 2048

_PRINTABLE: Final = re.compile(r"[\x21-\x5b\x5d-\x7e]+")
_HOST: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


class KeyAddressError(Exception):
    """An address that keys must not be fetched from. The text says which rule it breaks."""


class KeyFetchError(Exception):
    """Keys could not be fetched. The text says the kind of failure, never what was fetched."""


class Endpoint(NamedTuple):
    """Where an address leads.

    Attributes
    ----------
    encrypted
        Whether the connection is TLS.
    host
        The DNS name, in lower case.
    target
        Path and query, as they are requested.
    """

    encrypted: bool
    host: str
    port: int
    target: str

    @property
    def authority(self) -> str:
        """Host and port, as the header `Host` has them."""
        return self.host if self.encrypted else f"{self.host}:{self.port}"


class KeyAddress(NamedTuple):
    """Where an issuer publishes its keys.

    Attributes
    ----------
    url
        Of a JWK Set, or of a discovery document, which names that of a JWK Set.
    issuer
        The issuer that the discovery document must name; empty if the URL is a JWK Set's.
    """

    url: str
    issuer: str = ""

    @classmethod
    def named_by(cls, url: str, issuer: str) -> "KeyAddress":
        """The address of an issuer's keys, at a URL that may be a discovery document's."""
        return cls(url, issuer if url.endswith(DISCOVERY) else "")

    @classmethod
    def discovered(cls, issuer: str) -> "KeyAddress":
        """The address that follows from the issuer alone: its discovery document's."""
        return cls(issuer.removesuffix("/") + DISCOVERY, issuer)


class StoredKeys(NamedTuple):
    """What is stored of an address.

    Attributes
    ----------
    keys
        The usable keys as they were last fetched, JSON; empty if they never were.
    fetched_at
        When that was, in seconds since the epoch; 0 if they never were.
    ok
        Whether the last fetch succeeded.
    error
        Why it did not; empty if it did.
    """

    keys: bytes
    fetched_at: float
    ok: bool
    error: str = ""

    def usable_at(self, now: float, stale_seconds: float) -> bool:
        """Whether the keys still count: for `stale_seconds` after they were fetched."""
        return bool(self.keys) and now - self.fetched_at < stale_seconds


def endpoint_of(url: str, *, local: bool = False) -> Endpoint:
    """Check an address by its text alone, and return where it leads.

    Parameters
    ----------
    local
        Whether http is allowed too, on any port. The name must then resolve to a loopback address,
        which this function does not know.

    Raises
    ------
    KeyAddressError
        If the address breaks a rule: https, port 443, a DNS name or an IPv4 address, no user
        name or password, no fragment, printable ASCII characters only.

    Examples
    --------
    >>> endpoint_of("https://issuer.example/keys?v=1")
    Endpoint(encrypted=True, host='issuer.example', port=443, target='/keys?v=1')
    """
    if len(url) > MAX_ADDRESS_LENGTH:
        raise KeyAddressError(f"must have at most {MAX_ADDRESS_LENGTH} characters")
    if not _PRINTABLE.fullmatch(url):
        raise KeyAddressError(
            "must consist of printable ASCII characters, without blanks and backslashes"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise KeyAddressError("must be an address such as https://issuer.example/keys") from None
    unencrypted = local and parts.scheme == "http"
    if parts.scheme != "https" and not unencrypted:
        raise KeyAddressError("must begin with https://")
    if "@" in parts.netloc:
        raise KeyAddressError("must not have a user name or a password")
    if not _HOST.fullmatch(parts.hostname or ""):
        raise KeyAddressError("must have a DNS name or an IPv4 address as its host")
    if not unencrypted and port not in {None, HTTPS_PORT}:
        raise KeyAddressError(f"must use port {HTTPS_PORT}")
    if "#" in url:
        raise KeyAddressError("must not have a fragment (#)")
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Endpoint(
        not unencrypted,
        parts.hostname or "",
        port or (80 if unencrypted else HTTPS_PORT),
        target,
    )
