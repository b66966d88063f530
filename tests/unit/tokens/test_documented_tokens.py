"""docs/reference/tokens.md lists every attribute and status, and its policies compile."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from wcs_hooks.core.policy.compilation import compile_policies
from wcs_hooks.core.policy.trust_reader import ATTRIBUTES_OF_TRUST
from wcs_hooks.core.tokens.keys import ALGORITHMS
from wcs_hooks.core.tokens.verification import TokenStatus

_REFERENCE: Final = Path(__file__).resolve().parents[3] / "docs" / "reference"
_PAGE: Final = (_REFERENCE / "tokens.md").read_text()


def _section(heading: str) -> str:
    _, _, rest = _PAGE.partition(f"\n{heading}\n")
    assert rest, f"docs/reference/tokens.md has no heading {heading!r}"
    return re.split(r"\n##+ ", rest)[0]


def _rows(heading: str) -> list[str]:
    """The names in the first column of a section's table, in order."""
    cells = [line.split("|")[1] for line in _section(heading).splitlines() if "|" in line]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def _policies() -> list[list[dict[str, Any]]]:
    """The policies of each example, as a list."""
    return [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", _PAGE, re.DOTALL)]


def test_given_the_page_then_its_tables_have_every_attribute_algorithm_and_status() -> None:
    attributes = set(_rows("## Attributes"))

    assert attributes >= ATTRIBUTES_OF_TRUST
    assert attributes - ATTRIBUTES_OF_TRUST == {"method", "mode", "priority", "reason", "status"}
    assert set(_rows("### Statuses")) == set(TokenStatus) | {"token.status"}
    for algorithm in ALGORITHMS:
        assert algorithm in _section("## Attributes")


def test_given_the_pages_policies_then_each_compiles_beside_one_that_trusts_the_site() -> None:
    [site] = _policies()[0]
    # Beside an item of their own, these would be asked on the same method.
    for example in _policies()[1:]:
        trusts = any(policy["action"] == "trust" for policy in example)
        items = [*example, *([] if trusts else [site])]

        compilation = compile_policies("live", [{"app": "live", **item} for item in items], (), 0)

        assert list(compilation.errors) == [], example
        assert [
            str(warning)
            for warning in compilation.warnings
            if "flashphoner.properties" not in warning.message
        ] == []


def test_given_the_page_then_every_page_and_heading_that_it_links_to_is_there() -> None:
    for page, heading in re.findall(r"\]\(([\w/-]+\.md)?(?:#([\w-]+))?\)", _PAGE):
        text = (_REFERENCE / page).read_text() if page else _PAGE
        headings = {
            re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-")
            for line in text.splitlines()
            if line.startswith("#")
        }
        assert not heading or heading in headings, f"{page}#{heading}"
