"""The attributes of a policy with the action `trust`: whose tokens are believed, and for what.

`docs/reference/tokens.md` explains their defaults and their meaning to those who edit them.
"""

from collections.abc import Collection, Sequence
from typing import Any, Final

from wcs_hooks.core.issuer_keys import DISCOVERY, KeyAddress, KeyAddressError, endpoint_of
from wcs_hooks.core.policy.attributes import AttributeReader, as_list, listed, shown
from wcs_hooks.core.policy.vocabulary import Mode
from wcs_hooks.core.tokens.keys import (
    ALGORITHMS,
    SYMMETRIC_ALGORITHMS,
    Key,
    UnusableKeyError,
    key_of_jwk,
    keys_of_pem,
)
from wcs_hooks.core.tokens.trust import (
    LEEWAY_BY_DEFAULT,
    MAX_LEEWAY,
    PLACES_BY_DEFAULT,
    REQUIRE_BY_DEFAULT,
    Form,
    KeySource,
    Trust,
)

ATTRIBUTES_OF_TRUST: Final = frozenset(
    {
        "algorithms",
        "audience",
        "form",
        "issuer",
        "keys",
        "leeway",
        "require",
        "required",
        "tokenIn",
    }
)
"""What only a `trust` has."""

WANTED_OF_TRUST: Final = {
    "algorithms": f"a list of {', '.join(ALGORITHMS)}",
    "audience": "a text, or a list of texts",
    "form": "jwt or key",
    "issuer": "a text, or a list of texts",
    "keys": "an https address, secret:<name>, a JWK or PEM",
    "leeway": "a number of seconds",
    "require": "a list of claims",
    "required": "true or false",
    "tokenIn": "a path such as custom.token, or a list of paths",
}
"""What to give for one of these that is empty."""

NAMED_SECRET: Final = "secret:"  # noqa: S105 - what precedes a name
"""Marks the name of a secret where keys are given."""

_MOST_KEYS: Final = 100
_NO_KEYS: Final = KeySource()


def read_trust(  # noqa: PLR0913 - what all policies have, by name
    reader: AttributeReader,
    *,
    form: Form,
    methods: tuple[str, ...],
    mode: Mode,
    priority: float,
    status: int,
    reason: str,
    not_before: float | None,
    not_after: float | None,
) -> Trust:
    """Read what a `trust` says; of what is wrong the reader has an error."""
    issuers = _texts(reader, "issuer")
    algorithms = _algorithms(reader)
    keys = _keys(reader, form, issuers)
    _check_families(reader, form, keys, algorithms)
    if form is Form.KEY:
        for name in ("issuer", "audience", "algorithms"):
            if name in reader.item:
                reader.error(name, "has no meaning with form key: such keys do not say it")
    elif not reader.item.get("audience"):
        reader.warning(
            "audience", "is not given: tokens that the issuer made for others are taken, too"
        )
    return Trust(
        app=str(reader.item.get("app", "")),
        id=reader.id,
        methods=methods,
        keys=keys,
        form=form,
        token_in=_places(reader, form),
        issuers=issuers,
        audiences=_texts(reader, "audience"),
        algorithms=algorithms,
        leeway=_leeway(reader),
        require=_required_claims(reader),
        required=_boolean(reader, "required"),
        mode=mode,
        status=status,
        reason=reason,
        priority=priority,
        not_before=not_before,
        not_after=not_after,
    )


def _places(reader: AttributeReader, form: Form) -> tuple[str, ...]:
    if "tokenIn" not in reader.item:
        return PLACES_BY_DEFAULT[form]
    places = _texts(reader, "tokenIn")
    for place in places:
        path, has_parameter, parameter = place.partition("?")
        if not all(path.split(".")) or (has_parameter and not parameter) or "?" in parameter:
            reader.error(
                "tokenIn",
                f"{shown(place)} is not a place: give a field, a dotted path, or one of these with "
                "?parameter for a parameter of the query",
            )
    return places or PLACES_BY_DEFAULT[form]


def _texts(reader: AttributeReader, attribute: str) -> tuple[str, ...]:
    values = as_list(reader.item.get(attribute))
    texts = tuple(value for value in values if isinstance(value, str) and value)
    if len(texts) != len(values):
        reader.error(attribute, "must be a text, or a list of texts, none of them empty")
    elif len(set(texts)) != len(texts):
        reader.error(attribute, "has a text twice: leave one of them out")
    return texts


def _algorithms(reader: AttributeReader) -> tuple[str, ...]:
    names = _texts(reader, "algorithms")
    for name in names:
        if name not in ALGORITHMS:
            reader.error("algorithms", f"{shown(name)} is not among {listed(ALGORITHMS)}")
    return tuple(name for name in names if name in ALGORITHMS)


