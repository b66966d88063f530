"""botocore clients with time-outs and a retry limit, so that no call outlasts a reply's time.

They are made of botocore alone, and of no more of it than is used: a cold start waits for them.
boto3 would add a tenth of a second, mostly for transfers to S3.
"""

import os
from functools import cache
from typing import TYPE_CHECKING, Final, cast

from botocore import __version__
from botocore.config import Config
from botocore.credentials import ContainerProvider, CredentialResolver, EnvProvider
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.loaders import Loader
from botocore.session import Session

from wcs_hooks.hook.time_budget import ATTEMPT, CONNECTION

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_events.client import EventBridgeClient
    from mypy_boto3_secretsmanager.client import SecretsManagerClient
    from mypy_boto3_sqs.client import SQSClient

_ALL_SERVICES: Final = frozenset({"", "*"})
_SERVICES: Final = frozenset(
    {"dynamodb", "eventbridge", "events", "secrets-manager", "secretsmanager", "sqs"}
)
"""The names by which botocore knows in its events who is called: of the API, and of the client."""

_DOCUMENTATION: Final = "docs"
_SERVICE_MODELS: Final = f"{__file__.rpartition('/wcs_hooks/')[0]}/aws_service_models"
"""Packaged beside this code by `infra/service_models.py`; elsewhere botocore reads its own data."""

_USER_AGENT: Final = f"wcs-hooks Botocore/{__version__}"


class Clients:
    """Makes the clients of a function.

    Parameters
    ----------
    time_limit
        Seconds within which a reply, or what else the function does, must be done. A call is tried
        twice, and has half of this for a try.
    """

    def __init__(self, time_limit: float) -> None:
        self._config = Config(
            connect_timeout=min(1.0, time_limit * CONNECTION),
            read_timeout=time_limit * ATTEMPT,
            retries={"total_max_attempts": 2, "mode": "standard"},
            # Else it is put together again for each call, letter by letter.
            user_agent=_USER_AGENT,
        )
        self._session = _session()

    def dynamodb(self) -> "DynamoDBClient":
        """A client of DynamoDB."""
        return cast("DynamoDBClient", self._client("dynamodb"))

    def event_bridge(self) -> "EventBridgeClient":
        """A client of EventBridge."""
        return cast("EventBridgeClient", self._client("events"))

    def secrets_manager(self) -> "SecretsManagerClient":
        """A client of Secrets Manager."""
        return cast("SecretsManagerClient", self._client("secretsmanager"))

    def sqs(self) -> "SQSClient":
        """A client of SQS."""
        return cast("SQSClient", self._client("sqs"))

    def _client(self, service: str) -> object:
        return self._session.create_client(service, config=self._config)


def _session() -> Session:
    """A session of botocore's, without what only other services or other places need.

    Of its own event handlers, those for the services that are called and for all services. Of the
    places where credentials are, those that Lambda uses: the environment, and where a function is
    restored from a snapshot an endpoint.
    """
    session = Session(include_builtin_handlers=False)
    session.register_component("data_loader", _loader())
    events = session.get_component("event_emitter")
    in_order = {REGISTER_FIRST: events.register_first, REGISTER_LAST: events.register_last}
    for event, handler, *order in BUILTIN_HANDLERS:
        stage, *subject = event.split(".", 2)
        service = subject[0] if subject else ""
        if service in _ALL_SERVICES | _SERVICES and stage != _DOCUMENTATION:
            register = in_order[order[0]] if order else events.register
            register(event, handler)
    provider = (
        ContainerProvider() if ContainerProvider.ENV_VAR_FULL in os.environ else EnvProvider()
    )
    session.register_component("credential_provider", CredentialResolver([provider]))
    return session


@cache
def _loader() -> Loader:
    """Return what reads the services' descriptions, of which it remembers those that it has read.

    It looks in the package's own directory first, where they are short.
    """
    return Loader(extra_search_paths=[_SERVICE_MODELS])
