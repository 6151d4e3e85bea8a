"""`make bench` works, on a handful of contacts; how fast it is, is not a matter for the suite."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import processes
from benchmarks.report import Line, Target, medians

ROOT = Path(__file__).resolve().parents[1]
STAGES = ("bare read loop", "start-up and imports", "fetch and land", "contacts", "leads")
SYNCS = ("bare read loop", "whole sync", "incremental sync, 20 changes", "sync without changes")


@pytest.mark.long
@pytest.mark.parametrize(("part", "names"), [("stages", STAGES), ("syncs", SYNCS)])
def test_it_prints_a_line_for_each_thing_measured(part: str, names: tuple[str, ...], tmp_path: Path) -> None:
    done = bench("--contacts", "200", "--changes", "20", "--only", part, temporary=tmp_path)
    assert done.returncode == 0, done.stderr
    found = [line for line in done.stdout.splitlines() if re.search(r"  +\d+\.\d\d  ", line)]
    assert len(found) == len(names)
    assert all(line.startswith(name) for line, name in zip(found, names, strict=True)), done.stdout
    assert re.search(r"[\d,]+ phones/s \([\d,]+ distinct texts\)", done.stdout) or part == "syncs"
    assert list(tmp_path.iterdir()) == []


def test_a_child_that_breaks_does_not_become_numbers(tmp_path: Path) -> None:
    with pytest.raises(processes.BenchmarkFailed, match="NANGO_SECRET_KEY is not set"):
        processes.run(("crm_pipeline.cli", "sync"), {}, tmp_path)


def test_a_target_is_missed_by_seconds_or_by_memory() -> None:
    def line(seconds: float, peak: float) -> Line:
        return Line("sync", seconds, cpu=1, peak=peak, target=Target(15, 450))

    assert [line(15, 450e6).is_missed, line(15.1, 1).is_missed, line(1, 451e6).is_missed] == [False, True, True]
    assert not Line("read", 99, cpu=1, peak=1e12).is_missed


def test_the_median_is_taken_of_each_figure() -> None:
    runs = [[Line("sync", seconds, cpu, peak, contacts=5)] for seconds, cpu, peak in ((1, 9, 5), (2, 8, 6), (9, 1, 1))]
    assert medians(runs) == [Line("sync", 2, 8, 5, contacts=5)]


def bench(*arguments: str, temporary: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )
