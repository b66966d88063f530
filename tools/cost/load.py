"""Which hooks WCS sends, and how often.

`docs/reference/wcs-protocol.md` has the order of a session's hooks (section 6) and the load
(section 7), of which keep-alives are the largest part. Everything it does not say is an assumption
and a parameter.
"""

from dataclasses import dataclass
from typing import Final

from tools.cost.prices import MILLION
from wcs_hooks.core.methods import METHODS, Category

KEEP_ALIVE: Final = "StreamKeepAliveEvent"
MONTH_SECONDS: Final = 730 * 3600.0
"""A month has 730 hours, as in AWS's own calculator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """The hooks that come.

    Attributes
    ----------
    hooks_per_second
        Day and night; a bill depends on the mean of a month.
    stream_seconds, viewers
        How long a stream is published, and how many connections play it, each once.
    keep_alive_seconds
        Time between two keep-alives; the vendor's example has 10. Only the published stream is
        assumed to send them.
    denied, overridden
        Fractions of publishStream and playStream that are.
    apps
        Number of applications that the hooks belong to, evenly.
    methods_in_use
        Number of methods that are counted in metrics of their own.
    looked_up
        Methods whose policies look up a row of a list.
    by_session
        Methods whose policies read the session, for instance for `claims`.
    limited
        Of publishStream and playStream those whose streams are limited in number.
    """

    hooks_per_second: float = 100.0
    stream_seconds: float = 1200.0
    viewers: float = 2.0
    keep_alive_seconds: float = 10.0
    denied: float = 0.01
    overridden: float = 0.05
    apps: int = 1
    methods_in_use: int = 10
    looked_up: frozenset[str] = frozenset()
    by_session: frozenset[str] = frozenset()
    limited: frozenset[str] = frozenset()

    @property
    def hooks_a_month(self) -> float:
        """Number of hooks in a month."""
        return self.hooks_per_second * MONTH_SECONDS

    @property
    def millions_a_month(self) -> float:
        """The same in millions."""
        return self.hooks_a_month / MILLION

    @property
    def streams(self) -> float:
        """Number of streams that are published at a time."""
        return self.hooks_per_second * self.stream_seconds / sum(self._hooks_of_a_stream().values())

    def shares(self) -> dict[str, float]:
        """The fraction of each method among all hooks."""
        hooks = self._hooks_of_a_stream()
        total = sum(hooks.values())
        return {method: count / total for method, count in hooks.items()}

    def category_shares(self) -> dict[Category, float]:
        """The fraction of each category that gets hooks at all."""
        shares: dict[Category, float] = {}
        for method, share in self.shares().items():
            category = METHODS[method].category
            shares[category] = shares.get(category, 0.0) + share
        return shares

    def answers(self, method: str) -> dict[str, float]:
        """The fraction of each answer to the hooks of a method."""
        if method not in ("publishStream", "playStream"):
            return {"echoed": 1.0}
        echoed = 1 - self.denied - self.overridden
        return {"echoed": echoed, "overridden": self.overridden, "denied": self.denied}

    def session_reads(self, method: str) -> float:
        """Reads of the session for a hook: by a policy, or by a denial."""
        if method in self.by_session | self.limited:
            return 1.0
        return self.answers(method).get("denied", 0.0)

    def aws_calls(self, method: str) -> float:
        """Calls that a hook waits for, but for those that look for newer policies."""
        session_writes = {"connect": 1.0, "ConnectionStatusEvent": 0.5}.get(method, 0.0)
        reads = self.session_reads(method) + (method in self.looked_up)
        return session_writes + reads + self._place_calls(method)

    def places_taken(self) -> float:
        """The fraction of hooks that take a place."""
        shares = self.shares()
        return sum(shares[method] * (1 - self.denied) for method in self.limited)

    def places_renewed(self) -> float:
        """The fraction of hooks that renew a place: of keep-alives a third."""
        return self.shares()[KEEP_ALIVE] / 3 if "publishStream" in self.limited else 0.0

    def _place_calls(self, method: str) -> float:
        """Calls about places of limits that a hook waits for, on average."""
        share = self.shares()[method]
        if method in self.limited:
            return 1.0
        if method == "StreamStatusEvent":
            # The session's item is read, the budget's written, then the session's.
            return 3 * self.places_taken() / share
        # A renewal reads the session's item and writes the budget's.
        return 2 * self.places_renewed() / share if method == KEEP_ALIVE else 0.0

    def _hooks_of_a_stream(self) -> dict[str, float]:
        """From its publisher's connect to the last viewer's disconnect."""
        connections = 1 + self.viewers
        return {
            KEEP_ALIVE: self.stream_seconds / self.keep_alive_seconds,
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
