"""The state that tests begin with in moto: made by AWS's API once in a process, then copied.

To make tables and functions again for each of hundreds of tests would take most of their time.
"""

import copy
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final, NamedTuple, cast

import boto3
from moto.backends import get_backend

import tests.support.quick_moto  # noqa: F401 - before moto is asked for the first time


class _Made(NamedTuple):
    """What was made first.

    Attributes
    ----------
    result
        What the maker returned.
    state
        The attributes of moto's backends after that, by service, account and region.
    """

    result: Any
    state: dict[tuple[str, str, str], dict[str, Any]]


_MADE: Final[dict[Hashable, _Made]] = {}
_CLIENTS: Final[dict[str, Any]] = {}


def begin_with[T](what: Hashable, services: Sequence[str], make: Callable[[], T]) -> T:
    """Let moto's services be as `make` leaves them, and return what it returned.

    Parameters
    ----------
    what
        What is made; what has the same name is made once.
    services
        moto's names of the services that `make` changes. They must be empty now.
    make
        Makes it. What it returns is shared by all tests.
    """
    if (made := _MADE.get(what)) is None:
        result = make()
        made = _MADE[what] = _Made(result, copy.deepcopy(_state(services)))
        return result
    for (service, account, region), attributes in copy.deepcopy(made.state).items():
        backend = get_backend(service)[account][region]  # type: ignore[call-overload]
        backend.__dict__.update(attributes)
    return cast("T", made.result)


def own_client(service: str) -> Any:
    """Return the tests' own client of a service: moto takes the calls of whichever test runs."""
    if service not in _CLIENTS:
        _CLIENTS[service] = boto3.client(service)  # type: ignore[call-overload]  # any service
    return _CLIENTS[service]


def _state(services: Sequence[str]) -> dict[tuple[str, str, str], dict[str, Any]]:
    return {
        (service, account, region): vars(backend)
        for service in services
        for account, region, backend in get_backend(service).iter_backends()  # type: ignore[call-overload]
    }
