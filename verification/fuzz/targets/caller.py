"""The caller: in comes who has a secret, from an allowed address; anybody else is rejected."""

import hashlib
import hmac
import re
import socket
from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import Final

from verification.fuzz.target import promise
from wcs_hooks.clock import Deadline, SystemClock
from wcs_hooks.core.caller import Auth, RejectedCallerError, authorize_source
from wcs_hooks.hook.caller_check import CallerCheck
from wcs_hooks.hook.request import Request

_SECRETS: Final = ("s3cr\N{LATIN SMALL LETTER E WITH ACUTE}t", "the-one-before")
_USER: Final = "wcs"
_NETWORKS: Final = ("10.0.0.0/8", "2001:db8::/32")
_SIGNATURE: Final = re.compile(r"[0-9a-fA-F]{32}")


class Caller:
    """`wcs_hooks.hook.caller_check`.

    A byte says how to read on: the header and the body are divided by the first NUL, and in a
    header `{0}` and `{1}` are replaced by the signatures with the two secrets, or the credentials.
    """

    def seeds(self) -> Iterable[bytes]:
        """Headers and addresses."""
        headers = ("WCS {0}", "wcs {1}", "WCS  {0} ", "WCS {0}, WCS {1}", "WCS\t{0}", "Basic {0}")
        for header in (*headers, "WCS", "Basic", "Bearer {0}", "", "WCS {0}0", "Digest a=b", "{0}"):
            for how in (0, 1, 2, 3):
                yield bytes([how]) + header.encode() + b"\0" + b'{"appKey":"live"}'
        addresses = ("10.1.2.3", "11.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "fe80::1%eth0")
        for address in (*addresses, "010.0.0.1", "10.1", "0x0a000001", "10.0.0.1/8", "1" * 40):
            yield bytes([4]) + address.encode()

    def __call__(self, data: bytes) -> None:
        """Let in or reject."""
        how = data[0] & 7 if data else 0
        if how >= 4:
            _try_source(data[1:].decode("utf-8", "surrogateescape"))
            return
        header, _, body = data[1:].partition(b"\0")
        text = header.decode("latin-1" if how & 2 else "utf-8", "replace")
        authorization = text if header or how & 2 else None
        if how & 1:
            _try_basic(authorization)
        else:
            _try_signature(authorization, body)


class _Known:
    """Secrets that are there at once."""

    def valid(self, deadline: Deadline) -> Sequence[str]:  # noqa: ARG002 - the port's signature
        return _SECRETS

    refreshed = valid


_SIGNED: Final = CallerCheck(Auth.HMAC, _Known())
_BASIC: Final = CallerCheck(Auth.BASIC, _Known(), basic_user=_USER)


def _is_let_in(check: CallerCheck, authorization: str | None, body: bytes) -> bool:
    request = Request("call", body, authorization, "10.1.2.3", "decision-1")
    try:
        check(request, Deadline(SystemClock(), 1.0))
    except RejectedCallerError:
        return False
    return True


def _try_signature(template: str | None, body: bytes) -> None:
    valid = [hmac.new(secret.encode(), body, hashlib.md5).hexdigest() for secret in _SECRETS]
    authorization = _filled(template, valid)
    let_in = _is_let_in(_SIGNED, authorization, body)
    scheme, _, rest = (authorization or "").partition(" ")
    given = rest.strip()
    fits = bool(_SIGNATURE.fullmatch(given)) and given.lower() in valid
    promise(let_in == (scheme.lower() == "wcs" and fits), "let in whom it must not, or not whom")


def _try_basic(template: str | None) -> None:
    valid = [f"{_USER}:{secret}".encode() for secret in _SECRETS]
    encoded = ["d2NzOnMzY3LDqXQ=", "d2NzOnRoZS1vbmUtYmVmb3Jl"]
    authorization = _filled(template, encoded)
    let_in = _is_let_in(_BASIC, authorization, b"{}")
    scheme, _, rest = (authorization or "").partition(" ")
    given = rest.strip()
    fits = given in encoded and b64decode(given, validate=True) in valid
    promise(let_in == (scheme.lower() == "basic" and fits), "let in whom it must not, or not whom")


def _filled(template: str | None, values: list[str]) -> str | None:
    if template is None:
        return None
    return template.replace("{0}", values[0]).replace("{1}", values[1])


def _try_source(address: str) -> None:
    authorize_source(address, ())
    try:
        authorize_source(address, _NETWORKS)
    except RejectedCallerError:
        return
    promise(_is_inside(address), "an address outside was let in")


def _is_inside(address: str) -> bool:
    """The same by the system's own reading of addresses."""
    try:
        return socket.inet_pton(socket.AF_INET, address)[0] == 10
    except (OSError, ValueError):
        pass
    try:
        packed = socket.inet_pton(socket.AF_INET6, address.partition("%")[0])
    except (OSError, ValueError):
        return False
    is_mapped = packed[:12] == bytes(10) + b"\xff\xff"
    return packed[:4] == b"\x20\x01\x0d\xb8" or (is_mapped and packed[12] == 10)
