"""Example hooks to try policies with, with the fields of the vendor's printed examples."""

from collections.abc import Mapping
from typing import Any, Final

from simulated_wcs import bodies
from simulated_wcs.bodies import Fields
from wcs_hooks.core.methods import METHODS, PLAYERS, Category

_IDS: Final[Fields] = {
    "nodeId": "H4gfHeULtX6ddGGUWwZxhUNyqZHUFH8j@192.168.1.59",
    "appKey": "defaultApp",
    "sessionId": "/192.0.2.1:50000/192.0.2.2:8443",
}
"""Fields that WCS adds to every hook."""

_STREAMS: Final = frozenset({"publishStream", "playStream"})


def example_hooks() -> Mapping[str, Mapping[str, Any]]:
    """Return an example body for each method, by the method's name."""
    return {name: {**_IDS, **_own(name, method.category)} for name, method in METHODS.items()}


def _own(name: str, category: Category) -> Fields:
    if category is Category.CONNECT:
        return {**bodies.web_connect(), "custom": {}}
    if name in PLAYERS:
        return bodies.player(name)
    if name in _STREAMS or "Stream" in name:
        body = bodies.stream(published=name != "playStream", media_provider="WebRTC")
        return {"mediaSessionId": "5ae4c7f0-a1b2-11f0-9c3d", "name": "stream1", **body}
    if name == "call" or "CallStatus" in name:
        return {"callId": "5ae4c7f0-a1b2-11f0-9c3d", **bodies.outgoing_call()}
    if category is Category.INCOMING:
        return bodies.incoming(name)
    return bodies.direct(name)
