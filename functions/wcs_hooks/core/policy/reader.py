"""A policy: one item of the Policies table, read and checked attribute by attribute.

The attributes, their defaults and their meaning are the product's contract with the people who edit
them; `docs/reference/policies.md` explains them in the terms that those people use.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from wcs_hooks.core.cel.check import Checked
from wcs_hooks.core.hours import StoredHours
from wcs_hooks.core.methods import CANONICAL_METHODS, METHODS, Category
from wcs_hooks.core.policy.attributes import (
    AttributeReader,
    as_list,
    listed,
    mapping_or_empty,
    shown,
)
from wcs_hooks.core.policy.hours import HoursError, read_hours
from wcs_hooks.core.policy.limit_reader import WANTED_OF_LIMIT, Limit, read_limit
from wcs_hooks.core.policy.lookup_reader import WANTED_OF_LOOKUP, Lookup, check_rows, read_lookups
from wcs_hooks.core.policy.trust_reader import (
    ATTRIBUTES_OF_TRUST,
    WANTED_OF_TRUST,
    read_trust,
)
from wcs_hooks.core.policy.vocabulary import (
    EVERY_APP,
    MAX_INNER_VALUES,
    SYSTEM_ID_PREFIX,
    Action,
    Finding,
    Mode,
    Severity,
    WhenError,
    has_more_values_than,
)
from wcs_hooks.core.tokens.trust import (
    METHODS_BY_DEFAULT,
    PRIORITY_BY_DEFAULT,
    STATUS_BY_DEFAULT,
    Form,
    Trust,
)

__all__ = [
    "ATTRIBUTES",
    "CATEGORIES",
    "DEFAULT_PRIORITY",
    "DEFAULT_STATUS",
    "EVERY_APP",
    "MAX_PRIORITY",
    "SYSTEM_ID_PREFIX",
    "Action",
    "ClientConfig",
    "Finding",
    "Mode",
    "Policy",
    "Severity",
    "WhenError",
    "is_policy_id",
    "read_policy",
]

DEFAULT_PRIORITY: Final = 100
DEFAULT_STATUS: Final = 403
MAX_PRIORITY: Final = 2**53
_ERROR_STATUSES: Final = range(400, 600)
_MAX_REASON: Final = 1024


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """What a `configure` policy asks of restClientConfig: `docs/reference/wcs-protocol.md`, 4.

    A scalar is empty where the policy does not say.
    """

    rest_on_error: str = ""
    rest_policy: str = ""
    rest_overwrite: tuple[str, ...] = ()
    rest_exclude: tuple[str, ...] = ()
    client_exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that passed every check of its own.

    Attributes
    ----------
    methods
        The canonical names of the methods that it is for, its categories spelled out.
    named
        The method names that it spells out itself, as it has them.
    match
        Path to the alternatives, any of which the field must equal.
    set_json
        Override: field to the JSON text of its new value.
    not_before, not_after
        The window, in seconds since the epoch; both ends belong to it.
    hours
        Its weekly windows, if it has any.
    final
        Override: whether it ends the evaluation.
    trust
        Whose tokens are believed; none if the action is another.
    lookups
        The rows that it looks up.
    skips_unavailable
        Whether it is passed over if these cannot be read, or its limit cannot be counted:
        `whenError: skip` is written out.
    limit
        How many places there are: a denial with a limit applies only if none is left.
    """

    app: str
    id: str
    methods: tuple[str, ...]
    named: tuple[str, ...]
    action: Action
    priority: int | float = DEFAULT_PRIORITY
    match: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    when: Checked | None = None
    set_json: Mapping[str, str] = field(default_factory=dict)
    compute: Mapping[str, Checked] = field(default_factory=dict)
    status: int = DEFAULT_STATUS
    reason: str = ""
    mode: Mode = Mode.ENFORCE
    when_error: WhenError = WhenError.SKIP
    not_before: float | None = None
    not_after: float | None = None
    hours: StoredHours | None = None
    final: bool = False
    client_config: ClientConfig = ClientConfig()
    trust: Trust | None = None
    lookups: tuple[Lookup, ...] = ()
    skips_unavailable: bool = False
    limit: Limit | None = None

    @property
    def requires_token(self) -> bool:
        """Whether hooks without claims are denied."""
        return self.trust is not None and self.trust.required

    @property
    def may_deny(self) -> bool:
        """Whether hooks may be denied by it: a `deny`, and a `trust` that requires a token."""
        return self.action is Action.DENY or self.requires_token

    @property
    def fields(self) -> tuple[str, ...]:
        """The top-level fields that an override sets or computes."""
        return (*self.set_json, *(name for name in self.compute if name not in self.set_json))

    @property
    def uses(self) -> frozenset[str]:
        """The variables that its expressions refer to."""
        return frozenset().union(*(expression.uses for expression in self.expressions))

    @property
    def expressions(self) -> list[Checked]:
        """Its `when`, what it computes, of its limit, and the keys of what it looks up."""
        return [expression for _, expression in self.expressions_by_attribute]

    @property
    def expressions_by_attribute(self) -> list[tuple[str, Checked]]:
        """The same, each with the attribute that it is in."""
        when = [("when", self.when)] if self.when else []
        computed = [(f"compute.{name}", one) for name, one in self.compute.items()]
        limit = list(self.limit.expressions_by_attribute) if self.limit else []
        return (
            when + computed + limit + [(f"lookup.{one.alias}.key", one.key) for one in self.lookups]
        )


