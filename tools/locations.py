"""Where the tools find things."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parents[1]
DOCS: Final = REPOSITORY / "docs"
BENCH_RESULTS: Final = REPOSITORY / "bench" / "results"
