"""What a search of the decision log looks for: lines name sessions and people by keyed hashes.

A search finds what the settings `loggedFields` and `subject` let lines show. Hashes are computed
with the current and the previous secret, so that a rotation hides nothing.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from wcs_hooks.core.caller import Auth
from wcs_hooks.core.keyed_hash import keyed_hash
from wcs_hooks.core.methods import Category
from wcs_hooks.core.payload import encode, parse
from wcs_hooks.core.secrets import logged_fields
from wcs_hooks.core.subject import HASH, LONGEST
from wcsctl.caller_secret import CallerSecrets, CallerSecretStore, SubjectSecretStore
from wcsctl.decision_log import field_text
from wcsctl.deployment import Deployment
from wcsctl.errors import UsageError
from wcsctl.function_configuration import FunctionConfiguration, FunctionConfigurations

_HASH: Final = re.compile(r"[0-9a-f]{16}")


class DecisionSearch:
    """Turns what people look for into what lines show.

    Parameters
    ----------
    deployment
        Whose log is searched.
    configurations
        Its functions' settings.
    """

    def __init__(self, deployment: Deployment, configurations: FunctionConfigurations) -> None:
        self._deployment = deployment
        self._configurations = configurations

    def fields(self, words: Sequence[str]) -> Mapping[str, str]:
        """Fields to look for, by name, as lines show them.

        Parameters
        ----------
        words
            `name=value` each.

        Raises
        ------
        UsageError
            If a word has another form, or lines do not show the field.
        """
        found: dict[str, str] = {}
        shown = self._functions.logged_fields if words else ()
        for word in words:
            name, equals, value = word.partition("=")
            if not name or not equals:
                raise UsageError(f"--where {word!r} is not of the form name=value.")
            if name not in shown:
                raise UsageError(
                    f"Lines of the decision log do not show {name}: the setting loggedFields has "
                    f"{', '.join(shown) or 'no field'}. Add it and deploy the stack; lines from "
                    "before lack it all the same."
                )
            found[name] = _as_shown(name, value)
        return found

    def subjects(self, user: str) -> frozenset[str]:
        """A user as lines show them; or the hash of one as it is.

        Raises
        ------
        UsageError
            If lines do not say who it was.
        """
        form = self._functions.subject
        if not form:
            raise UsageError(
                "Lines of the decision log do not say who it was: deploy the stack with the "
                "setting subject=plain or subject=hash."
            )
        # Lines from before the setting was changed show the other form.
        names = {user[:LONGEST]}
        if form == HASH:
            names |= _hashes(user, SubjectSecretStore(self._deployment).read())
        return frozenset(names)

    def sessions(self, session: str) -> frozenset[str]:
        """A session, by its `sessionId`, as lines show it; or the hash of one as it is.

        Raises
        ------
        UsageError
            If lines do not show sessions.
        """
        if self._functions.auth is Auth.NONE:
            raise UsageError(
                "Lines of the decision log do not show sessions: without a secret (auth: none) "
                "there is nothing to hash them with."
            )
        if _HASH.fullmatch(session):
            return frozenset({session})
        return frozenset(_hashes(session, CallerSecretStore(self._deployment).read()))

    @property
    def _functions(self) -> FunctionConfiguration:
        return self._configurations.for_function(Category.DIRECT)


def _as_shown(name: str, value: str) -> str:
    """A value as a line shows it: without secrets, and cut off where it is long."""
    shown = logged_fields(parse(encode({name: value}).encode()), [name])
    return field_text(shown.get(name, value))


def _hashes(text: str, secrets: CallerSecrets) -> set[str]:
    valid = filter(None, (secrets.current, secrets.previous))
    return {keyed_hash(text, secret) for secret in valid}
