"""Without a policy, what came goes back."""

import json
from pathlib import Path

import pytest

from local.demonstration import PAYLOADS, vendor_hooks
from tests.e2e.conftest import Deployed
from wcs_hooks.core.methods import METHODS, Category

_VENDOR_HOOKS = {hook.title: hook for hook in vendor_hooks()}


@pytest.mark.parametrize("title", _VENDOR_HOOKS)
def test_given_no_policy_when_the_vendors_hook_is_posted_then_the_same_bytes_come_back(
    deployed: Deployed, title: str
) -> None:
    hook = _VENDOR_HOOKS[title]

    reply = deployed.post(hook.method, hook.body)

    assert reply.status == 200
    assert reply.body == hook.body
    assert reply.headers["content-type"] == "application/json"
    assert reply.decision


def test_given_the_vendors_payloads_then_each_belongs_to_a_known_method() -> None:
    assert {hook.method for hook in vendor_hooks()} <= METHODS.keys()
    assert len(_VENDOR_HOOKS) == len(list(Path(PAYLOADS).glob("*.json"))) > 10


@pytest.mark.parametrize("category", Category)
def test_given_hooks_of_every_method_of_a_category_then_its_function_answers_and_counts_them(
    deployed: Deployed, app: str, since_ms: int, category: Category
) -> None:
    methods = [name for name, method in METHODS.items() if method.category is category]

    for name in methods:
        body = json.dumps({"appKey": app, "sessionId": "s", "method": name}).encode()
        assert deployed.post(name, body).body == body

    metrics = deployed.emf(
        category,
        since_ms,
        lambda lines: sum("Calls" in line and "method" in line for line in lines) >= len(methods),
    )
    counted = [line["method"] for line in metrics if "Calls" in line and "method" in line]
    assert {line["category"] for line in metrics} == {category.value}
    assert len(counted) == len(methods)
    assert {METHODS[name].canonical for name in counted} == {
        METHODS[name].canonical for name in methods
    }


def test_given_a_method_yet_to_be_invented_when_it_is_posted_then_it_is_echoed_and_counted(
    deployed: Deployed, app: str, since_ms: int
) -> None:
    body = json.dumps({"appKey": app, "new": [1, 2]}).encode()

    reply = deployed.post("methodYetToBeInvented", body)

    assert (reply.status, reply.body) == (200, body)
    metrics = deployed.emf(
        Category.EVENT,
        since_ms,
        lambda lines: any("UnknownMethod" in line for line in lines),
    )
    assert sum("UnknownMethod" in line for line in metrics) == 1
    assert not any("methodYetToBeInvented" in json.dumps(line) for line in metrics)
