"""A guard: what is known of an expression without running it.

Most conditions compare single fields of the body with literals, `body.name.startsWith("private-")`,
and to hand a hook to the CEL runtime takes longer than all else that its decision needs. So when a
policy is compiled, comparisons that must all hold are noted beside the expression, in an index that
the decision asks first, as it asks that of `match`. The semantics stay the same: a comparison is
only taken where CEL leaves no choice, a field of the operand's own type, and wherever one could go
wrong, or be something else, the runtime is asked as before. That `false && error` is false
(https://github.com/google/cel-spec/blob/master/doc/langdef.md#logical-operators) is why a single
comparison can rule an expression out.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

type Operand = str | int | bool | list[str]
type StoredTerm = tuple[str, str, Operand, bool]
"""A field of the body, an operator of `OPERATORS`, what the field is compared with, and what must
come out: of a comparison that was negated, false."""

type StoredGuard = tuple[bool, Sequence[StoredTerm]]
"""Whether the terms are all that there is to the expression, and the terms."""

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "contains": operator.contains,
    "endsWith": str.endswith,
    "in": lambda value, texts: value in texts,
    "startsWith": str.startswith,
}


class Guard:
    """The comparisons of an expression that must all hold.

    Parameters
    ----------
    stored
        As a snapshot has it.

    Examples
    --------
    >>> guard = Guard((True, [("name", "startsWith", "private-", True)]))
    >>> guard.holds({"name": "private-1"}), guard.holds({"name": "room-1"}), guard.holds({})
    (True, False, None)
    """

    __slots__ = ("_is_whole", "_terms")

    def __init__(self, stored: StoredGuard) -> None:
        self._is_whole, terms = stored
        self._terms = [
            (field, *_typed(operand), OPERATORS[name], wanted)
            for field, name, operand, wanted in terms
        ]

    def holds(self, fields: Mapping[str, Any]) -> bool | None:
        """Whether the expression is true; none if only the runtime can decide that.

        Parameters
        ----------
        fields
            The body's, as expressions see them.
        """
        certain = self._is_whole
        for field, kind, operand, compare, wanted in self._terms:
            value = fields.get(field)
            if type(value) is not kind:
                certain = False
            elif compare(value, operand) is not wanted:
                return False
        return True if certain else None


def _typed(operand: Operand) -> tuple[type, Any]:
    """The type that a field must have to be compared with an operand, and the operand."""
    return (str, frozenset(operand)) if isinstance(operand, list) else (type(operand), operand)
