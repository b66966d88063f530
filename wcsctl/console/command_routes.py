"""Routes that run a command: the parameters of a request become its arguments and options."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wcsctl.errors import UsageError

type Parameters = Mapping[str, Any]
"""The parameters of a request, by name: strings, numbers, booleans, lists of them."""


@dataclass(frozen=True, slots=True)
class CommandRoute:
    """A command, and the parameters that a request may set.

    Attributes
    ----------
    words
        The command's name.
    arguments
        Parameters that become arguments, in this order. A list becomes several arguments.
    options
        Parameters that become options of the same name. A list becomes several options.
    flags
        Parameters that become options without a value when true.
    optional
        How many of the last arguments may be missing.
    """

    words: Sequence[str]
    arguments: Sequence[str] = ()
    options: Sequence[str] = ()
    flags: Sequence[str] = ()
    optional: int = 0

    def line(self, given: Parameters) -> list[str]:
        """Return the words of the command line.

        Raises
        ------
        UsageError
            If a parameter is unknown, or an argument is missing.

        Examples
        --------
        >>> history = CommandRoute(("policy", "history"), ("app",), ("limit",))
        >>> history.line({"app": "-x", "limit": 2})
        ['policy', 'history', '--limit=2', '--', '-x']
        """
        unknown = given.keys() - {*self.arguments, *self.options, *self.flags}
        if unknown:
            raise UsageError(f"Unknown parameter {min(unknown)}.")
        options = [
            f"--{name}={value}" for name in self.options for value in _values(given.get(name))
        ]
        flags = [f"--{name}" for name in self.flags if _is_true(given.get(name))]
        arguments = self._arguments(given)
        # An argument that begins with a dash must not be taken for an option.
        dashes = ["--"] if any(value.startswith("-") for value in arguments) else []
        return [*self.words, *options, *flags, *dashes, *arguments]

    def _arguments(self, given: Parameters) -> list[str]:
        needed = len(self.arguments) - self.optional
        values = [list(_values(given.get(name))) for name in self.arguments]
        for place, name in enumerate(self.arguments):
            # The next argument must not be taken for it.
            if not values[place] and (place < needed or any(values[place:])):
                raise UsageError(f"The parameter {name} is missing.")
        return [value for several in values for value in several]


KINDS: Final = ("denied", "failed", "suppressed")
"""Parameters that select decisions by kind."""

_FILTERS: Final = ("since", "limit", "method", "app", "policy", "user", "session", "where", "id")

READS: Final[Mapping[str, CommandRoute]] = {
    "status": CommandRoute(("status",)),
    "stats": CommandRoute(("stats",), options=("since",)),
    "outcomes": CommandRoute(("outcomes",), options=("since",), flags=("all",)),
    "decisions": CommandRoute(("decisions",), options=_FILTERS, flags=KINDS),
    "explain": CommandRoute(("explain",), ("decision",), ("since",)),
    "policies": CommandRoute(("policy", "list"), options=("app",)),
    "versions": CommandRoute(("policy", "history"), ("app",), ("limit",)),
    "diff": CommandRoute(("policy", "diff"), ("app", "first", "second"), optional=1),
    "dead-letters": CommandRoute(("dead-letter", "list"), options=("limit", "method")),
    "dead-letter": CommandRoute(("dead-letter", "show"), ("id",), flags=("body", "reveal")),
    "rows": CommandRoute(("list", "get"), ("list",), ("limit",)),
    "row": CommandRoute(("list", "get"), ("list", "key"), flags=("reveal",)),
    "bans": CommandRoute(("bans",)),
    "limits": CommandRoute(("limits", "list"), options=("app", "policy", "limit")),
    "limit": CommandRoute(("limits", "show"), ("key",)),
}
"""Routes of GET requests, by the path below `/api/`."""

WRITES: Final[Mapping[str, CommandRoute]] = {
    "policy/delete": CommandRoute(("policy", "delete"), ("app", "ids"), ("message",)),
    "versions/rollback": CommandRoute(
        ("policy", "rollback"), ("app", "version"), ("message",), ("previous",), optional=1
    ),
    "versions/pin": CommandRoute(("policy", "pin"), ("app", "version")),
    "versions/unpin": CommandRoute(("policy", "unpin"), ("app",)),
    "dead-letters/redrive": CommandRoute(
        ("dead-letter", "redrive"), ("ids",), ("since", "method"), ("dry-run",), optional=1
    ),
    "dead-letters/purge": CommandRoute(
        ("dead-letter", "purge"), ("ids",), flags=("all",), optional=1
    ),
    "rows/put": CommandRoute(("list", "put"), ("list", "key", "fields"), ("for",), optional=1),
    "rows/delete": CommandRoute(("list", "delete"), ("list", "key")),
    "bans/add": CommandRoute(("ban",), ("user",), ("for", "reason")),
    "bans/lift": CommandRoute(("unban",), ("user",)),
    "limits/release": CommandRoute(("limits", "release"), ("key", "holder")),
}
"""Routes of POST requests, by the path below `/api/`."""


def _values(value: Any) -> Iterator[str]:
    match value:
        case None | "":
            return
        case list():
            for one in value:
                yield from _values(one)
        case dict():
            # The attributes of a row, in the notation of `wcsctl list put`.
            for name, one in value.items():
                if not name or "." in name or "=" in name:
                    raise UsageError(f"An attribute's name has neither . nor =: {name!r:.60}.")
                yield f"{name}:={json.dumps(one)}"
        case str():
            yield value
        case _:
            yield json.dumps(value)


def _is_true(value: Any) -> bool:
    return value in {True, "true"} if isinstance(value, bool | str) else False
