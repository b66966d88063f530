"""Policies, their versions and their status, in DynamoDB, as the compiler writes them.

For the layout of PolicySnapshots, see `wcs_hooks.adapters.dynamo_snapshots`.
"""

import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from boto3.dynamodb.types import Binary, TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from wcs_hooks.adapters.dynamo_snapshots import (
    APPS,
    CURRENT,
    claim_key,
    last_version,
    part_key,
    read_parts,
    version_key,
)
from wcs_hooks.clock import Clock
from wcs_hooks.compiler.policy_compiler import (
    NOTHING,
    UNKNOWN_EDIT,
    AppRecord,
    Edit,
    InForceVersion,
    PointerMovedError,
    RecordChangedError,
    Status,
    StatusChangedError,
)
from wcs_hooks.core.issuer_keys import KeyAddress
from wcs_hooks.core.payload import encode, json_number
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.compilation import Changes, Compilation, pack, source_digest, unpack
from wcs_hooks.core.policy.reader import Finding
from wcs_hooks.core.policy.token_use import NO_TOKENS, pack_token_use, unpack_token_use
from wcs_hooks.core.policy.vocabulary import STATUS_ID

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

PART_BYTES: Final = 350_000
"""The size of a part. A DynamoDB item holds 400 KB, its attributes' names and keys included."""

MAX_FINDINGS: Final = 50
"""How many errors, and how many warnings, `#status` lists; their totals count all of them."""

MAX_TEXT_BYTES: Final = 1_000
"""How many bytes of each text of a finding it shows. All of them together, three texts in each of
the findings, stay below the 400 KB of an item."""

MAX_NAMES: Final = 100
"""How many changed policies of each kind a manifest lists; their totals count all of them."""

