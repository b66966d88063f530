"""What is to be taken for known of a hook's token: tests and trials hold no signatures."""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wcs_hooks.core.tokens.jwt import MalformedTokenError, read_claims
from wcs_hooks.core.tokens.verification import TokenStatus


class GivenTokenError(ValueError):
    """A status and claims that no token has together, or claims that no token has."""


class GivenToken(NamedTuple):
    """What is known of a hook's token.

    Attributes
    ----------
    claims
        Present exactly if the status is `valid`.
    """

    status: TokenStatus
    claims: Mapping[str, Any] | None = None


STATUSES: Final = tuple(str(status) for status in TokenStatus)


def given_token(status: str | None, claims: object = None) -> GivenToken | None:
    """What a status and claims say together; none if neither is given.

    Parameters
    ----------
    status
        One of `STATUSES`; none for `valid` if there are claims.
    claims
        A mapping; none for an empty one if the status is `valid`.

    Raises
    ------
    GivenTokenError
        If a token of this status proves nothing, or no token has such claims.

    Examples
    --------
    >>> given_token(None, {"sub": "anna"})
    GivenToken(status=<TokenStatus.VALID: 'valid'>, claims={'sub': 'anna'})
    """
    if status is None:
        return None if claims is None else GivenToken(TokenStatus.VALID, given_claims(claims))
    known = TokenStatus(status)
    if known is TokenStatus.VALID:
        return GivenToken(known, given_claims({} if claims is None else claims))
    if claims is not None:
        raise GivenTokenError(f"a token that is {known} proves nothing: give no claims with it")
    return GivenToken(known)


def given_claims(claims: object) -> Mapping[str, Any]:
    """Claims as a verified token would have them.

    Raises
    ------
    GivenTokenError
        If no token has such claims.
    """
    if not isinstance(claims, Mapping):
        raise GivenTokenError("a mapping of claims is expected")
    try:
        return read_claims(json.dumps(claims).encode())
    except MalformedTokenError as error:
        raise GivenTokenError(f"no token has these claims: it {error}") from None
    except (TypeError, ValueError, RecursionError):
        raise GivenTokenError("no token has these claims: they are not JSON") from None
