"""Whose tokens are believed: policies with the action `trust`, as decisions meet them.

They are in snapshots as JSON and are made when a hook first needs them, without the checks of the
policy's reader.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, Final, NamedTuple, Self

from wcs_hooks.core.policy.vocabulary import EVERY_APP, Mode
from wcs_hooks.core.tokens.keys import Key


class Form(StrEnum):
    """What a token looks like: a JSON Web Token, or a signed stream key."""

    JWT = "jwt"
    KEY = "key"


METHODS_BY_DEFAULT: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.JWT: ("connect", "publishStream", "playStream", "playHLS", "playRTSP"),
    Form.KEY: ("publishStream", "playStream", "playHLS", "playRTSP"),
}
"""Whose hooks may show a token, unless the policy says otherwise."""

PLACES_BY_DEFAULT: Final[Mapping[Form, tuple[str, ...]]] = {
    Form.JWT: ("custom.token", "token"),
    Form.KEY: ("custom.key",),
}
"""Where in a hook it may be: see `wcs_hooks.core.tokens.places`."""

REQUIRE_BY_DEFAULT: Final = ("exp",)
LEEWAY_BY_DEFAULT: Final = 30
MAX_LEEWAY: Final = 300
"""In seconds, both."""

STATUS_BY_DEFAULT: Final = 401
PRIORITY_BY_DEFAULT: Final = 0


class KeySource(NamedTuple):
    """Where the keys of a `Trust` are: exactly one of these is not empty.

    Attributes
    ----------
    static
        The keys themselves, which are in the policy.
    address
        An https address of a JWK set or of an OpenID discovery document.
    issuer
        The issuer that the discovery document must name; empty if it is a JWK set's.
    secret
        The name of a secret.
    """

    static: tuple[Key, ...] = ()
    address: str = ""
    secret: str = ""
    issuer: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return it for `from_json`."""
        if self.address:
            return {"address": self.address, "issuer": self.issuer}
        if self.secret:
            return {"secret": self.secret}
        return {"static": [key.to_json() for key in self.static]}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Self:
        """Make it of what `to_json` returned."""
        static = tuple(Key.from_json(key) for key in record.get("static", ()))
        return cls(
            static, record.get("address", ""), record.get("secret", ""), record.get("issuer", "")
        )


class Trust(NamedTuple):
    """One policy that says whose tokens are believed.

    Attributes
    ----------
    methods
        Canonical names of the methods whose hooks may show such a token.
    token_in
        The places where it may be, in order.
    issuers
        Exact values of `iss`; empty for those that no other policy names.
    audiences
        Of which `aud` must have one; empty if it is not looked at.
    algorithms
        Those allowed; empty for all that fit the keys.
    leeway
        By how many seconds clocks may differ.
    require
        Claims that must be there.
    required
        Whether a hook of these methods without claims is denied; `mode`, `status`, `reason` and
        `priority` are about this denial.
    not_before, not_after
        Seconds since the epoch, or none; both ends belong to the window.
    """

    app: str
    id: str
    methods: tuple[str, ...]
    keys: KeySource
    form: Form = Form.JWT
    token_in: tuple[str, ...] = PLACES_BY_DEFAULT[Form.JWT]
    issuers: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    algorithms: tuple[str, ...] = ()
    leeway: int = LEEWAY_BY_DEFAULT
    require: tuple[str, ...] = REQUIRE_BY_DEFAULT
    required: bool = False
    mode: Mode = Mode.ENFORCE
    status: int = STATUS_BY_DEFAULT
    reason: str = ""
    priority: int | float = PRIORITY_BY_DEFAULT
    not_before: float | None = None
    not_after: float | None = None

    @property
    def order(self) -> tuple[int | float, int, str]:
        """Its place in the evaluation, as that of `wcs_hooks.core.snapshot.Rule`."""
        return (self.priority, 1 if self.app == EVERY_APP else 0, self.id)

    def covers(self, method: str, now: float) -> bool:
        """Whether hooks of a method may show such a token at a moment.

        Parameters
        ----------
        method
            Its canonical name.
        now
            Seconds since the epoch.
        """
        return (
            method in self.methods
            and self.mode is not Mode.OFF
            and (self.not_before is None or self.not_before <= now)
            and (self.not_after is None or now <= self.not_after)
        )

    def to_json(self) -> dict[str, Any]:
        """Return all but `app` for `from_json`; what has its default value is left out."""
        record = {
            name: list(value) if type(value) is tuple else value
            for name, value in self._asdict().items()
            if name not in {"app", "keys"}
            and not (name in self._field_defaults and value == self._field_defaults[name])
        }
        return record | {"keys": self.keys.to_json()}

    @classmethod
    def from_json(cls, app: str, record: Mapping[str, Any]) -> Self:
        """Make it of what `to_json` returned, whether or not that was JSON in between."""
        values: dict[str, Any] = {
            name: tuple(value) if type(value) is list else value for name, value in record.items()
        }
        values["keys"] = KeySource.from_json(record["keys"])
        if "form" in values:
            values["form"] = Form(values["form"])
        if "mode" in values:
            values["mode"] = Mode(values["mode"])
        return cls(app=app, **values)


def in_order(trusts: Iterable[Trust]) -> tuple[Trust, ...]:
    """The items of an app and those for every app as one list, in the order of evaluation."""
    return tuple(sorted(trusts, key=lambda trust: trust.order))
