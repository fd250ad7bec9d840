"""Rows of the printed table."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One figure: what was measured, how, the result, and the target, if there is one."""

    figure: str
    measured: str
    outcome: float
    target: str
    is_reached: bool | None

    @classmethod
    def at_most(cls, figure: str, measured: str, outcome: float, most: float, unit: str) -> "Row":
        return cls(figure, measured, outcome, f"at most {most:g}{unit}", outcome <= most)

    @classmethod
    def at_least(cls, figure: str, measured: str, outcome: float, least: float, unit: str) -> "Row":
        return cls(figure, measured, outcome, f"at least {least:g}{unit}", outcome >= least)

    @classmethod
    def without_target(cls, figure: str, measured: str, outcome: float) -> "Row":
        return cls(figure, measured, outcome, "", None)


def head() -> None:
    """Print the header of a Markdown table of figures."""
    print("| figure | measured | outcome | to reach | |")
    print("|---|---|---|---|---|", flush=True)


def show(rows: Iterable[Row]) -> None:
    """Print the rows, each as soon as it is known."""
    for row in rows:
        mark = {True: "yes", False: "**no**", None: ""}[row.is_reached]
        print(
            f"| {row.figure} | {row.measured} | {row.outcome:.3g} | {row.target} | {mark} |",
            flush=True,
        )
