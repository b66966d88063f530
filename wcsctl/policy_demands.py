"""What the policies in force demand of restClientConfig, in a deployment."""

import json
import zlib
from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Final

from wcs_hooks.adapters.dynamo_policy_store import from_attributes
from wcs_hooks.core.client_config import Demand
from wcs_hooks.core.policy import EVERY_APP
from wcsctl.deployment import Deployment

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

_APPS: Final = "#apps"


def demands_in_force(
    deployment: Deployment, besides: Collection[str]
) -> Callable[[str], Sequence[Demand]]:
    """Gives for an app what those that hold together with it demand, besides some apps.

    Each app's policies hold together with those of every app, and with no other's.
    """
    found = {
        app: demands for app, demands in active_demands(deployment).items() if app not in besides
    }

    def others(app: str) -> Sequence[Demand]:
        if app != EVERY_APP:
            return found.get(EVERY_APP, [])
        return [demand for own in found.values() for demand in own]

    return others


def active_demands(deployment: Deployment) -> dict[str, list[Demand]]:
    """What the active policies of each app demand."""
    client: DynamoDBClient = deployment.client("dynamodb")
    pages = client.get_paginator("query").paginate(
        TableName=deployment.output("SnapshotsTableName"),
        ConsistentRead=True,
        KeyConditionExpression="app = :apps",
        ExpressionAttributeValues={":apps": {"S": _APPS}},
    )
    found: dict[str, list[Demand]] = {}
    for page in pages:
        for item in map(from_attributes, page["Items"]):
            stored = json.loads(zlib.decompress(item["demands"]))
            found[item["item"]] = [Demand.from_json(one) for one in stored]
    return found
