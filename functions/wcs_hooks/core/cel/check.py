"""The check of an expression: what happens to it when its policy is compiled.

It is type-checked by Google's own compiler, whose messages an operator is shown; what it sees of a
hook, and what is known of it without the runtime, is read from its syntax tree.
"""

import base64
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from wcs_hooks.core.cel.expression import (
    FIELD_OF,
    VARIABLES,
    ExpressionError,
    environment,
    may_be_json,
    plain,
    read_back,
)
from wcs_hooks.core.cel.functions import STRING_FUNCTIONS
from wcs_hooks.core.cel.guard import StoredGuard
from wcs_hooks.core.cel.guard_extraction import guard_of
from wcs_hooks.core.cel.hints import with_hints
from wcs_hooks.core.cel.literals import LiteralError, check_literals
from wcs_hooks.core.cel.patterns import PatternError, check_patterns
from wcs_hooks.core.cel.syntax_tree import fields_of

if TYPE_CHECKING:
    from cel_expr_python import cel

MAX_EXPRESSION_CHARACTERS: Final = 4096
"""The longest expression that is accepted; a checked one takes about 16 times its source's size."""


_CALLS_STRING_FUNCTION: Final = re.compile(rf"\b({'|'.join(STRING_FUNCTIONS)})\b")


class Checked(NamedTuple):
    """An expression that passed the type check.

    Attributes
    ----------
    source
        As it was written.
    serialized
        Its checked form, base64, which `wcs_hooks.core.cel.expression.Expression` reads back. Not
        the same each time.
    returns
        CEL's name of the type it gives: `BOOL`, `DYN` where it depends on the hook, …
    uses
        The variables among `VARIABLES` that it refers to.
    body_fields
        The fields of the body that it can see; none if it can see all of it.
    guard
        What `wcs_hooks.core.cel.guard.Guard` is made of; none if nothing is known beforehand.
    """

    source: str
    serialized: str
    returns: str
    uses: frozenset[str]
    body_fields: frozenset[str] | None
    guard: StoredGuard | None

    @property
    def sees(self) -> list[str] | None:
        """The fields of the body whose values it depends on; none if it can see all of it."""
        if self.body_fields is None:
            return None
        return sorted(self.body_fields | self.derived_fields)

    @property
    def derived_fields(self) -> frozenset[str]:
        """The fields of the body that it sees by way of other variables: of `FIELD_OF`."""
        return frozenset(FIELD_OF[name] for name in self.uses if name in FIELD_OF)

    @property
    def rows(self) -> frozenset[str] | None:
        """The aliases of `rows` that it can see; none if it can see all of them."""
        if "rows" not in self.uses:
            return frozenset()
        return fields_of("rows", base64.b64decode(self.serialized))

    @property
    def may_be_boolean(self) -> bool:
        """Whether it can give a boolean."""
        return self.returns in {"BOOL", "DYN"}

    @property
    def may_be_text(self) -> bool:
        """Whether it can give a string."""
        return self.returns in {"STRING", "DYN"}

    @property
    def may_be_number(self) -> bool:
        """Whether it can give a number."""
        return self.returns in {"INT", "UINT", "DOUBLE", "DYN"}

    @property
    def may_be_json(self) -> bool:
        """Whether it can give a value that JSON has."""
        return may_be_json(self.returns)


def check(source: str) -> Checked:
    """Compile and type-check an expression.

    Raises
    ------
    ExpressionError
        With the compiler's own message, a caret below the place, and a hint at what was meant; if
        it is longer than `MAX_EXPRESSION_CHARACTERS`; or with what `wcs_hooks.core.cel.patterns`
        has against a pattern, or `wcs_hooks.core.cel.literals` against a literal.
    """
    if len(source) > MAX_EXPRESSION_CHARACTERS:
        raise ExpressionError(
            f"the expression has {len(source):,} characters; at most "
            f"{MAX_EXPRESSION_CHARACTERS:,} are accepted"
        )
    if "\0" in source:
        raise ExpressionError("the expression contains a NUL character")
    try:
        source.encode()
        compiled = _environment(source).compile(source)
        serialized = compiled.serialize()
        check_patterns(serialized)
    except (RuntimeError, UnicodeError, PatternError) as error:
        raise ExpressionError(with_hints(source, plain(str(error)))) from error
    if not _can_be_read_back(serialized):
        raise ExpressionError("is nested too deeply: it could be stored, but not be read back")
    try:
        check_literals(source, serialized)
    except LiteralError as error:
        raise ExpressionError(str(error)) from error
    # The runtime does not show the syntax tree; whether a variable is used can still be
    # determined for certain, by compiling where it is not declared.
    uses = frozenset(
        name
        for name in VARIABLES
        if re.search(rf"\b{name}\b", source) and not _compiles_without(name, source)
    )
    stored = base64.b64encode(serialized).decode()
    return Checked(
        source,
        stored,
        compiled.return_type().name(),
        uses,
        fields_of("body", serialized),
        guard_of(serialized),
    )


def _can_be_read_back(serialized: bytes) -> bool:
    """Whether it can: 17 loops in each other cannot, though they compile."""
    try:
        read_back(serialized)
    except RuntimeError:
        return False
    return True


def _environment(source: str, without: str = "") -> "cel.Env":
    """Where an expression is compiled: with the string functions only if it may call one."""
    return environment(without, strings=_CALLS_STRING_FUNCTION.search(source) is not None)


def _compiles_without(name: str, source: str) -> bool:
    try:
        _environment(source, without=name).compile(source)
    except RuntimeError:
        return False
    return True
