"""Posts hooks as WCS does: its headers, its signature, over HTTP/1.1.

The protocol is the vendor's: a POST to ``<url>/<method>`` with a JSON body, and where WCS signs,
``Authorization: WCS <hex>``, the HMAC-MD5 of the body's bytes.
"""

import hashlib
import hmac
import http.client
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import quote, urlsplit

from local.deployment import StackOutputs
from local.errors import LocalRunError
from local.workspace import Workspace

WCS_HEADERS: Final[Mapping[str, str]] = {
    "Accept": "application/json",
    "Content-Type": "application/json;charset=UTF-8",
    "User-Agent": "Java/1.8.0_111",
    "Connection": "keep-alive",
}
"""What WCS sends with each hook."""

_WCS_TIMEOUT: Final = 15.0
"""Seconds that WCS waits for a reply, unless it is configured otherwise."""


def signature(secret: str, body: bytes) -> str:
    """Return the ``Authorization`` header that WCS sends with a body.

    Examples
    --------
    >>> signature("key", b"{}")
    'WCS 8ad543481d29574b6046e375ce555520'
    """
    digest = hmac.new(secret.encode(), body, hashlib.md5).hexdigest()
    return f"WCS {digest}"


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for a hook.

    Attributes
    ----------
    status
        The HTTP status.
    headers
        By lower-case name.
    body
        The bytes as they came.
    seconds
        From the first byte sent to the last one received.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    seconds: float

    @property
    def decision(self) -> str:
        """The decision's id, which the log line of this reply carries too."""
        return self.headers.get("x-decision-id", "")

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    def error(self) -> dict[str, Any]:
        """Return what a refusal says about itself, empty where this is none."""
        try:
            error = self.json()["error"]
        except (ValueError, KeyError, TypeError):
            return {}
        return error if isinstance(error, dict) else {}


@dataclass(frozen=True, slots=True)
class HookAddress:
    """Where the emulator serves the stack's API.

    Attributes
    ----------
    api
        The API's id, the first label of the ``HooksUrl`` output.
    port
        The emulator's.
    """

    api: str
    port: int

    @classmethod
    def of(cls, outputs: StackOutputs, workspace: Workspace) -> Self:
        """Translate the stack's URL, which names AWS, into the emulator's."""
        host = urlsplit(outputs.hooks_url).hostname or ""
        return cls(host.partition(".")[0], workspace.port)

    @property
    def host(self) -> str:
        """The Host header by which the emulator tells one API from another."""
        return f"{self.api}.execute-api.localhost:{self.port}"

    @property
    def url(self) -> str:
        """A URL that any HTTP client can use as it is. In a shell it needs quotes: ``$``."""
        return f"http://127.0.0.1:{self.port}/_aws/execute-api/{self.api}/$default"


@dataclass(frozen=True, slots=True)
class HookPoster:
    """Posts hooks to one deployment, signed with one key.

    Examples
    --------
    >>> poster = HookPoster(HookAddress("a1b2c3", 4566), "secret")
    >>> poster.post("publishStream", b'{"name": "room"}').status  # doctest: +SKIP
    200
    """

    address: HookAddress
    secret: str = field(repr=False)

    def post(
        self, method: str, body: bytes, *, headers: Mapping[str, str | None] | None = None
    ) -> Reply:
        """Post a hook and wait for its answer.

        Parameters
        ----------
        method
            The last segment of the path.
        body
            Sent, and signed, as it is.
        headers
            Replace WCS's own by name; None leaves one out.

        Raises
        ------
        LocalRunError
            Nothing answers.
        """
        sent: dict[str, str | None] = {
            **WCS_HEADERS,
            "Host": self.address.host,
            "Authorization": signature(self.secret, body),
            "Content-Length": str(len(body)),
            **(headers or {}),
        }
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.address.port, timeout=_WCS_TIMEOUT
        )
        began = time.perf_counter()
        try:
            connection.putrequest(
                "POST", f"/{quote(method)}", skip_host=True, skip_accept_encoding=True
            )
            for name, value in sent.items():
                if value is not None:
                    connection.putheader(name, value)
            connection.endheaders(body)
            response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            raise LocalRunError(
                f"No answer to {method} from 127.0.0.1:{self.address.port}: "
                f"{error!r}. Is the emulator running? `make local` starts it."
            ) from error
        finally:
            connection.close()
        return Reply(
            status=response.status,
            headers={name.lower(): value for name, value in response.getheaders()},
            body=content,
            seconds=time.perf_counter() - began,
        )


def read_secret(outputs: StackOutputs, workspace: Workspace) -> str:
    """Return the current key, from the stack's secret."""
    client = workspace.session().client("secretsmanager", endpoint_url=workspace.endpoint)
    secret = client.get_secret_value(SecretId=outputs.signature_secret_arn)["SecretString"]
    current = json.loads(secret)["current"]
    if not isinstance(current, str):
        raise LocalRunError(f"The secret {outputs.signature_secret_arn} has no current key.")
    return current


def poster_for(workspace: Workspace) -> HookPoster:
    """Return a poster for what is deployed in a workspace.

    Raises
    ------
    LocalRunError
        Nothing is deployed there.
    """
    outputs = StackOutputs.read(workspace.outputs)
    return HookPoster(HookAddress.of(outputs, workspace), read_secret(outputs, workspace))
