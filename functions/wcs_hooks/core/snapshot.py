"""A snapshot: the policies of one app, compiled, immutable, and quick to load.

It is stored as JSON, compressed. All that a decision needs is laid out beforehand (the order of
evaluation, an index of exact values, checked expressions), so that loading is one decompression and
one parse, and a rule's objects are only made when a hook first meets it.
"""

import json
import math
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wcs_hooks.core.cel.expression import OF_SESSION, VARIABLES, Expression
from wcs_hooks.core.cel.guard import Guard
from wcs_hooks.core.methods import spellings_of
from wcs_hooks.core.payload import encode, exact_number
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.vocabulary import MAX_INNER_VALUES, Action, Mode, has_more_values_than

if TYPE_CHECKING:
    from wcs_hooks.core.cel.check import Checked
    from wcs_hooks.core.policy.lookup_reader import Lookup
    from wcs_hooks.core.policy.reader import Policy
    from wcs_hooks.core.tokens.trust import Trust

FORMAT: Final = 1
"""The layout's version. A snapshot of another one is compiled again rather than misread."""

ABSENT: Final = object()
"""Used as the value of a field that is missing."""

_COMPRESSION_LEVEL: Final = 6
_LATER: Final = (None,) * 8
_LIKE_NO_OTHER: Final = "\0"
"""No JSON text is empty."""


class SnapshotFormatError(Exception):
    """Bytes that are not a snapshot of this `FORMAT`."""


class Visible(NamedTuple):
    """What expressions can see of a hook.

    To hand the runtime a body takes longer than to evaluate an expression on it, so it is handed no
    more than that.

    Attributes
    ----------
    variables
        Those that they refer to.
    body_fields
        The fields of the body, or none if they can see all of it.
    """

    variables: frozenset[str]
    body_fields: frozenset[str] | None

    def and_also(self, other: "Visible") -> "Visible":
        """What either can see."""
        variables = self.variables | other.variables
        if self.body_fields is None or other.body_fields is None:
            return Visible(variables, None)
        return Visible(variables, self.body_fields | other.body_fields)


EVERYTHING: Final = Visible(frozenset(VARIABLES), None)


class RuleLookup(NamedTuple):
    """A row that a rule looks up.

    Attributes
    ----------
    alias
        Its name in `rows`.
    list
        The list that it is in.
    key
        Gives its key.
    consistent
        Whether the read is strongly consistent.
    """

    alias: str
    list: str
    key: Expression
    consistent: bool


class RuleLimit(NamedTuple):
    """How many places a rule's budgets have.

    Attributes
    ----------
    by
        Gives whose budget it is.
    most
        How many, or what gives that.
    held
        What a place is held by (`wcs_hooks.core.limits.Held`).
    seconds
        Of a rate how long; 0 for others.
    skips_unavailable
        Whether the rule is passed over if places cannot be counted: `whenError: skip` is written
        out.
    """

    by: Expression
    most: int | Expression
    held: str
    seconds: int
    skips_unavailable: bool