_FOR_ANY = frozenset({"app", "id", "method", "action", "mode", "notBefore", "notAfter", "note"})
_FOR_HOOKS = frozenset({"priority", "match", "when", "whenError", "hours", "lookup"})
_ATTRIBUTES: Final[dict[Action, frozenset[str]]] = {
    Action.ECHO: _FOR_ANY | _FOR_HOOKS,
    Action.OVERRIDE: _FOR_ANY | _FOR_HOOKS | {"set", "compute", "final"},
    Action.DENY: _FOR_ANY | _FOR_HOOKS | {"limit", "status", "reason"},
    Action.CONFIGURE: _FOR_ANY
    | {"priority", "restOnError", "restPolicy", "restOverwrite", "restExclude", "clientExclude"},
    Action.TRUST: _FOR_ANY | ATTRIBUTES_OF_TRUST | {"priority", "status", "reason"},
}
ATTRIBUTES: Final = frozenset().union(*_ATTRIBUTES.values())
"""Every attribute that a policy may have."""

_CALLS: Final = frozenset({Category.DIRECT, Category.INCOMING})
CATEGORIES: Final[dict[str, tuple[str, ...]]] = {
    **{
        str(category): tuple(n for n in CANONICAL_METHODS if METHODS[n].category is category)
        for category in Category
    },
    "refusable": tuple(
        name
        for name in CANONICAL_METHODS
        if METHODS[name].category in _CALLS and METHODS[name].advisable
    ),
}
"""What `method` can name as `@category`, with the canonical names of its methods. `refusable` has
the direct and incoming calls that may well be refused, so that "deny by default" is one line."""

_REQUIRED: Final = frozenset({"method", "action"})
_WANTED: Final = {
    "clientExclude": "the names of fields",
    "compute": "a field and an expression",
    "final": "true or false",
    "hours": "weekly windows such as Mon-Fri 09:00-18:00 Europe/Riga",
    "limit": WANTED_OF_LIMIT,
    "lookup": WANTED_OF_LOOKUP,
    "match": "a field and its value",
    "note": "a text",
    "notAfter": "a time such as 2030-01-31T18:00:00Z",
    "notBefore": "a time such as 2030-01-31T18:00:00Z",
    "priority": "a number",
    "reason": "a text",
    "restExclude": "the names of fields",
    "restOverwrite": "the names of fields",
    "set": "a field and its value",
    "status": "a number",
    "when": "an expression",
    **WANTED_OF_TRUST,
}
"""What to give for an attribute that is empty, where its allowed values do not say so."""

_REST_ON_ERROR: Final = ("LOG", "FAIL")
_REST_POLICY: Final = ("NOTIFY", "OVERWRITE", "DISABLE")


def is_policy_id(item_id: str) -> bool:
    """Whether an item of the Policies table is a policy, and not one of the system's."""
    return not item_id.startswith(SYSTEM_ID_PREFIX)


