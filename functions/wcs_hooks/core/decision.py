"""The decision: what the active policies say about one hook.

Policies that name the method are met in the order of priority. `match` and `when` must both hold.
`echo` and `deny` end the evaluation; `override` accumulates, an earlier policy winning a field,
and ends it only if it is `final`.
A hook that no policy applies to is echoed.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from heapq import merge
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from wcs_hooks.core.cel.expression import (
    FIELD_OF,
    MAX_VISIBLE_BYTES,
    MAX_VISIBLE_VALUES,
    OF_NOTHING,
    Expression,
    ExpressionError,
    bind,
)
from wcs_hooks.core.client_address import client_address
from wcs_hooks.core.errors import UnavailableError
from wcs_hooks.core.lists import DamagedRow, RowKey, Rows, no_rows
from wcs_hooks.core.payload import Payload, encode
from wcs_hooks.core.policy.vocabulary import Action, Mode, WhenError, has_more_values_than
from wcs_hooks.core.snapshot import ABSENT, Rule, RuleLimit, Snapshot, Visible, field_at
from wcs_hooks.core.stream_name import stream_name

if TYPE_CHECKING:
    from cel_expr_python import cel

    from wcs_hooks.core.limits import WantedPlace
    from wcs_hooks.core.row_lookup import HookRows, PolicyRows


class Verdict(StrEnum):
    """How a hook is answered."""

    ECHO = "echo"
    OVERRIDE = "override"
    DENY = "deny"


class Session(NamedTuple):
    """What is known of the session that a hook belongs to.

    Attributes
    ----------
    body
        The body of its connect, without secrets; none where it was never seen.
    connected_at
        When it first connected, in seconds since the epoch; none where that is not known.
    app
        The `appKey` that it connected to.
    claims
        What the token that connect showed claims, if it was verified then.
    """

    body: Mapping[str, Any] | None = None
    connected_at: float | None = None
    app: str = ""
    claims: Mapping[str, Any] | None = None

    @property
    def known(self) -> bool:
        """Whether the session was seen at connect."""
        return self.body is not None


UNKNOWN_SESSION = Session()


class Identity(Protocol):
    """Who is behind a hook, by tokens that were verified.

    Each of its methods may raise `UnavailableError`, if the session is needed and cannot be read.
    """

    def token(self) -> Mapping[str, str]:
        """What became of the hook's own token: texts by `status`, `trust`, `alg` and `kid`."""
        ...

    def claims(self) -> Mapping[str, Any] | None:
        """What is proven; none where nothing is."""
        ...


class Nobody:
    """Of whom nothing is known."""

    def token(self) -> Mapping[str, str]:
        """No token."""
        return {"status": "none", "trust": "", "alg": "", "kid": ""}

    def claims(self) -> None:
        """No claims."""
        return


NOBODY: Final = Nobody()


class Denial(NamedTuple):
    """Who refuses, and what the reply says about it."""

    policy: str
    app: str
    version: int
    status: int
    reason: str


class Failure(NamedTuple):
    """An expression that had no value for the hook, or a row that could not be read or used."""

    policy: str
    attribute: str
    message: str


class Limited(NamedTuple):
    """A place without which a hook is denied.

    Attributes
    ----------
    place
        Optional if the policy is in shadow mode.
    denial
        What the hook gets if there is no room.
    skips_unavailable
        Whether it is let through if that cannot be found out.
    """

    place: "WantedPlace"
    denial: Denial
    skips_unavailable: bool


class UndecidedError(UnavailableError):
    """What the decision needs could not be read or counted.

    Attributes
    ----------
    lookup_failures
        Rows that could not be read or used before, each with its policy and its alias.
    limit_failures
        Limits that could not be counted.
    """

    def __init__(
        self,
        reason: str,
        lookup_failures: tuple[Failure, ...],
        limit_failures: tuple[Failure, ...] = (),
    ) -> None:
        super().__init__(reason)
        self.lookup_failures = lookup_failures
        self.limit_failures = limit_failures


class _RowsUnavailableError(UnavailableError):
    """A policy's rows could not be read."""