def _leeway(reader: AttributeReader) -> int:
    leeway = reader.number("leeway", LEEWAY_BY_DEFAULT, 0, MAX_LEEWAY)
    if leeway != int(leeway):
        reader.error("leeway", f"{leeway} is not a whole number of seconds")
    return int(leeway)


def _required_claims(reader: AttributeReader) -> tuple[str, ...]:
    if "require" not in reader.item:
        return REQUIRE_BY_DEFAULT
    names = _texts(reader, "require")
    if "exp" not in names:
        reader.warning("require", "lacks exp: a token without an end would be valid for ever")
    return names


def _boolean(reader: AttributeReader, attribute: str) -> bool:
    value = reader.item.get(attribute, False)
    if not isinstance(value, bool):
        reader.error(attribute, f"{shown(value)} is neither true nor false")
        return False
    return value


def _keys(reader: AttributeReader, form: Form, issuers: Sequence[str]) -> KeySource:
    given = reader.item.get("keys")
    if isinstance(given, str) and given.startswith(NAMED_SECRET):
        return _secret(reader, given.removeprefix(NAMED_SECRET))
    if form is Form.KEY:
        reader.error("keys", "must be secret:<name> with form key: whoever signs has the secret")
        return _NO_KEYS
    if given is None:
        return _discovered(reader, issuers)
    if isinstance(given, str) and "-----BEGIN" not in given:
        return _address(reader, given, issuers)
    return KeySource(static=_static(reader, given))


def _secret(reader: AttributeReader, name: str) -> KeySource:
    if not name or name != name.strip() or not name.isprintable():
        reader.error("keys", "names no secret: give secret:<name>, as in the secret's JSON")
    return KeySource(secret=name)


def _discovered(reader: AttributeReader, issuers: Sequence[str]) -> KeySource:
    if len(issuers) != 1 or not issuers[0].startswith("https://"):
        reader.error(
            "keys",
            "is not given, and can be found only for exactly one issuer that is an https address: "
            f"give {WANTED_OF_TRUST['keys']}",
        )
        return _NO_KEYS
    return _fetched(reader, KeyAddress.discovered(issuers[0]))


def _address(reader: AttributeReader, url: str, issuers: Sequence[str]) -> KeySource:
    if url.endswith(DISCOVERY) and len(issuers) != 1:
        reader.error(
            "issuer", "must be exactly one: a discovery document is of the issuer that it names"
        )
        return _NO_KEYS
    return _fetched(reader, KeyAddress.named_by(url, "".join(issuers[:1])))


def _fetched(reader: AttributeReader, address: KeyAddress) -> KeySource:
    try:
        # Whether http on this machine is allowed, only the compiler knows, which fetches.
        endpoint_of(address.url, local=True)
    except KeyAddressError as error:
        reader.error("keys", f"as an address {error}; else give secret:<name>, a JWK or PEM")
    return KeySource(address=address.url, issuer=address.issuer)


def _static(reader: AttributeReader, given: Any) -> tuple[Key, ...]:
    values = given["keys"] if isinstance(given, dict) and "keys" in given else given
    keys: list[Key] = []
    for value in as_list(values)[:_MOST_KEYS]:
        try:
            keys += keys_of_pem(value) if isinstance(value, str) else (key_of_jwk(value),)
        except UnusableKeyError as error:
            reader.error("keys", str(error))
    if len(as_list(values)) > _MOST_KEYS:
        reader.error("keys", f"has more than {_MOST_KEYS} keys")
    kids = [key.kid for key in keys if key.kid]
    if len(set(kids)) != len(kids):
        reader.error("keys", "has two keys of one kid: a token could mean either")
    return tuple(keys)


def _check_families(
    reader: AttributeReader, form: Form, keys: KeySource, algorithms: Collection[str]
) -> None:
    """No item has symmetric and asymmetric keys: a public key is not a secret."""
    if form is Form.KEY or not algorithms:
        return
    symmetric = set(SYMMETRIC_ALGORITHMS)
    if keys.secret and not symmetric.issuperset(algorithms):
        reader.error("algorithms", f"must be among {listed(symmetric)}, since keys is a secret")
    if not keys.secret and not symmetric.isdisjoint(algorithms):
        reader.error(
            "algorithms",
            f"{listed(symmetric.intersection(algorithms))} need a secret, and keys are public",
        )
    unfit = [key for key in keys.static if set(key.algorithms).isdisjoint(algorithms)]
    if unfit:
        fitting = listed({name for key in unfit for name in key.algorithms})
        reader.error("algorithms", f"fit none of {len(unfit)} of the keys, which take {fitting}")
