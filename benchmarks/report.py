"""The table: one line per thing measured, its targets beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

MEGABYTE = 1_000_000
HEADINGS = ("", "seconds", "CPU s", "contacts/s", "x bare", "peak MB", "target", "")


@dataclass(frozen=True, slots=True)
class Target:
    """What must hold at 100,000 contacts."""

    seconds: float
    megabytes: float | None = None

    def __str__(self) -> str:
        memory = f" and <= {self.megabytes:.0f} MB" if self.megabytes is not None else ""
        return f"<= {self.seconds:.0f} s{memory}"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing measured, once or as the median of several runs."""

    name: str
    seconds: float
    cpu: float
    peak: float
    """Bytes."""
    contacts: int | None = None
    """How many it went through, where a rate makes sense."""
    target: Target | None = None

    @property
    def is_missed(self) -> bool:
        """Whether there is a target, and it is not met."""
        target = self.target
        if target is None:
            return False
        return self.seconds > target.seconds or self.peak / MEGABYTE > (target.megabytes or float("inf"))

    def cells(self, bare: float) -> tuple[str, ...]:
        """As text, compared with the seconds of the bare loop."""
        return (
            self.name,
            f"{self.seconds:.2f}",
            f"{self.cpu:.2f}",
            f"{self.contacts / self.seconds:,.0f}" if self.contacts is not None else "",
            f"{self.seconds / bare:.1f}",
            f"{self.peak / MEGABYTE:.0f}",
            str(self.target or ""),
            "" if self.target is None else "MISSED" if self.is_missed else "met",
        )


def medians(runs: Sequence[Sequence[Line]]) -> list[Line]:
    """The middle one of each figure; every run has the same lines."""
    return [
        Line(
            name=first.name,
            seconds=median(line.seconds for line in same),
            cpu=median(line.cpu for line in same),
            peak=median(line.peak for line in same),
            contacts=first.contacts,
            target=first.target,
        )
        for first, *rest in zip(*runs, strict=True)
        for same in [[first, *rest]]
    ]


def table(lines: Sequence[Line]) -> str:
    """The lines under their headings; the first one is the bare loop."""
    rows = [HEADINGS, *(line.cells(lines[0].seconds) for line in lines)]
    return aligned(rows, left=(0, len(HEADINGS) - 2, len(HEADINGS) - 1))


def aligned(rows: Sequence[Sequence[str]], left: Sequence[int]) -> str:
    """Rows as text; the columns in `left` begin together, the others end together."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place in left else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
