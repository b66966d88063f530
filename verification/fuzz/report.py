"""Writes the last run into `docs/maintainers/hostile-input.md`: after `make fuzz`."""

import json
from typing import Any, Final

from tools.markdown import replace_block
from verification.fuzz import figures, slow
from verification.fuzz.fuzzing import RESULTS, ROOT
from verification.fuzz.over_http import HttpFigures

FILE: Final = ROOT / "docs" / "maintainers" / "hostile-input.md"

_SHOWN: Final = 20


def main() -> None:
    """Put each part of the figures between its marks."""
    content: dict[str, Any] = json.loads((RESULTS / "figures.json").read_text())
    text = FILE.read_text(encoding="utf-8")
    if "targets" in content:
        text = _put(text, "targets", figures.table(figures.from_json(content["targets"])))
    if "slow" in content:
        shown = [slow.SlowFigures(**one) for one in content["slow"]][:_SHOWN]
        text = _put(text, "slow", slow.table(shown))
    if "http" in content:
        text = _put(text, "http", http_summary(HttpFigures(**content["http"])) + "\n")
    FILE.write_text(text, encoding="utf-8")


def http_summary(http: HttpFigures) -> str:
    """What came of the run over HTTP, in a sentence."""
    statuses = ", ".join(f"{status}: {count:,}" for status, count in http.statuses.items())
    own = ", ".join(f"{status}: {count:,}" for status, count in http.by_gateway.items()) or "none"
    return (
        f"{http.requests:,} requests by the document and {http.raw:,} raw ones in "
        f"{http.seconds:.0f} s. Answers to the raw ones: {statuses}. Server errors of a function: "
        f"{sum('of a function' in problem for problem in http.problems)}; of the emulator's own "
        f"gateway: {own}."
    )


def _put(text: str, name: str, part: str) -> str:
    return replace_block(text, f"<!-- {name} -->", f"<!-- end of {name} -->", f"\n\n{part}\n")


if __name__ == "__main__":
    main()
