"""The functions' environment variables, read once into typed values."""

from collections.abc import Mapping
from dataclasses import dataclass

from wcs_hooks.core.caller import Auth


class EnvironmentVariableError(Exception):
    """A variable that is missing or wrong; the stack sets all of them."""


@dataclass(frozen=True, slots=True)
class HookEnvironment:
    """What a category's function is configured with.

    Attributes
    ----------
    reply_timeout
        Seconds within which every reply is given.
    snapshot_ttl
        Seconds for which what is in force is not asked for again.
    echo_log_sample_rate
        The share of plain echoes that are logged, 0 to 1.
    """

    snapshots_table: str
    dead_letter_queue_url: str
    auth: Auth
    signature_secret_arn: str
    basic_user: str
    allowed_sources: tuple[str, ...]
    reply_timeout: float
    snapshot_ttl: float
    echo_log_sample_rate: float

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "HookEnvironment":
        """Read the variables.

        Raises
        ------
        EnvironmentVariableError
            Naming the variable that is missing or wrong.
        """
        auth = _text(variables, "AUTH")
        if auth not in list(Auth):
            raise EnvironmentVariableError(f"AUTH is {auth!r}; known are {', '.join(Auth)}")
        sources = variables.get("ALLOWED_SOURCES", "")
        return cls(
            snapshots_table=_text(variables, "SNAPSHOTS_TABLE"),
            dead_letter_queue_url=_text(variables, "DEAD_LETTER_QUEUE_URL"),
            auth=Auth(auth),
            signature_secret_arn=variables.get("SIGNATURE_SECRET_ARN", ""),
            basic_user=variables.get("BASIC_USER", ""),
            allowed_sources=tuple(
                source.strip() for source in sources.split(",") if source.strip()
            ),
            reply_timeout=_number(variables, "REPLY_TIMEOUT_SECONDS"),
            snapshot_ttl=_number(variables, "SNAPSHOT_TTL_SECONDS"),
            echo_log_sample_rate=_number(variables, "ECHO_LOG_SAMPLE_RATE"),
        )


@dataclass(frozen=True, slots=True)
class CompilerEnvironment:
    """What the compiler is configured with.

    Attributes
    ----------
    retention_days
        How long a version is kept after another took its place.
    """

    policies_table: str
    snapshots_table: str
    retention_days: float

    @classmethod
    def read(cls, variables: Mapping[str, str]) -> "CompilerEnvironment":
        """Read the variables.

        Raises
        ------
        EnvironmentVariableError
            Naming the variable that is missing or wrong.
        """
        return cls(
            policies_table=_text(variables, "POLICIES_TABLE"),
            snapshots_table=_text(variables, "SNAPSHOTS_TABLE"),
            retention_days=_number(variables, "SNAPSHOT_RETENTION_DAYS"),
        )


def _text(variables: Mapping[str, str], name: str) -> str:
    value = variables.get(name, "")
    if not value:
        raise EnvironmentVariableError(f"the environment variable {name} is not set")
    return value


def _number(variables: Mapping[str, str], name: str) -> float:
    value = _text(variables, name)
    try:
        return float(value)
    except ValueError as error:
        raise EnvironmentVariableError(f"{name} is {value!r}, which is no number") from error
