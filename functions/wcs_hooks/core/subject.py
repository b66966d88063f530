"""The subject of a hook: who it was, as decision lines and events say it.

The settings `subject` and `subjectExpression`. What a token proved comes first; an expression,
which may go by what a client says of itself, is for those who show none, and marked `unverified`.
"""

import base64
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from wcs_hooks.core.cel.expression import Expression, ExpressionError, bind, environment

PLAIN: Final = "plain"
HASH: Final = "hash"
"""The forms in which the setting `subject` shows one."""

VARIABLES: Final = ("app", "body", "claims", "method", "session")
"""What the expression may use. `body` and `session` are without secrets, as sessions are kept."""

LONGEST: Final = 256
"""Characters of a subject that are shown."""


class Subject(NamedTuple):
    """Who it was.

    Attributes
    ----------
    id
        The claim `sub`, or the expression's value; empty where it is hashed.
    hash
        Its keyed hash; empty where it is shown as it is.
    verified
        Whether a token proved it.
    """

    id: str = ""
    hash: str = ""
    verified: bool = True

    def to_json(self) -> dict[str, Any]:
        """As decision lines and events have it.

        Examples
        --------
        >>> Subject("anna", verified=False).to_json()
        {'id': 'anna', 'unverified': True}
        """
        shown: dict[str, Any] = {"hash": self.hash} if self.hash else {"id": self.id}
        return shown if self.verified else {**shown, "unverified": True}


class SubjectExpression:
    """The expression of the setting, compiled when it is first evaluated.

    Not kept in its checked form, as policies' expressions are: that differs each time, and each
    deployment would change the functions' configuration.
    """

    __slots__ = ("_expression", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._expression: Expression | None = None

    def value(self, variables: Mapping[str, object]) -> str:
        """What it says of a hook; empty where it has no value, or one that is not a string.

        Parameters
        ----------
        variables
            Values for `VARIABLES`.
        """
        if self._expression is None:
            self._expression = self._compiled()
        try:
            return self._expression.text_value(bind(**variables))
        except ExpressionError:
            return ""

    def _compiled(self) -> Expression:
        from wcs_hooks.core.cel.functions import STRING_FUNCTIONS  # noqa: PLC0415

        strings = any(name in self._source for name in STRING_FUNCTIONS)
        compiled = environment(strings=strings).compile(self._source)
        return Expression(base64.b64encode(compiled.serialize()).decode())


def check_subject_expression(source: str) -> None:
    """Make sure that an expression can be a subject's.

    Raises
    ------
    ValueError
        If it does not compile, uses other variables than `VARIABLES`, or cannot give a string.
    """
    # Imported here because functions never check: it was done when they were deployed.
    from wcs_hooks.core.cel.check import check  # noqa: PLC0415

    try:
        checked = check(source)
    except ExpressionError as error:
        raise ValueError(str(error)) from error
    others = sorted(checked.uses.difference(VARIABLES))
    if others:
        raise ValueError(
            f"it must not use {', '.join(others)}: there is only {', '.join(VARIABLES)}"
        )
    if not checked.may_be_text:
        raise ValueError(f"it gives {checked.returns}, where a string is wanted")