class Step(NamedTuple):
    """One policy that was considered, for people who ask why.

    Attributes
    ----------
    outcome
        `applied`, or what kept it from applying: `window`, `match`, `when`, `token`, `compute`,
        `lookup`, `limit`.
    detail
        Of a failed `match` the path; of an expression without a value the message; of a required
        token that is there its status, `none` if connect's counts; of rows that could not be read
        why; of a limit how many places there are, of which one is wanted.
    rows
        Of each alias that was looked up `null`, `a row`, or `no value` and why. No row is quoted.
    """

    policy: str
    app: str
    version: int
    action: str
    mode: str
    outcome: str
    detail: str = ""
    rows: Mapping[str, str] = {}


class Decision(NamedTuple):
    """What was decided, and by whom.

    Attributes
    ----------
    denial
        Present exactly if the verdict is to deny.
    fields
        Override: field to the JSON text of its new value.
    applied
        The policies that made the verdict, `app/id`, in order.
    shadow_denied, shadow_overridden
        The policies in shadow mode that would have denied, overridden.
    failures
        Expressions that had no value.
    lookup_failures
        Rows that could not be read or used.
    wanted
        Places that must be taken for this to stand, in order of evaluation; none with a denial.
    limit_failures
        Limits that could not be counted.
    """

    verdict: Verdict = Verdict.ECHO
    denial: Denial | None = None
    fields: Mapping[str, str] | None = None
    applied: tuple[str, ...] = ()
    shadow_denied: tuple[str, ...] = ()
    shadow_overridden: tuple[str, ...] = ()
    failures: tuple[Failure, ...] = ()
    lookup_failures: tuple[Failure, ...] = ()
    wanted: tuple[Limited, ...] = ()
    limit_failures: tuple[Failure, ...] = ()


ECHO = Decision()


_NOT_LOOKED: Final[Mapping[str, Any]] = {}

type _Sees = tuple[str, ...] | None
type _Seen = tuple[bool, tuple[str, ...], _Sees, Rule | None]
"""What distinguishes activations: session, identity, fields of a large body, the rule with rows."""


class Hook(NamedTuple):
    """What WCS asks about.

    Attributes
    ----------
    method
        As WCS sent it.
    category
        The method's.
    payload
        The body.
    """

    method: str
    category: str
    payload: Payload


def decide(  # noqa: PLR0913 - what it depends on
    snapshots: Sequence[Snapshot],
    hook: Hook,
    now: float,
    session: Callable[[], Session] = lambda: UNKNOWN_SESSION,
    trace: Callable[[Step], None] | None = None,
    identity: Identity = NOBODY,
    *,
    rows: Rows = no_rows,
) -> Decision:
    """Decide on a hook.

    Parameters
    ----------
    snapshots
        The active ones: the app's own and the one for every app, those of them that exist.
    now
        Seconds since the epoch.
    session
        Gives the hook's session; called only if a policy that could apply uses a variable of
        `OF_SESSION`. May raise `UnavailableError`.
    trace
        Receives each policy that was considered.
    identity
        Who is behind the hook; asked only if a policy that could apply uses `token` or `claims`,
        or requires a token.
    rows
        Reads rows of lists; called once for each policy that could apply and looks any up that were
        not read yet. May raise `UnavailableError`.

    Raises
    ------
    UnavailableError
        If the session or rows are needed and cannot be read; `UndecidedError` if any rows could not
        be read or used.

    Examples
    --------
    >>> from wcs_hooks.core.payload import parse
    >>> hook = Hook("publishStream", "direct", parse(b'{"name": "b4e7"}'))
    >>> decide([], hook, now=0).verdict
    <Verdict.ECHO: 'echo'>
    """
    fields = hook.payload.fields
    met = [(s, found) for s in snapshots if (found := s.rules(hook.method, fields))]
    if not met:
        return ECHO
    rules: Iterable[Rule] = met[0][1]
    if len(met) > 1:
        rules = merge(*(found for _, found in met), key=lambda rule: rule.order)
    evaluation = _Evaluation(hook, now, [s for s, _ in met], session, trace, identity, rows=rows)
    try:
        return evaluation.decide(rules)
    except UnavailableError as error:
        if not evaluation.lookup_failures:
            raise
        raise UndecidedError(str(error), tuple(evaluation.lookup_failures)) from error


