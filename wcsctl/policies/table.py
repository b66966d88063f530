"""The Policies table as an operator edits it: read whole, written only where nobody else did.

Each write is conditional on the item being what was read, in transactions as large as DynamoDB
takes. Beside an app's policies an item `#edit` is renewed in the same transaction, so that of two
people who edit an app at once, however different the policies, the second is rejected.
"""

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import ClientError

from wcs_hooks.adapters.dynamo_policy_store import from_attributes, read_pointer
from wcs_hooks.adapters.dynamo_snapshots import CURRENT
from wcs_hooks.compiler.policy_compiler import NOTHING, InForceVersion
from wcs_hooks.core.policy.compilation import source_digest
from wcs_hooks.core.policy.reader import ATTRIBUTES, is_policy_id
from wcs_hooks.core.policy.vocabulary import EDIT_ID, PIN_ID, STATUS_ID
from wcsctl.caller_identity import caller_of
from wcsctl.deployment import Deployment
from wcsctl.errors import ConflictError, NotFoundError, WcsctlError
from wcsctl.feedback import Advance, no_advance
from wcsctl.permissions import is_access_denied
from wcsctl.policies.dynamodb_json import Raw, key_of, value_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.client import DynamoDBClient

TRANSACTION: Final = 100
"""How many items DynamoDB takes in one transaction."""

MAX_ID_BYTES: Final = 1024
"""How long an id can be, in UTF-8: DynamoDB's limit on a sort key."""

MAX_ITEM_BYTES: Final = 400 * 1024
"""How large an item can be."""

_TRANSACTION_BYTES: Final = 3_500_000
_ATTEMPTS: Final = 8
_PAUSE: Final = 0.1
_PASSING: Final = frozenset(
    {"TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded"}
)
_BEYOND: Final = ATTRIBUTES | {"version", "edit"}


@dataclass
class AppItems:
    """What the table holds of an app.

    Attributes
    ----------
    raw
        Policies by id, as DynamoDB has them.
    policies
        The same in JSON's types, fractions as `Decimal`, sets as lists.
    system
        The system's items, as DynamoDB has them.
    """

    app: str
    raw: dict[str, Raw] = field(default_factory=dict)
    policies: dict[str, dict[str, Any]] = field(default_factory=dict)
    system: dict[str, Raw] = field(default_factory=dict)

    @property
    def status(self) -> dict[str, Any]:
        """What the compiler says of the app; empty before its first word."""
        return from_attributes(self.system.get(STATUS_ID, {}))

    @property
    def pin(self) -> Any:
        """The version that is to be held active; none without a pin."""
        return from_attributes(self.system.get(PIN_ID, {})).get("version")

    @property
    def digest(self) -> str:
        """What the pointer's `source` says once just these policies are active."""
        try:
            return source_digest(from_attributes(item) for item in self.raw.values())
        except TypeError:  # a binary: it can never be active
            return ""

    def policy(self, policy_id: str) -> dict[str, Any]:
        """Return a policy.

        Raises
        ------
        NotFoundError
            If the app has no such policy.
        """
        try:
            return self.policies[policy_id]
        except KeyError:
            raise NotFoundError(
                f"App {self.app} has no policy {policy_id}: "
                "`wcsctl policy list` shows what there is."
            ) from None

    def add(self, raw: Raw) -> None:
        """Take in an item that was read."""
        item_id = raw["id"]["S"]
        if is_policy_id(item_id):
            self.raw[item_id] = raw
            self.policies[item_id] = {name: value_of(value) for name, value in raw.items()}
        else:
            self.system[item_id] = raw


def policies_of(apps: Mapping[str, AppItems]) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the policies of some apps, by app and id."""
    return {name: items.policies for name, items in apps.items()}


@dataclass(frozen=True, slots=True)
class Write:
    """One item to write, if it still is what it was.

    Attributes
    ----------
    before, after
        Raw; none where it is not there, or goes.
    """

    app: str
    id: str
    before: Raw | None
    after: Raw | None

    @property
    def size(self) -> int:
        """About how many bytes count towards a transaction's limit."""
        return len(json.dumps([self.before, self.after], default=str))


