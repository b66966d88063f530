"""Works out what a million hooks cost, and which quota comes first: run by ``make cost``.

Writes the tables of docs/explanation/cost.md and docs/maintainers/scale.md. Ends with status 1
while the stack as it is deployed costs more than the target.
"""

import sys
from pathlib import Path
from typing import Final

from tools.cost import tables
from tools.cost.designs import Costs
from tools.cost.lines import own_lines
from tools.cost.load import Load
from tools.cost.measured import read_measured
from tools.cost.stack import deployed_stack
from tools.cost.tables import TARGET_RATE
from tools.locations import DOCS
from tools.markdown import replace_block

TARGET: Final = 1.60
"""USD for a million hooks, at `TARGET_RATE`."""

_BEGIN: Final = "<!-- Written by `make cost`: edit the program instead. -->"
_END: Final = "<!-- End of what `make cost` writes. -->"


def main() -> int:
    """Work it out, write it down, and return the exit status."""
    stack = deployed_stack()
    costs = Costs(stack=stack, lines=own_lines(stack.environment), measured=read_measured())
    _write(DOCS / "explanation" / "cost.md", tables.cost(costs))
    _write(DOCS / "maintainers" / "scale.md", tables.scale(costs))
    total = sum(costs.deployed(Load(hooks_per_second=TARGET_RATE)).values())
    verdict = "met" if total <= TARGET else "MISSED"
    sys.stdout.write(
        f"{tables.breakdown(costs, TARGET_RATE)}\n\n"
        f"{total:.2f} USD for a million hooks at {TARGET_RATE:g} a second. "
        f"The target of {TARGET:.2f} is {verdict}.\n"
        "Written to docs/explanation/cost.md; quotas to docs/maintainers/scale.md.\n"
    )
    return 0 if total <= TARGET else 1


def _write(document: Path, content: str) -> None:
    text = replace_block(document.read_text(), _BEGIN, _END, f"\n\n{content}\n\n")
    document.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
