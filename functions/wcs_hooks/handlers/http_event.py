"""The gateway's events: from an event to a request, and from a reply to the gateway's form.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
(payload format 2.0).
"""

import base64
from typing import Any, Final

from wcs_hooks.core.reply import Reply
from wcs_hooks.hook.request import Request

_ROUTE_PREFIX: Final = "POST /"

type Event = dict[str, Any]


def read_request(event: Event, decision_id: str) -> Request:
    """The request that a gateway event carries.

    Examples
    --------
    >>> event = {"routeKey": "POST /call", "headers": {}, "body": "{}", "requestContext": {}}
    >>> read_request(event, "1").method
    'call'
    """
    body = event.get("body") or ""
    headers = event.get("headers") or {}
    source = event["requestContext"].get("http", {}).get("sourceIp", "")
    return Request(
        _method(event),
        base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        headers.get("authorization"),
        source,
        decision_id,
        headers.get("x-forwarded-for", ""),
    )


def gateway_response(reply: Reply, decision_id: str) -> dict[str, Any]:
    """A reply in the gateway's form.

    Every reply is UTF-8: what is echoed has been parsed.
    """
    return {
        "statusCode": reply.status,
        "headers": {"Content-Type": "application/json", "X-Decision-Id": decision_id},
        "body": reply.body.decode(),
    }


def _method(event: Event) -> str:
    """The method's name: of the explicit routes in the route's key, else the path's parameter."""
    parameters = event.get("pathParameters")
    if parameters and "method" in parameters:
        method: str = parameters["method"]
        return method
    route: str = event["routeKey"]
    return route.removeprefix(_ROUTE_PREFIX)
