"""Fetching keys: from public addresses only, in 3 s and 64 KiB, whatever the other side does."""

import gzip
import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import enumerate as threads
from typing import Any, Final

import pytest
from urllib3.util import connection as urllib3_connection

from tests.key_fetcher.issuer_server import Answer, Authority, IssuerServer, sends
from wcs_hooks.adapters import key_fetcher
from wcs_hooks.adapters.key_fetcher import KeyFetcher
from wcs_hooks.clock import SystemClock
from wcs_hooks.core.issuer_keys import KeyAddress, KeyFetchError

HOST: Final = "issuer.example"
KEYS: Final = KeyAddress(f"https://{HOST}/keys")
ISSUER: Final = f"https://{HOST}/tenant"
DISCOVERED: Final = KeyAddress.discovered(ISSUER)
PUBLIC: Final = "8.8.8.8"
JWKS: Final = b'{"keys": [{"kid": "first-key"}]}'
MARKED: Final = b"what-was-fetched"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority.in_directory(tmp_path_factory.mktemp("authority"))


class Routes:
    """Leads connections to public addresses to a server on loopback, and remembers them."""

    def __init__(self, port: int, create_connection: Callable[..., socket.socket]) -> None:
        self.taken: list[tuple[str, int]] = []
        self._port = port
        self._create_connection = create_connection

    def __call__(self, address: tuple[str, int], *args: Any, **options: Any) -> socket.socket:
        self.taken.append(address)
        return self._create_connection(("127.0.0.1", self._port), *args, **options)


