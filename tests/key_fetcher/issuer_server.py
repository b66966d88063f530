"""An issuer's web server on loopback, which a test lets misbehave."""

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

type Answer = Callable[[socket.socket, str], None]
"""Answers the request for a target on a connection."""

_LONGEST_HANG: Final = 20.0


def sends(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> Answer:
    """Send an answer, whose length may be a lie."""
    size = len(body) if length is None else length

    def answer(connection: socket.socket, _: str) -> None:
        lines = [f"HTTP/1.1 {status}", f"Content-Length: {size}", *headers, "", ""]
        connection.sendall("\r\n".join(lines).encode() + body)

    return answer


class IssuerServer:
    """Serves one request a connection.

    Attributes
    ----------
    answer
        What is done with a request.
    port
        Where it listens on 127.0.0.1.
    requests
        The head of each request, as it came.
    names
        The name that each TLS client asked for (SNI).
    over
        Set when the test is over, for answers that hang.
    """

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.answer: Answer = sends(b"{}")
        self.requests: list[str] = []
        self.names: list[str | None] = []
        self.over = Event()
        self._context = context
        if context is not None:
            context.sni_callback = lambda _, name, __: self.names.append(name)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        Thread(target=self._serve, daemon=True).start()

    @classmethod
    @contextmanager
    def running(cls, context: ssl.SSLContext | None = None) -> Iterator[Self]:
        server = cls(context)
        try:
            yield server
        finally:
            server.over.set()
            server._listener.close()

    def hang(self, connection: socket.socket, target: str) -> None:
        """Say nothing."""
        del connection, target
        self.over.wait(_LONGEST_HANG)

    def dribble(self, connection: socket.socket, target: str) -> None:
        """Send a header without end, byte by byte, each of them well within any timeout."""
        del target
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
        while not self.over.wait(0.05):
            connection.sendall(b"x")

    def dribble_body(self, connection: socket.socket, target: str) -> None:
        """The same with the body."""
        del target
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n")
        while not self.over.wait(0.05):
            connection.sendall(b" ")

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def _serve_one(self, plain: socket.socket) -> None:
        with suppress(OSError), plain:
            connection = (
                plain
                if self._context is None
                else self._context.wrap_socket(plain, server_side=True)
            )
            with connection:
                head = b""
                while not head.endswith(b"\r\n\r\n"):
                    received = connection.recv(4096)
                    if not received:
                        return
                    head += received
                self.requests.append(head.decode())
                self.answer(connection, head.decode().split()[1])


@dataclass(frozen=True)
class Authority:
    """A certificate authority of the tests' own.

    Attributes
    ----------
    certificate
        Its certificate's file.
    """

    certificate: Path
    _directory: Path
    _key: ec.EllipticCurvePrivateKey
    _name: x509.Name

    @classmethod
    def in_directory(cls, directory: Path) -> Self:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Tests")])
        certificate = (
            _builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs=True), critical=True)
            .sign(key, hashes.SHA256())
        )
        path = directory / "authority.pem"
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        return cls(path, directory, key, name)

    def server_context(self, *names: str) -> ssl.SSLContext:
        """The TLS of a server with these names or IP addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
        certificate = (
            _builder(subject, self._name, key)
            .add_extension(
                x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()),
                critical=False,
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs=False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        path = self._directory / f"{names[0]}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
