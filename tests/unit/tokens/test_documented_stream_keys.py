"""The code for sites in `docs/reference/stream-keys.md` makes the common vectors."""

import json
import shutil
import subprocess
import sys
from typing import Any, Final

from tests.support.documents import document
from tests.unit.tokens.issuer import HERE, SECRET

_PAGE: Final = "docs/reference/stream-keys.md"
_VECTORS: Final[dict[str, Any]] = json.loads((HERE / "stream_keys.json").read_text())
_MEMBERS: Final = ("secret", "app", "act", "stream", "user", "expiry")
_CALLS: Final = [
    *([vector[name] for name in _MEMBERS] for vector in _VECTORS["keys"]),
    *(
        [SECRET, one["app"], "p", one["stream"], one["user"], 1_767_225_600]
        for one in _VECTORS["unsignable"]
    ),
]
_EXPECTED: Final = [
    *(vector["key"] for vector in _VECTORS["keys"]),
    *(None for _ in _VECTORS["unsignable"]),
]
_IN_PYTHON: Final = """
import json, sys
def made(arguments):
    try:
        return stream_key(*arguments)
    except ValueError:
        return None
print(json.dumps([made(arguments) for arguments in json.load(sys.stdin)]))
"""
_IN_NODE: Final = """
const made = (call) => { try { return streamKey(...call); } catch { return null; } };
const calls = JSON.parse(require("node:fs").readFileSync(0, "utf8"));
console.log(JSON.stringify(calls.map(made)));
"""


def _code(language: str) -> str:
    [block] = [block for block in document(_PAGE).blocks if block.language == language]
    return block.text


def _run(*command: str) -> list[str | None]:
    done = subprocess.run(
        command, input=json.dumps(_CALLS), capture_output=True, text=True, check=True
    )
    made: list[str | None] = json.loads(done.stdout)
    return made


def test_given_the_pages_python_then_it_makes_the_common_vectors_and_refuses_the_rest() -> None:
    assert _run(sys.executable, "-c", _code("python") + _IN_PYTHON) == _EXPECTED


def test_given_the_pages_javascript_then_it_makes_the_common_vectors_and_refuses_the_rest() -> None:
    node = shutil.which("node")

    assert node is not None, "Node.js is needed, as it is for the CDK command line"
    assert _run(node, "-e", _code("js") + _IN_NODE) == _EXPECTED