_MAX_NAME_BYTES: Final = 30_000
_DAY: Final = 86_400
_LONG_AFTER: Final = 30 * _DAY
# Somebody may have edited it manually.
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
        return NOTHING if item is None else read_pointer(item)

    def source(self, app: str, version: int) -> list[dict[str, Any]]:
        """The policies that a version was made from; none for version 0.

        Raises
        ------
        LookupError
            If they are not all there any more.
        """
        if not version:
            return []
        data = read_parts(self._client, self._snapshots, app, version, "source")
        try:
            policies: list[dict[str, Any]] = json.loads(
                zlib.decompress(data), parse_float=lambda text: json_number(Decimal(text))
            )
        except zlib.error:
            raise LookupError(version) from None
        return policies

    def requirements(self, app: str, version: int) -> list[Requirement]:
        """What the policies of a version require of restClientConfig.

        Raises
        ------
        LookupError
            If there is no such version.
        """
        manifest = self._get(app, version_key(version))
        if manifest is None:
            raise LookupError(version)
        return read_requirements(manifest)

    def record(self, app: str) -> AppRecord:
        """An app's record, read consistently."""
        return _record(self._get(APPS, app) or {})

    def records(self) -> dict[str, AppRecord]:
        """The records of all apps, read consistently."""
        return read_records(self._client, self._snapshots)

    def write_record(self, app: str, record: AppRecord) -> None:
        """Write an app's record; its revision is that which was read.

        Raises
        ------
        RecordChangedError
            If another one is there by now.
        """
        item: dict[str, Any] = {
            "app": APPS,
            "item": app,
            "demands": pack(record.requirements),
            "findings": record.findings,
            "revision": record.revision + 1,
        }
        if record.tokens != NO_TOKENS:
            item["tokens"] = pack_token_use(record.tokens)
        if record.held:
            item["held"] = pack(record.held)
        if not math.isinf(record.until):
            item["until"] = math.ceil(record.until)
        if record.keys:
            item["keys"] = _packed_addresses(record.keys)
        elif record.empty:
            item["expiresAt"] = int(self._clock.now() + _DAY)
        written = self._put(
            self._snapshots,
            item,
            "revision = :revision" if record.revision else "attribute_not_exists(revision)",
            {":revision": record.revision} if record.revision else {},
        )
        if not written:
            raise RecordChangedError(app)

    def add_version(
        self,
        compilation: Compilation,
        items: Sequence[Mapping[str, Any]],
        changed: Changes,
        now: float,
        edit: Edit = UNKNOWN_EDIT,
    ) -> int:
        """Write a new version with its source, for good; gives its number."""
        app = compilation.app
        version = last_version(self._client, self._snapshots, app) + 1
        # Whoever claims the number has it, so that two compilers never mix their parts.
        # A version that never becomes active goes in time; one that does is kept from then on.
        expiry = {"expiresAt": int(now + self._retention)}
        while not self._create(app, claim_key(version), expiry):
            version += 1
        data = compilation.dump(version, now)
        source = encode(list(items)).encode()
        for kind, content in (("part", data), ("source", zlib.compress(source))):
            for number, part in enumerate(_parts(content)):
                self._create(app, part_key(version, kind, number), {"data": part, **expiry})
        # The manifest last: a version that has one is whole.
        manifest = {
            **expiry,
            "version": version,
            "digest": hashlib.sha256(data).hexdigest(),
            "parts": len(list(_parts(data))),
            "source": source_digest(items),
            "demands": pack(compilation.requirements),
            "compiledAt": _iso(now),
            "policies": len(compilation.policies),
            "changed": {
                kind: {"count": len(names), "first": _first(names)}
                for kind, names in asdict(changed).items()
            },
        }
        if edit.by:
            manifest |= {"by": edit.by, "message": edit.message}
        self._create(app, version_key(version), manifest)
        return version

    def activate(self, app: str, version: int, before: InForceVersion, *, pinned: bool) -> None:
        """Activate a version.

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
        marked = 0
        if pinned:
            # It may be about to expire. Its items are kept for good only once it is active, so
            # that one which does not get there goes in time.
            marked = self._postpone(app, version)
            if not self._is_whole(app, manifest):
                raise LookupError(version)
        pointer = {name: manifest[name] for name in ("version", "digest", "parts", "source")}
        # A count that never starts again, also where there was no pointer for a while.
        moves = max(int(self._clock.now() * 1_000), before.moves + 1, marked + 1)
        unmoved: tuple[str, dict[str, Any]] = ("attribute_not_exists(app)", {})
        if before.version:
            unmoved = _as_it_was(before.version, before.moves, pinned=before.pinned)
        moved = self._put(
            self._snapshots,
            {
                "app": app,
                "item": CURRENT,
                **pointer,
                "pinned": pinned,
                "before": before.version,
                "settled": False,
                "moves": moves,
            },
            *unmoved,
        )
        if not moved:
            raise PointerMovedError(app)

    def _is_whole(self, app: str, manifest: Mapping[str, Any]) -> bool:
        """Whether a version's parts are all there still: they expire one by one, in any order."""
        data = read_parts(self._client, self._snapshots, app, manifest["version"], "part")
        digest: str = manifest["digest"]
        return hashlib.sha256(data).hexdigest() == digest

    def finish_activation(self, app: str) -> None:
        """Do what follows from a version's becoming active, again if need be.

        Raises
        ------
        PointerMovedError
            If another compiler moved the pointer meanwhile.
        """
        pointer = self._get(app, CURRENT)
        manifest = self._get(app, version_key(pointer["version"])) if pointer else None
        if pointer is None or manifest is None:
            return
        version, before = pointer["version"], pointer["before"]
        now = self._clock.now()
        if before not in {0, version}:
            self._expire(pointer, before, now + self._retention)
        settled = {name: value for name, value in pointer.items() if name != "expiresAt"}
        settled["settled"] = True
        if manifest["policies"] or pointer["pinned"]:
            self._expire(pointer, version, None)
        else:
            # No pointer means the same as one to no policies. It goes long before the version, as
            # DynamoDB deletes in any order, and a pointer to nothing would fail hooks.
            self._expire(pointer, version, now + self._retention + _LONG_AFTER)
            settled["expiresAt"] = int(now + _DAY)
        unmoved = _as_it_was(version, pointer.get("moves", 0), pinned=pointer["pinned"])
        if not self._put(self._snapshots, settled, *unmoved):
            raise PointerMovedError(app)

    def write_status(self, status: Status, seen: str | None) -> None:
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
            left_out = " and ".join(
                f"{len(found) - MAX_FINDINGS:,} more {kind}"
                for kind, found in (("errors", status.errors), ("warnings", status.warnings))
                if len(found) > MAX_FINDINGS
            )
            item |= {
                "errorCount": len(status.errors),
                "warningCount": len(status.warnings),
                "notListed": f"{left_out} are not listed here; `wcsctl policy lint` lists all.",
            }
        if status.pinned is not None:
            item["pinned"] = status.pinned
        is_written = self._put(
            self._policies,
            item,
            _NO_TIME if seen is None else "compiledAt = :seen",
            {":text": "S"} if seen is None else {":seen": seen},
        )
        if not is_written:
            raise StatusChangedError(status.app)

    def _expire(self, pointer: Mapping[str, Any], version: int, at: float | None) -> None:
        """Let a version's items expire, in seconds since the epoch, or keep them.

        Each item is marked with the pointer's count, and of two that disagree the one of the later
        move stays: a compiler that was held up must not let expire what is active again.

        Raises
        ------
        PointerMovedError
            If the pointer was moved, and an item marked, since.
        """
        values = {":moves": pointer.get("moves", 0)}
        if at is None:
            update = "SET moves = :moves REMOVE expiresAt"
        else:
            update = "SET moves = :moves, expiresAt = :at"
            values[":at"] = int(at)
        condition = "attribute_exists(app) AND (attribute_not_exists(moves) OR moves <= :moves)"
        for key, _ in self._keys(pointer["app"], version):
            if not self._update(key, update, condition, values):
                raise PointerMovedError(pointer["app"])

    def _postpone(self, app: str, version: int) -> int:
        """Let those of a version's items that expire do so no sooner than a new version's.

        Returns
        -------
        int
            The highest count that any of the items is marked with.
        """
        at = {":at": int(self._clock.now() + self._retention)}
        highest = 0
        for key, marked in self._keys(app, version):
            highest = max(highest, marked)
            # One that is kept has none, and stays so.
            self._update(key, "SET expiresAt = :at", "expiresAt < :at", at)
        return highest

    def _keys(self, app: str, version: int) -> Iterator[tuple[Any, int]]:
        """The keys of a version's items, and the count that each is marked with."""
        pages = self._client.get_paginator("query").paginate(
            TableName=self._snapshots,
            ConsistentRead=True,
            KeyConditionExpression="app = :app AND begins_with(#item, :version)",
            ProjectionExpression="app, #item, moves",
            ExpressionAttributeNames={"#item": "item"},
            ExpressionAttributeValues={":app": {"S": app}, ":version": {"S": version_key(version)}},
        )
        for page in pages:
            for item in page["Items"]:
                marked = int(item["moves"]["N"]) if "moves" in item else 0
                yield {"app": item["app"], "item": item["item"]}, marked

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
            if _is_late(error):
                return False
            raise
        return True

    def _update(self, key: Any, update: str, condition: str, values: Mapping[str, Any]) -> bool:
        """Update an item of PolicySnapshots if a condition holds; whether it was updated."""
        try:
            self._client.update_item(
                TableName=self._snapshots,
                Key=key,
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=to_attributes(values),
            )
        except ClientError as error:
            if _is_late(error):
                return False
            raise
        return True


