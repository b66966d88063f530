"""A whole function: each request has an answer that is none of the server's own errors."""

import base64
import json
from collections.abc import Collection, Iterable
from typing import Any, Final

from tests.support.hook_client import gateway_event, signature
from tests.support.in_memory_function import InMemoryAws, InMemoryFunction
from tests.support.in_memory_snapshots import InMemorySnapshots
from verification.fuzz.corpus import bodies, hooks
from verification.fuzz.policies_in_force import in_force
from verification.fuzz.target import promise
from verification.fuzz.targets.secrets import MARK, SECRET_NAMES
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.payload import MalformedBodyError, parse

METHOD_NAMES: Final = (*METHODS, "methodYetToBeInvented", "", "%2e%2e", "\N{SNOWMAN}", "a" * 3000)
_REQUEST_ID: Final = "c6af9ac6-7b61-11e6-9a41-93e8deadbeef"


class Functions:
    """The four functions, with an AWS in memory that they share.

    Parameters
    ----------
    snapshots
        The active policies; those with all that a policy can do unless given.
    aws
        What the functions call.
    variables
        Environment variables of their own.
    """

    def __init__(
        self,
        snapshots: InMemorySnapshots | None = None,
        aws: InMemoryAws | None = None,
        **variables: str,
    ) -> None:
        self._aws = aws or InMemoryAws()
        active = snapshots or in_force()
        self._functions = {
            category: InMemoryFunction(
                category, active, self._aws, ECHO_LOG_SAMPLE_RATE="1", **variables
            )
            for category in Category
        }

    def answer(
        self,
        event: dict[str, Any],
        method: str,
        *,
        reads_body: bool = True,
        secrets: Collection[str] = (MARK,),
    ) -> dict[str, Any]:
        """Hand over a gateway's event; check all that the function answers, logs and sends.

        Parameters
        ----------
        reads_body
            Whether the body of an answer that is fine is read: of a large one that would take as
            much time as what is measured.
        secrets
            Texts that must be neither in the log nor in an event nor in an error.
        """
        category = METHODS[method].category if method in METHODS else Category.EVENT
        self._aws.forget()
        response, written = self._functions[category].invoke(event, _REQUEST_ID)
        status = response["statusCode"]
        promise(status < 500, f"the answer is {status}: {written}")
        promise(response["headers"]["X-Decision-Id"] == _REQUEST_ID, "no decision id")
        promise(response["headers"]["Content-Type"] == "application/json", "no JSON")
        content = json.loads(response["body"]) if reads_body or status != 200 else {}
        promise(isinstance(content, dict), "the answer is not an object")
        if status != 200:
            promise(content["error"]["status"] == status, "the error has another status")
            promise(not _any_of(secrets, response["body"]), "a secret is in an error")
        for line in written.splitlines():
            json.loads(line)
        seen_outside = [written, *self._aws.events]
        promise(
            not any(_any_of(secrets, text) for text in seen_outside),
            "a secret is in the log or an event",
        )
        for letter in self._aws.letters:
            promise(json.loads(letter)["schema"], "no dead letter")
        promise(status in {403, 400, 413} or not self._aws.letters, "an answered hook was kept")
        return response


def _any_of(secrets: Collection[str], text: str) -> bool:
    return any(secret in text for secret in secrets)


class Function:
    """Hooks of WCS: any method, any body, signed. Two bytes choose the method, and what else."""

    def __init__(self) -> None:
        self._functions = Functions()

    def seeds(self) -> Iterable[bytes]:
        """The vendor's hooks, and bodies for any method."""
        names = list(METHOD_NAMES)
        for method, body in hooks():
            yield bytes([names.index(method), 0]) + body
        for number, body in enumerate(bodies()):
            yield bytes([7 * number % len(names), number % 8]) + body

    def __call__(self, data: bytes) -> None:
        """Post a hook."""
        if len(data) < 2:
            return
        method, how, body = METHOD_NAMES[data[0] % len(METHOD_NAMES)], data[1], data[2:]
        if how & 1:
            body = _with_marks(body)
        authorization: str | None = signature(body)
        if how & 6 == 6:
            authorization = [None, "", "WCS 0", "Basic eDp5"][how >> 3 & 3]
        event = gateway_event(method, body, authorization, "203.0.113.7")
        response = self._functions.answer(event, method)
        _check(response, body, is_signed=authorization == signature(body))


def _check(response: dict[str, Any], body: bytes, *, is_signed: bool) -> None:
    status = response["statusCode"]
    promise(is_signed or status == 403, "a stranger was let in")
    try:
        payload = parse(body)
    except MalformedBodyError as error:
        promise(status == (error.status if is_signed else 403), "a malformed body was taken")
        return
    if status == 200:
        given = json.loads(response["body"])
        promise(payload.fields.keys() <= given.keys(), "a field was lost on the way")


def _with_marks(body: bytes) -> bytes:
    """The same body with a mark for each secret; itself where it is none."""
    try:
        fields = parse(body).fields
    except MalformedBodyError:
        return body
    marked = {
        name: MARK if name.lower() in SECRET_NAMES or name.lower() == "custom" else value
        for name, value in fields.items()
    }
    return json.dumps(marked | {"sipPassword": MARK}).encode()


class GatewayEvent:
    """What a gateway may hand over, as JSON: headers, paths, encodings and bodies of any kind."""

    def __init__(self) -> None:
        self._functions = Functions()

    def seeds(self) -> Iterable[bytes]:
        """Events."""
        for method, body in hooks():
            for authorization in (signature(body), None, "Basic eDp5"):
                event = gateway_event(method, body, authorization, "203.0.113.7")
                yield json.dumps(event).encode()
        for body in bodies():
            event = gateway_event("methodYetToBeInvented", body, signature(body), "::1")
            yield json.dumps(event).encode()

    def __call__(self, data: bytes) -> None:
        """Hand over an event."""
        try:
            given = json.loads(data)
        except (ValueError, RecursionError):
            return
        if isinstance(given, dict):
            event, method = _possible(given)
            self._functions.answer(event, method)


def _possible(given: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The event that is most like this among those that the gateway makes.

    Its types are the documented ones, what is text is UTF-8, and what is base64 can be decoded.
    """
    body = _text(given.get("body"))
    event: dict[str, Any] = {name: value for name, value in given.items() if name != "redrive"}
    parameters = given.get("pathParameters")
    route = given.get("routeKey")
    method = str(route).removeprefix("POST /")
    if isinstance(parameters, dict) and isinstance(parameters.get("method"), str):
        method = _text(parameters["method"])
        event |= {"pathParameters": {"method": method}, "routeKey": "POST /{method}"}
    elif method in METHODS:
        event.pop("pathParameters", None)
    else:
        method = "publishStream"
        event |= {"routeKey": "POST /publishStream"}
        event.pop("pathParameters", None)
    headers = given.get("headers")
    if isinstance(headers, dict):
        event["headers"] = {_text(name).lower(): _text(value) for name, value in headers.items()}
    else:
        event["headers"] = {}
    encoded = bool(given.get("isBase64Encoded"))
    event["isBase64Encoded"] = encoded
    if body or "body" in given:
        event["body"] = base64.b64encode(body.encode()).decode() if encoded else body
    context = given.get("requestContext")
    http = context.get("http") if isinstance(context, dict) else None
    source = _text(http.get("sourceIp")) if isinstance(http, dict) else ""
    event["requestContext"] = {"http": {"sourceIp": source, "method": "POST"}}
    return event, method


def _text(value: Any) -> str:
    text = value if isinstance(value, str) else "" if value is None else json.dumps(value)
    return text.encode("utf-8", "replace").decode()
