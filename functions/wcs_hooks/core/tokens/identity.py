"""Who is behind a hook: what the token that it shows, or the one at its session's connect, proved.

Nothing is verified or read before it is asked for, and nothing twice.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from wcs_hooks.core.decision import Hook, Session
from wcs_hooks.core.methods import METHODS, PLAYERS, Category
from wcs_hooks.core.stream_name import stream_name
from wcs_hooks.core.tokens import verification
from wcs_hooks.core.tokens.trust import Trust
from wcs_hooks.core.tokens.verification import NOTHING_SHOWN, KeysOf, Shown, TokenStatus, verify

_NAMES_STREAM: Final = "name"


class HookIdentity:
    """Who is behind one hook.

    Parameters
    ----------
    trusts
        The items of the hook's app and those for every app, in order.
    keys_of
        The keys of an item.
    session
        Returns the hook's session; may raise `UnavailableError`, which is passed on.
    now
        Seconds since the epoch.
    given
        What is to be taken for known of the hook's token, so that none is verified; for tests of
        policies, which hold no signatures.
    """

    __slots__ = (
        "_claims",
        "_given",
        "_has_claims",
        "_hook",
        "_keys_of",
        "_now",
        "_session",
        "_trusts",
        "shown",
    )

    def __init__(
        self,
        hook: Hook,
        trusts: Sequence[Trust],
        keys_of: KeysOf,
        session: Callable[[], Session],
        now: float,
        given: Shown | None = None,
    ) -> None:
        self._hook = hook
        self._trusts = trusts
        self._keys_of = keys_of
        self._session = session
        self._now = now
        self._given = given
        self.shown: Shown | None = None
        self._has_claims = False
        self._claims: Mapping[str, Any] | None = None

    def token(self) -> Mapping[str, str]:
        """The variable `token` of expressions: about the token that this very hook shows.

        Raises
        ------
        UnavailableError
            If the token is valid, and the session whose it must be cannot be read.
        """
        return self._verified().variable()

    def claims(self) -> Mapping[str, Any] | None:
        """The variable `claims`: of the hook's token, else of its session's connect; or none.

        Raises
        ------
        UnavailableError
            If the session is needed and cannot be read.
        """
        if not self._has_claims:
            shown = self._verified()
            self._claims = (
                self._connect_claims() if shown.status is TokenStatus.NONE else shown.claims
            )
            self._has_claims = True
        return self._claims

    def _verified(self) -> Shown:
        if self.shown is None:
            shown = self._verify() if self._given is None else self._given
            if shown.claims is not None:
                shown = shown.beside(self._connect_claims())
            self.shown = shown
        return self.shown

    def _verify(self) -> Shown:
        if not self._trusts:
            return NOTHING_SHOWN
        payload = self._hook.payload
        name = payload.fields.get(_NAMES_STREAM)
        return verify(
            verification.TokenHook(
                payload.app,
                METHODS[self._hook.method].canonical,
                stream_name(name) if type(name) is str else "",
                payload.fields,
            ),
            self._trusts,
            self._keys_of,
            self._now,
        )

    def _connect_claims(self) -> Mapping[str, Any] | None:
        """What was verified when the session connected, to the app that the hook is of."""
        hook = self._hook
        if hook.category == Category.CONNECT or hook.method in PLAYERS:
            return None
        session = self._session()
        if session.claims is None or session.app != hook.payload.app:
            return None
        return session.claims
