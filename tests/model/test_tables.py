"""Tables, and their place in a document."""

from pathlib import Path

import pytest

from bench.model.tables import BEGIN, END, write_tables


def test_given_a_document_when_tables_are_written_then_the_rest_of_it_stays(
    tmp_path: Path,
) -> None:
    document = tmp_path / "cost.md"
    begin, end = (each.format(command="make cost") for each in (BEGIN, END))
    document.write_text(f"before\n{begin}\nold\n{end}\nafter\n")

    for content in ("first", "second"):
        write_tables(document, "make cost", content)

    assert document.read_text() == f"before\n{begin}\n\nsecond\n\n{end}\nafter\n"


def test_given_a_document_without_a_place_when_tables_are_written_then_it_stays_as_it_is(
    tmp_path: Path,
) -> None:
    document = tmp_path / "cost.md"
    document.write_text("before\n")

    with pytest.raises(ValueError, match="no place"):
        write_tables(document, "make cost", "content")

    assert document.read_text() == "before\n"
