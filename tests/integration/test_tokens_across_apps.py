"""Policies about tokens of an app and of every app: together they decide whose tokens are taken."""

from typing import Any, Final

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.in_memory_policy_store import InMemoryPolicyStore
from tests.unit.tokens.issuer import ISSUER, jwk
from wcs_hooks.adapters.dynamo_policy_store import DynamoPolicyStore
from wcs_hooks.compiler.policy_compiler import AppRecord, PolicyCompiler, Status
from wcs_hooks.core.policy.token_use import NO_TOKENS, TokenUse, TrustScope
from wcs_hooks.core.tokens.trust import Form

SITE: Final = {
    "action": "trust",
    "issuer": ISSUER,
    "audience": "wcs",
    "keys": jwk("ES256"),
    "required": True,
}
BY_CLAIM: Final = {"action": "deny", "method": "publishStream", "when": "claims.role != 'teacher'"}


class Site:
    """Edits the policies of two apps, `*` and `live`, and compiles them."""

    def __init__(self) -> None:
        self.store = InMemoryPolicyStore()
        self.clock = FakeClock()
        self._compiler = PolicyCompiler(self.store, self.clock)

    def put(self, app: str, item_id: str, **attributes: Any) -> None:
        self.store.put(app, item_id, **attributes)
        self.compile(app)

    def delete(self, app: str, item_id: str) -> None:
        self.store.delete(app, item_id)
        self.compile(app)

    def compile(self, app: str) -> None:
        self.clock.advance(1)
        assert self._compiler.compile_all([app], lambda *_: None) == []

    def look(self) -> None:
        assert self._compiler.compile_all([], lambda *_: None) == []

    def status(self, app: str) -> Status:
        return self.store.statuses[app]

    def warnings(self, app: str) -> list[tuple[str, str]]:
        return [(one.policy, one.attribute) for one in self.status(app).warnings]


@pytest.fixture
def site() -> Site:
    return Site()


def test_given_an_issuer_for_every_app_when_an_app_names_it_too_then_the_apps_edit_is_rejected(
    site: Site,
) -> None:
    site.put("live", "harmless", action="echo", method="call")
    site.put("*", "everywhere", **SITE)

    site.put("live", "own", **SITE)

    [error] = site.status("live").errors
    assert (error.policy, error.attribute) == ("own", "issuer")
    assert "as 'everywhere' for every app: both name the issuer" in error.message
    assert (site.status("live").version, site.status("*").ok) == (1, True)


def test_given_an_issuer_of_an_app_when_it_is_named_for_every_app_then_only_the_app_has_the_error(
    site: Site,
) -> None:
    site.put("live", "own", **SITE)

    site.put("*", "everywhere", **SITE)

    assert (site.status("*").ok, site.status("*").version) == (True, 1)
    [warning] = site.status("*").warnings
    assert (warning.policy, warning.attribute) == ("everywhere", "issuer")
    assert "The app's edits are rejected until one of the two policies changes" in warning.message
    assert [one.policy for one in site.status("live").errors] == ["own"]
    # The last good version stays active, and is in order again without an edit of the app.
    assert site.store.in_force("live").version == 1
    site.delete("*", "everywhere")
    assert site.status("live").ok


def test_given_items_of_one_issuer_on_different_methods_or_at_different_times_then_both_are_active(
    site: Site,
) -> None:
    site.put("*", "everywhere", **SITE, method="connect")
    site.put("live", "own", **SITE, method="playHLS")
    site.put("live", "later", **SITE, method="connect", notAfter="2030-03-17T18:00:00Z")
    assert [one.policy for one in site.status("live").errors] == ["later"]

    site.clock.advance(3600)
    site.look()

    assert site.status("live").ok


def test_given_claims_that_only_an_item_for_every_app_fills_when_that_goes_then_the_app_is_warned(
    site: Site,
) -> None:
    site.put("live", "by-claim", **BY_CLAIM)
    assert site.warnings("live") == [("by-claim", "when")]
    site.put("*", "everywhere", **SITE)
    assert site.warnings("live") == []

    site.delete("*", "everywhere")

    assert site.warnings("live") == [("by-claim", "when")]


def test_given_claims_that_every_apps_policies_ask_for_when_an_app_fills_them_then_none_is_warned(
    site: Site,
) -> None:
    site.put("*", "by-claim", **BY_CLAIM)
    assert site.warnings("*") == [("by-claim", "when")]

    site.put("live", "own", **{**SITE, "required": False})

    assert (site.warnings("*"), site.warnings("live")) == ([], [])


@pytest.mark.parametrize(
    "unfit",
    [
        {"form": "key", "keys": "secret:keys", "method": "connect"},
        {"issuer": ISSUER, "audience": "wcs", "keys": jwk("ES256"), "method": "sendMessage"},
    ],
    ids=["a stream key at connect", "a hook that has no place for a token"],
)
def test_given_a_required_token_that_no_hook_can_show_then_that_is_warned(
    site: Site, unfit: dict[str, Any]
) -> None:
    site.put("live", "own", action="trust", required=True, **unfit)

    assert ("own", "required") in site.warnings("live")


def test_given_a_record_when_dynamodb_keeps_it_then_it_comes_back_and_one_without_tokens_does_too(
    store: DynamoPolicyStore,
) -> None:
    scope = TrustScope(
        "site", ("connect", "call"), ("connect",), Form.JWT, (ISSUER,), 1_900_000_000
    )
    record = AppRecord(tokens=TokenUse((scope, scope._replace(until=float("inf"))), ("connect",)))

    store.write_record("live", record)
    store.write_record("older", AppRecord())

    assert store.record("live").tokens == record.tokens
    assert store.record("older").tokens == NO_TOKENS
