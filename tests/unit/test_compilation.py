"""Compilation: an app's items become policies in order, and findings that say what is wrong."""

import pytest

from tests.unit.given import (
    NOW,
    YESTERDAY,
    compiled,
    configure,
    deny,
    echo,
    errors,
    override,
    snapshot,
)
from wcs_hooks.core.policy.compilation import Changes, changes, source_digest
from wcs_hooks.core.policy.reader import Severity


def test_given_items_then_the_policies_stand_in_evaluation_order() -> None:
    found = compiled(
        deny(id="b"), echo(id="a"), echo(id="c", priority=-1), echo(id="d", priority=99.5)
    )

    assert [policy.id for policy in found.policies] == ["c", "d", "a", "b"]


def test_given_the_systems_items_then_they_are_no_policies() -> None:
    status = {"app": "live", "id": "#status", "ok": True, "version": 3}

    found = compiled(status, deny())

    assert not found.errors
    assert [policy.id for policy in found.policies] == ["a"]


def test_given_no_items_then_there_is_nothing_to_object_to() -> None:
    found = compiled()

    assert (found.policies, found.requirements, found.errors, found.warnings) == ((), (), (), ())


def test_given_a_mistake_then_the_other_policies_are_still_checked() -> None:
    assert errors(deny(when="1 +"), deny(id="b", status=1), echo(id="c")) == [
        ("a", "when"),
        ("b", "status"),
    ]


def test_given_errors_and_warnings_then_they_are_told_apart() -> None:
    found = compiled(deny(notAfter=YESTERDAY), deny(id="b", status=1))

    assert {finding.severity for finding in found.errors} == {Severity.ERROR}
    assert {finding.severity for finding in found.warnings} == {Severity.WARNING}
    assert [finding.policy for finding in found.warnings] == ["a"]


def test_given_every_finding_then_it_names_policy_attribute_and_reason() -> None:
    found = compiled(
        deny(id="", method="nobody"), deny(id="b", method="*"), configure(id="c", restPolicy="x")
    )

    assert found.errors
    assert found.warnings
    assert all(f.attribute and f.message for f in (*found.errors, *found.warnings))


def test_given_a_compilation_when_it_is_dumped_then_the_version_is_as_asked_for() -> None:
    assert snapshot(deny(), version=41).version == 41


def test_given_many_policies_then_the_snapshot_is_whole() -> None:
    many = [deny(id=f"{n:05}", match={"name": f"stream-{n}"}) for n in range(5_000)]

    found = snapshot(*many)

    assert [rule.id for rule in found.rules("publishStream", {"name": "stream-4999"})] == ["04999"]
    assert len(found.requirements) == 1


# --- digest and changes -------------------------------------------------------------------------


def test_given_the_same_items_in_another_order_then_the_digest_is_the_same() -> None:
    one, two = deny(), echo(id="b", match={"a": 1, "b": [2]})
    shuffled = dict(reversed(two.items()))

    assert source_digest([one, two]) == source_digest([shuffled, one])


@pytest.mark.parametrize(
    "edited",
    [
        [deny()],
        [deny(), echo(id="b"), echo(id="c")],
        [deny(), echo(id="B")],
        [deny(), echo(id="b", note="")],
        [deny(priority=100), echo(id="b")],
        [],
    ],
)
def test_given_an_edit_then_the_digest_differs(edited: list[dict[str, object]]) -> None:
    assert source_digest(edited) != source_digest([deny(), echo(id="b")])


def test_given_two_versions_then_what_changed_is_told_by_id() -> None:
    before = [deny(id="same"), deny(id="gone"), deny(id="edited")]
    after = [deny(id="new"), deny(id="edited", status=404), deny(id="same")]

    assert changes(before, after) == Changes(
        added=("new",), removed=("gone",), modified=("edited",)
    )


def test_given_the_same_policies_then_nothing_changed() -> None:
    assert changes([deny()], [deny()]) == Changes((), (), ())


# --- all or nothing -----------------------------------------------------------------------------


def test_given_a_broken_policy_then_it_is_not_among_those_that_could_be_read() -> None:
    found = compiled(deny(when="1 +"), override(id="b", set={"a": 1}))

    assert [policy.id for policy in found.policies] == ["b"]
    assert found.errors
    assert found.dump(1, NOW)