class PolicyTable:
    """The deployed Policies table, and what its compiler says.

    Parameters
    ----------
    deployment
        Which one.
    """

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._client: DynamoDBClient = deployment.client("dynamodb")
        self._policies = deployment.output("PoliciesTableName")
        self._snapshots = deployment.output("SnapshotsTableName")
        self._server_time = datetime.now(UTC)

    def read(self, app: str, advance: Advance = no_advance) -> AppItems:
        """All of an app's items, read consistently."""
        found = AppItems(app)
        pages = self._client.get_paginator("query").paginate(
            TableName=self._policies,
            ConsistentRead=True,
            KeyConditionExpression="app = :app",
            ExpressionAttributeValues={":app": {"S": app}},
        )
        for page in pages:
            for item in page["Items"]:
                found.add(item)
            advance(len(page["Items"]))
        return found

    def read_known(self, app: str, advance: Advance = no_advance) -> AppItems:
        """Read the items of an app that has any.

        Raises
        ------
        NotFoundError
            If it has none.
        """
        items = self.read(app, advance)
        if not items.raw and not items.system:
            raise NotFoundError(f"There is no app {app}: `wcsctl policy list` shows them all.")
        return items

    def read_all(self, advance: Advance = no_advance) -> dict[str, AppItems]:
        """All items of all apps, by app."""
        found: dict[str, AppItems] = {}
        pages = self._client.get_paginator("scan").paginate(
            TableName=self._policies, ConsistentRead=True
        )
        for page in pages:
            for item in page["Items"]:
                app = item["app"]["S"]
                found.setdefault(app, AppItems(app)).add(item)
            advance(len(page["Items"]))
        return {app: found[app] for app in sorted(found)}

    def read_chosen(self, app: str | None, advance: Advance = no_advance) -> dict[str, AppItems]:
        """Read one app as `read_known` does, or all apps if none is given."""
        return self.read_all(advance) if app is None else {app: self.read_known(app, advance)}

    def read_allowed(
        self, apps: Iterable[str], advance: Advance = no_advance
    ) -> dict[str, AppItems]:
        """All items of all apps, or of some apps if this profile may not read the whole table.

        Parameters
        ----------
        apps
            Those that a tenant's editor may read one by one.
        """
        try:
            return self.read_all(advance)
        except ClientError as error:
            if not is_access_denied(error):
                raise
        read = (self.read(app, advance) for app in apps)
        return {items.app: items for items in read if items.raw or items.system}

    def status(self, app: str) -> dict[str, Any]:
        """What the compiler says of an app now; empty before its first word."""
        return self._get(self._policies, {"app": {"S": app}, "id": {"S": STATUS_ID}})

    def pointer(self, app: str) -> InForceVersion:
        """What is active for an app; version 0 if nothing is."""
        item = self._get(self._snapshots, {"app": {"S": app}, "item": {"S": CURRENT}})
        return read_pointer(item) if item else NOTHING

    def check(self, seen: Iterable[AppItems]) -> None:
        """Make sure that nobody edited these apps since they were read.

        Raises
        ------
        ConflictError
            If somebody did.
        """
        for app in seen:
            now = self.read(app.app)
            if now.raw != app.raw:
                changed = sorted(
                    item_id
                    for item_id in now.raw.keys() | app.raw.keys()
                    if now.raw.get(item_id) != app.raw.get(item_id)
                )
                raise _conflict(app.app, changed, 0, 0)

    def write(
        self,
        writes: Sequence[Write],
        seen: Mapping[str, AppItems],
        advance: Advance = no_advance,
        *,
        message: str = "",
    ) -> datetime:
        """Write, each transaction wholly or not at all; gives when that was, by DynamoDB's clock.

        Parameters
        ----------
        seen
            The apps as they were when the writes were thought of.
        message
            Why, for the history.

        Raises
        ------
        ConflictError
            If an item is not what it was, or somebody else edited the app with wcsctl.
        """
        done = 0
        author = caller_of(self._deployment)
        for chunk in chunks(writes):
            apps = dict.fromkeys(one.app for one in chunk.writes)
            edits = [
                _edit(seen[app], [one for one in writes if one.app == app], author, message)
                for app in apps
                if app in chunk.begun
            ]
            self._transact([*chunk.writes, *edits], done, len(writes))
            done += len(chunk.writes)
            advance(len(chunk.writes))
        return self._server_time

    def _transact(self, writes: Sequence[Write], done: int, whole: int) -> None:
        items: list[Any] = [self._action(one) for one in writes]
        for attempt in range(_ATTEMPTS):
            try:
                answer = self._client.transact_write_items(TransactItems=items)
            except ClientError as error:
                if error.response["Error"]["Code"] != "TransactionCanceledException":
                    raise
                reasons: Any = error.response.get("CancellationReasons", [])
                codes = [reason.get("Code") for reason in reasons]
                refused = [
                    one
                    for one, code in zip(writes, codes, strict=False)
                    if code == "ConditionalCheckFailed"
                ]
                if refused:
                    ids = [one.id for one in refused if one.app == refused[0].app]
                    raise _conflict(refused[0].app, ids, done, whole) from None
                if not _PASSING.intersection(codes):
                    reason = next((r.get("Message") for r in reasons if r.get("Message")), error)
                    raise WcsctlError(f"DynamoDB does not take the policies: {reason}") from None
                time.sleep(_PAUSE * 2**attempt)
            else:
                sent = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
                self._server_time = parsedate_to_datetime(sent) if sent else datetime.now(UTC)
                return
        raise _conflict(writes[0].app, [], done, whole)

    def _action(self, one: Write) -> dict[str, Any]:
        conditional: dict[str, Any] = {"TableName": self._policies, **_condition(one.before)}
        if one.after is None:
            return {"Delete": {**conditional, "Key": key_of(one.app, one.id)}}
        return {"Put": {**conditional, "Item": one.after}}

    def _get(self, table: str, key: Any) -> dict[str, Any]:
        answer = self._client.get_item(TableName=table, Key=key, ConsistentRead=True)
        return from_attributes(answer.get("Item", {}))


