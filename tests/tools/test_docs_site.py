"""The site of the documents: links that lead out of it, and decisions that its index lacks."""

import logging

import pytest

from tools.docs_site import not_in_index, without_outer_links


def test_given_links_when_the_site_is_made_then_those_to_other_files_become_names() -> None:
    page = (
        "See [prices](../../tools/cost/prices.py), [the runbook](../runbook.md#redrive), [a](b.md)."
    )

    assert without_outer_links(page, "how-to/upgrade.md") == (
        "See prices (`tools/cost/prices.py`), [the runbook](../runbook.md#redrive), [a](b.md)."
    )


def test_given_a_link_to_no_file_when_the_site_is_made_then_that_is_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        without_outer_links("[it](../nowhere.py)", "cost.md")

    assert caplog.messages == ["cost.md links to ../nowhere.py, which does not exist"]


def test_given_an_entry_that_no_link_leads_to_then_it_is_named() -> None:
    page = "- [One](#d001-one-of-them)\n\n## D001 One, of `them`\n\n## D002 Two\n"

    assert not_in_index(page) == ["D002 Two"]
