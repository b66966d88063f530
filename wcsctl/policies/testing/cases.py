"""A test of policies: a hook, and what is expected of its answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wcs_hooks.core.decision import Session
from wcs_hooks.core.outcome import Outcome
from wcs_hooks.core.payload import Payload
from wcsctl.explanation import AnswerKind
from wcsctl.policies.testing.given_lists import GivenLists
from wcsctl.tokens.given_token import GivenToken


@dataclass(frozen=True, slots=True)
class Expected:
    """What is expected of an answer; what is none is not checked.

    Attributes
    ----------
    fields
        Every field that an override changes, and what to.
    policy
        The policy behind the answer: its `id`, or `app/id`.
    suppressed
        Whether a denial is not carried out, because the WCS REST API may have started the hook.
    shadow
        The policies in shadow mode that would have denied or overridden.
    rest_client_config
        Of a connect: method to the members of its entry; none where it must have no entry.
    outcome
        What WCS does with a refusal.
    """

    action: AnswerKind
    fields: Mapping[str, Any] | None = None
    status: int | None = None
    reason: str | None = None
    policy: str | None = None
    suppressed: bool | None = None
    shadow: tuple[str, ...] | None = None
    rest_client_config: Mapping[str, Any] | None = None
    outcome: Outcome | None = None


@dataclass(frozen=True, slots=True)
class PolicyTest:
    """One test.

    Attributes
    ----------
    now
        Seconds since the epoch; none for the moment of the run.
    token
        What is to be taken for known of the hook's token; none to verify what it shows by the keys
        that are in policies.
    lists
        The rows that there are, by list and key.
    held
        How many places others hold of the budget that the hook needs, by the policy with the limit:
        its `id`, or `app/id`.
    """

    file: Path
    name: str
    method: str
    payload: Payload
    session: Session
    now: float | None
    expect: Expected
    token: GivenToken | None = None
    lists: GivenLists = field(default_factory=dict)
    held: Mapping[str, int] = field(default_factory=dict)
