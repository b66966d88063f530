"""Figures: what was measured, under a name, with its unit and its spread."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.samples import Summary, summarize


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes
    ----------
    unit
        `ms`, `us` (microseconds), `bytes`, `x` (a ratio).
    """

    unit: str
    summary: Summary


class Figures:
    """The figures of a section, by name: words joined by dots, from the general to the special.

    Examples
    --------
    >>> figures = Figures()
    >>> figures.add("cold.baseline", "ms", [30.1, 29.9, 30.0])
    >>> figures["cold.baseline"].summary.median
    30.0
    """

    def __init__(self, known: Mapping[str, Figure] | None = None) -> None:
        self._figures: dict[str, Figure] = dict(known or {})

    def add(self, name: str, unit: str, measurements: Sequence[float]) -> None:
        """Summarise measurements."""
        self._figures[name] = Figure(unit, summarize(measurements))

    def __getitem__(self, name: str) -> Figure:
        """A figure.

        Raises
        ------
        KeyError
            If it was not measured.
        """
        return self._figures[name]

    def __contains__(self, name: object) -> bool:
        """Whether it was measured."""
        return name in self._figures

    def __iter__(self) -> Iterator[str]:
        """The names."""
        return iter(self._figures)

    def __or__(self, other: "Figures") -> "Figures":
        """These and the others."""
        return Figures(self._figures | other._figures)

    def median(self, name: str) -> float:
        """A figure's median."""
        return self[name].summary.median

    def to_json(self) -> dict[str, Any]:
        """The same for a result file."""
        return {
            name: {"unit": figure.unit, **figure.summary.to_json()}
            for name, figure in sorted(self._figures.items())
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Figures":
        """Read figures back."""
        return cls(
            {
                name: Figure(
                    values["unit"],
                    Summary(**{key: value for key, value in values.items() if key != "unit"}),
                )
                for name, values in stored.items()
            }
        )
