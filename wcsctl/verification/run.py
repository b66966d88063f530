"""One run of the checks: its names, its hooks, its policies, and its patience."""

import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from simulated_wcs.transport import (
    Authentication,
    BasicCredentials,
    HookReply,
    HookTransport,
    NoAuthentication,
    Signature,
)
from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.reader import MAX_PRIORITY
from wcsctl.caller_authentication import caller_authentication
from wcsctl.deployment import Deployment
from wcsctl.function_configuration import FunctionConfigurations
from wcsctl.hook_sender import answer_to
from wcsctl.policies.dynamodb_json import raw_of
from wcsctl.policies.table import PolicyTable

PREFIX: Final = "wcsctl-verify"
"""How the names of everything begin that a run makes."""

METHOD_OF: Final[Mapping[Category, str]] = {
    Category.CONNECT: "connect",
    Category.DIRECT: "publishStream",
    Category.EVENT: "StreamStatusEvent",
    Category.INCOMING: "OnCallEvent",
}
"""The method that represents each category."""

POLL_SECONDS: Final = 0.2

ENFORCED_SECONDS: Final = 5.0
"""What is promised: from an edit to its enforcement."""

FIRST_PRIORITY: Final = -MAX_PRIORITY
"""Priority of the run's own policies: no policy of `*` comes before them, since at equal priority
an app's own policies are evaluated first, and these in the order of their ids."""

LAST_ID: Final = "the-last"
"""Id of the run's policy that ends the evaluation. It sorts behind all other ids of the run."""

NOTE: Final = "of wcsctl verify; it removes it again"
"""Says in each policy of a run whose it is."""

_TIMEOUT: Final = 15.0
_BATCH: Final = 25


@dataclass(frozen=True, slots=True)
class VerificationOptions:
    """What a run takes for granted.

    Attributes
    ----------
    idle_seconds
        How long functions are left nearly idle before and after an edit has to be active.
    hooks_per_second
        The load that the account has to be able to take.
    timeout
        Seconds after which no check begins, and none waits any longer.
    """

    idle_seconds: float = 60.0
    hooks_per_second: float = 100.0
    timeout: float = 900.0


@dataclass(frozen=True, slots=True)
class RunName:
    """The name of a run, and of what it makes.

    Attributes
    ----------
    name
        `wcsctl-verify-` and eight hexadecimal digits: the app, the node of its sessions, the rule
        and the queue of its events.
    """

    name: str

    @classmethod
    def new(cls) -> "RunName":
        """Return a name that no other run has."""
        return cls(f"{PREFIX}-{secrets.token_hex(4)}")

    @property
    def idle_app(self) -> str:
        """The app whose functions are left idle."""
        return f"{self.name}-idle"

    @property
    def plain_app(self) -> str:
        """The app whose hooks are echoed."""
        return f"{self.name}-plain"

    @property
    def apps(self) -> tuple[str, ...]:
        """The apps that have policies."""
        return self.name, self.idle_app, self.plain_app

    @property
    def previous_secret(self) -> str:
        """How the previous secret begins that the run makes; letters and digits."""
        return self.name.replace("-", "")


