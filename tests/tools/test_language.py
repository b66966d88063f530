"""Words that are not used in texts for people are found, with what to write instead."""

import pytest

from tools.language import Place, Text, places, texts


def found(text: str) -> list[tuple[int, str]]:
    checked = Text("page.md", 1, text, is_checked=True)
    return [(place.line, place.word) for place in places(checked)]


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
    ],
)
def test_given_code_or_another_meaning_then_nothing_is_found(text: str) -> None:
    assert found(text) == []


def test_given_a_source_then_what_people_read_is_checked_and_the_rest_is_counted() -> None:
    source = '''
def told() -> str:
    """Tell it anew."""
    return f"it is no number: {told}"  # likewise
'''

    by_command = {text.text: text.is_checked for text in texts("wcsctl/commands/a.py", source)}
    by_module = {text.text: text.is_checked for text in texts("wcsctl/a.py", source)}

    assert by_module == {
        "Tell it anew.": False,
        "it is no number: ": True,
        "# likewise": False,
    }
    assert by_command == by_module | {"Tell it anew.": True}


def test_given_a_place_then_it_says_what_to_write() -> None:
    [place] = places(Text("a.md", 3, "What stands in\nthe table", is_checked=True))

    assert place == Place("a.md", 3, "stands in", "is in, is")
