"""The issuer of a scenario's tokens: key pairs of its own, and what it signs with them."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from simulated_wcs.scenario import PolicyItem, ShownToken

if TYPE_CHECKING:
    from joserfc.jwk import ECKey

_ALGORITHM: Final = "ES256"
_CURVE: Final = "P-256"


class TokenIssuer:
    """Signs the tokens that clients show, with keys that nobody else has.

    Parameters
    ----------
    now
        Returns seconds since the epoch.

    Examples
    --------
    >>> issuer = TokenIssuer()
    >>> [policy] = issuer.with_public_keys([{"id": "site", "keys": {"kid": "first"}}])
    >>> policy["keys"]["kty"], policy["keys"]["kid"]
    ('EC', 'first')
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self._now = now
        self._keys: dict[str, ECKey] = {}

    def with_public_keys(self, policies: Sequence[PolicyItem]) -> list[PolicyItem]:
        """The same policies; a key that is given by its `kid` alone is the whole public key."""
        return [
            {name: self._filled_in(value) if name == "keys" else value for name, value in p.items()}
            for p in policies
        ]

    def body_with(
        self, fields: Mapping[str, Any], shown: ShownToken | None, name: str = ""
    ) -> dict[str, Any]:
        """A hook's fields, with the token where the client shows it.

        Parameters
        ----------
        name
            Name of the stream, if the fields have none.
        """
        if shown is None:
            return dict(fields)
        token = self._sign(shown)
        path, has_parameter, parameter = shown.place.partition("?")
        if has_parameter:
            text = str(fields.get(path, name))
            separator = "&" if "?" in text else "?"
            return {**fields, path: f"{text}{separator}{parameter}={quote(token)}"}
        return _with_value(fields, path.split("."), token)

    def _sign(self, shown: ShownToken) -> str:
        # Imported here because most scenarios have no tokens.
        from joserfc import jwt  # noqa: PLC0415

        claims = {"exp": int(self._now() + shown.expires), **shown.claims}
        return jwt.encode({"alg": _ALGORITHM, "kid": shown.kid}, claims, self._key(shown.key))

    def _filled_in(self, keys: Any) -> Any:
        if isinstance(keys, list):
            return [self._filled_in(key) for key in keys]
        if isinstance(keys, dict) and keys.keys() == {"kid"}:
            public = self._key(str(keys["kid"])).as_dict(private=False)
            return {**public, **keys, "use": "sig", "alg": _ALGORITHM}
        return keys

    def _key(self, name: str) -> "ECKey":
        if name not in self._keys:
            from joserfc.jwk import ECKey  # noqa: PLC0415

            self._keys[name] = ECKey.generate_key(_CURVE)
        return self._keys[name]


def _with_value(fields: Mapping[str, Any], path: Sequence[str], value: str) -> dict[str, Any]:
    """A copy of an object with a value at a path; objects on the way are made."""
    first, *rest = path
    if not rest:
        return {**fields, first: value}
    inner = fields.get(first)
    return {**fields, first: _with_value(inner if isinstance(inner, dict) else {}, rest, value)}