@dataclass(frozen=True, slots=True)
class Chunk:
    """What goes into one transaction, and the apps whose first writes these are."""

    writes: Sequence[Write]
    begun: frozenset[str]


def chunks(writes: Sequence[Write]) -> Iterator[Chunk]:
    """Put writes into transactions; an app's stay together if they fit into one.

    Each app takes a place for its `#edit`.
    """
    by_app: dict[str, list[Write]] = {}
    for one in writes:
        by_app.setdefault(one.app, []).append(one)
    chunk: list[Write] = []
    begun: set[str] = set()
    size = 0
    for app, own in by_app.items():
        own_size = sum(one.size for one in own)
        fits_in_one = len(own) < TRANSACTION and own_size <= _TRANSACTION_BYTES
        room = len(chunk) + len(begun) + 1 + len(own) <= TRANSACTION
        if chunk and fits_in_one and not (room and size + own_size <= _TRANSACTION_BYTES):
            yield Chunk(chunk, frozenset(begun))
            chunk, begun, size = [], set(), 0
        for number, one in enumerate(own):
            places = len(chunk) + len(begun) + 1 + (number == 0)
            if chunk and (places > TRANSACTION or size + one.size > _TRANSACTION_BYTES):
                yield Chunk(chunk, frozenset(begun))
                chunk, begun, size = [], set(), 0
            if number == 0:
                begun.add(app)
            chunk.append(one)
            size += one.size
    if chunk:
        yield Chunk(chunk, frozenset(begun))


def _edit(seen: AppItems, writes: Iterable[Write], author: str, message: str) -> Write:
    """The write of `#edit`: the compiler knows by the digest which version came of it."""
    after = dict(seen.raw)
    for one in writes:
        if one.after is None:
            after.pop(one.id, None)
        elif is_policy_id(one.id):
            after[one.id] = one.after
    mark = {
        **key_of(seen.app, EDIT_ID),
        "edit": {"S": uuid.uuid4().hex},
        "at": {"S": datetime.now(UTC).isoformat(timespec="seconds")},
        "by": {"S": author},
        "source": {"S": AppItems(seen.app, after).digest},
    }
    if message:
        mark["message"] = {"S": message}
    return Write(seen.app, EDIT_ID, seen.system.get(EDIT_ID), mark)


def _condition(before: Raw | None) -> dict[str, Any]:
    """The condition under which an item is what it was."""
    if before is None:
        return {"ConditionExpression": "attribute_not_exists(app)"}
    names: dict[str, str] = {}
    values: Raw = {}
    terms = ["attribute_exists(app)"]
    for number, name in enumerate(sorted((before.keys() | _BEYOND) - {"app", "id"})):
        names[f"#n{number}"] = name
        if name in before:
            values[f":v{number}"] = before[name]
            terms.append(f"#n{number} = :v{number}")
        else:
            terms.append(f"attribute_not_exists(#n{number})")
    condition: dict[str, Any] = {
        "ConditionExpression": " AND ".join(terms),
        "ExpressionAttributeNames": names,
    }
    if values:
        condition["ExpressionAttributeValues"] = values
    return condition


def _conflict(app: str, ids: Sequence[str], done: int, whole: int) -> ConflictError:
    policies = ", ".join(item_id for item_id in ids if is_policy_id(item_id))
    which = f" ({policies:.200})" if policies else ""
    written = (
        f"{done:,} of {whole:,} changes were written before" if done else "nothing was written"
    )
    return ConflictError(
        f"Somebody else edited the policies of app {app} meanwhile{which}: {written}. "
        "See `wcsctl policy diff` or `get`, then try again."
    )
