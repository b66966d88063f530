"""Which hooks a WCS sends, and how often.

By `docs/wcs-protocol.md`: section 6 has the order of a session's hooks, section 7 the load, in
which keep-alives outnumber all else. What is not told there is an assumption, and a parameter.
"""

from dataclasses import dataclass

from wcs_hooks.core.methods import METHODS, Category

KEEP_ALIVE = "StreamKeepAliveEvent"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLife:
    """A stream from its publisher's connect to the last viewer's disconnect.

    Attributes
    ----------
    seconds
        For how long it is published.
    keep_alive_seconds
        From one keep-alive to the next; the vendor's example has 10.
    viewers
        How many connections play it, each once. Keep-alives are taken to come for the published
        stream alone.
    """

    seconds: float = 1200.0
    keep_alive_seconds: float = 10.0
    viewers: float = 2.0

    def hooks(self) -> dict[str, float]:
        """How many hooks of each method a stream causes.

        Examples
        --------
        >>> StreamLife(seconds=60, viewers=0).hooks()["StreamKeepAliveEvent"]
        6.0
        """
        connections = 1 + self.viewers
        return {
            KEEP_ALIVE: self.seconds / self.keep_alive_seconds,
            "connect": connections,
            # ESTABLISHED and DISCONNECTED
            "ConnectionStatusEvent": 2 * connections,
            "publishStream": 1.0,
            "playStream": self.viewers,
            # PUBLISHING and UNPUBLISHED, PLAYING and STOPPED
            "StreamStatusEvent": 2 * connections,
            "unPublishStream": 1.0,
            "stopStream": self.viewers,
        }

    def shares(self) -> dict[str, float]:
        """The share of each method among all hooks."""
        hooks = self.hooks()
        total = sum(hooks.values())
        return {method: count / total for method, count in hooks.items()}

    def category_shares(self) -> dict[Category, float]:
        """The share of each category; none has a share of its own of zero here but incoming."""
        shares = dict.fromkeys(Category, 0.0)
        for method, share in self.shares().items():
            shares[METHODS[method].category] += share
        return shares

    def streams_at(self, hooks_per_second: float) -> float:
        """How many streams are published at a time when so many hooks come."""
        return hooks_per_second * self.seconds / sum(self.hooks().values())
