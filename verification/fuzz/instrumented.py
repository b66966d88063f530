"""Fuzzes one target, guided by coverage. `python -m verification.fuzz` runs it in its own process.

https://github.com/google/atheris. The rest of the arguments is libFuzzer's.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

import atheris

_BY_ITS_OWN_MUTATION: Final = 3
"""Of four inputs, where a target has one; the others are libFuzzer's."""


def main(name: str, results: Path, runs: int, arguments: list[str]) -> None:
    """Fuzz until that many inputs were run, or time is up; write figures along the way.

    libFuzzer ends the process by itself.
    """
    with atheris.instrument_imports(include=["wcs_hooks", "wcsctl", "strict_yaml", "json"]):
        from verification.fuzz import registry  # noqa: PLC0415 - what it imports is instrumented here
    from verification.fuzz.measure import Stopwatch, peak_mib, resident_mib  # noqa: PLC0415 - ditto

    campaign = registry.CAMPAIGNS[name]
    watch = Stopwatch(campaign.make())
    warm = max(1, runs // 10)
    figures: dict[str, Any] = {}

    def write() -> None:
        figures.update(inputs=watch.inputs, peak_mib=peak_mib(), end_mib=resident_mib())
        (results / "figures.json").write_text(json.dumps(figures))
        for number, data in enumerate(watch.slowest()):
            (results / "slowest" / f"{number:02}").write_bytes(data)

    def try_one(data: bytes) -> None:
        watch(data)
        if watch.inputs == warm:
            figures["warm_mib"] = resident_mib()
        if watch.inputs % warm == 0:
            write()

    options: dict[str, Any] = {}
    mutation = campaign.mutation
    if mutation is not None:

        def mutated(data: bytes, max_size: int, seed: int) -> bytes:
            changed = mutation(data, max_size, seed) if seed & _BY_ITS_OWN_MUTATION else None
            return atheris.Mutate(data, max_size) if changed is None else changed

        options["custom_mutator"] = mutated
    atheris.Setup([sys.argv[0], *arguments], try_one, **options)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
