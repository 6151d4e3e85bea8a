"""Runs a command and tells what it cost: seconds, processor time, and the peak memory of it and all it started."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from resource import struct_rusage

from crm_pipeline.settings import NAMES

ROOT = Path(__file__).resolve().parents[1]
SAMPLE_EVERY = 0.02
MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024
PROC = Path("/proc")


class BenchmarkFailed(Exception):
    """What was to be measured did not work; the message is for a person."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took, and what it printed."""

    seconds: float
    cpu: float
    peak: int
    """Bytes."""
    output: bytes


def run(arguments: Sequence[str], environment: Mapping[str, str], folder: Path) -> Usage:
    """`python -m` with these arguments, in `folder`, to its end; raises when it fails."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = start(arguments, environment, folder, stdout=out.fileno(), stderr=errors.fileno())
        sampler = _Sampler(process.pid)
        sampler.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            seconds = time.perf_counter() - started
            process.returncode = os.waitstatus_to_exitcode(status)
        finally:
            if process.returncode is None:
                process.kill()
                process.wait()
            sampler.stop()
        out.seek(0)
        errors.seek(0)
        if process.returncode != 0:
            said = (out.read()[-1000:] + errors.read()[-2000:]).decode(errors="replace")
            raise BenchmarkFailed(f"python -m {' '.join(arguments)} ended with {process.returncode}:\n{said}")
        return Usage(seconds, used.ru_utime + used.ru_stime, max(sampler.peak, _own_peak(used)), out.read())


def start(
    arguments: Sequence[str], environment: Mapping[str, str], folder: Path, *, stdout: int, stderr: int | None = None
) -> subprocess.Popen[bytes]:
    """`python -m` with these arguments as a process of its own, on this checkout."""
    path = os.pathsep.join(part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)
    return subprocess.Popen(
        [sys.executable, "-m", *arguments],
        env={**_outside(), "PYTHONPATH": path, **environment},
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
    )


def _outside() -> dict[str, str]:
    """The environment without settings of the product: what is measured must not depend on this computer's."""
    return {name: value for name, value in os.environ.items() if name not in NAMES}


def _own_peak(used: struct_rusage) -> int:
    """The kernel's figure: exact, but of the largest single process of the tree."""
    return used.ru_maxrss * MAXRSS_UNIT


class _Sampler(threading.Thread):
    """Adds up the high-water marks of a process and its descendants, again and again; 0 where there is no /proc."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._pid, self._stopped = pid, threading.Event()

    def run(self) -> None:
        while not self._stopped.wait(SAMPLE_EVERY):
            self.peak = max(self.peak, sum(map(_high_water, _tree(self._pid))))

    def stop(self) -> None:
        self._stopped.set()
        self.join()


def _tree(pid: int) -> list[int]:
    found = [pid]
    for one in found:
        for children in PROC.glob(f"{one}/task/*/children"):
            found += map(int, _text(children).split())
    return found


def _high_water(pid: int) -> int:
    for line in _text(PROC / str(pid) / "status").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _text(path: Path) -> str:
    """The file, or nothing: processes end while they are looked at."""
    try:
        return path.read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""
