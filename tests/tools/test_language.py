"""Words that are not used in texts for people are found, with what to write instead."""

import pytest

from tools.language import Place, Text, places, texts


def found(text: str) -> list[tuple[int, str]]:
    return [(place.line, place.word) for place in places(Text("page.md", 1, text))]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The alarm tells\nthe topic.", (1, "tells")),
        ("One line.\nWhat is in\nforce stays.", (2, "in force")),
        ("5 is no text", (1, "is no")),
        ("Likewise for `told`.", (1, "Likewise")),
    ],
)
def test_given_a_word_that_is_not_used_then_its_line_is_named(
    text: str, word: tuple[int, str]
) -> None:
    assert found(text) == [word]


@pytest.mark.parametrize(
    "text",
    [
        "There is no such app, and it is no longer there.",
        "What a computer cannot tell, and what tells apart two hooks.",
        "Run `tell` and\n\n```sh\ntold you\n```\n",
        "The foretold demandingly standing.",
        "It is shown on demand, and billed on-demand.",
    ],
)
def test_given_code_or_another_meaning_then_nothing_is_found(text: str) -> None:
    assert found(text) == []


def test_given_a_source_then_its_strings_docstrings_and_comments_are_texts() -> None:
    source = '''
def told() -> str:
    """Tell it anew."""
    return f"it is no number: {told}"  # likewise
'''

    assert [(text.line, text.text) for text in texts("wcsctl/a.py", source)] == [
        (3, "Tell it anew."),
        (4, "it is no number: "),
        (4, "# likewise"),
    ]


def test_given_a_place_then_it_says_what_to_write() -> None:
    [place] = places(Text("a.md", 3, "What stands in\nthe table"))

    assert place == Place("a.md", 3, "stands in", "is in, is")