class _Evaluation:
    __slots__ = (
        "activations",
        "failures",
        "hook",
        "hook_rows",
        "identity",
        "lookup_failures",
        "now",
        "policy_rows",
        "rows",
        "session",
        "shared_fields",
        "snapshots",
        "trace",
        "visible",
        "wanted",
    )

    def __init__(  # noqa: PLR0913 - what it depends on
        self,
        hook: Hook,
        now: float,
        snapshots: Sequence[Snapshot],
        session: Callable[[], Session],
        trace: Callable[[Step], None] | None,
        identity: Identity,
        *,
        rows: Rows,
    ) -> None:
        self.hook = hook
        self.now = now
        self.snapshots = snapshots
        self.session = session
        self.trace = trace
        self.identity = identity
        self.rows = rows
        self.hook_rows: HookRows | None = None
        self.policy_rows: tuple[Rule, PolicyRows] | None = None
        self.failures: list[Failure] = []
        self.lookup_failures: list[Failure] = []
        self.wanted: list[Limited] = []
        self.visible: Visible | None = None
        self.shared_fields: Mapping[str, Any] | None = _NOT_LOOKED
        self.activations: dict[_Seen, cel.Activation] = {}

    def decide(self, rules: Iterable[Rule]) -> Decision:
        denial: Denial | None = None
        fields: dict[str, str] = {}
        applied: list[str] = []
        shadow_denied: list[str] = []
        shadow_overridden: list[str] = []
        for rule in rules:
            if not self._applies(rule):
                continue
            name = f"{rule.snapshot.app}/{rule.id}"
            if rule.action == Action.OVERRIDE:
                values = self._values(rule)
                if values is None:
                    continue
                self._trace_step(rule, "applied")
                if rule.mode == Mode.SHADOW:
                    shadow_overridden.append(name)
                else:
                    applied.append(name)
                    fields = values | fields
                    if rule.final:
                        break
                continue
            self._trace_step(rule, "applied")
            if rule.mode == Mode.SHADOW:
                if rule.action == Action.DENY:
                    shadow_denied.append(name)
                continue
            applied.append(name)
            if rule.action == Action.DENY:
                denial = self._denial(rule)
            break
        return self._decision(denial, fields, applied, shadow_denied, shadow_overridden)

    def _decision(
        self,
        denial: Denial | None,
        fields: Mapping[str, str],
        applied: list[str],
        shadow_denied: list[str],
        shadow_overridden: list[str],
    ) -> Decision:
        if not (
            applied
            or shadow_denied
            or shadow_overridden
            or self.failures
            or self.lookup_failures
            or self.wanted
        ):
            return ECHO
        verdict = Verdict.DENY if denial else Verdict.OVERRIDE if fields else Verdict.ECHO
        return Decision(
            verdict,
            denial,
            fields if verdict is Verdict.OVERRIDE else None,
            tuple(applied),
            tuple(shadow_denied),
            tuple(shadow_overridden),
            tuple(self.failures),
            tuple(self.lookup_failures),
            () if denial else tuple(self.wanted),
        )

    def _denial(self, rule: Rule) -> Denial:
        snapshot = rule.snapshot
        reason = self._reason_to_deny(rule)
        return Denial(rule.id, snapshot.app, snapshot.version, rule.status, reason)

    def _applies(self, rule: Rule) -> bool:
        return (
            (not rule.has_window or self._is_open(rule))
            and (not rule.match or self._matches(rule))
            and (rule.when is None or self._holds(rule, rule.when))
            and (not rule.requires_token or self._is_unproven(rule))
            and (rule.limit is None or self._is_full(rule, rule.limit))
        )

    def _is_unproven(self, rule: Rule) -> bool:
        """Whether a rule that requires a token denies the hook."""
        try:
            unproven = self.identity.claims() is None
        except UnavailableError as error:
            if rule.mode != Mode.SHADOW:
                raise
            self.failures.append(Failure(rule.id, "required", str(error)))
            return self._trace_step(rule, "token", str(error))
        return unproven or self._trace_step(rule, "token", self.identity.token()["status"])

    def _reason_to_deny(self, rule: Rule) -> str:
        reason: str = rule.reason
        if not rule.requires_token:
            return reason
        return f"{reason or 'no valid token'}: {self.identity.token()['status']}"

    def _is_open(self, rule: Rule) -> bool:
        if rule.not_before is not None and self.now < rule.not_before:
            return self._trace_step(rule, "window", "not open yet")
        if rule.not_after is not None and self.now > rule.not_after:
            return self._trace_step(rule, "window", "over")
        if rule.hours is not None:
            # Imported here because hardly any policy has hours.
            from wcs_hooks.core.hours import is_open  # noqa: PLC0415

            if not is_open(rule.hours, self.now):
                return self._trace_step(rule, "window", "outside its hours")
        return True

    def _matches(self, rule: Rule) -> bool:
        fields = self.hook.payload.fields
        for path, keys in rule.match:
            value = field_at(fields, path)
            if value is ABSENT or rule.snapshot.key(value) not in keys:
                return self._trace_step(rule, "match", path)
        return True

    def _holds(self, rule: Rule, when: Expression) -> bool:
        try:
            holds = self._guarded(rule, when)
            if holds is None:
                holds = when.is_true(self._activation(rule, when))
        except _RowsUnavailableError as error:
            return self._passed_over(rule, error)
        except UnavailableError as error:
            # A policy in shadow mode changes nothing: not even if its session cannot be read.
            if rule.mode != Mode.SHADOW:
                raise
            self.failures.append(Failure(rule.id, "when", str(error)))
            return self._trace_step(rule, "when", str(error))
        except ExpressionError as error:
            reason = self._reason(rule, when, error)
            self.failures.append(Failure(rule.id, "when", reason))
            holds = rule.when_error == WhenError.MATCH
            return holds or self._trace_step(rule, "when", reason)
        return holds or (self.trace is not None and self._trace_step(rule, "when"))

    def _guarded(self, rule: Rule, when: Expression) -> bool | None:
        """The value of the rule's `when` by its guard; none if `when` must be evaluated."""
        if rule.guard is None:
            return None
        fields = self._fields(when)
        return None if fields is None else rule.guard.holds(fields)

    def _values(self, rule: Rule) -> dict[str, str] | None:
        """What an override sets: all of it, or nothing where an expression has no value."""
        values = dict(rule.set_json)
        for name, expression in rule.compute.items():
            try:
                value = expression.json_value(self._activation(rule, expression))
                # The runtime's maps have another order each time, and the same hook one answer.
                values[name] = encode(value, sort_names=True)
            except _RowsUnavailableError as error:
                self._passed_over(rule, error)
                return None
            except UnavailableError as error:
                if rule.mode != Mode.SHADOW:
                    raise
                self.failures.append(Failure(rule.id, f"compute.{name}", str(error)))
                self._trace_step(rule, "compute", str(error))
                return None
            except (ExpressionError, ValueError) as error:
                reason = self._reason(rule, expression, error)
                self.failures.append(Failure(rule.id, f"compute.{name}", reason))
                self._trace_step(rule, "compute", reason)
                return None
        return values

    def _is_full(self, rule: Rule, limit: RuleLimit) -> bool:
        """Whether a rule with a limit denies the hook, as far as is known without counting.

        If not, the place is noted that the hook needs.
        """
        # Imported here because most policies have no limit.
        from wcs_hooks.core.limits import Budget, Held, place_for  # noqa: PLC0415

        evaluated = limit.by
        most: Any = limit.most
        try:
            by = evaluated.text_value(self._activation(rule, evaluated))
            if type(most) is not int:
                evaluated = most
                most = evaluated.json_value(self._activation(rule, evaluated))
            place = place_for(
                Budget(rule.snapshot.app, rule.id, by),
                Held(limit.held),
                limit.seconds,
                self.hook.method,
                self.hook.payload,
                most,
                optional=rule.mode == Mode.SHADOW,
            )
        except _RowsUnavailableError as error:
            return self._passed_over(rule, error)
        except UnavailableError as error:
            if rule.mode != Mode.SHADOW:
                raise
            self.failures.append(Failure(rule.id, "limit", str(error)))
            return self._trace_step(rule, "limit", str(error))
        except ExpressionError as error:
            reason = self._reason(rule, evaluated, error)
            self.failures.append(Failure(rule.id, "limit", reason))
            return rule.when_error == WhenError.MATCH or self._trace_step(rule, "limit", reason)
        if place is None:
            return True
        self.wanted.append(Limited(place, self._denial(rule), limit.skips_unavailable))
        return self._trace_step(rule, "limit", f"needs one of {place.most}")

    def _passed_over(self, rule: Rule, error: _RowsUnavailableError) -> bool:
        """Pass a rule over whose rows cannot be read, or raise that again."""
        if rule.mode != Mode.SHADOW and not rule.skips_unavailable:
            raise error
        return self._trace_step(rule, "lookup", str(error))

    def _rows(self, rule: Rule) -> "PolicyRows":
        """The rows that a rule looks up: in one call, however many expressions see them."""
        if self.policy_rows is not None and self.policy_rows[0] is rule:
            return self.policy_rows[1]
        # Imported here because most policies look nothing up.
        from wcs_hooks.core.row_lookup import (  # noqa: PLC0415
            HookRows,
            policy_rows,
            without_quotes,
            wrong_key,
        )

        keys: dict[str, RowKey] = {}
        missing: dict[str, str] = {}
        for lookup in rule.lookups:
            try:
                key = lookup.key.text_value(self._activation(rule, lookup.key))
            except ExpressionError as error:
                reason = self._reason(rule, lookup.key, without_quotes(lookup.key, error))
                missing[lookup.alias] = f"its key has none ({reason})"
                continue
            wrong = wrong_key(key)
            if wrong:
                missing[lookup.alias] = wrong
            else:
                keys[lookup.alias] = RowKey(lookup.list, key, lookup.consistent)
        if self.hook_rows is None:
            self.hook_rows = HookRows(self.rows)
        try:
            found = self.hook_rows.rows(keys)
        except UnavailableError as error:
            for alias in keys:
                self._note_lookup(rule, alias, str(error))
            raise _RowsUnavailableError(str(error)) from error
        for alias, row in found.items():
            if isinstance(row, DamagedRow):
                self._note_lookup(rule, alias, row.reason)
        rows = policy_rows(found, missing)
        self.policy_rows = rule, rows
        return rows

    def _note_lookup(self, rule: Rule, alias: str, message: str) -> None:
        self.lookup_failures.append(Failure(rule.id, f"lookup.{alias}", message))

    def _reason(self, rule: Rule, expression: Expression, error: Exception) -> str:
        if self._fields(expression) is not None:
            message = str(error)
            if message == OF_NOTHING:
                message += self._instead_of_nothing(rule)
            return self._rows(rule).reason(expression, message) if expression.rows else message
        return (
            f"the body has {len(self.hook.payload.raw):,} bytes; expressions see at most "
            f"{MAX_VISIBLE_BYTES:,} bytes and {MAX_VISIBLE_VALUES:,} values of the fields that "
            "they refer to"
        )

    def _instead_of_nothing(self, rule: Rule) -> str:
        """What to write where a field was read from what is null: the runtime says not of what."""
        if rule.uses_session and not self.session().known:
            null, instead = "session is null, its connect was never seen", "known"
        elif "claims" in rule.uses_identity and self.identity.claims() is None:
            null, instead = "claims is null, nothing is proven", "claims != null"
        else:
            return ""
        return f"; perhaps because {null}: did you mean {instead} && …?"

    def _fields(self, expression: Expression) -> Mapping[str, Any] | None:
        """The fields of the body that an expression sees; none if they are more than it may."""
        shared = self._shared_fields()
        if shared is not None or expression.sees is None:
            return shared
        return self._within_limits(expression.sees)

    def _shared_fields(self) -> Mapping[str, Any] | None:
        """Fields that all expressions may see together: all of a usual body, or none."""
        if self.shared_fields is _NOT_LOOKED:
            payload = self.hook.payload
            if len(payload.raw) <= MAX_VISIBLE_BYTES and not payload.has_more_values_than(
                MAX_VISIBLE_VALUES
            ):
                self.shared_fields = payload.expression_fields
            else:
                visible = self._visible()
                names = visible.body_fields
                if names is not None:
                    names |= {FIELD_OF[name] for name in visible.variables if name in FIELD_OF}
                self.shared_fields = None if names is None else self._within_limits(names)
        return self.shared_fields

    def _within_limits(self, names: Iterable[str]) -> Mapping[str, Any] | None:
        return self.hook.payload.visible_fields(names, MAX_VISIBLE_BYTES, MAX_VISIBLE_VALUES)

    def _visible(self) -> Visible:
        """What the rules' expressions can see."""
        if self.visible is None:
            method = self.hook.method
            self.visible = self.snapshots[0].visible(method)
            for snapshot in self.snapshots[1:]:
                self.visible = self.visible.and_also(snapshot.visible(method))
        return self.visible

    # Cached manually, not by cached_property: these are called for each expression.

    def _activation(self, rule: Rule, expression: Expression) -> "cel.Activation":
        """What an expression is evaluated on: the same for all, unless the body is too large."""
        sees: _Sees = None
        if self._shared_fields() is None and expression.sees is not None:
            sees = tuple(expression.sees)
        key = rule.uses_session, rule.uses_identity, sees, rule if expression.rows else None
        found = self.activations.get(key)
        if found is None:
            variables = self._variables(self._fields(expression))
            if rule.uses_session:
                session = self.session()
                variables["known"] = session.known
                if not has_more_values_than(MAX_VISIBLE_VALUES, session.body):
                    variables["session"] = session.body
                connected_at = session.connected_at
                if connected_at is not None and "connectedAt" in self._visible().variables:
                    variables["connectedAt"] = datetime.fromtimestamp(connected_at, UTC)
            if rule.uses_identity:
                self._bind_identity(variables, rule.uses_identity)
            if expression.rows:
                variables["rows"] = self._rows(rule).values
            found = self.activations[key] = bind(**variables)
        return found

    def _bind_identity(self, variables: dict[str, object], wanted: tuple[str, ...]) -> None:
        if "token" in wanted:
            variables["token"] = self.identity.token()
        if "claims" in wanted:
            claims = self.identity.claims()
            if not has_more_values_than(MAX_VISIBLE_VALUES, claims):
                variables["claims"] = claims

    def _variables(self, body: Mapping[str, Any] | None) -> dict[str, object]:
        """What an expression can see of the hook, without the session; of a body that it sees."""
        visible = self._visible()
        wanted = visible.variables
        variables: dict[str, object] = {}
        if "method" in wanted:
            variables["method"] = self.hook.method
        if "category" in wanted:
            variables["category"] = str(self.hook.category)
        if "now" in wanted:
            variables["now"] = datetime.fromtimestamp(self.now, UTC)
        if body is None:
            return variables
        for name, field in FIELD_OF.items():
            if name in wanted:
                text = body.get(field)
                value = _DERIVED[name](text if type(text) is str else None)
                if value is not None:
                    variables[name] = value
        if "body" in wanted:
            names = visible.body_fields
            if names is not None:
                body = {name: body[name] for name in names if name in body}
            variables["body"] = body
        return variables

    def _trace_step(self, rule: Rule, outcome: str, detail: str = "") -> bool:
        if self.trace is not None:
            snapshot = rule.snapshot
            looked_up = self.policy_rows if rule.lookups else None
            self.trace(
                Step(
                    rule.id,
                    snapshot.app,
                    snapshot.version,
                    rule.action,
                    rule.mode,
                    outcome,
                    detail,
                    looked_up[1].summary() if looked_up and looked_up[0] is rule else {},
                )
            )
        return False


_DERIVED: Final[Mapping[str, Callable[[str | None], str | None]]] = {
    "app": lambda app: app or "",
    "clientAddress": lambda session_id: None if session_id is None else client_address(session_id),
    "stream": lambda name: None if name is None else stream_name(name),
}
"""The value of each variable of `FIELD_OF`, of the text in its field; none if it has no value."""
