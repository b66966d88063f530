"""Policies as people might write them, and what the contract says they do with a hook.

`answer` is the contract once more, in the plainest form: no index, no compilation, no cache.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.property.json_texts import are_equal
from tests.unit.given import NOW

HOOKS = {
    "connect": "connect",
    "publishStream": "direct",
    "call": "direct",
    "sendDTMF": "direct",
    "sendDtmf": "direct",
    "StreamKeepAliveEvent": "event",
    "OnCallEvent": "incoming",
}
"""Methods that the policies here are about, with their categories."""

_OTHER_SPELLING = {"sendDTMF": "sendDtmf", "sendDtmf": "sendDTMF"}

_VALUES = st.sampled_from([1, 1.0, True, None, "x", "y", [1], {"d": 1}])


class NoValueError(Exception):
    """The expression has no value for the hook."""


type Condition = Callable[[str, Mapping[str, Any]], bool]


def _field(body: Mapping[str, Any], name: str) -> Any:
    if name not in body:
        raise NoValueError
    return body[name]


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise NoValueError
    return value


CONDITIONS: dict[str, Condition] = {
    "true": lambda _method, _body: True,
    "false": lambda _method, _body: False,
    "body.a == 1": lambda _method, body: are_equal(_field(body, "a"), 1),
    "body.b == 'x'": lambda _method, body: are_equal(_field(body, "b"), "x"),
    "'b' in body": lambda _method, body: "b" in body,
    "body.a": lambda _method, body: _boolean(_field(body, "a")),
    "method == 'call'": lambda method, _body: method == "call",
    "category == 'direct'": lambda method, _body: HOOKS[method] == "direct",
    "app == 'live' && !known": lambda _method, _body: True,
    "now > timestamp('2000-01-01T00:00:00Z')": lambda _method, _body: True,
    "now.getFullYear() < 2029": lambda _method, _body: False,
}

COMPUTATIONS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "'c-' + method": lambda _body: NotImplemented,
    "body.a": lambda body: _field(body, "a"),
    "has(body.b) ? body.b : null": lambda body: body.get("b"),
    "[1, 2].size()": lambda _body: 2,
    "string(now.getFullYear())": lambda _body: "2030",
}

BODIES = st.fixed_dictionaries(
    {"appKey": st.just("live")},
    optional={
        "a": _VALUES,
        "b": _VALUES,
        "c": st.one_of(_VALUES, st.fixed_dictionaries({"d": _VALUES})),
        "c.d": _VALUES,
    },
)

_REFUSABLE = ["connect", "publishStream", "call", "sendDTMF", "sendDtmf", "StreamKeepAliveEvent"]
_REFUSABLE_METHODS = st.one_of(
    st.sampled_from([*_REFUSABLE, "OnCallEvent", "@connect", "@direct", "@direct", "@incoming"]),
    st.lists(st.sampled_from([*_REFUSABLE, "@incoming"]), min_size=1, max_size=3),
)
_METHODS = st.one_of(_REFUSABLE_METHODS, st.sampled_from(["*", "@event", ["@event", "call"]]))
_INSTANTS = [
    datetime.fromtimestamp(NOW + hours * 3600, UTC).isoformat() for hours in (-2, -1, 0, 1, 2)
]
_WINDOWS: st.SearchStrategy[dict[str, str]] = st.one_of(
    st.just({}),
    st.sampled_from(_INSTANTS).map(lambda at: {"notBefore": at}),
    st.sampled_from(_INSTANTS).map(lambda at: {"notAfter": at}),
    st.lists(st.sampled_from(_INSTANTS), min_size=2, max_size=2).map(
        lambda pair: dict(zip(("notBefore", "notAfter"), sorted(pair), strict=True))
    ),
)
# Long lists of few values: that all paths of a policy fit is to happen often.
_MATCHES = st.dictionaries(
    st.sampled_from(["a", "b", "c.d", "z"]),
    st.one_of(
        _VALUES.filter(lambda value: value is not None and not isinstance(value, list)),
        st.lists(_VALUES, min_size=3, max_size=6),
    ),
    min_size=1,
    max_size=3,
)
_FIELDS = st.sampled_from(["a", "name", "record"])
_MODES = st.sampled_from(["enforce", "enforce", "enforce", "shadow", "off"])
_COMMON: dict[str, st.SearchStrategy[Any]] = {
    "priority": st.sampled_from([1, 2, 1.5, 100, 101]),
    "match": _MATCHES,
    "when": st.sampled_from(list(CONDITIONS)),
    "whenError": st.sampled_from(["match", "skip"]),
    "mode": _MODES,
}


def _policy(
    action: str,
    methods: st.SearchStrategy[Any],
    optional: Mapping[str, st.SearchStrategy[Any]],
    **required: st.SearchStrategy[Any],
) -> st.SearchStrategy[dict[str, Any]]:
    attributes = st.fixed_dictionaries(
        {"action": st.just(action), "method": methods, **required}, optional=optional
    )
    return st.builds(lambda policy, window: policy | window, attributes, _WINDOWS)


def _without_a_field_twice(policy: dict[str, Any]) -> dict[str, Any]:
    literal = policy.get("set", {})
    computed = {n: s for n, s in policy.pop("compute").items() if n not in literal}
    return policy | ({"compute": computed} if computed else {})


_ECHO = _policy("echo", _METHODS, _COMMON)
_DENY = _policy(
    "deny",
    _REFUSABLE_METHODS,
    _COMMON | {"status": st.sampled_from([403, 451]), "reason": st.text(max_size=5)},
)
_OVERRIDE = _policy(
    "override",
    _METHODS,
    _COMMON,
    set=st.dictionaries(_FIELDS, _VALUES, min_size=1, max_size=2),
    compute=st.dictionaries(_FIELDS, st.sampled_from(list(COMPUTATIONS)), max_size=2),
).map(_without_a_field_twice)
_CONFIGURE = _policy(
    "configure",
    _METHODS,
    {
        "priority": _COMMON["priority"],
        "mode": _MODES,
        "restOnError": st.sampled_from(["FAIL", "LOG"]),
        "restPolicy": st.sampled_from(["OVERWRITE", "NOTIFY"]),
        "clientExclude": st.sampled_from(["token", "token,custom"]),
    },
    restExclude=st.just("sdp"),
)


def _layers(policies: list[dict[str, Any]], apps: list[str]) -> list[dict[str, Any]]:
    # Ids that do not sort as the policies were drawn.
    return [
        {"app": app, "id": f"p{(7 * number) % 11:02}"} | policy
        for number, (policy, app) in enumerate(zip(policies, apps, strict=False))
    ]


_APPS = st.lists(st.sampled_from(["live", "live", "*"]), min_size=8, max_size=8)

POLICIES = st.builds(_layers, st.lists(st.one_of(_ECHO, _DENY, _OVERRIDE), max_size=8), _APPS)
"""Policies of an app and of every app, that decide."""

CONFIGURED_POLICIES = st.builds(
    _layers, st.lists(st.one_of(_DENY, _OVERRIDE, _CONFIGURE), max_size=6), _APPS
)
"""Policies that need something of restClientConfig, or contradict what others need."""


class Answer(NamedTuple):
    """What becomes of a hook, by the contract."""

    denied_by: tuple[str, int, str] | None
    fields: dict[str, Any]
    applied: list[str]
    shadow_denied: list[str]
    shadow_overridden: list[str]
    failed: list[tuple[str, str]]


def answer(
    policies: Sequence[dict[str, Any]], method: str, body: Mapping[str, Any], now: float
) -> Answer:
    """The contract, section "Evaluation", word by word."""
    found = Answer(None, {}, [], [], [], [])
    for policy in sorted(policies, key=_order):
        values = _applies(policy, method, body, now, found)
        if values is None:
            continue
        name, action = f"{policy['app']}/{policy['id']}", policy["action"]
        if policy.get("mode") == "shadow":
            counted = {"deny": found.shadow_denied, "override": found.shadow_overridden}
            counted.get(action, []).append(name)
            continue
        found.applied.append(name)
        if action == "deny":
            refusal = (name, policy.get("status", 403), policy.get("reason", ""))
            return found._replace(denied_by=refusal, fields={})
        if action == "echo":
            return found
        found.fields.update(values | found.fields)
    return found


def _applies(
    policy: Mapping[str, Any], method: str, body: Mapping[str, Any], now: float, found: Answer
) -> dict[str, Any] | None:
    """What the policy sets, nothing for most; none where it does not apply."""
    considered = policy.get("mode") != "off" and _is_for(policy, method) and _is_open(policy, now)
    if not considered or not _matches(policy, body):
        return None
    if not _condition_holds(policy, method, body, found):
        return None
    return _values(policy, method, body, found) if policy["action"] == "override" else {}


def _order(policy: Mapping[str, Any]) -> tuple[float, bool, str]:
    return policy.get("priority", 100), policy["app"] == "*", policy["id"]


def _is_for(policy: Mapping[str, Any], method: str) -> bool:
    named = policy["method"] if isinstance(policy["method"], list) else [policy["method"]]
    spellings = {method, _OTHER_SPELLING.get(method, method)}
    return "*" in named or f"@{HOOKS[method]}" in named or not spellings.isdisjoint(named)


def _is_open(policy: Mapping[str, Any], now: float) -> bool:
    opens, closes = policy.get("notBefore"), policy.get("notAfter")
    at = datetime.fromtimestamp(now, UTC)
    return (opens is None or datetime.fromisoformat(opens) <= at) and (
        closes is None or at <= datetime.fromisoformat(closes)
    )


def _matches(policy: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    for path, wanted in policy.get("match", {}).items():
        alternatives = wanted if isinstance(wanted, list) else [wanted]
        found: Any = body
        for name in [path] if path in body else path.split("."):
            if not isinstance(found, dict) or name not in found:
                return False
            found = found[name]
        if not any(are_equal(found, alternative) for alternative in alternatives):
            return False
    return True


def _condition_holds(
    policy: Mapping[str, Any], method: str, body: Mapping[str, Any], found: Answer
) -> bool:
    if "when" not in policy:
        return True
    try:
        return CONDITIONS[policy["when"]](method, body)
    except NoValueError:
        found.failed.append((policy["id"], "when"))
        default = "match" if policy["action"] == "deny" else "skip"
        return bool(policy.get("whenError", default) == "match")


def _values(
    policy: Mapping[str, Any], method: str, body: Mapping[str, Any], found: Answer
) -> dict[str, Any] | None:
    values = dict(policy["set"])
    for field, source in policy.get("compute", {}).items():
        try:
            value = COMPUTATIONS[source](body)
        except NoValueError:
            found.failed.append((policy["id"], f"compute.{field}"))
            return None
        values[field] = f"c-{method}" if value is NotImplemented else value
    return values
