"""restClientConfig, as a session keeps it.

`docs/reference/wcs-protocol.md`, section 4. The back-end sends it in its reply to connect; what is
missing or malformed has the defaults, and by default a refusal is only logged and a returned value
ignored.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from wcs_hooks.core.outcome import RestOnError

FIELD: Final = "restClientConfig"
"""The field of connect's reply that carries it."""


class RestPolicy(StrEnum):
    """What WCS does with returned values."""

    NOTIFY = "NOTIFY"
    OVERWRITE = "OVERWRITE"
    DISABLE = "DISABLE"


@dataclass(frozen=True, slots=True)
class MethodConfig:
    """What a session received for one method."""

    rest_on_error: RestOnError = RestOnError.LOG
    rest_policy: RestPolicy = RestPolicy.NOTIFY
    rest_overwrite: frozenset[str] = frozenset()
    rest_exclude: frozenset[str] = frozenset()
    client_exclude: frozenset[str] = frozenset()

    def for_back_end(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the back-end is sent."""
        return {name: value for name, value in fields.items() if name not in self.rest_exclude}

    def for_client(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that the client sees."""
        return {name: value for name, value in fields.items() if name not in self.client_exclude}

    def taken(self, fields: Mapping[str, Any], returned: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that WCS goes on with, given those that the back-end returned."""
        if self.rest_policy is not RestPolicy.OVERWRITE:
            return dict(fields)
        present = {name: returned[name] for name in self.rest_overwrite if name in returned}
        return {**fields, **present}


@dataclass(frozen=True, slots=True)
class RestClientConfig:
    """The restClientConfig that a session received.

    Attributes
    ----------
    methods
        Method name, as WCS sends it, to its entry.
    default
        Of a method without an entry.
    complaints
        What was malformed, and has the defaults instead.

    Examples
    --------
    >>> reply = {"restClientConfig": {"call": {"restOnError": "FAIL"}}}
    >>> config = RestClientConfig.from_reply(reply)
    >>> config.method("call").rest_on_error, config.method("hangup").rest_on_error
    (<RestOnError.FAIL: 'FAIL'>, <RestOnError.LOG: 'LOG'>)
    """

    methods: Mapping[str, MethodConfig] = field(default_factory=lambda: MappingProxyType({}))
    default: MethodConfig = MethodConfig()
    complaints: tuple[str, ...] = ()

    def method(self, name: str) -> MethodConfig:
        """What the session received for a method."""
        return self.methods.get(name, self.default)

    @classmethod
    def from_reply(cls, returned: Mapping[str, Any]) -> "RestClientConfig":
        """Read it from connect's reply, tolerating whatever it is."""
        config = returned.get(FIELD)
        if config is None:
            return cls()
        if not isinstance(config, dict):
            return cls(complaints=(f"{FIELD} is not an object",))
        methods: dict[str, MethodConfig] = {}
        complaints: list[str] = []
        for name, entry in config.items():
            if isinstance(entry, dict):
                reader = _Reader(name, entry)
                methods[name] = reader.read()
                complaints += reader.complaints
            else:
                complaints.append(f"{name} is not an object")
        return cls(methods, complaints=tuple(complaints))


class _Reader:
    def __init__(self, method: str, entry: Mapping[str, Any]) -> None:
        self._method = method
        self._entry = entry
        self.complaints: list[str] = []

    def read(self) -> MethodConfig:
        return MethodConfig(
            self._one_of("restOnError", RestOnError, RestOnError.LOG),
            self._one_of("restPolicy", RestPolicy, RestPolicy.NOTIFY),
            self._names("restOverwrite"),
            self._names("restExclude"),
            self._names("clientExclude"),
        )

    def _one_of[E: StrEnum](self, name: str, kind: type[E], default: E) -> E:
        value = self._entry.get(name, default)
        if value in list(kind):
            return kind(value)
        self.complaints.append(f"{self._method}.{name} is {value!r}: known are {', '.join(kind)}")
        return default

    def _names(self, name: str) -> frozenset[str]:
        value = self._entry.get(name, "")
        if isinstance(value, str):
            return frozenset(_split(value))
        self.complaints.append(f"{self._method}.{name} is not a string")
        return frozenset()


def _split(names: str) -> Iterator[str]:
    """The names of a comma-separated list; with a blank a name is another name."""
    return (name for name in names.split(",") if name)
