"""Policies as the table stores them."""

from typing import Any


def policy(item_id: str, method: Any = "publishStream", action: str = "echo", **rest: Any) -> Any:
    """The attributes of a policy, `app` apart.

    Examples
    --------
    >>> policy("no-calls", "call", "deny", reason="closed")["reason"]
    'closed'
    """
    return {"id": item_id, "method": method, "action": action, **rest}


def deny(item_id: str = "no", method: Any = "publishStream", **rest: Any) -> Any:
    return policy(item_id, method, "deny", **rest)


def override(item_id: str = "rename", method: Any = "publishStream", **rest: Any) -> Any:
    if "compute" not in rest:
        rest.setdefault("set", {"name": "renamed"})
    return policy(item_id, method, "override", **rest)


def configure(item_id: str = "config", method: Any = "publishStream", **rest: Any) -> Any:
    return policy(item_id, method, "configure", **rest)
