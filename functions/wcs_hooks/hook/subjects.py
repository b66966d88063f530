"""Finds out who is behind a hook, for the log and for events."""

from collections.abc import Callable, Sequence

from wcs_hooks.clock import Deadline
from wcs_hooks.core.cel.expression import MAX_VISIBLE_VALUES
from wcs_hooks.core.decision import Hook, Identity, Session
from wcs_hooks.core.keyed_hash import keyed_hash
from wcs_hooks.core.methods import Category
from wcs_hooks.core.policy.vocabulary import has_more_values_than
from wcs_hooks.core.secrets import masked
from wcs_hooks.core.subject import LONGEST, Subject, SubjectExpression
from wcs_hooks.hook.sessions import kept_body


class SubjectFinder:
    """Finds out who is behind hooks.

    Parameters
    ----------
    expression
        Says who it is where no token proves it; none for nobody.
    secrets
        Returns the secrets that subjects are hashed with, the current one first, by a deadline; may
        raise `UnavailableError`. None to show subjects as they are.
    """

    def __init__(
        self,
        expression: SubjectExpression | None,
        secrets: Callable[[Deadline], Sequence[str]] | None,
    ) -> None:
        self._expression = expression
        self._secrets = secrets

    def find(
        self, hook: Hook, identity: Identity, session: Callable[[], Session], deadline: Deadline
    ) -> Subject | None:
        """Who is behind a hook; none where that is not known.

        Parameters
        ----------
        session
            Returns the hook's session; never called for a connect.

        Raises
        ------
        UnavailableError
            If the session or the secret cannot be read.
        """
        claims = identity.claims()
        proven = (claims or {}).get("sub")
        verified = isinstance(proven, str) and proven != ""
        said = proven if verified else self._said(hook, claims, session)
        if not said:
            return None
        if self._secrets is not None:
            return Subject(hash=keyed_hash(said, self._secrets(deadline)[0]), verified=verified)
        # What a client says of itself may be anything, a token as well.
        shown = said if verified else masked({"subject": said})["subject"]
        return Subject(shown[:LONGEST], verified=verified)

    def _said(self, hook: Hook, claims: object, session: Callable[[], Session]) -> str:
        """What the expression says; a connect's body is what its session will be."""
        if self._expression is None:
            return ""
        body = kept_body(hook.payload)
        known = body if hook.category == Category.CONNECT else session().body
        variables = {
            "app": hook.payload.app,
            "body": body,
            "claims": claims,
            "method": hook.method,
            "session": known,
        }
        return self._expression.value(
            {
                name: value
                for name, value in variables.items()
                if not has_more_values_than(MAX_VISIBLE_VALUES, value)
            }
        )