def read_policy(item: Mapping[str, Any]) -> tuple[Policy | None, list[Finding]]:
    """Read one item of the Policies table.

    Parameters
    ----------
    item
        Attribute to value, in the types that `json` gives.

    Returns
    -------
    tuple
        The policy, none where it has an error, and what is wrong with it.

    Examples
    --------
    >>> policy, _ = read_policy({"app": "*", "id": "a", "method": "call", "action": "deny"})
    >>> policy.methods, policy.status
    (('call',), 403)
    """
    reader = _Reader(item)
    policy = reader.policy()
    return (None if reader.failed else policy), reader.findings


class _Reader(AttributeReader):
    def policy(self) -> Policy:
        """The policy, with something in place of whatever is wrong: all mistakes show at once."""
        action = self.one_of("action", Action, None)
        self._attributes(action)
        trusts = action is Action.TRUST
        form = self.one_of("form", Form, Form.JWT) or Form.JWT if trusts else Form.JWT
        methods, named = self._methods(METHODS_BY_DEFAULT[form] if trusts else ())
        mode = self.one_of("mode", Mode, Mode.ENFORCE) or Mode.ENFORCE
        priority = self.number(
            "priority",
            PRIORITY_BY_DEFAULT if trusts else DEFAULT_PRIORITY,
            -MAX_PRIORITY,
            MAX_PRIORITY,
        )
        status = self._status(STATUS_BY_DEFAULT if trusts else DEFAULT_STATUS)
        reason = self.text("reason", _MAX_REASON)
        not_before, not_after = self.instant("notBefore"), self.instant("notAfter")
        when = self.expression("when", self.item.get("when"))
        if when is not None and not when.may_be_boolean:
            self.error("when", f"gives {when.returns}; it must give a boolean")
        fallback = WhenError.MATCH if action is Action.DENY else WhenError.SKIP
        compute, lookups, limit = self._compute(), read_lookups(self), read_limit(self)
        check_rows(self, when, compute, limit)
        return Policy(
            app=str(self.item.get("app", "")),
            id=self.id,
            methods=methods,
            named=named,
            action=action or Action.ECHO,
            priority=priority,
            match=self._match(),
            when=when,
            set_json=self._set(),
            compute=compute,
            status=status,
            reason=reason,
            mode=mode,
            when_error=self.one_of("whenError", WhenError, fallback) or fallback,
            not_before=not_before,
            not_after=not_after,
            hours=self._hours(),
            final=self.truth("final"),
            client_config=self._client_config(),
            trust=read_trust(
                self,
                form=form,
                methods=methods,
                mode=mode,
                priority=priority,
                status=status,
                reason=reason,
                not_before=not_before,
                not_after=not_after,
            )
            if trusts
            else None,
            lookups=lookups,
            skips_unavailable=self.item.get("whenError") == WhenError.SKIP,
            limit=limit,
        )

    def _attributes(self, action: Action | None) -> None:
        self.text("note", None)
        for name in (*self.item, *sorted(self.empty)):
            if name not in ATTRIBUTES:
                self.error(name, f"is not an attribute of a policy; known are {listed(ATTRIBUTES)}")
            elif action is not None and name not in _ATTRIBUTES[action]:
                fitting = [a for a in Action if name in _ATTRIBUTES[a]]
                self.error(
                    name, f"has no meaning with action {action}; it goes with {listed(fitting)}"
                )
            elif name in self.empty and name not in _REQUIRED:
                wanted = _WANTED.get(name, "one of its values")
                self.error(name, f"is empty: remove it, or give {wanted}")
        given = self.item.keys() | self.empty
        if action is Action.OVERRIDE and given.isdisjoint({"set", "compute"}):
            self.error("set", "there is nothing to override: give `set`, `compute` or both")

    def _methods(self, otherwise: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        names = as_list(self.item.get("method"))
        if not names and otherwise:
            return otherwise, ()
        if not names:
            self.error("method", "is required: a method's name, a category such as @direct, or *")
            return (), ()
        methods: dict[str, None] = {}
        named: list[str] = []
        for name in names:
            if not isinstance(name, str) or not name:
                self.error("method", f"{shown(name)} is not a method's name")
            elif name == "*":
                methods.update(dict.fromkeys(CANONICAL_METHODS))
            elif name.startswith("@"):
                self._category(name, methods)
            elif name in METHODS:
                named.append(name)
                methods[METHODS[name].canonical] = None
            else:
                self.warning(
                    "method",
                    f"{shown(name)} is not a known method, and such a hook is always "
                    "echoed: the policy does nothing for it",
                )
        return tuple(methods), tuple(named)

    def _category(self, name: str, methods: dict[str, None]) -> None:
        members = CATEGORIES.get(name[1:])
        if members is None:
            known = listed(f"@{category}" for category in CATEGORIES)
            self.error("method", f"{shown(name)} is not a category; known are {known}")
            return
        methods.update(dict.fromkeys(members))

    def _match(self) -> dict[str, tuple[Any, ...]]:
        match = self.mapping("match", "a field or a dotted path to a value, or a list of values")
        alternatives: dict[str, tuple[Any, ...]] = {}
        for path, value in match.items():
            if not all(path.split(".")):
                self.error(f"match.{path}", "is neither a field nor a dotted path")
            options = value if isinstance(value, list) else [value]
            if not options:
                self.error(f"match.{path}", "has no values: nothing could ever match")
            if any(has_more_values_than(MAX_INNER_VALUES, option) for option in options):
                self.error(
                    f"match.{path}",
                    f"has a value that holds more than {MAX_INNER_VALUES:,} others: such are not "
                    "compared",
                )
            alternatives[path] = tuple(
                option for option in options if self.json(f"match.{path}", option) is not None
            )
        return alternatives

    def _set(self) -> dict[str, str]:
        literals: dict[str, str] = {}
        for name, value in self.mapping("set", "a top-level field to its new value").items():
            self._overridden(f"set.{name}", name)
            text = self.json(f"set.{name}", value)
            if text is not None:
                literals[name] = text
        return literals

    def _compute(self) -> dict[str, Checked]:
        computed: dict[str, Checked] = {}
        for name, source in self.mapping("compute", "a top-level field to an expression").items():
            self._overridden(f"compute.{name}", name)
            if name in mapping_or_empty(self.item.get("set")):
                self.error(f"compute.{name}", "is in `set` too: keep one of them")
            if source is None:
                self.error(f"compute.{name}", "has no expression")
            expression = self.expression(f"compute.{name}", source)
            if expression is None:
                continue
            if not expression.may_be_json:
                self.error(
                    f"compute.{name}",
                    f"gives {expression.returns}, which JSON does not have: "
                    "convert it, with string() for one",
                )
            computed[name] = expression
        return computed

    def _overridden(self, attribute: str, name: str) -> None:
        if not name:
            self.error(attribute, "a field needs a name")
        elif "," in name or name != name.strip():
            self.error(
                attribute,
                "restOverwrite is comma-separated: no comma or outer blank in a field's name",
            )
        elif "." in name:
            self.error(
                attribute,
                f"only top-level fields can be set: give {name.partition('.')[0]} as a whole",
            )
        elif name == "restClientConfig":
            self.error(
                attribute, "is derived from the policies; use a policy with action configure"
            )
        elif name in _IDENTIFIERS:
            self.warning(attribute, f"WCS identifies what the hook is about by {name}")

    def _client_config(self) -> ClientConfig:
        overwrite = self.names("restOverwrite")
        policy = self.choice("restPolicy", _REST_POLICY)
        if overwrite and policy and policy != "OVERWRITE":
            self.error("restOverwrite", f"is used only with restPolicy OVERWRITE, not {policy}")
        config = ClientConfig(
            rest_on_error=self.choice("restOnError", _REST_ON_ERROR),
            rest_policy=policy,
            rest_overwrite=overwrite,
            rest_exclude=self.names("restExclude"),
            client_exclude=self.names("clientExclude"),
        )
        if self.item.get("action") == Action.CONFIGURE and config == ClientConfig():
            self.error("restOnError", "there is nothing to configure: give a rest… attribute")
        return config

    def _status(self, default: int) -> int:
        status = self.number("status", default, _ERROR_STATUSES[0], _ERROR_STATUSES[-1])
        if status != int(status):
            self.error("status", f"{status} is not an HTTP status")
        return int(status)

    def _hours(self) -> StoredHours | None:
        value = self.item.get("hours")
        if value is None:
            return None
        if not isinstance(value, str):
            self.error("hours", f"{shown(value)} is not a text: give {_WANTED['hours']}")
            return None
        try:
            return read_hours(value)
        except HoursError as error:
            self.error("hours", str(error))
            return None


_IDENTIFIERS: Final = frozenset({"sessionId", "nodeId", "appKey", "mediaSessionId", "callId"})
