"""Result files, and the tables that are made of them."""

import os
import time
from pathlib import Path

import pytest

from bench.figures import Figures
from bench.function_process import _process_clock
from bench.locations import DOCS
from bench.markdown import replace_blocks, targets
from bench.results import Result, read
from bench.targets import TARGETS, Section, Verdict, judge


def _result() -> Result:
    figures = Figures()
    figures.add("enforcement.seconds", "s", [1.0, 2.0, 3.0])
    return Result(Section.ENFORCEMENT, figures, {"seconds": [1.0, 2.0, 3.0]})


def test_given_a_result_when_written_and_read_back_then_it_tells_the_same_and_where(
    tmp_path: Path,
) -> None:
    _result().write(tmp_path)

    found = read(Section.ENFORCEMENT, tmp_path)

    assert found is not None
    assert found.details == {"seconds": [1.0, 2.0, 3.0]}
    assert found.figures.median("enforcement.seconds") == 2.0
    assert found.context["machine"]["cores"] == os.cpu_count()
    assert found.context["versions"]["python"].startswith("3.13.")
    assert found.context.keys() == {
        *("measuredAt", "commit", "uncommittedChanges", "machine", "versions")
    }


def test_given_a_section_never_ran_when_read_then_there_is_nothing(tmp_path: Path) -> None:
    assert read(Section.DECISIONS, tmp_path) is None


def test_given_a_document_with_places_when_tables_are_put_in_then_all_else_stays(
    tmp_path: Path,
) -> None:
    document = tmp_path / "performance.md"
    document.write_text(
        "# Title\n<!-- bench:cold -->\nold\n<!-- /bench:cold -->\nbetween\n"
        "<!-- bench:warm -->\nkept\n<!-- /bench:warm -->\nend\n"
    )

    changed = replace_blocks(document, {"cold": "| new |", "elsewhere": "nowhere"})

    assert changed
    assert document.read_text() == (
        "# Title\n<!-- bench:cold -->\n| new |\n<!-- /bench:cold -->\nbetween\n"
        "<!-- bench:warm -->\nkept\n<!-- /bench:warm -->\nend\n"
    )
    assert not replace_blocks(document, {"cold": "| new |"})


def test_given_verdicts_when_put_in_a_table_then_categories_share_a_row() -> None:
    rows = targets(judge(Figures(), Section)).splitlines()[2:]

    assert len(rows) == len({target.row for target in TARGETS})
    assert all(row.endswith("| missed |") for row in rows)


def test_given_one_category_misses_when_put_in_a_table_then_the_row_says_how_many() -> None:
    cold = [target for target in TARGETS if target.row.startswith("cold")]
    verdicts = [Verdict(target, 0.5, "x") for target in cold]
    verdicts[0] = Verdict(cold[0], 0.7, "x")

    [row] = targets(verdicts).splitlines()[2:]

    assert "connect 0.70; direct 0.50" in row
    assert row.endswith("| missed by 1 of 4 |")


def test_given_the_document_then_it_has_a_place_for_the_targets() -> None:
    text = (DOCS / "maintainers" / "performance.md").read_text()

    assert text.count("<!-- bench:targets -->") == 1
    assert text.count("<!-- /bench:targets -->") == 1


def test_given_this_process_when_its_cpu_clock_is_read_then_it_counts_what_the_process_used() -> (
    None
):
    clock = _process_clock(os.getpid())
    before = time.clock_gettime(clock)
    used = time.process_time()
    while time.process_time() < used + 0.05:
        pass

    assert time.clock_gettime(clock) - before >= 0.05
    assert time.clock_gettime(clock) == pytest.approx(time.process_time(), abs=1.0)
