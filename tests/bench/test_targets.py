"""The targets, and what comes of them."""

from collections.abc import Iterable

import pytest

from bench.figures import Figures
from bench.targets import CATEGORIES, MB, TARGETS, Section, Target, judge
from wcs_hooks.core.methods import Category


def _meeting(targets: Iterable[Target], *, factor: float = 0.9) -> Figures:
    figures = Figures()
    for target in targets:
        figures.add(target.figure, "x", [target.at_most * factor])
    return figures


def test_given_figures_below_every_limit_when_judged_then_every_target_is_met() -> None:
    verdicts = judge(_meeting(TARGETS), Section)

    assert len(verdicts) == len(TARGETS)
    assert all(verdict.met for verdict in verdicts)


@pytest.mark.parametrize("missed", TARGETS, ids=lambda target: target.name)
def test_given_one_figure_above_its_limit_when_judged_then_that_target_alone_is_missed(
    missed: Target,
) -> None:
    figures = _meeting(TARGETS)
    figures.add(missed.figure, "x", [missed.at_most * 1.01])

    assert [verdict.target for verdict in judge(figures, Section) if not verdict.met] == [missed]


def test_given_a_figure_just_at_its_limit_when_judged_then_below_misses_and_at_most_meets() -> None:
    verdicts = judge(_meeting(TARGETS, factor=1.0), Section)

    assert {verdict.target for verdict in verdicts if not verdict.met} == {
        target for target in TARGETS if target.below
    }


def test_given_a_figure_was_not_measured_when_judged_then_its_target_is_missed() -> None:
    assert not any(verdict.met for verdict in judge(Figures(), [Section.DECISIONS]))


def test_given_a_section_did_not_run_when_judged_then_its_targets_are_left_out() -> None:
    verdicts = judge(Figures(), [Section.ENFORCEMENT])

    assert [verdict.target.section for verdict in verdicts] == [Section.ENFORCEMENT]


def test_given_200_edits_of_which_three_are_slow_when_judged_then_p99_decides() -> None:
    for slow, met in ((2, True), (3, False)):
        figures = Figures()
        figures.add("enforcement.seconds", "s", [1.0] * (200 - slow) + [9.0] * slow)

        [verdict] = judge(figures, [Section.ENFORCEMENT])

        assert verdict.met is met


def test_given_the_targets_then_each_figure_has_one_and_all_categories_are_held_to_them() -> None:
    assert len({target.figure for target in TARGETS}) == len(TARGETS)
    assert list(CATEGORIES) == list(Category)
    for category in CATEGORIES:
        assert sum(target.member == category for target in TARGETS) == 5


def test_given_the_targets_then_their_limits_are_those_that_were_set() -> None:
    limits = {(target.figure.partition(".")[0], target.at_most) for target in TARGETS}

    assert limits == {
        ("cold", 0.6),
        *(("warm", limit) for limit in (1.3, 1.0, 1.5, 120)),
        *(("decision", limit) for limit in (40, 250, 1.5)),
        *(("load", limit) for limit in (100, 60 * MB)),
        ("package", 13 * MB),
        ("enforcement", 5),
    }
