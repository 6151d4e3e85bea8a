"""Many connections in one process: fetched side by side, each failing for itself, each with its own books.

A CRM's pages take time, the store's work does not, so every connection walks in a thread of its own. On DuckDB the
threads take turns with the store, which nobody holds while a CRM is asked; on PostgreSQL they write side by side. One
that is still fetching when its time is up stops after the page, keeps what it has, and goes on in a later sync: it
holds up nobody for longer than that.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module

from crm_pipeline.errors import ConnectionBusy
from crm_pipeline.steps import IsTimeUp, Pipeline, sync_connection
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection

FETCH_SECONDS = 60.0
"""How long one connection may fetch before it stops for others. A first sync of 20,000 contacts takes half of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A connection that another sync takes care of: the one that is running, or one that ended just before."""

    connection: Connection
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What all syncs of a fleet are asked to do."""

    strategy: str = "append"
    full: bool = False
    force: bool = False
    trigger: str = "manual"
    due_at: datetime | None = None
    """A connection that was synced since then is not synced again."""


def sync_connections(
    pipeline: Pipeline,
    connections: Iterable[Connection],
    asked: Asked,
    *,
    at_once: int,
    fetch_seconds: float = FETCH_SECONDS,
) -> Generator[SyncResult | Joined, None, None]:
    """Sync them, at most `at_once` at a time in this order; each is told as it ends.

    Whoever stops listening stops the syncs: those under way end after their page, the others do not begin.
    """
    _import_before_threads(pipeline)
    stop = threading.Event()

    def walk(connection: Connection) -> SyncResult | Joined:
        until = time.monotonic() + fetch_seconds
        return _sync(pipeline, connection, asked, lambda: stop.is_set() or time.monotonic() >= until)

    with ThreadPoolExecutor(at_once, thread_name_prefix="sync") as pool:
        walks = [pool.submit(walk, connection) for connection in connections]
        try:
            for done in as_completed(walks):
                yield done.result()
        finally:
            stop.set()
            for one in walks:
                one.cancel()


def _import_before_threads(pipeline: Pipeline) -> None:
    """Pyarrow imports pandas at its first list, as dlt makes for PostgreSQL; threads that meet there see half of it."""
    import_module("crm_pipeline.ingest.landing")
    if pipeline.warehouse.engine == "postgres":
        import_module("pandas")


def _sync(pipeline: Pipeline, connection: Connection, asked: Asked, is_time_up: IsTimeUp) -> SyncResult | Joined:
    result = sync_connection(
        pipeline,
        connection,
        strategy=asked.strategy,
        full=asked.full,
        force=asked.force,
        trigger=asked.trigger,
        unless_since=asked.due_at,
        wait=0.0,
        is_time_up=is_time_up,
    )
    if isinstance(result.error, ConnectionBusy):
        return Joined(connection=connection, note=result.error.message)
    return result
