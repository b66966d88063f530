"""The JSON Schema of policy files, for editors: made from what the compiler checks.

`policy.schema.json` beside this module is what `schema` gives; a test keeps the two together.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.policy.reader import (
    ATTRIBUTES,
    DEFAULT_PRIORITY,
    DEFAULT_STATUS,
    MAX_PRIORITY,
    Action,
    Mode,
    WhenError,
    read_policy,
)

FILE: Final = Path(__file__).with_name("policy.schema.json")

_NAMES: Final = {
    "type": "string",
    "minLength": 1,
    "description": "Top-level field names, comma-separated, without blanks.",
}
_INSTANT: Final = {
    "type": "string",
    "description": "An ISO 8601 time, quoted; without an offset it is UTC.",
    "examples": ["2030-01-31T18:00:00Z"],
}

_PROPERTIES: Final[Mapping[str, Any]] = {
    "app": {
        "type": "string",
        "minLength": 1,
        "description": "An appKey, or * for every app. Left out where the folder says it.",
    },
    "id": {
        "type": "string",
        "pattern": "^[^#]",
        "description": "A name of your own, one of its kind in the app.",
    },
    "method": {
        "description": "A method, a category such as @direct, * for all, or a list of them.",
        "anyOf": [
            {"$ref": "#/$defs/method"},
            {"type": "array", "items": {"$ref": "#/$defs/method"}, "minItems": 1},
        ],
    },
    "action": {"enum": list(Action), "description": "What a policy that applies does."},
    "priority": {
        "type": "number",
        "minimum": -MAX_PRIORITY,
        "maximum": MAX_PRIORITY,
        "default": DEFAULT_PRIORITY,
        "description": "Lower comes first.",
    },
    "match": {
        "type": "object",
        "minProperties": 1,
        "description": "A field or a dotted path to its value, or to a list of alternatives.",
    },
    "when": {
        "type": "string",
        "minLength": 1,
        "description": "A CEL expression that gives a boolean.",
    },
    "whenError": {
        "enum": list(WhenError),
        "description": "What an expression without a value means; deny: match, else skip.",
    },
    "set": {
        "type": "object",
        "minProperties": 1,
        "description": "override: field to its new value.",
        "propertyNames": {"not": {"const": "restClientConfig"}},
    },
    "compute": {
        "type": "object",
        "minProperties": 1,
        "description": "override: field to a CEL expression that gives it.",
        "propertyNames": {"not": {"const": "restClientConfig"}},
        "additionalProperties": {"type": "string"},
    },
    "status": {
        "type": "integer",
        "minimum": 400,
        "maximum": 599,
        "default": DEFAULT_STATUS,
        "description": "deny: the reply's HTTP status.",
    },
    "reason": {"type": "string", "maxLength": 1024, "description": "deny: what the reply says."},
    "mode": {
        "enum": list(Mode),
        "default": Mode.ENFORCE,
        "description": "shadow: evaluated and counted, changes nothing. off: nothing at all.",
    },
    "notBefore": _INSTANT,
    "notAfter": _INSTANT,
    "hours": {
        "type": "string",
        "description": "Weekly windows in local time, several joined by ;",
        "examples": ["Mon-Fri 09:00-18:00 Europe/Riga"],
    },
    "final": {
        "type": "boolean",
        "default": False,
        "description": "override: ends the evaluation, as echo does.",
    },
    "restOnError": {"enum": ["LOG", "FAIL"], "description": "configure: what a refusal does."},
    "restPolicy": {
        "enum": ["NOTIFY", "OVERWRITE", "DISABLE"],
        "description": "configure: what WCS does with a reply.",
    },
    "restOverwrite": _NAMES,
    "restExclude": _NAMES,
    "clientExclude": _NAMES,
    "note": {"type": "string", "description": "For people."},
}


def schema() -> dict[str, Any]:
    """The schema of a file: one policy, or a list of them."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Policies for the REST hooks of Web Call Server",
        "anyOf": [
            {"$ref": "#/$defs/policy"},
            {"type": "array", "items": {"$ref": "#/$defs/policy"}},
        ],
        "$defs": {
            "method": {
                "anyOf": [
                    {"enum": ["*", *(f"@{category}" for category in Category), *METHODS]},
                    {"type": "string", "minLength": 1},
                ]
            },
            "policy": {
                "type": "object",
                "required": ["id", "method", "action"],
                "properties": dict(_PROPERTIES),
                "additionalProperties": False,
                "allOf": [_of_action(action) for action in Action],
            },
        },
    }


def text() -> str:
    """The schema as the published file has it."""
    return json.dumps(schema(), indent=2) + "\n"


def _of_action(action: Action) -> dict[str, Any]:
    """Which attributes have no meaning with an action: the compiler is asked."""
    item: dict[str, Any] = dict.fromkeys(ATTRIBUTES, "")
    _, findings = read_policy({**item, "action": action})
    idle = sorted(
        {
            finding.attribute
            for finding in findings
            if finding.message.startswith("has no meaning with action")
        }
    )
    return {
        "if": {"properties": {"action": {"const": action}}, "required": ["action"]},
        "then": {"properties": dict.fromkeys(idle, False)},
    }
