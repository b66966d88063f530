"""Fetches an issuer's keys over https, from public addresses only.

Whoever edits policies chooses the address, so that a fetch must not reach what only the function
can reach (server-side request forgery): the name is resolved once, every address of it must be a
public one, and the connection is made to the address that was checked.
"""

import json
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from http import HTTPStatus
from http.client import HTTPException
from ipaddress import AddressValueError, IPv4Address
from typing import Final

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from wcs_hooks.adapters.deadlines import TimedOutError, await_before, begin
from wcs_hooks.clock import Clock, Deadline
from wcs_hooks.core.issuer_keys import (
    Endpoint,
    KeyAddress,
    KeyAddressError,
    KeyFetchError,
    endpoint_of,
)

TIMEOUT: Final = 3.0
"""Seconds for a whole exchange: name, connection, TLS, request and all of the answer."""

MAX_BYTES: Final = 64 * 1024
"""The largest document that is read."""

_CHUNK: Final = 16 * 1024
_REDIRECTS: Final = range(300, 400)

type Resolve = Callable[[str], Sequence[str]]
"""Gives the IP addresses of a DNS name, as text; raises `OSError`."""


def resolve(host: str) -> Sequence[str]:
    """The IPv4 addresses of a DNS name, as the system's resolver gives them.

    Raises
    ------
    OSError
        If it gives none.
    """
    found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class KeyFetcher:
    """Fetches JWK Sets, directly or by way of a discovery document.

    Parameters
    ----------
    usable
        Gets a fetched JWK Set's bytes, and gives those of its usable keys, as JSON. It raises
        `KeyFetchError` if there are none.
    clock
        Clock that the timeout goes by.
    local
        Whether http is allowed too, on loopback addresses.
    resolve
        In place of the system's resolver.
    """

    def __init__(
        self,
        usable: Callable[[bytes], bytes],
        clock: Clock,
        *,
        local: bool = False,
        resolve: Resolve = resolve,
    ) -> None:
        self._usable = usable
        self._clock = clock
        self._local = local
        self._resolve = resolve

    def fetch(self, address: KeyAddress) -> bytes:
        """The usable keys at an address, as JSON.

        Raises
        ------
        KeyFetchError
            If the address is not allowed, does not answer with a document, or has no usable key.
        """
        document = self._document(address.url, "the address")
        if address.issuer:
            uri = _jwks_uri(document, address.issuer)
            document = self._document(uri, "the discovery document's jwks_uri")
        return self._usable(document)

    def _document(self, url: str, what: str) -> bytes:
        try:
            endpoint = endpoint_of(url, local=self._local)
        except KeyAddressError as error:
            raise KeyFetchError(f"{what} {error}") from None
        deadline = Deadline(self._clock, TIMEOUT)
        exchange = _Exchange(endpoint, self._resolve, deadline)
        try:
            return await_before(deadline, begin(exchange.run, endpoint.host), endpoint.host)
        except TimedOutError:
            exchange.abort()
            raise KeyFetchError(f"it did not answer within {TIMEOUT:g} s") from None


class _Exchange:
    """One request and its answer. It can be aborted from another thread.

    Parameters
    ----------
    deadline
        By when it must be over. What waits without end in spite of it must be aborted.
    """

    def __init__(self, endpoint: Endpoint, resolve: Resolve, deadline: Deadline) -> None:
        self._endpoint = endpoint
        self._resolve = resolve
        self._deadline = deadline
        self._socket: socket.socket | None = None

    def run(self) -> bytes:
        """Carry it out.

        Raises
        ------
        KeyFetchError
            If no document comes of it.
        """
        address = self._address()
        self._end_if_aborted()
        connection = self._connection(address)
        try:
            return self._answer(connection)
        except ssl.SSLCertVerificationError:
            raise KeyFetchError("its certificate is not trusted, or not for this name") from None
        except ssl.SSLError:
            raise KeyFetchError("it does not speak TLS as expected") from None
        except (NewConnectionError, ConnectTimeoutError):
            raise KeyFetchError("it cannot be connected to") from None
        except (HTTPError, HTTPException, OSError):
            raise KeyFetchError("its answer was not valid HTTP, or broke off") from None
        finally:
            connection.close()

    def abort(self) -> None:
        """End whatever waits for the other side."""
        if self._socket is not None:
            with suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _end_if_aborted(self) -> None:
        """Go no further after the deadline: what begins then would not be aborted any more."""
        if not self._deadline.remaining():
            raise KeyFetchError("there was no time left for it")

    def _address(self) -> str:
        """The address to connect to; every one that the name has must be allowed."""
        endpoint = self._endpoint
        try:
            found = self._resolve(endpoint.host)
        except (OSError, UnicodeError):
            raise KeyFetchError("its name cannot be resolved") from None
        if not found:
            raise KeyFetchError("its name cannot be resolved")
        if not all(_is_allowed(address, endpoint) for address in found):
            kind = "public IPv4" if endpoint.encrypted else "loopback"
            raise KeyFetchError(f"its name resolves to an address that is not a {kind} address")
        return found[0]

    def _connection(self, address: str) -> HTTPConnection:
        endpoint, timeout = self._endpoint, self._deadline.remaining()
        if not endpoint.encrypted:
            return HTTPConnection(address, endpoint.port, timeout=timeout)
        return HTTPSConnection(
            address,
            endpoint.port,
            timeout=timeout,
            server_hostname=endpoint.host,
            ssl_context=ssl.create_default_context(),
        )

    def _answer(self, connection: HTTPConnection) -> bytes:
        connection.connect()
        self._socket = connection.sock
        self._end_if_aborted()
        connection.request(
            "GET",
            self._endpoint.target,
            headers={
                "Host": self._endpoint.authority,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "wcs-hooks",
            },
            preload_content=False,
            decode_content=False,
        )
        response = connection.getresponse()
        if response.status in _REDIRECTS:
            raise KeyFetchError("it answered with a redirect, which is not followed")
        if response.status != HTTPStatus.OK:
            raise KeyFetchError(f"it answered with HTTP status {response.status}")
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise KeyFetchError("it sent a compressed document, which was not asked for")
        document = bytearray()
        # Not read(): only the end of the stream shows whether the length was as announced.
        for chunk in response.stream(_CHUNK, decode_content=False):
            document += chunk
            if len(document) > MAX_BYTES:
                raise KeyFetchError(f"it sent more than {MAX_BYTES >> 10} KiB")
        return bytes(document)


def _is_allowed(address: str, endpoint: Endpoint) -> bool:
    try:
        ipv4 = IPv4Address(address)
    except AddressValueError:
        return False
    if not endpoint.encrypted:
        return ipv4.is_loopback
    return ipv4.is_global and not ipv4.is_multicast


def _jwks_uri(document: bytes, issuer: str) -> str:
    """The address of the JWK Set that an issuer's discovery document names."""
    try:
        metadata = json.loads(document)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        raise KeyFetchError("the discovery document is not a JSON object")
    if metadata.get("issuer") != issuer:
        raise KeyFetchError("the discovery document is of another issuer than the policy names")
    uri = metadata.get("jwks_uri")
    if not isinstance(uri, str):
        raise KeyFetchError("the discovery document has no jwks_uri")
    return uri