@dataclass
class VerificationRun:
    """What the checks share.

    Attributes
    ----------
    waiting
        Called with what is waited for.
    began
        When, in seconds since the epoch.
    active
        Whether the run's policies were seen to be enforced; none before that was looked at.
    enforced_after
        Seconds from their edit until each policy was enforced, by its id.
    denied
        The decision of a denial.
    previous_removed_at
        When the run removed its previous secret, by the monotonic clock.
    previous
        That secret.
    """

    deployment: Deployment
    name: RunName
    options: VerificationOptions
    waiting: Callable[[str], object]
    began: float = field(default_factory=time.time)
    active: bool | None = None
    enforced_after: dict[str, float] = field(default_factory=dict)
    denied: str = ""
    previous: str = field(default="", repr=False)
    previous_removed_at: float | None = None

    def __post_init__(self) -> None:
        """Find out how to prove to be WCS."""
        self._end = time.monotonic() + self.options.timeout
        self._is_apart = False
        self.configurations = FunctionConfigurations(self.deployment)
        self._transport = HookTransport(
            self.deployment.target,
            caller_authentication(self.deployment, self.configurations),
            timeout=_TIMEOUT,
            retries=0,
        )

    @property
    def is_local(self) -> bool:
        """Whether the deployment is on an emulator."""
        return self.deployment.endpoint is not None

    @property
    def auth(self) -> Auth:
        """How callers prove to be WCS."""
        return self.configurations.for_function(Category.CONNECT).auth

    @property
    def remaining(self) -> float:
        """Seconds until the run's time is over."""
        return max(0.0, self._end - time.monotonic())

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()

    def body(self, app: str, **fields: Any) -> bytes:
        """Return the body of a hook of the run's client."""
        shared = {"nodeId": self.name.name, "appKey": app, "sessionId": self.session}
        return json.dumps(shared | fields).encode()

    @property
    def session(self) -> str:
        """The session of the run's client."""
        return f"/192.0.2.1:50000/192.0.2.2:8443-{self.name.name}"

    def post(self, method: str, body: bytes) -> HookReply:
        """Send a hook as WCS does.

        Raises
        ------
        UnreachableError
            If nothing answers.
        """
        return answer_to(self._transport.send(method, body))

    def post_with(self, authentication: Authentication, method: str, body: bytes) -> HookReply:
        """Send a hook that proves its sender in another way.

        Raises
        ------
        UnreachableError
            If nothing answers.
        """
        transport = HookTransport(
            self.deployment.target, authentication, timeout=_TIMEOUT, retries=0
        )
        try:
            return answer_to(transport.send(method, body))
        finally:
            transport.close()

    def proof_by(self, secret: str) -> Authentication:
        """Return what a caller with a secret shows."""
        configuration = self.configurations.for_function(Category.CONNECT)
        match configuration.auth:
            case Auth.HMAC:
                return Signature(secret)
            case Auth.BASIC:
                return BasicCredentials(configuration.basic_user, secret)
            case Auth.NONE:
                return NoAuthentication()

    def put_policies(self, policies: Sequence[Mapping[str, Any]]) -> float:
        """Write policies; return when that was done, by the monotonic clock."""
        client = self.deployment.client("dynamodb")
        table = self.deployment.output("PoliciesTableName")
        requests = [{"PutRequest": {"Item": raw_of(policy)}} for policy in policies]
        for start in range(0, len(requests), _BATCH):
            left: Any = {table: requests[start : start + _BATCH]}
            while left:
                left = client.batch_write_item(RequestItems=left).get("UnprocessedItems")
        return time.monotonic()

    def keep_other_policies_out(self) -> None:
        """Put an `echo` before all policies of `*` into the run's apps, and await its compilation.

        It has the priority of the run's own policies, which come before it by their ids. Done once;
        a compiler that does not answer fails the checks of policies, not this.
        """
        if self._is_apart:
            return
        self._is_apart = True
        last: dict[str, Any] = {
            "id": LAST_ID,
            "method": "*",
            "action": "echo",
            "priority": FIRST_PRIORITY,
            "note": NOTE,
        }
        self.put_policies([last | {"app": app} for app in self.name.apps])
        self.waiting("the compilation of an edit")
        table = PolicyTable(self.deployment)
        self.until(
            lambda: all(table.status(app).get("ok") for app in self.name.apps),
            bool,
            ENFORCED_SECONDS,
        )

    def until[T](
        self,
        produce: Callable[[], T],
        enough: Callable[[T], bool],
        seconds: float,
        *,
        pause: float = POLL_SECONDS,
    ) -> T:
        """Produce again and again until it is enough or the time is over; return the last.

        Parameters
        ----------
        seconds
            How long to try, within the run's own time.
        pause
            Seconds between two tries.
        """
        deadline = time.monotonic() + min(seconds, self.remaining)
        while True:
            product = produce()
            if enough(product) or time.monotonic() >= deadline:
                return product
            time.sleep(pause)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, within the run's own time."""
        time.sleep(max(0.0, min(seconds, self.remaining)))
