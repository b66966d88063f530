"""How many environments a function has, and how often they look for newer policies."""

import math
from dataclasses import dataclass

_DEVIATIONS = 9.0
"""So many standard deviations from the mean, nothing of a distribution is left that matters."""


def poisson_tail(least: int, mean: float) -> float:
    """The probability that a Poisson variable is at least so large.

    Examples
    --------
    >>> round(poisson_tail(1, 0.5), 4)
    0.3935
    """
    if mean <= 0:
        return float(least <= 0)
    if least <= mean - _DEVIATIONS * math.sqrt(mean):
        return 1.0
    # The first term by logarithms, which keep it from vanishing; each follows from the one before.
    least = max(0, least)
    term = math.exp(least * math.log(mean) - mean - math.lgamma(least + 1))
    total, number = term, least
    while number < mean or term > total * 1e-12:
        number += 1
        term *= mean / number
        total += term
    return min(1.0, total)


def warm_environments(calls_per_second: float, seconds: float, idle_seconds: float) -> int:
    """How many environments stay warm.

    Calls that come at random and never wait are in progress in a Poisson distribution; a further
    environment stays if one is needed more often than Lambda takes idle ones away.

    Parameters
    ----------
    seconds
        How long a call lasts.
    idle_seconds
        After which Lambda takes an environment away. It does not promise any.
    """
    if calls_per_second <= 0:
        return 0
    in_progress = calls_per_second * seconds

    def is_spared(count: int) -> bool:
        return calls_per_second * poisson_tail(count, in_progress) * idle_seconds < 1

    # Beyond the mean, the tail falls: a bisection finds where it is rare enough.
    low, high = 0, 1
    while not is_spared(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_spared(middle) else (middle, high)
    return high


def refreshes_per_second(calls_per_second: float, ttl: float) -> float:
    """How often something is read anew that is used at random moments and kept for a time.

    The first use after the time is over reads it: the next is due a time later, and then waits for
    a use.

    Examples
    --------
    >>> refreshes_per_second(1.0, 1.0), refreshes_per_second(5.0, 0.0)
    (0.5, 5.0)
    """
    if calls_per_second <= 0:
        return 0.0
    return 1.0 / (ttl + 1.0 / calls_per_second)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fleet:
    """A function under a steady load, its hooks spread evenly over its environments.

    Attributes
    ----------
    calls_per_second
        What it answers.
    environments
        That stay warm.
    looks_per_second
        How often they look for newer policies, together.
    waiting
        The share of calls that wait for an AWS service.
    """

    calls_per_second: float
    environments: int
    looks_per_second: float
    waiting: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a function's environments do besides answering.

    Attributes
    ----------
    seconds, waiting_seconds
        How long a call lasts that waits for nothing, and one that waits for an AWS service.
    apps
        How many applications the hooks belong to, evenly: policies are looked for app by app.
    ttl
        Seconds for which policies are not looked for again.
    idle_seconds
        After which Lambda takes an environment away.
    """

    seconds: float
    waiting_seconds: float
    apps: int
    ttl: float
    idle_seconds: float


def settle(calls_per_second: float, session_calls: float, habits: Habits) -> Fleet:
    """What a function comes to under a steady load.

    How long calls last depends on how many look for policies, and that on the environments, whose
    number depends on how long calls last.

    Parameters
    ----------
    session_calls
        The share of calls that wait for the table of sessions.
    """
    environments, looks, waiting = 1, 0.0, session_calls
    for _ in range(10):
        mean = (1 - waiting) * habits.seconds + waiting * habits.waiting_seconds
        environments = warm_environments(calls_per_second, mean, habits.idle_seconds)
        users = environments * habits.apps
        looks = users * refreshes_per_second(calls_per_second / users, habits.ttl)
        waiting = min(1.0, session_calls + looks / calls_per_second)
    return Fleet(
        calls_per_second=calls_per_second,
        environments=environments,
        looks_per_second=looks,
        waiting=waiting,
    )