def read_pointer(item: Mapping[str, Any]) -> InForceVersion:
    """What an app's pointer says, an item of PolicySnapshots in JSON's types."""
    return InForceVersion(
        item["version"], item["source"], item["pinned"], item["settled"], item.get("moves", 0)
    )


def read_requirements(manifest: Mapping[str, Any]) -> list[Requirement]:
    """What a version's policies require of restClientConfig, from its manifest in JSON's types."""
    return unpack(manifest["demands"])


def read_records(client: "DynamoDBClient", table: str) -> dict[str, AppRecord]:
    """The records of all apps, read consistently from PolicySnapshots."""
    pages = client.get_paginator("query").paginate(
        TableName=table,
        ConsistentRead=True,
        KeyConditionExpression="app = :apps",
        ExpressionAttributeValues={":apps": {"S": APPS}},
    )
    items = (from_attributes(item) for page in pages for item in page["Items"])
    return {item["item"]: _record(item) for item in items}


def from_attributes(item: Mapping[str, "AttributeValueTypeDef"]) -> dict[str, Any]:
    """An item of DynamoDB in JSON's types; a set becomes a list, a binary stays bytes.

    A fraction that is not a double stays a `Decimal`.

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


def _record(item: Mapping[str, Any]) -> AppRecord:
    """Read an app's record; one that an earlier compiler wrote lacks what makes it up to date."""
    return AppRecord(
        requirements=unpack(item["demands"]) if "demands" in item else (),
        held=unpack(item["held"]) if "held" in item else (),
        findings=item.get("findings", ""),
        until=item.get("until", math.inf),
        revision=item.get("revision", 0),
        empty="expiresAt" in item,
        keys=_unpacked_addresses(item["keys"]) if "keys" in item else {},
        tokens=unpack_token_use(item["tokens"]) if "tokens" in item else NO_TOKENS,
    )


def _packed_addresses(addresses: Mapping[KeyAddress, float]) -> str:
    return json.dumps(
        [[*address, None if math.isinf(until) else until] for address, until in addresses.items()]
    )


def _unpacked_addresses(stored: str) -> dict[KeyAddress, float]:
    return {
        KeyAddress(url, issuer): math.inf if until is None else until
        for url, issuer, until in json.loads(stored)
    }


def _as_it_was(version: int, moves: int, *, pinned: bool) -> tuple[str, dict[str, Any]]:
    """The condition that a pointer was not moved; an earlier compiler's has no count."""
    condition = "version = :version AND pinned = :pinned"
    values: dict[str, Any] = {":version": version, ":pinned": pinned}
    if moves:
        return f"{condition} AND moves = :moves", {**values, ":moves": moves}
    return f"{condition} AND attribute_not_exists(moves)", values


def _is_late(error: ClientError) -> bool:
    """Whether a write was refused because another compiler was faster."""
    return error.response["Error"]["Code"] == _CONDITION_FAILED


def _first(names: Sequence[str]) -> list[str]:
    """As many names as a manifest has room for."""
    found: list[str] = []
    room = _MAX_NAME_BYTES
    for name in names[:MAX_NAMES]:
        room -= len(name.encode())
        if room < 0:
            break
        found.append(name)
    return found


def _findings(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [
        {
            "policy": _cut(finding.policy),
            "attribute": _cut(finding.attribute),
            "message": _cut(finding.message),
        }
        for finding in findings[:MAX_FINDINGS]
    ]


def _cut(text: str) -> str:
    """The first characters of a text, as many as have room, in UTF-8."""
    return text.encode(errors="replace")[:MAX_TEXT_BYTES].decode(errors="ignore")
