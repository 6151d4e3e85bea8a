"""The pass of a preview: fetched as a landing would, but into files that end with it.

The cursor is read from the store and not moved; dlt's own folder is not touched, and what an interrupted run left there
waits for the next sync. The store is closed while pages are fetched.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa

from crm_pipeline.ingest.landing import Landing, Source, Ticker, Walk, pipeline_as_committed, resource_state, walk_due
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session


@dataclass(slots=True, kw_only=True)
class FetchedPass:
    """One pass on disk, ready to be put into the raw tables of an open store."""

    source: Source
    landing: Landing
    folder: Path
    parts: Counter[str] = field(default_factory=Counter)
    average_row: float = 0.0
    largest_row: int = 0

    def put(self, session: Session) -> None:
        """Append what was fetched to the raw tables, inside the caller's transaction."""
        provider = self.source.provider.name
        session.expect_rows(self.average_row, self.largest_row)
        session.ensure_raw(provider)
        for kind in self.parts:
            session.copy(f"raw.{provider}_contacts" if kind == "contacts" else f"raw.{kind}", self._tables(kind))

    def keep(self, kind: str, table: pa.Table) -> None:
        self.parts[kind] += 1
        path = str(self.folder / f"{kind}.{self.parts[kind]}")
        with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
            out.write_table(table)

    def _tables(self, kind: str) -> Iterator[pa.Table]:
        for number in range(1, self.parts[kind] + 1):
            with pa.memory_map(str(self.folder / f"{kind}.{number}")) as file:
                yield pa.ipc.open_file(file).read_all()


def fetch_pass(
    warehouse: Warehouse,
    source: Source,
    folder: Path,
    *,
    full: bool,
    now: Callable[[], datetime],
    on_records: Ticker = lambda _: None,
) -> FetchedPass:
    """Fetch the pass that is due into files below `folder`, which is the caller's to delete."""
    aside = replace(source, folder=folder)
    with warehouse.session() as session:
        state = copy.deepcopy(resource_state(pipeline_as_committed(session, aside), aside))
        walk = walk_due(session, source, state, full=full, now=now, on_records=on_records)
    return _fetched(walk, state, folder)


def _fetched(walk: Walk, state: dict[str, object], folder: Path) -> FetchedPass:
    fetched = FetchedPass(source=walk.source, landing=walk.landing, folder=folder)
    while not walk.is_over:
        for kind, table in walk.tables(state):
            fetched.keep(kind, table)
    fetched.average_row, fetched.largest_row = walk.average_row, walk.largest_row
    return fetched
