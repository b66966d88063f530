"""Where the benchmark finds things, and where it leaves them."""

from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).resolve().parent.parent
BENCH: Final = REPOSITORY / "bench"
RESULTS: Final = BENCH / "results"
DOCS: Final = REPOSITORY / "docs"

ENVIRONMENT: Final = REPOSITORY / ".bench"
"""Made by the Makefile; what is packaged and unpacked here is kept in it too."""

LAMBDA_PYTHON: Final = ENVIRONMENT / "lambda" / "bin" / "python"
"""An interpreter that finds what Lambda's Python has, and nothing else."""

TOOLS_PYTHON: Final = REPOSITORY / ".venv" / "bin" / "python"
"""The developer's interpreter: it has the CDK, which this environment has not."""
