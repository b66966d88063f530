"""The page of fields is what the code says."""

from tools.hook_fields import FILE, text
from wcs_hooks.core.methods import METHODS


def test_given_the_page_of_fields_then_it_is_what_the_command_writes_and_has_every_method() -> None:
    page = FILE.read_text(encoding="utf-8")

    assert page == text(), "run: make reference"
    assert not [name for name in METHODS if f"`{name}`" not in page]
