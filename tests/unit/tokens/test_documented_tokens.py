"""docs/reference/tokens.md lists every attribute and status."""

import re
from pathlib import Path
from typing import Final

from wcs_hooks.core.policy.trust_reader import ATTRIBUTES_OF_TRUST
from wcs_hooks.core.tokens.keys import ALGORITHMS
from wcs_hooks.core.tokens.verification import TokenStatus

_PAGE: Final = (
    Path(__file__).resolve().parents[3] / "docs" / "reference" / "tokens.md"
).read_text()


def _section(heading: str) -> str:
    _, _, rest = _PAGE.partition(f"\n{heading}\n")
    assert rest, f"docs/reference/tokens.md has no heading {heading!r}"
    return re.split(r"\n##+ ", rest)[0]


def _rows(heading: str) -> list[str]:
    """The names in the first column of a section's table, in order."""
    cells = [line.split("|")[1] for line in _section(heading).splitlines() if "|" in line]
    return [name for cell in cells for name in re.findall(r"`([^`]+)`", cell)]


def test_given_the_page_then_its_tables_have_every_attribute_algorithm_and_status() -> None:
    attributes = set(_rows("## Attributes"))

    assert attributes >= ATTRIBUTES_OF_TRUST
    assert attributes - ATTRIBUTES_OF_TRUST == {"method", "mode", "priority", "reason", "status"}
    assert set(_rows("### Statuses")) == set(TokenStatus) | {"token.status"}
    for algorithm in ALGORITHMS:
        assert algorithm in _section("## Attributes")
