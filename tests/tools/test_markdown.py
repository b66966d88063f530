"""Markdown tables, and blocks in documents."""

import pytest

from tools.markdown import replace_block, table


def test_given_rows_when_put_in_a_table_then_it_is_markdown() -> None:
    assert table(["a", "b"], [["1", "2"], ["3 | 4", "5"]]) == (
        "| a | b |\n|---|---|\n| 1 | 2 |\n| 3 \\| 4 | 5 |"
    )


def test_given_a_block_when_it_is_replaced_again_and_again_then_all_else_stays() -> None:
    text = "before\n<b>\nold\n<e>\nafter\n"

    for content in ("\nfirst\n", "\nsecond\n"):
        text = replace_block(text, "<b>", "<e>", content)

    assert text == "before\n<b>\nsecond\n<e>\nafter\n"


@pytest.mark.parametrize("text", ["", "<b> no end", "<e> the wrong way round <b>"])
def test_given_a_text_without_the_block_when_replaced_then_that_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no block"):
        replace_block(text, "<b>", "<e>", "content")
