"""Policies, their versions and their status, in DynamoDB, as the compiler writes them.

The layout of PolicySnapshots is told in `wcs_hooks.adapters.dynamo_snapshots`.
"""

import hashlib
import json
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from wcs_hooks.adapters.dynamo_snapshots import CURRENT, last_version, read_parts, version_key
from wcs_hooks.clock import Clock
from wcs_hooks.core.client_config import Demand
from wcs_hooks.core.compilation import Changes, Compilation, source_digest
from wcs_hooks.core.payload import encode, json_number
from wcs_hooks.core.policy import EVERY_APP, Finding
from wcs_hooks.policy_compiler import (
    NOTHING,
    STATUS_ID,
    InForceVersion,
    PointerMovedError,
    Status,
    StatusChangedError,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

PART_BYTES: Final = 350_000
"""The size of a part. A DynamoDB item holds 400 KB, its attributes' names and keys included."""

MAX_FINDINGS: Final = 50
"""How many errors, and how many warnings, `#status` lists; their number is told in full."""

MAX_TEXT: Final = 1_000
"""How many characters of each text of a finding it shows."""

MAX_NAMES: Final = 100
"""How many changed policies a manifest lists, likewise."""

_APPS: Final = "#apps"
_DAY: Final = 86_400
# Somebody may have edited it by hand.
_NO_TIME: Final = "attribute_not_exists(compiledAt) OR NOT attribute_type(compiledAt, :text)"
_CONDITION_FAILED: Final = "ConditionalCheckFailedException"


class DynamoPolicyStore:
    """Keeps what the compiler reads and writes.

    Parameters
    ----------
    client
        With time-outs.
    policies_table, snapshots_table
        The tables' names.
    retention_days
        How long a version is kept after another took its place.
    clock
        From when on it is kept.
    """

    def __init__(
        self,
        client: "DynamoDBClient",
        policies_table: str,
        snapshots_table: str,
        retention_days: float,
        clock: Clock,
    ) -> None:
        self._client = client
        self._clock = clock
        self._policies = policies_table
        self._snapshots = snapshots_table
        self._retention = retention_days * _DAY

    def items(self, app: str) -> list[dict[str, Any]]:
        """All items of an app in the Policies table, read consistently, in JSON's types."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._policies,
            ConsistentRead=True,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
        )
        return [from_attributes(item) for page in pages for item in page["Items"]]

    def in_force(self, app: str) -> InForceVersion:
        """What the app's pointer says, read consistently."""
        item = self._get(app, CURRENT)
        if item is None:
            return NOTHING
        return InForceVersion(item["version"], item["source"], item["pinned"], item["settled"])

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        """The policies that a version was made from; none for version 0."""
        data = read_parts(self._client, self._snapshots, app, version, "source") if version else b""
        if not data:
            return []
        policies: list[dict[str, Any]] = json.loads(
            zlib.decompress(data), parse_float=lambda text: json_number(Decimal(text))
        )
        return policies

    def other_demands(self, app: str) -> list[Demand]:
        """What the policies that hold together with the app's demand of restClientConfig."""
        if app != EVERY_APP:
            entry = self._get(_APPS, EVERY_APP)
            entries = [entry] if entry else []
        else:
            pages = self._client.get_paginator("query").paginate(
                TableName=self._snapshots,
                ConsistentRead=True,
                KeyConditionExpression="app = :apps",
                ExpressionAttributeValues={":apps": {"S": _APPS}},
            )
            entries = [from_attributes(item) for page in pages for item in page["Items"]]
        return [
            Demand.from_json(stored)
            for entry in entries
            if entry["item"] != app
            for stored in json.loads(zlib.decompress(entry["demands"]))
        ]

    def add_version(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        changed: Changes,
        now: float,
    ) -> int:
        """Write a new version with its source, for good; gives its number."""
        app = compilation.app
        version = last_version(self._client, self._snapshots, app) + 1
        # Whoever claims the number has it, so that two compilers never mix their parts.
        # A version that never comes into force goes in time; one that does is kept from then on.
        expiry = {"expiresAt": int(now + self._retention)}
        while not self._create(app, f"{version_key(version)}#claim", expiry):
            version += 1
        data = compilation.dump(version, now)
        source = encode(list(items)).encode()
        demands = encode([demand.to_json() for demand in compilation.demands]).encode()
        for kind, content in (("part", data), ("source", zlib.compress(source))):
            for number, part in enumerate(_parts(content)):
                key = f"{version_key(version)}#{kind}#{number:03}"
                self._create(app, key, {"data": part, **expiry})
        # The manifest last: a version that has one is whole.
        manifest = {
            **expiry,
            "version": version,
            "digest": hashlib.sha256(data).hexdigest(),
            "parts": len(list(_parts(data))),
            "source": source_digest(items),
            "demands": zlib.compress(demands),
            "compiledAt": _iso(now),
            "policies": len(compilation.policies),
            "changed": {
                kind: {"count": len(names), "first": list(names[:MAX_NAMES])}
                for kind, names in asdict(changed).items()
            },
        }
        self._create(app, version_key(version), manifest)
        return version

    def point(self, app: str, version: int, before: InForceVersion, *, pinned: bool) -> None:
        """Put a version into force.

        Raises
        ------
        PointerMovedError
            If the pointer does not say `before` any more.
        LookupError
            If there is no such version, or none that is whole.
        """
        manifest = self._get(app, version_key(version))
        if manifest is None:
            raise LookupError(version)
        self._expire(app, version, None)
        if pinned and not self._is_whole(app, manifest):
            raise LookupError(version)
        pointer = {name: manifest[name] for name in ("version", "digest", "parts", "source")}
        moved = self._put(
            self._snapshots,
            {
                "app": app,
                "item": CURRENT,
                **pointer,
                "pinned": pinned,
                "before": before.version,
                "settled": False,
            },
            "attribute_not_exists(app)"
            if before.version == 0
            else "version = :version AND pinned = :pinned",
            {} if before.version == 0 else {":version": before.version, ":pinned": before.pinned},
        )
        if not moved:
            raise PointerMovedError(app)

    def _is_whole(self, app: str, manifest: Mapping[str, Any]) -> bool:
        """Whether a version's parts are all there still: they expire one by one, in any order."""
        data = read_parts(self._client, self._snapshots, app, manifest["version"], "part")
        digest: str = manifest["digest"]
        return hashlib.sha256(data).hexdigest() == digest

    def settle(self, app: str) -> None:
        """Do what follows from a version's coming into force, again if need be."""
        pointer = self._get(app, CURRENT)
        manifest = self._get(app, version_key(pointer["version"])) if pointer else None
        if pointer is None or manifest is None:
            return
        self._put(self._snapshots, {"app": _APPS, "item": app, "demands": manifest["demands"]})
        if pointer["before"] not in {0, pointer["version"]}:
            self._expire(app, pointer["before"], self._clock.now() + self._retention)
        # If the pointer was moved meanwhile, there is more to settle.
        self._put(
            self._snapshots,
            {**pointer, "settled": True},
            "version = :version AND pinned = :pinned",
            {":version": pointer["version"], ":pinned": pointer["pinned"]},
        )

    def tell(self, status: Status, seen: str | None) -> None:
        """Write an app's status.

        Parameters
        ----------
        seen
            The `compiledAt` of the status that stood there; none if there was none.

        Raises
        ------
        StatusChangedError
            If another one stands there by now.
        """
        item: dict[str, Any] = {
            "app": status.app,
            "id": STATUS_ID,
            "version": status.version,
            "compiledAt": status.compiled_at.isoformat(),
            "ok": status.ok,
            "policies": status.policies,
            "errors": _findings(status.errors),
            "warnings": _findings(status.warnings),
        }
        if len(status.errors) > MAX_FINDINGS or len(status.warnings) > MAX_FINDINGS:
            item |= {"errorCount": len(status.errors), "warningCount": len(status.warnings)}
        if status.pinned is not None:
            item["pinned"] = status.pinned
        told = self._put(
            self._policies,
            item,
            _NO_TIME if seen is None else "compiledAt = :seen",
            {":text": "S"} if seen is None else {":seen": seen},
        )
        if not told:
            raise StatusChangedError(status.app)

    def _expire(self, app: str, version: int, at: float | None) -> None:
        """Let a version's items expire, in seconds since the epoch, or keep them."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._snapshots,
            ConsistentRead=True,
            KeyConditionExpression="app = :app AND begins_with(#item, :version)",
            ProjectionExpression="#item, expiresAt",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":app": {"S": app}, ":version": {"S": version_key(version)}},
        )
        for page in pages:
            for item in page["Items"]:
                if at is not None:
                    self._client.update_item(
                        TableName=self._snapshots,
                        Key={"app": {"S": app}, "item": item["item"]},
                        UpdateExpression="SET expiresAt = :at",
                        ExpressionAttributeValues={":at": {"N": str(int(at))}},
                    )
                elif "expiresAt" in item:
                    self._client.update_item(
                        TableName=self._snapshots,
                        Key={"app": {"S": app}, "item": item["item"]},
                        UpdateExpression="REMOVE expiresAt",
                    )

    def _get(self, app: str, item: str) -> dict[str, Any] | None:
        answer = self._client.get_item(
            TableName=self._snapshots,
            Key={"app": {"S": app}, "item": {"S": item}},
            ConsistentRead=True,
        )
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def _create(self, app: str, item: str, attributes: Mapping[str, Any]) -> bool:
        """Write an item of PolicySnapshots unless there is one; whether it was written."""
        return self._put(
            self._snapshots,
            {"app": app, "item": item, **attributes},
            "attribute_not_exists(app)",
        )

    def _put(
        self,
        table: str,
        item: Mapping[str, Any],
        condition: str = "",
        values: Mapping[str, Any] | None = None,
    ) -> bool:
        """Write an item if a condition holds; whether it was written."""
        conditional: dict[str, Any] = {}
        if condition:
            conditional["ConditionExpression"] = condition
        if values:
            conditional["ExpressionAttributeValues"] = to_attributes(values)
        try:
            self._client.put_item(TableName=table, Item=to_attributes(item), **conditional)
        except ClientError as error:
            if error.response["Error"]["Code"] == _CONDITION_FAILED:
                return False
            raise
        return True


def from_attributes(item: Mapping[str, "AttributeValueTypeDef"]) -> dict[str, Any]:
    """An item of DynamoDB in JSON's types; a set becomes a list, a binary stays bytes.

    A fraction that is no double stays a `Decimal`.

    Examples
    --------
    >>> from_attributes({"priority": {"N": "5"}, "method": {"SS": ["call"]}})
    {'priority': 5, 'method': ['call']}
    """
    return {name: _plain(_DESERIALIZER.deserialize(value)) for name, value in item.items()}


def to_attributes(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item for DynamoDB; of JSON's types all but floats, which nothing here writes."""
    return {name: _SERIALIZER.serialize(value) for name, value in item.items()}


_DESERIALIZER: Final = TypeDeserializer()
_SERIALIZER: Final = TypeSerializer()


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return json_number(value)
        case Binary():
            return bytes(value)  # type: ignore[call-overload]  # the stub omits __bytes__
        case set():
            return sorted(_plain(inner) for inner in value)
        case list():
            return [_plain(inner) for inner in value]
        case dict():
            return {name: _plain(inner) for name, inner in value.items()}
        case _:
            return value


def _parts(data: bytes) -> Iterator[bytes]:
    for start in range(0, len(data), PART_BYTES):
        yield data[start : start + PART_BYTES]


def _iso(now: float) -> str:
    return datetime.fromtimestamp(now, UTC).isoformat()


def _findings(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {
            "policy": finding.policy[:MAX_TEXT],
            "attribute": finding.attribute[:MAX_TEXT],
            "message": finding.message[:MAX_TEXT],
        }
        for finding in findings[:MAX_FINDINGS]
    ]
