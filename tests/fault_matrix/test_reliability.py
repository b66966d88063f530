"""The document shows the matrix, the whole of it, and nothing else."""

from collections import Counter

from verification.fault_matrix.matrix import MATRIX
from verification.fault_matrix.reliability import (
    FILE,
    expected_notes,
    expected_rows,
    notes_of,
    rows_of,
)
from wcs_hooks.telemetry.catalogue import METRICS

_DOCUMENT = FILE.read_text(encoding="utf-8")


def test_the_documents_rows_are_those_of_the_matrix() -> None:
    assert rows_of(_DOCUMENT) == expected_rows(), "run: make reliability"


def test_the_documents_notes_are_those_of_the_matrix() -> None:
    assert notes_of(_DOCUMENT) == expected_notes(), "run: make reliability"


def test_every_row_is_shown_once_and_has_a_name_of_its_own() -> None:
    names = Counter(row.name for row in MATRIX)

    assert len(expected_rows()) == len(MATRIX)
    assert set(names.values()) == {1}


def test_every_metric_that_a_row_names_is_one_that_is_emitted() -> None:
    assert {name for row in MATRIX for name in row.expected.counted} <= METRICS.keys()
