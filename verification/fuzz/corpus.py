"""Bodies and policies to begin with: what WCS sends, and what people have run into."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

_ROOT: Final = Path(__file__).resolve().parents[2]

_ODD: Final = (
    b"{}",
    b' \r\n\t{"a" : 1 }\n',
    b'{"a":1,"a":2,"appKey":"live","appKey":"other"}',
    b'{"a":123456789012345678901234567890,"b":[9223372036854775807,-9223372036854775809]}',
    b'{"a":1e400,"b":-1E-400,"c":-0.0,"d":1.50,"e":0e0}',
    b'{"a":"\\ud800","b":"\\u0000","c":"\\ud83d\\ude00","\\u0061":"\\/\\b\\f\\n\\r\\t"}',
    b'{"appKey":5,"sessionId":[],"nodeId":{},"name":null,"status":{"FAILED":1}}',
    b'{"appKey":"live","a":{"a":{"a":[[],{},[{}],null,true,false]}}}',
    b'{"appKey":"live","sessionId":"s","name":"rtsp://u:p@host/live?aclAuth=1#f","sdp":"v=0\\r\\n"}',
    b'{"appKey":"live","sessionId":"s","caller":"<sip:1:pw@h>;tag=2","custom":{"token":"t"}}',
    b'{"a":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}',
    b"[]",
    b'"a"',
    b'{"a":NaN}',
    b'{"a":1,}',
    b'{"a":"\xff"}',
    b"",
)


def hooks() -> Iterator[tuple[str, bytes]]:
    """Methods and bodies, as the vendor's pages print them."""
    for path in sorted((_ROOT / "local" / "payloads").glob("*.json")):
        yield path.stem.split("-", maxsplit=1)[0], path.read_bytes()


def bodies() -> Iterator[bytes]:
    """Bodies of hooks, odd ones, and some that are none."""
    for _, body in hooks():
        yield body
        yield json.dumps(json.loads(body), separators=(",", ":")).encode()
    yield from _ODD


def policies() -> Iterator[dict[str, Any]]:
    """The policies of the examples and of the cookbook."""
    for path in sorted((_ROOT / "policies").rglob("*.yaml")):
        if path.name.endswith(".test.yaml"):
            continue
        content = yaml.load(path.read_text(), Loader=yaml.BaseLoader)  # noqa: S506 - texts alone
        yield from content if isinstance(content, list) else [content]
