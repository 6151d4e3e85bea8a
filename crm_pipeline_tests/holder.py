"""Another process that has a DuckDB file open, for as long as a test wants."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOLD = """
import duckdb, sys
connection = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""
LOOK = """
import duckdb, sys
duckdb.connect(sys.argv[1]).close()
"""


@contextmanager
def held_open(path: Path) -> Iterator[subprocess.Popen[str]]:
    """The file open for writing in another process. `let_go` ends it sooner than the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        yield holder
    finally:
        let_go(holder)


def let_go(holder: subprocess.Popen[str]) -> None:
    """The other process closes the file and ends."""
    if holder.poll() is None:
        holder.communicate("\n", timeout=20)


def is_free(path: Path) -> bool:
    """Whether another process can open the file now."""
    return subprocess.run([sys.executable, "-c", LOOK, str(path)], capture_output=True, check=False).returncode == 0
