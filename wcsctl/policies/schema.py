"""The JSON Schema of policy files, for editors: made from what the compiler checks.

`policy.schema.json` beside this module is what `schema` gives; a test keeps the two together.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from wcs_hooks.core.methods import METHODS
from wcs_hooks.core.policy.lookup_reader import MAX_LOOKUPS
from wcs_hooks.core.policy.reader import (
    ATTRIBUTES,
    CATEGORIES,
    DEFAULT_PRIORITY,
    DEFAULT_STATUS,
    MAX_PRIORITY,
    Action,
    Mode,
    WhenError,
    read_policy,
)
from wcs_hooks.core.tokens.keys import ALGORITHMS, Family
from wcs_hooks.core.tokens.trust import (
    LEEWAY_BY_DEFAULT,
    MAX_LEEWAY,
    REQUIRE_BY_DEFAULT,
    STATUS_BY_DEFAULT,
    Form,
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


def _texts(description: str, examples: list[str]) -> dict[str, Any]:
    text = {"type": "string", "minLength": 1}
    return {
        "description": description,
        "examples": examples,
        "anyOf": [text, {"type": "array", "items": text, "minItems": 1, "uniqueItems": True}],
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
    "lookup": {
        "type": "object",
        "minProperties": 1,
        "maxProperties": MAX_LOOKUPS,
        "description": "Alias to the row of a list that expressions see as rows.",
        "propertyNames": {"pattern": "^[A-Za-z_][A-Za-z0-9_]*$"},
        "additionalProperties": {
            "type": "object",
            "required": ["list", "key"],
            "additionalProperties": False,
            "properties": {
                "list": {
                    "type": "string",
                    "pattern": "^[^#]",
                    "description": "The list's name.",
                },
                "key": {
                    "type": "string",
                    "minLength": 1,
                    "description": "A CEL expression that gives the row's key.",
                },
                "consistent": {
                    "type": "boolean",
                    "default": False,
                    "description": "Whether the read is strongly consistent.",
                },
            },
        },
        "examples": [{"ban": {"list": "bans", "key": "claims.sub"}}],
    },
    "limit": {
        "type": "object",
        "required": ["by", "most", "holds"],
        "additionalProperties": False,
        "description": "deny: only if there is no room left.",
        "properties": {
            "by": {
                "type": "string",
                "minLength": 1,
                "description": "A CEL expression that gives whose budget it is.",
                "examples": ["claims.sub"],
            },
            "most": {
                "description": "How many there may be: a whole number, or a CEL expression for it.",
                "anyOf": [
                    {"type": "integer"},
                    {"type": "string", "minLength": 1},
                ],
                "examples": [2, "claims.maxStreams"],
            },
            "holds": {
                "type": "string",
                "pattern": "^(stream|call|session|[1-9][0-9]{0,5}[smh])$",
                "description": "What a place is held by, or for a rate how long: 60s to 24h.",
                "examples": ["stream", "60s"],
            },
        },
        "examples": [{"by": "claims.sub", "most": 2, "holds": "stream"}],
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
        "description": f"deny, trust: the reply's HTTP status; of trust {STATUS_BY_DEFAULT}.",
    },
    "reason": {
        "type": "string",
        "maxLength": 1024,
        "description": "deny, trust: what the reply says.",
    },
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
    "form": {
        "enum": list(Form),
        "default": Form.JWT,
        "description": "trust: what a token looks like; key is a signed stream key.",
    },
    "tokenIn": _texts(
        "trust: where the token is: a field, a dotted path, or one of these with ?parameter.",
        ["custom.token", "name?aclAuth"],
    ),
    "issuer": _texts("trust: exact values of iss.", ["https://issuer.example"]),
    "audience": _texts("trust: values of which aud must have one.", ["wcs"]),
    "keys": {
        "description": "trust: an https address, secret:<name>, a JWK, PEM, or a list of keys; by "
        "default what the issuer's /.well-known/openid-configuration names.",
        "anyOf": [
            {"type": "string", "minLength": 1},
            {"$ref": "#/$defs/jwk"},
            {
                "type": "object",
                "required": ["keys"],
                "properties": {"keys": {"type": "array", "items": {"$ref": "#/$defs/jwk"}}},
            },
            {
                "type": "array",
                "minItems": 1,
                "items": {"anyOf": [{"type": "string"}, {"$ref": "#/$defs/jwk"}]},
            },
        ],
    },
    "algorithms": {
        "type": "array",
        "minItems": 1,
        "uniqueItems": True,
        "items": {"enum": list(ALGORITHMS)},
        "description": "trust: those allowed; by default all that fit the keys.",
    },
    "leeway": {
        "type": "integer",
        "minimum": 0,
        "maximum": MAX_LEEWAY,
        "default": LEEWAY_BY_DEFAULT,
        "description": "trust: by how many seconds clocks may differ.",
    },
    "require": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "default": list(REQUIRE_BY_DEFAULT),
        "description": "trust: claims that must be there.",
    },
    "required": {
        "type": "boolean",
        "default": False,
        "description": "trust: denies hooks of its methods without claims.",
    },
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
                    {"enum": ["*", *(f"@{name}" for name in CATEGORIES), *METHODS]},
                    {"type": "string", "minLength": 1},
                ]
            },
            "policy": {
                "type": "object",
                "required": ["id", "action"],
                "properties": dict(_PROPERTIES),
                "additionalProperties": False,
                "allOf": [_of_action(action) for action in Action],
                # A `trust` has methods by default.
                "if": {"not": {"properties": {"action": {"const": Action.TRUST}}}},
                "then": {"required": ["method"]},
            },
            "jwk": {
                "type": "object",
                "required": ["kty"],
                "description": "A public JSON Web Key (RFC 7517).",
                "properties": {
                    "kty": {"enum": [one for one in Family if one is not Family.SYMMETRIC]},
                    "d": False,
                },
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
