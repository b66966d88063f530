"""The check of the caller: WCS is let in, and nobody else."""

from collections.abc import Sequence

from wcs_hooks.clock import Deadline
from wcs_hooks.core.caller import (
    BASIC_IS_WRONG,
    SIGNATURE_IS_WRONG,
    Auth,
    RejectedCallerError,
    authorize_source,
    basic_fits,
    credentials,
    signature_fits,
    source_address,
)
from wcs_hooks.hook.request import Request
from wcs_hooks.ports import Secrets


class CallerCheck:
    """Lets in WCS and nobody else.

    Parameters
    ----------
    auth
        How it proves itself.
    secrets
        What it proves itself with.
    basic_user
        The user of `Auth.BASIC`.
    allowed_sources
        CIDR blocks; none of them means any.
    trusted_proxies
        CIDR blocks of proxies whose X-Forwarded-For is believed.
    """

    def __init__(
        self,
        auth: Auth,
        secrets: Secrets,
        basic_user: str = "",
        allowed_sources: tuple[str, ...] = (),
        trusted_proxies: tuple[str, ...] = (),
    ) -> None:
        self._auth = auth
        self._secrets = secrets
        self._basic_user = basic_user
        self._allowed_sources = allowed_sources
        self._trusted_proxies = trusted_proxies

    def __call__(self, request: Request, deadline: Deadline) -> None:
        """Check a request.

        Raises
        ------
        RejectedCallerError
            If the caller did not prove to be WCS.
        UnavailableError
            If the secret could not be had.
        """
        source = source_address(request.source, request.forwarded_for, self._trusted_proxies)
        authorize_source(source, self._allowed_sources)
        if self._auth is Auth.NONE:
            return
        # First the form, which costs nothing: a stranger without a hash is none of our failures.
        given = credentials(self._auth, request.authorization)
        if self._fits(given, request.body, self._secrets.valid(deadline)):
            return
        # WCS may have been given a new secret since ours was read.
        if self._fits(given, request.body, self._secrets.refreshed(deadline)):
            return
        raise RejectedCallerError(SIGNATURE_IS_WRONG if self._auth is Auth.HMAC else BASIC_IS_WRONG)

    def _fits(self, given: bytes, body: bytes, secrets: Sequence[str]) -> bool:
        if self._auth is Auth.HMAC:
            return signature_fits(given, body, secrets)
        return basic_fits(given, self._basic_user, secrets)
