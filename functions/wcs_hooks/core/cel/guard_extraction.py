"""Derives the guard of an expression from its syntax tree.

For what guards are, see `wcs_hooks.core.cel.guard`.
"""

from typing import Final

from wcs_hooks.core.cel import syntax_tree
from wcs_hooks.core.cel.guard import Operand, StoredGuard, StoredTerm

_EQUALITY: Final = {"_==_": True, "_!=_": False}
_ORDER: Final = {
    # The operator, and the one that says the same with the sides changed.
    "_<_": ("<", ">"),
    "_<=_": ("<=", ">="),
    "_>_": (">", "<"),
    "_>=_": (">=", "<="),
}
_TEXT_FUNCTIONS: Final = frozenset({"contains", "endsWith", "startsWith"})
_UNLIKE_IN_BODIES: Final = ("\0", "\N{REPLACEMENT CHARACTER}")
"""The runtime sees other characters in their place: see `Payload.expression_fields`."""


def guard_of(serialized: bytes) -> StoredGuard | None:
    """The guard of an expression; none if there is no comparison that a guard can make.

    Parameters
    ----------
    serialized
        The checked expression, as the runtime serialises it.
    """
    conjuncts = _conjuncts(syntax_tree.root(serialized))
    terms = [term for node in conjuncts if (term := _term(node)) is not None]
    return (len(terms) == len(conjuncts), terms) if terms else None


def _conjuncts(node: bytes) -> list[bytes]:
    """The nodes that must all be true for this one to be."""
    if syntax_tree.called(node) != "_&&_":
        return [node]
    return [inner for side in syntax_tree.arguments(node) for inner in _conjuncts(side)]


def _term(node: bytes) -> StoredTerm | None:
    field = _field(node)
    if field is not None:
        return field, "==", True, True
    function = syntax_tree.called(node)
    arguments = syntax_tree.arguments(node) if function else []
    if function == "!_":
        return _negation(_term(arguments[0]))
    if function in _TEXT_FUNCTIONS:
        return _text_comparison(node, function, arguments)
    if function == "@in":
        return _membership(*arguments)
    if function in _EQUALITY or function in _ORDER:
        return _comparison(function, *arguments)
    return None


def _negation(term: StoredTerm | None) -> StoredTerm | None:
    if term is None:
        return None
    field, name, operand, wanted = term
    return field, name, operand, not wanted


def _text_comparison(node: bytes, function: str, arguments: list[bytes]) -> StoredTerm | None:
    target = syntax_tree.target(node)
    field = None if target is None else _field(target)
    operand = _text(arguments[0]) if len(arguments) == 1 else None
    return None if field is None or operand is None else (field, function, operand, True)


def _membership(element: bytes, held_by: bytes) -> StoredTerm | None:
    field, elements = _field(element), syntax_tree.elements(held_by)
    if field is None or not elements:
        return None
    texts = [text for each in elements if (text := _text(each)) is not None]
    return (field, "in", texts, True) if len(texts) == len(elements) else None


def _comparison(function: str, left: bytes, right: bytes) -> StoredTerm | None:
    field, operand, is_turned = _field(left), _operand(right), False
    if field is None:
        field, operand, is_turned = _field(right), _operand(left), True
    if field is None or operand is None:
        return None
    if function in _EQUALITY:
        return field, "==", operand, _EQUALITY[function]
    # Of texts and truth values an order would be one more thing to be sure of.
    return (field, _ORDER[function][is_turned], operand, True) if type(operand) is int else None


def _field(node: bytes) -> str | None:
    """The body's field whose value a node is."""
    return None if syntax_tree.is_presence_test(node) else syntax_tree.value_of("body", node)


def _operand(node: bytes) -> Operand | None:
    text = _text(node)
    return syntax_tree.number_or_truth(node) if text is None else text


def _text(node: bytes) -> str | None:
    text = syntax_tree.literal(node)
    return None if text is None or any(one in text for one in _UNLIKE_IN_BODIES) else text
