"""The fault matrix: each fault, and its effect. `docs/maintainers/reliability.md` shows it.

What is written here is held against what happens, row by row, in `test_fault_matrix.py`.
"""

from typing import Final

from verification.fault_matrix.hook_rows import HOOK_ROWS
from verification.fault_matrix.other_rows import OTHER_ROWS
from verification.fault_matrix.row import Row

MATRIX: Final[tuple[Row, ...]] = (*HOOK_ROWS, *OTHER_ROWS)
"""All rows."""
