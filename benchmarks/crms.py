"""Every CRM of the registry beside HubSpot: the first sync of as many contacts, each into a store of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import orjson

from benchmarks import processes, sandbox
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import MEGABYTE, aligned

FIRST = "hubspot"
SLOWEST = 0.5
"""Of HubSpot's contacts a second; no CRM may be slower."""
HEADINGS = ("", "seconds", "contacts/s", "x hubspot", "requests", "peak MB", "")


@dataclass(frozen=True, slots=True)
class Measured:
    """One CRM's first sync."""

    name: str
    contacts: int
    seconds: float
    requests: int
    peak: float

    @property
    def rate(self) -> float:
        return self.contacts / self.seconds


def measure(contacts: int, runs: int, folder: Path) -> tuple[str, bool]:
    """The table, and whether every CRM is fast enough."""
    from crm_pipeline.providers import PROVIDERS

    names = list(PROVIDERS)
    with sandbox.running(contacts, folder, crms=names) as environment:
        for name in names:  # so that the sandbox has made what it serves
            _sync(name, environment, folder)
        found = {name: _median([_sync(name, environment, folder) for _ in range(runs)]) for name in names}
    first = found[FIRST]
    rows: list[Sequence[str]] = [HEADINGS]
    for one in found.values():
        share = one.rate / first.rate
        figures = (f"{one.seconds:.2f}", f"{one.rate:,.0f}", f"{share:.2f}", str(one.requests))
        rows.append((one.name, *figures, f"{one.peak / MEGABYTE:.0f}", "" if share >= SLOWEST else "MISSED"))
    return aligned(rows, left=(0, len(HEADINGS) - 1)), all(one.rate >= SLOWEST * first.rate for one in found.values())


def _sync(name: str, environment: dict[str, str], folder: Path) -> Measured:
    with tempfile.TemporaryDirectory(dir=folder) as own:
        store = {"CRM_WAREHOUSE": f"duckdb:///{own}/crm.duckdb", "CRM_DATA_DIR": os.path.join(own, "data")}
        command = ("crm_pipeline.cli", "sync", "--provider", name, "--json")
        usage = processes.run(command, environment | store, Path(own))
    (told,) = orjson.loads(usage.output)["syncs"]
    if told["status"] != "succeeded" or not told["results"]["fetched"]:
        raise BenchmarkFailed(f"{name}: {told['status']}, {told['results']['fetched']} contacts: {told['error']}")
    return Measured(name, told["results"]["fetched"], usage.seconds, told["requests"], usage.peak)


def _median(same: list[Measured]) -> Measured:
    first = same[0]
    return Measured(
        first.name,
        first.contacts,
        median(one.seconds for one in same),
        first.requests,
        median(one.peak for one in same),
    )
