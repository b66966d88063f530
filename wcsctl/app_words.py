"""How an app is called on the command line, where a shell makes files of `*`."""

from typing import Final

EVERY_APP_WORD: Final = "every-app"
"""The word for the app `*`, whose policies hold for every app."""

_EVERY_APP: Final = "*"


def app_of_word(word: str) -> str:
    """The app that a word means.

    Examples
    --------
    >>> app_of_word("every-app"), app_of_word("school")
    ('*', 'school')
    """
    return _EVERY_APP if word == EVERY_APP_WORD else word


def app_of_option(word: str | None) -> str | None:
    """The app that an option means; none where it was not given."""
    return None if word is None else app_of_word(word)


def word_of_app(app: str) -> str:
    """The word that means an app."""
    return EVERY_APP_WORD if app == _EVERY_APP else app
