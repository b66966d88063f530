"""Writes `docs/reference/openapi.yaml`, the endpoint as OpenAPI has it: `make reference`.

WCS does not read it; whoever tests the endpoint, or puts something before it, does.
https://spec.openapis.org/oas/v3.1.1.html
"""

import json
from typing import Any, Final

import yaml

from tools.locations import DOCS, REPOSITORY
from wcs_hooks.core.methods import METHODS, Category
from wcs_hooks.core.payload import MAX_BODY_BYTES, MAX_DEPTH

FILE: Final = DOCS / "reference" / "openapi.yaml"

_PAYLOADS: Final = REPOSITORY / "local" / "payloads"
_HEADING: Final = "# Written by `make reference`; edit that instead.\n"
_REFUSALS: Final = {
    Category.CONNECT: "WCS declines the connection.",
    Category.DIRECT: "WCS does not do it, where the session's restOnError is FAIL.",
    Category.EVENT: "It has happened already; of StreamKeepAliveEvent WCS ends the stream.",
    Category.INCOMING: "WCS refuses the initiator, where the session's restOnError is FAIL.",
}


def document() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "WCS hooks",
            "version": "1",
            "description": "Answers the REST hooks of Flashphoner Web Call Server: what a hook is "
            "comes back as it came, overridden or refused, by policies.",
        },
        "servers": [{"url": "{HooksUrl}", "variables": {"HooksUrl": {"default": "/"}}}],
        "security": [{"signature": []}],
        "tags": [
            {"name": str(category), "description": _REFUSALS[category]} for category in Category
        ],
        "paths": {
            **{
                f"/{name}": {"post": _operation(name, method.category)}
                for name, method in METHODS.items()
            },
            "/{method}": {"post": _unknown_method()},
        },
        "components": {
            "schemas": {"Hook": _HOOK, "Error": _ERROR},
            "headers": {"Decision": _DECISION},
            "responses": _RESPONSES,
            "securitySchemes": _SECURITY_SCHEMES,
        },
    }


def text() -> str:
    """The file's content."""
    written: str = yaml.safe_dump(document(), sort_keys=False, allow_unicode=True, width=100)
    return _HEADING + written


def main() -> None:
    """Write the file."""
    FILE.write_text(text(), encoding="utf-8")


def _operation(name: str, category: Category) -> dict[str, Any]:
    content: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/Hook"}}
    examples = {
        path.stem: {"value": json.loads(path.read_bytes())}
        for path in sorted(_PAYLOADS.glob("*.json"))
        if path.stem.split("-", maxsplit=1)[0] == name
    }
    if examples:
        content["examples"] = examples
    return {
        "operationId": name or "other",
        "tags": [str(category)],
        "requestBody": {"required": True, "content": {"application/json": content}},
        "responses": {
            "200": {"$ref": "#/components/responses/Answered"},
            "4XX": {"$ref": "#/components/responses/Refused"},
            "5XX": {"$ref": "#/components/responses/Refused"},
        },
    }


def _unknown_method() -> dict[str, Any]:
    return {
        **_operation("", Category.EVENT),
        "summary": "A method that is not known here: echoed, and counted",
        "parameters": [
            {
                "name": "method",
                "in": "path",
                "required": True,
                "schema": {"type": "string", "minLength": 1},
            }
        ],
    }


_HOOK: Final = {
    "type": "object",
    "additionalProperties": True,
    "description": f"Any JSON object of at most {MAX_BODY_BYTES:,} bytes, nested at most "
    f"{MAX_DEPTH} levels deep; docs/reference/wcs-protocol.md lists the fields that WCS sends.",
}
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["status", "reason", "policy", "version", "decision"],
            "additionalProperties": False,
            "properties": {
                "status": {"type": "integer", "minimum": 400, "maximum": 599},
                "reason": {"type": "string"},
                "policy": {
                    "type": ["string", "null"],
                    "description": "The policy that refuses; null where none does.",
                },
                "version": {"type": ["integer", "null"], "description": "Of its snapshot."},
                "decision": {"type": "string", "description": "As in X-Decision-Id."},
            },
        }
    },
}
_DECISION: Final = {
    "required": True,
    "schema": {"type": "string", "minLength": 1},
    "description": "By which the decision is found again: `wcsctl decisions --id`.",
}
_RESPONSES: Final = {
    "Answered": {
        "description": "The hook as it came, or with the fields that policies override; to connect "
        "with restClientConfig, where the policies need it.",
        "headers": {"X-Decision-Id": {"$ref": "#/components/headers/Decision"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Hook"}}},
    },
    "Refused": {
        "description": "By a policy, with the status that it names (403 by default). Else 403: the "
        "caller is not WCS; 400: the body is not a hook; 413: it is too large; 500, 503: a failure "
        "after which the hook is kept.",
        "headers": {"X-Decision-Id": {"$ref": "#/components/headers/Decision"}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}},
    },
}
_SECURITY_SCHEMES: Final = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`WCS <HMAC-MD5 of the body, 32 hexadecimal digits>`: setting auth, hmac.",
    },
    "basic": {
        "type": "http",
        "scheme": "basic",
        "description": "Instead of the signature, by the setting auth: basic.",
    },
}


if __name__ == "__main__":
    main()
