"""Where the benchmark finds things, and where it leaves them."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
BENCH: Final = REPOSITORY / "bench"
RESULTS: Final = BENCH / "results"
DOCS: Final = REPOSITORY / "docs"

WORK: Final = REPOSITORY / "build" / "bench"
"""What is packaged, unpacked and logged here."""

LAMBDA_ENVIRONMENT: Final = REPOSITORY / ".lambda"
"""Made by the Makefile: what Lambda's Python has, and nothing else."""

LAMBDA_PYTHON: Final = LAMBDA_ENVIRONMENT / "bin" / "python"