@pytest.fixture
def issuer(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[IssuerServer]:
    """The issuer's server, whose certificate is trusted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with IssuerServer.running(authority.server_context(HOST)) as server:
        server.answer = sends(JWKS)
        yield server


@pytest.fixture
def routes(issuer: IssuerServer, monkeypatch: pytest.MonkeyPatch) -> Routes:
    routes = Routes(issuer.port, urllib3_connection.create_connection)
    monkeypatch.setattr(urllib3_connection, "create_connection", routes)
    return routes


def resolving(*addresses: str, local: bool = False) -> KeyFetcher:
    """A fetcher for which every name has these addresses."""
    return KeyFetcher(bytes, SystemClock(), local=local, resolve=lambda _: addresses)


def failure(fetcher: KeyFetcher, address: KeyAddress) -> str:
    with pytest.raises(KeyFetchError) as caught:
        fetcher.fetch(address)
    return str(caught.value)


# --- What is fetched ----------------------------------------------------------------------------


def test_given_an_issuer_when_its_keys_are_fetched_then_by_the_address_that_was_checked(
    issuer: IssuerServer, routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    assert resolving(PUBLIC, "1.1.1.1").fetch(KEYS) == JWKS

    assert routes.taken == [(PUBLIC, 443)]
    assert issuer.names == [HOST]
    [head] = issuer.requests
    request, *headers = head.strip().split("\r\n")
    assert request == "GET /keys HTTP/1.1"
    assert {"Host: issuer.example", "Accept-Encoding: identity"} <= set(headers)


def test_given_an_issuer_that_rotates_when_keys_are_fetched_again_then_the_old_ones_are_gone(
    issuer: IssuerServer, routes: Routes
) -> None:
    del routes
    fetcher = resolving(PUBLIC)
    fetcher.fetch(KEYS)
    issuer.answer = sends(b'{"keys": [{"kid": "second-key"}]}')

    assert fetcher.fetch(KEYS) == b'{"keys": [{"kid": "second-key"}]}'


def test_given_a_set_without_usable_keys_when_it_is_fetched_then_that_is_the_failure(
    issuer: IssuerServer, routes: Routes
) -> None:
    del issuer, routes

    def usable(_: bytes) -> bytes:
        raise KeyFetchError("it has no usable key")

    fetcher = KeyFetcher(usable, SystemClock(), resolve=lambda _: [PUBLIC])

    assert failure(fetcher, KEYS) == "it has no usable key"


def discovery(**changes: Any) -> Answer:
    """Serve a discovery document, and keys at `/keys`."""
    document = {"issuer": ISSUER, "jwks_uri": KEYS.url, **changes}

    def answer(connection: socket.socket, target: str) -> None:
        body = JWKS if target == "/keys" else json.dumps(document).encode()
        sends(body)(connection, target)

    return answer


def test_given_a_discovery_document_when_its_keys_are_fetched_then_from_its_jwks_uri(
    issuer: IssuerServer, routes: Routes
) -> None:
    issuer.answer = discovery()

    assert resolving(PUBLIC).fetch(DISCOVERED) == JWKS

    targets = [head.split()[1] for head in issuer.requests]
    assert targets == ["/tenant/.well-known/openid-configuration", "/keys"]
    assert routes.taken == [(PUBLIC, 443)] * 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"issuer": f"{ISSUER}/"}, "another issuer"),
        ({"issuer": None}, "another issuer"),
        ({"jwks_uri": None}, "has no jwks_uri"),
        ({"jwks_uri": "http://issuer.example/keys"}, "jwks_uri must begin with https://"),
        ({"jwks_uri": "https://issuer.example:8443/keys"}, "jwks_uri must use port 443"),
        ({"jwks_uri": "https://user@issuer.example/keys"}, "jwks_uri must not have a user name"),
        ({"jwks_uri": "file:///etc/passwd"}, "jwks_uri must begin with https://"),
    ],
)
def test_given_a_discovery_document_that_leads_astray_when_it_is_read_then_it_is_not_followed(
    changes: dict[str, Any], expected: str, issuer: IssuerServer, routes: Routes
) -> None:
    issuer.answer = discovery(**changes)

    said = failure(resolving(PUBLIC), DISCOVERED)

    assert expected in said
    assert len(routes.taken) == 1
    assert "passwd" not in said


def test_given_a_jwks_uri_whose_name_is_private_when_it_is_read_then_it_is_not_connected_to(
    issuer: IssuerServer, routes: Routes
) -> None:
    issuer.answer = discovery(jwks_uri="https://metadata.example/latest")
    addresses = {HOST: [PUBLIC], "metadata.example": ["169.254.169.254"]}
    fetcher = KeyFetcher(bytes, SystemClock(), resolve=addresses.__getitem__)

    assert "not a public IPv4 address" in failure(fetcher, DISCOVERED)
    assert routes.taken == [(PUBLIC, 443)]


@pytest.mark.parametrize("document", [b"[]", b"{", b"\xff", b"[" * 60_000])
def test_given_a_discovery_document_that_is_none_when_it_is_read_then_that_is_the_failure(
    document: bytes, issuer: IssuerServer, routes: Routes
) -> None:
    del routes
    issuer.answer = sends(document)

    assert failure(resolving(PUBLIC), DISCOVERED) == ("the discovery document is not a JSON object")


# --- Where no connection is made to -------------------------------------------------------------


@pytest.mark.parametrize(
    "addresses",
    [
        *(["169.254.169.254"], ["127.0.0.1"], ["10.0.0.1"], ["172.16.0.1"], ["192.168.0.1"]),
        *(["100.64.0.1"], ["0.0.0.1"], ["255.255.255.255"], ["240.0.0.1"], ["192.0.2.1"]),
        *(["224.0.0.1"], ["239.255.255.250"], ["::ffff:169.254.169.254"], ["::ffff:8.8.8.8"]),
        *(["2606:4700:4700::1111"], [PUBLIC, "10.0.0.1"], ["10.0.0.1", PUBLIC], [PUBLIC, "::1"]),
    ],
)
def test_given_a_name_with_an_address_that_is_not_public_then_no_connection_is_made(
    addresses: Sequence[str], routes: Routes
) -> None:
    assert failure(resolving(*addresses), KEYS) == (
        "its name resolves to an address that is not a public IPv4 address"
    )
    assert routes.taken == []


@pytest.mark.parametrize("host", ["169.254.169.254", "0x7f.1", "2130706433", "localhost"])
def test_given_loopback_or_link_local_in_any_spelling_when_resolved_by_the_system_then_refused(
    host: str, routes: Routes
) -> None:
    fetcher = KeyFetcher(bytes, SystemClock())

    assert "not a public IPv4 address" in failure(fetcher, KeyAddress(f"https://{host}/keys"))
    assert routes.taken == []


def test_given_a_name_that_has_no_address_when_it_is_resolved_then_that_is_the_failure() -> None:
    def resolve(_: str) -> Sequence[str]:
        raise socket.gaierror

    fetchers = [resolving(), KeyFetcher(bytes, SystemClock(), resolve=resolve)]

    assert [failure(fetcher, KEYS) for fetcher in fetchers] == ["its name cannot be resolved"] * 2
    too_long = KeyAddress(f"https://{'a' * 64}.example/")
    assert failure(KeyFetcher(bytes, SystemClock()), too_long) == "its name cannot be resolved"


# --- What the other side does -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (
            sends(b"", "Location: https://issuer.example/other", status="302 Found"),
            "it answered with a redirect, which is not followed",
        ),
        (sends(MARKED, status="500 Internal Server Error"), "it answered with HTTP status 500"),
        (sends(b"", status="204 No Content"), "it answered with HTTP status 204"),
        (sends(MARKED * 65_536), "it sent more than 64 KiB"),
        (sends(b" " * (64 * 1024 + 1)), "it sent more than 64 KiB"),
        (sends(MARKED, length=1000), "its answer was not valid HTTP, or broke off"),
        (
            sends(gzip.compress(JWKS), "Content-Encoding: gzip"),
            "it sent a compressed document, which was not asked for",
        ),
        (
            lambda connection, _: connection.sendall(MARKED * 1000),
            "its answer was not valid HTTP, or broke off",
        ),
        (lambda *_: None, "its answer was not valid HTTP, or broke off"),
    ],
)
def test_given_an_issuer_that_answers_wrongly_then_the_kind_of_failure_is_said_and_no_more(
    answer: Answer, expected: str, issuer: IssuerServer, routes: Routes
) -> None:
    issuer.answer = answer

    assert failure(resolving(PUBLIC), KEYS) == expected
    assert len(routes.taken) == 1


def test_given_an_issuer_that_announces_less_than_it_sends_then_no_more_is_read(
    issuer: IssuerServer, routes: Routes
) -> None:
    del routes
    issuer.answer = sends(JWKS + MARKED, length=len(JWKS))

    assert resolving(PUBLIC).fetch(KEYS) == JWKS


def test_given_a_document_of_64_kib_when_it_is_fetched_then_it_is_read(
    issuer: IssuerServer, routes: Routes
) -> None:
    del routes
    issuer.answer = sends(b" " * 64 * 1024)

    assert len(resolving(PUBLIC).fetch(KEYS)) == 64 * 1024


@pytest.mark.parametrize("how", ["hang", "dribble", "dribble_body"])
def test_given_an_issuer_that_never_ends_its_answer_then_it_is_left_after_the_timeout(
    how: str, issuer: IssuerServer, routes: Routes, monkeypatch: pytest.MonkeyPatch
) -> None:
    del routes
    monkeypatch.setattr(key_fetcher, "TIMEOUT", 0.5)
    issuer.answer = getattr(issuer, how)
    begun = time.monotonic()

    assert failure(resolving(PUBLIC), KEYS) == "it did not answer within 0.5 s"

    assert time.monotonic() - begun < 1
    wait_until(lambda: HOST not in {thread.name for thread in threads()})


def test_given_a_server_that_begins_no_tls_then_it_is_left_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_fetcher, "TIMEOUT", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        routes = Routes(silent.getsockname()[1], urllib3_connection.create_connection)
        monkeypatch.setattr(urllib3_connection, "create_connection", routes)

        assert failure(resolving(PUBLIC), KEYS) == "it did not answer within 0.5 s"
        wait_until(lambda: HOST not in {thread.name for thread in threads()})


def test_given_a_resolver_that_hangs_then_it_is_left_after_the_timeout(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(key_fetcher, "TIMEOUT", 0.2)

    def resolve(_: str) -> Sequence[str]:
        time.sleep(1)
        return [PUBLIC]

    fetcher = KeyFetcher(bytes, SystemClock(), resolve=resolve)

    assert failure(fetcher, KEYS) == "it did not answer within 0.2 s"


def test_given_nobody_listens_then_that_is_the_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    routes = Routes(1, urllib3_connection.create_connection)
    monkeypatch.setattr(urllib3_connection, "create_connection", routes)

    assert failure(resolving(PUBLIC), KEYS) == "it cannot be connected to"


# --- Certificates -------------------------------------------------------------------------------

_UNTRUSTED: Final = "its certificate is not trusted, or not for this name"


@pytest.mark.parametrize("names", [["other.example"], [PUBLIC], ["issuer.example.attacker.test"]])
def test_given_a_certificate_for_another_name_or_the_address_then_nothing_is_sent(
    names: Sequence[str], authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    with IssuerServer.running(authority.server_context(*names)) as server:
        routes = Routes(server.port, urllib3_connection.create_connection)
        monkeypatch.setattr(urllib3_connection, "create_connection", routes)

        assert failure(resolving(PUBLIC), KEYS) == _UNTRUSTED
        assert server.requests == []


def test_given_a_certificate_of_an_authority_that_nobody_trusts_then_nothing_is_sent(
    issuer: IssuerServer, routes: Routes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del routes
    other = Authority.in_directory(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(other.certificate))

    assert failure(resolving(PUBLIC), KEYS) == _UNTRUSTED
    assert issuer.requests == []


def test_given_a_server_that_speaks_no_tls_then_nothing_is_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with IssuerServer.running() as server:
        routes = Routes(server.port, urllib3_connection.create_connection)
        monkeypatch.setattr(urllib3_connection, "create_connection", routes)
        monkeypatch.setattr(key_fetcher, "TIMEOUT", 0.5)

        said = failure(resolving(PUBLIC), KEYS)

        assert said in {"it does not speak TLS as expected", "it did not answer within 0.5 s"}
        assert server.requests == []


# --- The local run ------------------------------------------------------------------------------


def test_given_the_local_run_when_keys_are_on_loopback_then_http_is_enough() -> None:
    with IssuerServer.running() as server:
        server.answer = sends(JWKS)
        address = KeyAddress(f"http://localhost:{server.port}/keys")

        assert KeyFetcher(bytes, SystemClock(), local=True).fetch(address) == JWKS
        assert f"Host: localhost:{server.port}\r\n" in server.requests[0]
        assert failure(KeyFetcher(bytes, SystemClock()), address) == (
            "the address must begin with https://"
        )


@pytest.mark.parametrize("addresses", [[PUBLIC], ["169.254.169.254"], ["127.0.0.1", "10.0.0.1"]])
def test_given_the_local_run_when_http_leads_elsewhere_than_loopback_then_it_is_refused(
    addresses: Sequence[str],
) -> None:
    fetcher = resolving(*addresses, local=True)

    assert failure(fetcher, KeyAddress("http://issuer.example/keys")) == (
        "its name resolves to an address that is not a loopback address"
    )


def wait_until(holds: Callable[[], bool], seconds: float = 2.0) -> None:
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until, "it never held"
        time.sleep(0.01)