class Rule:
    """A policy as a decision meets it.

    Attributes
    ----------
    order
        Where it stands among the rules of the app and those for every app: `(priority, 0 for the
        app's own and 1 for every app's, id)`.
    not_before, not_after
        Seconds since the epoch, or none; both ends belong to the window.
    hours
        Weekly windows (`wcs_hooks.core.hours`), or none.
    has_window
        Whether there is any of these.
    final
        Whether an override ends the evaluation.
    match
        For each path the keys (see `value_key`) that it accepts.
    guard
        What is known of `when` without running it, or none.
    set_json, compute
        Field to JSON text, field to expression.
    uses_identity
        Those of the variables `token` and `claims` that its expressions refer to.
    requires_token
        Whether it denies hooks that nobody proved to be behind.
    lookups
        The rows that its expressions can see.
    skips_unavailable
        Whether it is passed over if these cannot be read: `whenError: skip` is written out.
    limit
        How many places there are, if it denies only what finds none.
    """

    __slots__ = (
        "action",
        "compute",
        "final",
        "guard",
        "has_window",
        "hours",
        "id",
        "limit",
        "lookups",
        "match",
        "mode",
        "not_after",
        "not_before",
        "order",
        "reason",
        "requires_token",
        "set_json",
        "skips_unavailable",
        "snapshot",
        "status",
        "uses_identity",
        "uses_session",
        "when",
        "when_error",
    )

    def __init__(self, snapshot: "Snapshot", record: Sequence[Any]) -> None:
        (
            self.id,
            priority,
            self.action,
            self.mode,
            match,
            when,
            self.when_error,
            self.set_json,
            compute,
            self.status,
            self.reason,
            self.not_before,
            self.not_after,
            self.uses_session,
            # Snapshots that were made before there were these do not have them.
            *later,
        ) = record
        guard, sees, self.hours, final, identity, requires_token, lookup, limit = (
            *later,
            *_LATER,
        )[: len(_LATER)]
        self.final = bool(final)
        self.uses_identity: tuple[str, ...] = tuple(identity or ())
        self.requires_token = bool(requires_token)
        self.snapshot = snapshot
        self.has_window = (
            self.not_before is not None or self.not_after is not None or self.hours is not None
        )
        self.order = (priority, snapshot.layer, self.id)
        self.match = [(path, frozenset(keys)) for path, keys in match]
        # Of each expression what it sees: of `when`, of what is computed, of the limit's.
        seen = iter(sees or ())
        rows = iter(lookup["rows"] if lookup else ())
        self.when = Expression(when, next(seen, None), next(rows, ())) if when else None
        self.guard = Guard(guard) if guard else None
        self.compute = {
            name: Expression(source, next(seen, None), next(rows, ()))
            for name, source in compute.items()
        }
        self.limit: RuleLimit | None = None
        if limit:
            by, most, held, seconds, skips_unavailable = limit
            self.limit = RuleLimit(
                Expression(by, next(seen, None), next(rows, ())),
                most if type(most) is int else Expression(most, next(seen, None), next(rows, ())),
                held,
                seconds,
                skips_unavailable,
            )
        self.lookups: tuple[RuleLookup, ...] = ()
        self.skips_unavailable = False
        if lookup:
            self.skips_unavailable = lookup["skipsUnavailable"]
            self.lookups = tuple(
                RuleLookup(alias, name, Expression(key, sees), consistent)
                for alias, name, key, sees, consistent in lookup["keys"]
            )


