"""What tests need of a stack that is deployed to the emulator, beyond wcsctl's own services."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from simulated_wcs.transport import Authentication, HookReply, HookTarget, Signature
from wcsctl.caller_secret import CallerSecretStore
from wcsctl.deployment import Deployment
from wcsctl.hook_sender import send_alone
from wcsctl.policies.table import PolicyTable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import DynamoDBServiceResource

SIGNED: Final = "as WCS signs it"
"""In place of an Authorization header: the one that WCS makes for a body."""

type Policy = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GivenHeader:
    """An Authorization header as it is, whatever the body; None for none."""

    value: str | None = field(repr=False)

    def header(self, body: bytes) -> str | None:  # noqa: ARG002 - as the protocol has it
        return self.value


@dataclass(frozen=True, slots=True)
class HookPoster:
    """Posts hooks to one deployment, signed with one key."""

    target: HookTarget
    secret: str = field(repr=False)

    @classmethod
    def from_deployment(cls, deployment: Deployment) -> "HookPoster":
        return cls(deployment.target, CallerSecretStore(deployment).read().current)

    def post(self, method: str, body: bytes, *, authorization: str | None = SIGNED) -> HookReply:
        """Post a hook as it is, with WCS's Authorization header or another one."""
        authentication: Authentication = (
            Signature(self.secret) if authorization == SIGNED else GivenHeader(authorization)
        )
        return send_alone(self.target, authentication, method, body)


class Outputs:
    """The stack's outputs as attributes: `policies_table_name` is `PoliciesTableName`."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def __getattr__(self, name: str) -> str:
        return self._deployment.output("".join(map(str.capitalize, name.split("_"))))


class PolicyItems:
    """The Policies table as one edits it without wcsctl, and what the compiler says."""

    def __init__(self, deployment: Deployment) -> None:
        dynamodb: DynamoDBServiceResource = deployment.session.resource(
            "dynamodb", endpoint_url=deployment.endpoint
        )
        self._table = dynamodb.Table(deployment.output("PoliciesTableName"))
        self._statuses = PolicyTable(deployment)

    def put(self, policies: Iterable[Policy]) -> None:
        """Write policies in one request, as far as the service allows."""
        with self._table.batch_writer() as batch:
            for policy in policies:
                batch.put_item(Item=dict(policy))

    def delete(self, policies: Iterable[Policy]) -> None:
        """Remove policies by their keys."""
        with self._table.batch_writer() as batch:
            for policy in policies:
                batch.delete_item(Key={"app": policy["app"], "id": policy["id"]})

    def status(self, app: str) -> dict[str, Any]:
        """What the compiler says about an app; empty before it says anything."""
        return self._statuses.status(app)
