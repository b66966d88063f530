"""Posts hooks to what is deployed on this machine, by the simulated WCS's own wire."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from urllib.parse import urlsplit

from local.deployment import StackOutputs
from local.errors import LocalRunError
from local.workspace import Workspace
from simulated_wcs.transport import Authentication, HookTransport, Signature, Target

SIGNED: Final = "as WCS signs it"
"""Stands for the Authorization header that WCS makes for a body."""


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
    def target(self) -> Target:
        """The same for WCS: glibc does not resolve `*.localhost`."""
        return Target(f"http://{self.host}", address=("127.0.0.1", self.port), host=self.host)

    @property
    def url(self) -> str:
        """A URL that any HTTP client can use as it is. In a shell it needs quotes: ``$``."""
        return f"http://127.0.0.1:{self.port}/_aws/execute-api/{self.api}/$default"


@dataclass(frozen=True, slots=True)
class GivenHeader:
    """An Authorization header as it is, whatever the body; None for none."""

    value: str | None = field(repr=False)

    def header(self, body: bytes) -> str | None:  # noqa: ARG002 - as the protocol has it
        """The header."""
        return self.value


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

    def post(self, method: str, body: bytes, *, authorization: str | None = SIGNED) -> Reply:
        """Post a hook and wait for its answer.

        Parameters
        ----------
        method
            The last segment of the path.
        body
            Sent, and signed, as it is.
        authorization
            That header, instead of WCS's own; None leaves it out.

        Raises
        ------
        LocalRunError
            Nothing answers.
        """
        authentication: Authentication = (
            Signature(self.secret) if authorization == SIGNED else GivenHeader(authorization)
        )
        transport = HookTransport(self.address.target, authentication, retries=0)
        began = time.perf_counter()
        exchange = transport.send(method, body)
        transport.close()
        if exchange.reply is None:
            raise LocalRunError(
                f"No answer to {method} from 127.0.0.1:{self.address.port}: "
                f"{exchange.send_errors[0]}. Is the emulator running? `make local` starts it."
            )
        reply = exchange.reply
        return Reply(reply.status, reply.headers, reply.body, time.perf_counter() - began)


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
