"""How the stack configured its functions: their settings, and where they log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wcs_hooks.core.caller import Auth
from wcs_hooks.core.methods import Category
from wcs_hooks.telemetry.catalogue import COMPILER, namespace_of
from wcsctl.deployment import Deployment
from wcsctl.errors import NotFoundError

CATEGORIES: Final[tuple[str, ...]] = tuple(Category)
FUNCTIONS: Final[tuple[str, ...]] = (*CATEGORIES, COMPILER)


@dataclass(frozen=True, slots=True)
class FunctionConfiguration:
    """One function's.

    Attributes
    ----------
    name
        The function's.
    environment
        Its variables.
    log_group
        Where it logs.
    code_sha256
        The SHA-256 of its code, in base64, as Lambda reports it.
    """

    name: str
    environment: Mapping[str, str]
    log_group: str
    code_sha256: str = ""

    @property
    def auth(self) -> Auth:
        """How callers prove themselves."""
        return Auth(self.environment.get("AUTH", Auth.HMAC))

    @property
    def basic_user(self) -> str:
        """The user's name under `Auth.BASIC`."""
        return self.environment.get("BASIC_USER", "wcs")

    @property
    def logged_fields(self) -> tuple[str, ...]:
        """The fields of hooks that lines of the decision log show."""
        return tuple(filter(None, self.environment.get("LOGGED_FIELDS", "").split(",")))

    @property
    def subject(self) -> str:
        """In what form these lines say who it was; empty where they do not."""
        return self.environment.get("SUBJECT", "")

    @property
    def reply_timeout(self) -> float:
        """Seconds within which a hook is answered, whatever fails."""
        return float(self.environment.get("REPLY_TIMEOUT_SECONDS", "2"))

    @property
    def service(self) -> str:
        """The dimension `service` of the metrics that have it."""
        return self.environment.get("POWERTOOLS_SERVICE_NAME", "wcs-hooks")

    @property
    def metric_namespace(self) -> str:
        """The namespace of the stage's metrics, which no other stage of an account uses."""
        return self.environment.get("POWERTOOLS_METRICS_NAMESPACE", namespace_of(""))


class FunctionConfigurations:
    """Reads them, each once.

    Parameters
    ----------
    deployment
        Whose functions.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._client: Any = None
        self._read: dict[str, FunctionConfiguration] = {}

    def for_function(self, function: str) -> FunctionConfiguration:
        """The configuration of a category's function, or of the compiler.

        Raises
        ------
        NotFoundError
            If the function is gone.
        """
        if function not in self._read:
            name = self._deployment.output(_output(function))
            alias = self._deployment.alias if function in CATEGORIES else ""
            self._read[function] = self._ask(name, alias)
        return self._read[function]

    def _ask(self, name: str, alias: str) -> FunctionConfiguration:
        if self._client is None:
            self._client = self._deployment.client("lambda")
        try:
            # Of the version that answers: an unpublished one may be configured otherwise.
            found = self._client.get_function_configuration(
                FunctionName=f"{name}:{alias}" if alias else name
            )
        except self._client.exceptions.ResourceNotFoundException:
            raise NotFoundError(
                f"The function {name}, which the stack's outputs name, does not exist: "
                "deploy the stack again."
            ) from None
        group = found.get("LoggingConfig", {}).get("LogGroup") or f"/aws/lambda/{name}"
        variables = found.get("Environment", {}).get("Variables", {})
        return FunctionConfiguration(name, variables, group, found.get("CodeSha256", ""))


def _output(function: str) -> str:
    return f"{function.capitalize()}FunctionName"
