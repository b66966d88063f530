"""Changes to a JSON text that leave it one, so that what lies behind the parser is reached.

A fuzzer that only flips bytes spends nearly all of its inputs on texts that no parser accepts.
"""

import copy
import json
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

_LARGEST: Final = 20_000
"""Characters to which a value is multiplied."""

type Container = dict[str, Any] | list[Any]

_TEXTS: Final = (
    *(
        "",
        "live",
        "*",
        "#",
        "connect",
        "publishStream",
        "FAILED",
        "DISCONNECTED",
        "private-1",
        "\0",
    ),
    *(
        "\ud800",
        "\N{GRINNING FACE}",
        "\ufffe",
        "a.b",
        "a" * 300,
        "rtsp://u:p@h/l?a=b#c",
        "sip:a:b@c",
    ),
    *(
        "//",
        "@",
        "?a=",
        "1e400",
        "null",
        "true",
        "9" * 40,
        "body.name",
        "\r\n",
        '"',
        "\\",
        "{",
        "]",
    ),
)
_SCALARS: Final[Sequence[Any]] = (
    *(None, True, False, 0, 1, -1, 0.0, -0.0, 1.5, 1e308, 5e-324, 2**31, 2**53, 2**63 - 1, 2**63),
    *(-(2**63), -(2**63) - 1, 10**40, [], {}, [[]], [{}], {"": None}),
)
_NAMES: Final = (
    *(
        "appKey",
        "sessionId",
        "nodeId",
        "name",
        "status",
        "custom",
        "token",
        "sdp",
        "payload",
        "login",
    ),
    *("sipPassword", "aclAuth", "role", "a", "b", "", "restClientConfig", "\ud800", "\0", "a.b"),
)


class JsonMutation:
    """Mutates a JSON text behind some bytes that are something else.

    Parameters
    ----------
    prefix
        How many bytes come before the text.
    pool
        Values to put in besides the usual ones; a target's own.
    names
        Names to put in besides the usual ones; a target's own.
    """

    def __init__(
        self, prefix: int = 0, pool: Sequence[Any] = (), names: Sequence[str] = ()
    ) -> None:
        self._prefix = prefix
        self._pool = (*pool, *pool, *_TEXTS, *_SCALARS)
        self._names = (*names, *names, *_NAMES)

    def __call__(self, data: bytes, max_size: int, seed: int) -> bytes | None:
        """Another input; none where this one is not JSON, or the other would be too large."""
        random = Random(seed)
        prefix, text = data[: self._prefix], data[self._prefix :]
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return None
        for _ in range(random.choice((1, 1, 1, 2, 4))):
            value = self._changed(value, random)
        mutated = prefix + self._written(value, random)
        return mutated if len(mutated) <= max_size else None

    def _changed(self, value: Any, random: Random) -> Any:
        containers = _containers(value)
        if not containers or random.random() < 0.02:
            return {random.choice(self._names): self._value(random)}
        chosen = random.choice(containers)
        random.choice(_CHANGES)(self, chosen, random)
        return value

    def _written(self, value: Any, random: Random) -> bytes:
        ascii_only = random.random() < 0.5
        separators = random.choice(((",", ":"), (", ", ": "), (" ,\n", "\t:\r ")))
        text = json.dumps(value, ensure_ascii=ascii_only, separators=separators)
        return text.encode("utf-8", "surrogatepass" if random.random() < 0.1 else "replace")

    def _value(self, random: Random) -> Any:
        # Lists and maps will be changed where they are put.
        return copy.deepcopy(random.choice(self._pool))

    def _replace(self, container: Container, random: Random) -> None:
        if container:
            _put(container, random.choice(_keys(container)), self._value(random))

    def _add(self, container: Container, random: Random) -> None:
        if isinstance(container, dict):
            container[random.choice(self._names)] = self._value(random)
        else:
            container.insert(random.randint(0, len(container)), self._value(random))

    def _remove(self, container: Container, random: Random) -> None:
        if container:
            del container[random.choice(_keys(container))]

    def _nest(self, container: Container, random: Random) -> None:
        if not container:
            return
        key = random.choice(_keys(container))
        inner = container[key]
        for _ in range(random.choice((1, 1, 5, 40, 70))):
            inner = [inner] if random.random() < 0.5 else {random.choice(self._names): inner}
        _put(container, key, inner)

    def _multiply(self, container: Container, random: Random) -> None:
        if not container:
            return
        key = random.choice(_keys(container))
        inner = container[key]
        most = max(1, _LARGEST // len(json.dumps(inner)))
        times = min(most, random.choice((2, 10, 100, 1000)))
        _put(container, key, inner * times if isinstance(inner, str) else [inner] * times)

    def _rename(self, container: Container, random: Random) -> None:
        if isinstance(container, dict) and container:
            container[random.choice(self._names)] = container.pop(random.choice(_keys(container)))

    def _splice(self, container: Container, random: Random) -> None:
        texts = [key for key in _keys(container) if isinstance(container[key], str)]
        if not texts:
            return
        key = random.choice(texts)
        text = container[key]
        at = random.randint(0, len(text))
        added = str(self._value(random))
        _put(container, key, text[:at] + added + text[at + random.choice((0, 0, 1, 9)) :])


_CHANGES: Final[Sequence[Callable[[JsonMutation, Container, Random], None]]] = (
    JsonMutation._replace,
    JsonMutation._replace,
    JsonMutation._add,
    JsonMutation._add,
    JsonMutation._remove,
    JsonMutation._nest,
    JsonMutation._multiply,
    JsonMutation._rename,
    JsonMutation._splice,
    JsonMutation._splice,
)


def _put(container: Container, key: Any, value: Any) -> None:
    container[key] = value


def _keys(container: Container) -> list[Any]:
    return list(container) if isinstance(container, Mapping) else list(range(len(container)))


def _containers(value: Any) -> list[Container]:
    """Lists and maps in a value, itself among them; of very many the first ones."""
    found: list[Container] = []
    pending = [value]
    while pending and len(found) < 500:
        inner = pending.pop(0)
        if isinstance(inner, dict):
            found.append(inner)
            pending += inner.values()
        elif isinstance(inner, list):
            found.append(inner)
            pending += inner
    return found
