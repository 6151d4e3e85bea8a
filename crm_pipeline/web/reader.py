"""`Reader`: short looks at the store for the API and the page, which never fail only because a sync is writing.

PostgreSQL answers at any time. A DuckDB file is one process's alone: a look waits for it, but not for long, and where
the same look was taken before, what was seen then is given instead, with its time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, TypeVar

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session
from crm_pipeline.web.remembered import Remembered

Seen = TypeVar("Seen")

WAIT = 8.0
"""Seconds that a look waits for a DuckDB file that a sync has open."""
IMPATIENT_WAIT = 0.4
"""Seconds after which what was seen before is good enough."""
PAUSE = 0.05
"""The longest pause between two tries: a sync opens the file for moments, and between two of them is our turn."""
REMEMBERED = 64
IN_MEMORY = Path(":memory:")


@dataclass(frozen=True, slots=True)
class Look(Generic[Seen]):
    """What was seen, and when, where that was not just now because a sync is writing."""

    seen: Seen
    as_of: datetime | None = None


class Reader:
    """One for the process; thread safe. Threads take turns at a DuckDB file."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._turn = threading.Lock()
        self._memory: Remembered[Hashable, tuple[Any, datetime]] = Remembered(REMEMBERED)

    def read(self, work: Callable[[Session], Seen], *, wait: float | None = None) -> Seen:
        """One look; raises `warehouse_locked` where a sync has the file open all the time."""
        with self._opened(WAIT if wait is None else wait) as session:
            return work(session)

    def look(self, key: Hashable, work: Callable[[Session], Seen]) -> Look[Seen]:
        """A look that is remembered by `key`, and given from memory while a sync has the file open."""
        known = self._memory.get(key)
        try:
            seen = self.read(work, wait=WAIT if known is None else IMPATIENT_WAIT)
        except WarehouseError as error:
            if known is None or error.code != "warehouse_locked":
                raise
            return Look(known[0], known[1])
        if self._warehouse.engine == "duckdb":
            self._memory.put(key, (seen, datetime.now(UTC)))
        return Look(seen)

    @contextmanager
    def _opened(self, wait: float) -> Iterator[Session]:
        if self._warehouse.engine != "duckdb":
            with self._warehouse.session() as session:
                yield session
            return
        from crm_pipeline.warehouse.duckdb_store import open_duckdb

        until = time.monotonic() + wait
        if not self._turn.acquire(timeout=wait):
            raise WarehouseError("warehouse_locked", f"Waited {wait:.0f} s for others who look at the store.")
        try:
            path = self._warehouse.path if self._warehouse.path.exists() else IN_MEMORY
            left = max(0.0, until - time.monotonic())
            with open_duckdb(path, wait=left, longest_pause=PAUSE) as session:
                session.migrate()
                yield session
        finally:
            self._turn.release()
