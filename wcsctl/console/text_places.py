"""Finds the position of a finding in the text of policies."""

from collections.abc import Iterator
from typing import Any

import yaml

type TextPosition = dict[str, int]
"""`line` and `column`, counted from 1."""


class TextPlaces:
    """Positions of attributes in a YAML text.

    Parameters
    ----------
    text
        One policy or a list of policies. Nothing is found in a text that is not YAML.
    """

    def __init__(self, text: str) -> None:
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError):
            root = None
        items = root.value if isinstance(root, yaml.SequenceNode) else [root]
        policies = [one for one in items if isinstance(one, yaml.MappingNode)]
        self._only = policies[0] if len(policies) == 1 else None
        # Of two with the same id, the first.
        self._by_id = {_text_at(one, "id"): one for one in reversed(policies)}

    def place(self, policy: str, attribute: str) -> tuple[TextPosition, TextPosition] | None:
        """Return where an attribute's value begins and ends; if it is missing, the policy's id.

        Parameters
        ----------
        policy
            The policy's id. It is ignored if the text has only one policy.
        attribute
            The path to the value: keys joined by dots. A key may contain dots, and the path may
            end in something that is not in the text.

        Returns
        -------
        tuple
            The first position and the one after the last; None if the policy is not in the text.
        """
        found = self._by_id.get(policy, self._only)
        if found is None:
            return None
        node = _value_at(found, attribute) or _value_at(found, "id") or found
        return _place(node.start_mark), _place(node.end_mark)


def _place(mark: Any) -> TextPosition:
    return {"line": mark.line + 1, "column": mark.column + 1}


def _text_at(policy: yaml.MappingNode, name: str) -> str | None:
    found = next((value for key, value in _entries(policy) if key == name), None)
    return found.value if isinstance(found, yaml.ScalarNode) else None


def _entries(node: yaml.MappingNode) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield key.value, value


def _value_at(policy: yaml.MappingNode, attribute: str) -> yaml.Node | None:
    """Return the value at the longest part of a path that exists; None if no part does."""
    node: yaml.Node = policy
    rest = attribute
    while rest and isinstance(node, yaml.MappingNode):
        leading = [
            (key, value)
            for key, value in _entries(node)
            if key and (rest == key or rest.startswith((f"{key}.", f"{key}[")))
        ]
        if not leading:
            break
        key, node = max(leading, key=lambda entry: len(entry[0]))
        rest = rest[len(key) :].lstrip(".")
    return None if node is policy else node
