"""The AWS actions that wcsctl's commands need, and the stack's managed policies that allow them.

The stack makes its managed policies of these lists, and wcsctl names the policy when AWS refuses an
action. The end-to-end tests compare each list with what the commands call.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from botocore.exceptions import ClientError


class Resource(StrEnum):
    """What the actions are allowed on; most by the stack's output of that name."""

    POLICIES = "PoliciesTableName"
    SNAPSHOTS = "SnapshotsTableName"
    SESSIONS = "SessionsTableName"
    LISTS = "ListsTableName"
    LEASES = "LeasesTableName"
    DEAD_LETTER_QUEUE = "DeadLetterQueueUrl"
    DEAD_LETTER_TABLE = "DeadLetterTableName"
    SECRET = "SignatureSecretArn"  # noqa: S105 - no secret
    TOKEN_SECRETS = "TokenSecretsArn"  # noqa: S105 - no secret
    SUBJECT_SECRET = "SubjectSecretArn"  # noqa: S105 - no secret
    FUNCTIONS = "the functions"
    LOGS = "the stack's logs"
    DASHBOARDS = "dashboards"
    STACK = "the stack"
    ANY = "*"
    """For actions that know no resources, or that list all of an account's."""


type Actions = Mapping[Resource, tuple[str, ...]]
"""IAM actions by what they are allowed on."""

EDITOR_POLICY: Final = "PolicyEditorPolicyArn"
"""The stack's output with the managed policy of those who edit policies."""

LIST_EDITOR_POLICY: Final = "ListEditorPolicyArn"
"""The stack's output with the managed policy of those who write lists."""

OPERATOR_POLICY: Final = "OperatorPolicyArn"
"""The stack's output with the managed policy of those who operate the stack."""

_READ_POLICIES: Final = ("dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan")
_READ_SNAPSHOTS: Final = ("dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query")

EDITOR_ACTIONS: Final[Actions] = MappingProxyType(
    {
        Resource.POLICIES: (*_READ_POLICIES, "dynamodb:DeleteItem", "dynamodb:PutItem"),
        Resource.SNAPSHOTS: _READ_SNAPSHOTS,
        Resource.STACK: ("cloudformation:DescribeStacks",),
    }
)
"""For `wcsctl policy`."""

LIST_EDITOR_ACTIONS: Final[Actions] = MappingProxyType(
    {
        Resource.LISTS: (
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:Query",
        ),
        Resource.STACK: ("cloudformation:DescribeStacks",),
    }
)
"""For `wcsctl list`, `ban`, `unban` and `bans`."""

OPERATOR_ACTIONS: Final[Actions] = MappingProxyType(
    {
        Resource.POLICIES: _READ_POLICIES,
        Resource.SNAPSHOTS: _READ_SNAPSHOTS,
        Resource.SESSIONS: ("dynamodb:GetItem",),
        # For `wcsctl try`.
        Resource.LISTS: ("dynamodb:BatchGetItem",),
        # For `wcsctl limits` and `try`.
        Resource.LEASES: (
            "dynamodb:BatchGetItem",
            "dynamodb:GetItem",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
        ),
        Resource.DEAD_LETTER_QUEUE: (
            "sqs:ChangeMessageVisibility",
            "sqs:DeleteMessage",
            "sqs:GetQueueAttributes",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
        ),
        Resource.DEAD_LETTER_TABLE: (
            "dynamodb:BatchWriteItem",
            "dynamodb:DeleteItem",
            "dynamodb:Query",
            "dynamodb:Scan",
            "dynamodb:UpdateItem",
        ),
        Resource.SECRET: ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"),
        Resource.FUNCTIONS: ("lambda:GetFunctionConfiguration", "lambda:InvokeFunction"),
        Resource.LOGS: ("logs:FilterLogEvents",),
        Resource.STACK: ("cloudformation:DescribeStacks", "cloudformation:ListStackResources"),
        Resource.ANY: (
            "cloudwatch:DescribeAlarms",
            "cloudwatch:GetMetricData",
            "cloudwatch:GetMetricStatistics",
        ),
    }
)
"""For every other command; `wcsctl scenario run`, which puts policies, needs both policies."""

TOKEN_ACTIONS: Final[Actions] = MappingProxyType(
    {Resource.TOKEN_SECRETS: ("secretsmanager:GetSecretValue",)}
)
"""For operators beside these, with the setting `tokenSecrets`: what signs and verifies tokens by a
secret."""

SUBJECT_ACTIONS: Final[Actions] = MappingProxyType(
    {Resource.SUBJECT_SECRET: ("secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue")}
)
"""For operators beside these, with the setting `subject` hash: find somebody's decisions, and
rotate the secret of the hashes."""

_REFUSED: Final = re.compile(r"is not authorized to perform: (?P<action>[a-z0-9-]+:\w+)")
"""How AWS words a refusal by IAM:
https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_access-denied.html
"""


_ACCESS_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"}
)


def is_access_denied(error: ClientError) -> bool:
    """Whether IAM refused a call."""
    return error.response.get("Error", {}).get("Code") in _ACCESS_DENIED


def missing_permission(error: ClientError) -> str:
    """A sentence or two: the action that IAM refused, and the managed policies that allow it."""
    found = _REFUSED.search(error.response.get("Error", {}).get("Message", ""))
    action = found["action"] if found else error.operation_name
    allowed = "; ".join(
        f"{policy} allows it on {' and '.join(resources)}"
        for policy, resources in policies_with(action).items()
    )
    hint = f" Of the managed policies in the stack's outputs, {allowed}." if allowed else ""
    return f"This profile needs permission for {action}.{hint}"


def policies_with(action: str) -> dict[str, list[Resource]]:
    """The outputs with the managed policies that allow an action, each with the resources.

    Parameters
    ----------
    action
        IAM's, or the name of an API operation alone.

    Examples
    --------
    >>> policies_with("sqs:PurgeQueue")
    {'OperatorPolicyArn': [<Resource.DEAD_LETTER_QUEUE: 'DeadLetterQueueUrl'>]}
    """
    found: dict[str, list[Resource]] = {}
    for policy, actions in (
        (EDITOR_POLICY, EDITOR_ACTIONS),
        (LIST_EDITOR_POLICY, LIST_EDITOR_ACTIONS),
        (OPERATOR_POLICY, {**OPERATOR_ACTIONS, **TOKEN_ACTIONS, **SUBJECT_ACTIONS}),
    ):
        for resource, allowed in actions.items():
            if any(one == action or one.endswith(f":{action}") for one in allowed):
                found.setdefault(policy, []).append(resource)
    return found
