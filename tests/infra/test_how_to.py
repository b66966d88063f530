"""The how-to pages: what they tell to type exists, and what they tell to write can be read."""

import json
import re
import shlex
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from typer.testing import CliRunner

from tests.infra.synthesis import ROOT
from wcsctl import cli

PAGES: Final = sorted((ROOT / "docs" / "how-to").glob("*.md"))


class Template(yaml.SafeLoader):
    """Reads CloudFormation's short forms, such as `!Ref`, as their values."""


def _short_form(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    assert isinstance(node, yaml.SequenceNode)
    return loader.construct_sequence(node)


Template.add_multi_constructor("!", _short_form)


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)


def wcsctl_commands() -> list[str]:
    """Every call of `wcsctl` in a block, or in a step of a workflow."""
    text = "\n".join(
        block for page in PAGES for kind in ("sh", "yaml") for block in blocks(page, kind)
    )
    return list(dict.fromkeys(re.findall(r"^(?: *(?:- )?run: )?wcsctl (.*)$", text, re.MULTILINE)))


@pytest.mark.parametrize("words", wcsctl_commands())
def test_given_a_wcsctl_command_on_a_page_when_it_is_typed_then_wcsctl_knows_it(words: str) -> None:
    typed = shlex.split(re.split(r" (?:\|\||>) ", words)[0])

    done = CliRunner().invoke(cli.app, [*typed, "--help"], prog_name="wcsctl")

    assert done.exit_code == 0, done.output
    [path] = re.findall(
        r"^(?:--\w+ (?:Wcs\S+ )?)*([a-z][a-z -]*?)(?= -|$| [\w.]+)", " ".join(typed)
    )
    assert f"Usage: wcsctl {path}" in re.sub(r"\s+", " ", done.output)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_given_files_on_a_page_when_they_are_copied_then_they_can_be_read(page: Path) -> None:
    for block in blocks(page, "json"):
        json.loads(block)
    for block in blocks(page, "yaml"):
        # CloudFormation takes no aliases.
        assert not re.search(r"[:-] [&*]\w", block)
        assert Template(block).get_single_data()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_given_a_link_on_a_page_when_it_is_followed_then_something_is_there(page: Path) -> None:
    links = [link for link in re.findall(r"\]\(([^)]*)\)", page.read_text()) if "://" not in link]

    for link in links:
        file, _, anchor = link.partition("#")
        headings = re.findall(r"^#+ (.*)$", (page.parent / file).read_text(), re.MULTILINE)
        slugs = {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
        assert not anchor or anchor in slugs, link


def test_given_a_page_when_somebody_looks_for_it_then_the_readme_leads_there() -> None:
    readme = (ROOT / "README.md").read_text()

    assert [page.name for page in PAGES if f"(docs/how-to/{page.name})" not in readme] == []