class Snapshot:
    """One version of an app's policies, ready for decisions.

    Attributes
    ----------
    app
        The `appKey`, or `*` for the policies of every app.
    version
        Counts up by one with each change that became active.
    requirements
        What the policies require of restClientConfig.
    key
        `value_key`, as it was when the snapshot was made.
    layer
        0 for an app's own policies, 1 for every app's: of equal priorities the own come first.
    json_bytes
        Size of its JSON, by which the memory that it takes can be estimated.
    has_trusts
        Whether it says whose tokens are believed.
    uses_claims
        Whether any of its policies asks what is proven, so that connect's claims must be kept.
    holds
        What places of its policies' limits are held by, until it ends: of
        `wcs_hooks.core.limits.Held`, without rates. Policies that are off count: what was taken
        before is given back.
    """

    __slots__ = (
        "_methods",
        "_records",
        "_rules",
        "_tables",
        "_trust_records",
        "_trusts",
        "_visible",
        "app",
        "has_trusts",
        "holds",
        "json_bytes",
        "key",
        "layer",
        "requirements",
        "uses_claims",
        "version",
    )

    def __init__(self, document: Mapping[str, Any], json_bytes: int) -> None:
        self.json_bytes = json_bytes
        self.app: str = document["app"]
        self.version: int = document["version"]
        self.layer = 1 if self.app == "*" else 0
        self.key = value_key if "exactNumbers" in document else rounded_value_key
        self.requirements = [Requirement.from_json(stored) for stored in document["config"]]
        self._records: list[Any] = document["policies"]
        self._rules: list[Rule | None] = [None] * len(self._records)
        self._tables: list[dict[str, Any]] = document["tables"]
        self._methods: dict[str, int] = document["methods"]
        self._visible: dict[str, Visible] = {}
        self._trust_records: list[dict[str, Any]] = document.get("trusts", [])
        self._trusts: tuple[Trust, ...] | None = None
        self.has_trusts = bool(self._trust_records)
        self.uses_claims: bool = document.get("usesClaims", False)
        self.holds: frozenset[str] = frozenset(document.get("holds", ()))

    @classmethod
    def load(cls, data: bytes) -> "Snapshot":
        """Read a snapshot back.

        Raises
        ------
        SnapshotFormatError
            If the bytes are damaged, or of another format.
        """
        try:
            text = zlib.decompress(data)
            document = json.loads(text)
            if document["format"] == FORMAT:
                return cls(document, len(text))
            message = f"has format {document['format']}, this is {FORMAT}"
        except (zlib.error, ValueError, KeyError, TypeError) as error:
            message = f"is damaged: {error}"
        raise SnapshotFormatError(f"the snapshot {message}")

    def rules(self, method: str, fields: Mapping[str, Any]) -> Sequence[Rule]:
        """The rules that may apply to a hook, in order.

        Those whose exact values do not fit are left out by way of the index where there is one, so
        that the cost depends on how many fit, not on how many there are.
        """
        number = self._methods.get(method)
        if number is None:
            return ()
        table = self._tables[number]
        ranks: list[int] = table["scan"]
        found: list[int] = []
        for path, index in table["index"]:
            value = field_at(fields, path)
            if value is not ABSENT:
                hits = index.get(self.key(value))
                if hits:
                    found += hits
        if found:
            ranks = sorted((*ranks, *found)) if ranks or len(found) > 1 else found
        rules = self._rules
        return [rules[rank] or self._make(rank) for rank in ranks]

    @property
    def trusts(self) -> "tuple[Trust, ...]":
        """Whose tokens are believed."""
        if self._trusts is None:
            # Imported here because most apps have none.
            from wcs_hooks.core.tokens.trust import Trust  # noqa: PLC0415

            self._trusts = tuple(Trust.from_json(self.app, one) for one in self._trust_records)
        return self._trusts

    def visible(self, method: str) -> Visible:
        """What the expressions of a method's rules can see of a hook."""
        found = self._visible.get(method)
        if found is None:
            # Snapshots that were made before this was looked for do not say.
            stored = self._tables[self._methods[method]].get("visible")
            found = EVERYTHING
            if stored is not None:
                fields = stored["body"]
                found = Visible(
                    frozenset(stored["variables"]), None if fields is None else frozenset(fields)
                )
            self._visible[method] = found
        return found

    def _make(self, rank: int) -> Rule:
        rule = self._rules[rank] = Rule(self, self._records[rank])
        return rule


def dump(
    app: str,
    version: int,
    policies: "Sequence[Policy]",
    requirements: Iterable[Requirement],
    now: float,
) -> bytes:
    """Compile policies, in evaluation order, into a snapshot's bytes.

    The same arguments give the same bytes.
    """
    present = [policy for policy in policies if policy.mode is not Mode.OFF]
    active = [
        policy
        for policy in present
        if policy.action not in {Action.CONFIGURE, Action.TRUST} or policy.requires_token
    ]
    trusts = [policy.trust.to_json() for policy in present if policy.trust is not None]
    tables, methods = _tables(active)
    document: dict[str, Any] = {
        "format": FORMAT,
        "exactNumbers": True,
        "app": app,
        "version": version,
        "compiledAt": datetime.fromtimestamp(now, UTC).isoformat(),
        "policies": [_record(policy) for policy in active],
        "tables": tables,
        "methods": methods,
        "config": [requirement.to_json() for requirement in requirements],
    }
    if trusts:
        document["trusts"] = trusts
    if any("claims" in _uses(policy) or policy.requires_token for policy in active):
        document["usesClaims"] = True
    limits = [policy.limit for policy in policies if policy.limit]
    holds = {limit.held for limit in limits if not limit.is_rate}
    if holds:
        document["holds"] = sorted(holds)
    return zlib.compress(encode(document).encode(), _COMPRESSION_LEVEL)


