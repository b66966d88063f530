"""What is wrong with the fields that policies name: those that no hook has, or no session keeps.

Each finding is a warning: it names the attribute, and says what to write instead.
"""

from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from wcs_hooks.core.cel.syntax_tree import Path, comparisons_of, paths_of
from wcs_hooks.core.hook_fields import FIELDS, FieldKind, kind_of, meant_by
from wcs_hooks.core.methods import METHODS, PLAYERS
from wcs_hooks.core.policy.client_config import Requirement
from wcs_hooks.core.policy.reader import EVERY_APP, Finding, Mode, Policy, Severity
from wcs_hooks.core.secrets import without_secrets

_BODY: Final = "body"
_SESSION: Final = "session"
_CONNECT: Final = "connect"
_OF_THE_HOOK: Final = frozenset({"authToken", "sessionId"})
"""The id of a session, under either of its names: each of its hooks carries it."""

_KINDS: Final = {
    str: FieldKind.STRING,
    int: FieldKind.NUMBER,
    float: FieldKind.NUMBER,
    bool: FieldKind.BOOLEAN,
}
_WRITE: Final = {
    FieldKind.STRING: "write the value in quotes",
    FieldKind.NUMBER: "write the value as a number, without quotes",
    FieldKind.BOOLEAN: "write true or false, without quotes",
}


class _Use(NamedTuple):
    """What one attribute of a policy looks at.

    Attributes
    ----------
    fields
        The fields of the hook's body.
    session
        Paths below the body of the session's connect.
    compared
        Paths of fields that are compared with literals, each with the literal's kind.
    stream
        Whether it looks at the name of the stream.
    """

    attribute: str
    fields: Sequence[str]
    session: Sequence[Path] = ()
    compared: Sequence[tuple[Path, FieldKind]] = ()
    stream: bool = False


def lint_fields(
    policies: Sequence[Policy], requirements: Sequence[Requirement], others: Sequence[Requirement]
) -> Iterator[Finding]:
    """Check the fields that an app's policies name.

    Parameters
    ----------
    requirements
        What the policies require of restClientConfig.
    others
        What policies that hold together with them do. What single apps withhold is not held against
        the policies for every app.
    """
    own = _withholding(requirements)
    together = _withholding(others) | own
    for policy in policies:
        if policy.mode is Mode.OFF:
            continue
        uses = list(_uses(policy))
        for use in uses:
            yield from _never_kept(policy, use)
            yield from _names_no_stream(policy, use)
            yield from _of_another_kind(policy, use)
            yield from _withheld(policy, use, own if policy.app == EVERY_APP else together)
        yield from _misspelt(policy, uses)


def _uses(policy: Policy) -> Iterator[_Use]:
    for path, values in policy.match.items():
        kinds = sorted({_KINDS[type(value)] for value in values if type(value) in _KINDS})
        compared = [((_BODY, *path.split(".")), kind) for kind in kinds]
        yield _Use(f"match.{path}", [path.partition(".")[0]], compared=compared)
    for attribute, expression in policy.expressions_by_attribute:
        tree = b64decode(expression.serialized)
        fields = sorted((expression.body_fields or frozenset()) | expression.derived_fields)
        session = sorted(paths_of(_SESSION, tree)) if _SESSION in expression.uses else ()
        compared = [(path, FieldKind(kind)) for path, kind in sorted(set(comparisons_of(tree)))]
        below = [path[1:] for path in session if len(path) > 1]
        yield _Use(attribute, fields, below, compared, "stream" in expression.uses)


def _never_kept(policy: Policy, use: _Use) -> Iterator[Finding]:
    for lost in dict.fromkeys(filter(None, map(_lost, use.session))):
        name = ".".join(lost)
        instead = f"check it at connect, as body.{name}"
        if name in _OF_THE_HOOK:
            instead = "every hook carries it, as body.sessionId"
        message = f"session.{name} never has a value, since sessions keep no secrets: {instead}"
        yield _warning(policy, use.attribute, message)


def _names_no_stream(policy: Policy, use: _Use) -> Iterator[Finding]:
    naming = any("name" in FIELDS[METHODS[method].canonical] for method in policy.methods)
    if use.stream and policy.methods and not naming:
        methods = ", ".join(policy.methods)
        message = f"uses stream, which never has a value: hooks of {methods} name no stream"
        yield _warning(policy, use.attribute, message)


def _lost(path: Path) -> Path:
    """The part of a path of connect's body down to what no session keeps; empty if all is kept."""
    body: Any = "value"
    for name in reversed(path):
        body = {name: body}
    kept: Any = without_secrets(body)
    for depth, name in enumerate(path, start=1):
        if not isinstance(kept, dict) or name not in kept:
            return path[:depth]
        kept = kept[name]
    return ()


def _of_another_kind(policy: Policy, use: _Use) -> Iterator[Finding]:
    methods = {_BODY: policy.methods, _SESSION: (_CONNECT,)}
    for (variable, *path), kind in use.compared:
        if variable not in methods or len(path) != 1:
            continue
        known = kind_of(path[0], methods[variable])
        if known not in {kind, FieldKind.ANY}:
            message = (
                f"compares {variable}.{path[0]}, which is a {known}, with a {kind}: {_WRITE[known]}"
            )
            yield _warning(policy, use.attribute, message)


def _withheld(
    policy: Policy, use: _Use, withheld: Mapping[tuple[str, str], str]
) -> Iterator[Finding]:
    # connect, and what players send who never connect, obey no restClientConfig.
    obeying = [name for name in policy.methods if name != _CONNECT and name not in PLAYERS]
    for field in use.fields:
        methods = [method for method in obeying if (method, field) in withheld]
        if methods:
            message = (
                f"{field} does not come with {', '.join(methods)}: policy "
                f"{withheld[methods[0], field]!r} withholds it. Take it out of restExclude there, "
                "or decide by another field"
            )
            yield _warning(policy, use.attribute, message)


def _misspelt(policy: Policy, uses: Sequence[_Use]) -> Iterator[Finding]:
    config = policy.client_config
    named = [
        *((use.attribute, field, policy.methods) for use in uses for field in use.fields),
        *((use.attribute, path[0], (_CONNECT,)) for use in uses for path in use.session),
        *((f"set.{field}", field, policy.methods) for field in policy.set_json),
        *((f"compute.{field}", field, policy.methods) for field in policy.compute),
        *(("restOverwrite", field, policy.methods) for field in config.rest_overwrite),
        *(("restExclude", field, policy.methods) for field in config.rest_exclude),
        *(("clientExclude", field, policy.methods) for field in config.client_exclude),
    ]
    for attribute, field, methods in dict.fromkeys(named):
        meant = meant_by(field, methods)
        if meant:
            message = f"WCS sends no field {field!r}; did you mean {' or '.join(meant)}?"
            yield _warning(policy, attribute, message)


def _withholding(requirements: Sequence[Requirement]) -> dict[tuple[str, str], str]:
    """Method and field to the policy that keeps the field from the hooks."""
    return {
        (requirement.method, name): requirement.policy
        for requirement in requirements
        for name in requirement.rest_exclude
    }


def _warning(policy: Policy, attribute: str, message: str) -> Finding:
    return Finding(Severity.WARNING, policy.id, attribute, message)
