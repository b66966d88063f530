"""Makes a hook look like one of a client that has connected, as nearly all hooks are.

What was never seen at connect counts as started by the WCS REST API, and is not refused.
"""

import json
from typing import Any, Final

from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.payload import MalformedBodyError, append_fields, encode, parse

NODE: Final = "local"
SESSION: Final = "/127.0.0.1:50000/127.0.0.1:8443"

_OF_CLIENTS: Final = frozenset({Category.DIRECT, Category.INCOMING})
_KEPT: Final = ("nodeId", "appKey", "sessionId", "custom")


def with_session(method: str, body: bytes) -> tuple[bytes | None, bytes]:
    """Give a hook a session.

    Parameters
    ----------
    method
        As WCS sends it.
    body
        The hook's; one that names no session is given `SESSION` on `NODE`.

    Returns
    -------
    tuple
        The body of the connect that has to come before, none where none has to; then the hook's.

    Examples
    --------
    >>> connect, hook = with_session("call", b'{"appKey":"a"}')
    >>> connect
    b'{"nodeId":"local","appKey":"a","sessionId":"/127.0.0.1:50000/127.0.0.1:8443"}'
    """
    known = METHODS.get(method)
    if known is None or known.category not in _OF_CLIENTS:
        return None, body
    try:
        payload = parse(body)
    except MalformedBodyError:
        # It is posted to see what becomes of it.
        return None, body
    missing: dict[str, Any] = {}
    if "sessionId" not in payload.fields:
        missing = {"sessionId": SESSION} | ({} if "nodeId" in payload.fields else {"nodeId": NODE})
    text = append_fields(payload.text, {name: encode(value) for name, value in missing.items()})
    fields = payload.fields | missing
    connect = {name: fields[name] for name in _KEPT if name in fields}
    return json.dumps(connect, separators=(",", ":")).encode(), text.encode()