def field_at(fields: Mapping[str, Any], path: str) -> Any:
    """The value of a top-level field, else the one at the end of a dotted path, else `ABSENT`."""
    value = fields.get(path, ABSENT)
    if value is not ABSENT or "." not in path:
        return value
    value = fields
    for name in path.split("."):
        if type(value) is not dict or name not in value:
            return ABSENT
        value = value[name]
    return value


def value_key(value: Any) -> str:
    """A text that two JSON values share exactly if they are equal.

    A text is its own key, unless it begins with the NUL that marks all else; 5 and 5.0 are
    equal, 1 and true are not, and numbers are compared digit by digit. One that holds more than
    `MAX_INNER_VALUES` has a text that no policy's value has.

    Examples
    --------
    >>> value_key("teacher"), value_key(5.0) == value_key(5), value_key(1) == value_key(True)
    ('teacher', True, False)
    """
    if type(value) is str:
        return value if not value or value[0] != "\0" else f"\0{value}"
    return _key(value, _canonical)


def rounded_value_key(value: Any) -> str:
    """The key that `value_key` had while it took large integers for doubles."""
    if type(value) is str:
        return value_key(value)
    return _key(value, _rounded)


def _key(value: Any, canonical: Callable[[Any], Any]) -> str:
    if has_more_values_than(MAX_INNER_VALUES, value):
        return _LIKE_NO_OTHER
    return f"\0{json.dumps(canonical(value), sort_keys=True, separators=(',', ':'))}"


def _canonical(value: Any) -> Any:
    if value is None or isinstance(value, int | str):
        return value
    if type(value) is list:
        return [_canonical(inner) for inner in value]
    if type(value) is dict:
        return {name: _canonical(inner) for name, inner in value.items()}
    number = exact_number(value)
    if number is None:
        return math.nan
    # No body has NaN: nothing else is written like a fraction that is not a double.
    return number if isinstance(number, int | float) else [math.nan, f"{number:f}".rstrip("0")]


def _rounded(value: Any) -> Any:
    if type(value) is int and not -(2**63) <= value < 2**63:
        return float(str(value))
    if isinstance(value, float):
        number = float(value)
        return int(number) if abs(number) < 2**63 and number.is_integer() else number
    if type(value) is list:
        return [_rounded(inner) for inner in value]
    if type(value) is dict:
        return {name: _rounded(inner) for name, inner in value.items()}
    return value


def _record(policy: "Policy") -> list[Any]:
    expressions, uses = _of_hooks(policy), _uses(policy)
    return [
        policy.id,
        policy.priority,
        Action.DENY if policy.requires_token else policy.action,
        policy.mode,
        [[path, [value_key(v) for v in values]] for path, values in policy.match.items()],
        policy.when.serialized if policy.when else "",
        policy.when_error,
        policy.set_json,
        {name: checked.serialized for name, checked in policy.compute.items()},
        policy.status,
        policy.reason,
        policy.not_before,
        policy.not_after,
        not uses.isdisjoint(OF_SESSION),
        policy.when.guard if policy.when else None,
        [checked.sees for checked in expressions] or None,
        policy.hours,
        policy.final,
        sorted(uses.intersection({"token", "claims"})),
        policy.requires_token,
        _lookup(policy, expressions),
        _limit(policy),
    ]


def _limit(policy: "Policy") -> list[Any] | None:
    limit = policy.limit
    if limit is None:
        return None
    most = limit.most if isinstance(limit.most, int) else limit.most.serialized
    skips = policy.skips_unavailable
    return [limit.by.serialized, most, limit.held, limit.seconds, skips]


def _of_hooks(policy: "Policy") -> "list[Checked]":
    """A policy's `when`, if it has one, what it computes, and the expressions of its limit."""
    limit = policy.limit.expressions_by_attribute if policy.limit else ()
    when = [policy.when] if policy.when else []
    return [*when, *policy.compute.values(), *(one for _, one in limit)]


def _evaluated(policy: "Policy") -> "list[Checked]":
    """All expressions of a policy, without the keys of rows that none of them can see."""
    expressions = _of_hooks(policy)
    if not policy.lookups:
        return expressions
    return expressions + [one.key for one in _seen_lookups(policy, _rows(policy, expressions))]


def _uses(policy: "Policy") -> frozenset[str]:
    """The variables that these refer to."""
    return frozenset().union(*(one.uses for one in _evaluated(policy)))


def _rows(policy: "Policy", expressions: "Sequence[Checked]") -> list[list[str]]:
    """The aliases that each expression can see."""
    every = [lookup.alias for lookup in policy.lookups]
    return [every if one.rows is None else sorted(one.rows) for one in expressions]


def _seen_lookups(policy: "Policy", rows: Sequence[Sequence[str]]) -> "list[Lookup]":
    seen = frozenset().union(*rows)
    return [one for one in policy.lookups if one.alias in seen]


def _lookup(policy: "Policy", expressions: "Sequence[Checked]") -> dict[str, Any] | None:
    """What a policy looks up of what its expressions can see, and which of them see what."""
    rows = _rows(policy, expressions)
    lookups = _seen_lookups(policy, rows)
    if not lookups:
        return None
    return {
        "rows": rows,
        "keys": [
            [one.alias, one.list, one.key.serialized, one.key.sees, one.consistent]
            for one in lookups
        ],
        "skipsUnavailable": policy.skips_unavailable,
    }


def _tables(policies: "Sequence[Policy]") -> tuple[list[dict[str, Any]], dict[str, int]]:
    """A table for each distinct set of policies, and which method has which."""
    ranks_of: dict[str, list[int]] = {}
    for rank, policy in enumerate(policies):
        for method in policy.methods:
            ranks_of.setdefault(method, []).append(rank)
    visible = [_visible_to(policy) for policy in policies]
    tables: list[dict[str, Any]] = []
    numbers: dict[tuple[int, ...], int] = {}
    methods: dict[str, int] = {}
    for method, ranks in ranks_of.items():
        number = numbers.setdefault(tuple(ranks), len(tables))
        if number == len(tables):
            seen = [visible[rank] for rank in ranks]
            tables.append(_table(policies, ranks) | {"visible": _stored_visible(seen)})
        methods.update(dict.fromkeys(spellings_of(method), number))
    return tables, methods


def _table(policies: "Sequence[Policy]", ranks: Sequence[int]) -> dict[str, Any]:
    distinct: dict[str, set[str]] = {}
    for rank in ranks:
        for path, values in policies[rank].match.items():
            distinct.setdefault(path, set()).update(value_key(value) for value in values)
    scan: list[int] = []
    index: dict[str, dict[str, list[int]]] = {}
    for rank in ranks:
        match = policies[rank].match
        if not match:
            scan.append(rank)
            continue
        # The path with the most distinct values sieves best.
        path = max(match, key=lambda name: len(distinct[name]))
        for key in dict.fromkeys(value_key(value) for value in match[path]):
            index.setdefault(path, {}).setdefault(key, []).append(rank)
    return {"scan": scan, "index": list(index.items())}


def _visible_to(policy: "Policy") -> Visible:
    return _together(Visible(one.uses, one.body_fields) for one in _evaluated(policy))


def _together(all_visible: Iterable[Visible]) -> Visible:
    together = Visible(frozenset(), frozenset())
    for visible in all_visible:
        together = together.and_also(visible)
    return together


def _stored_visible(seen: Iterable[Visible]) -> dict[str, Any]:
    visible = _together(seen)
    fields = visible.body_fields
    return {
        "variables": sorted(visible.variables),
        "body": None if fields is None else sorted(fields),
    }
