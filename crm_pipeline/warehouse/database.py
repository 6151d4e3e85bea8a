"""`Warehouse`: the store named by CRM_WAREHOUSE. Hands out sessions and the locks that keep syncs apart."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import IO, TypeVar, cast
from uuid import UUID

from crm_pipeline.errors import ConfigError, ConnectionBusy, WarehouseError
from crm_pipeline.warehouse.session import Session
from crm_pipeline.warehouse.waiting import Waiting

Done = TypeVar("Done")

DUCKDB_PREFIX = "duckdb:///"
POSTGRES_PREFIXES = ("postgresql://", "postgres://")
SHORT_PAUSE = 0.1
CONNECTION_WAIT = 120.0
"""Seconds a sync waits for another sync of the same connection."""


class Warehouse:
    """A store by its URL. Opening is cheap; every unit of work opens its own session and closes it.

    `patience` says how many seconds a session waits for a DuckDB file that is in use, where somebody waits for the
    answer; without it, as long as is sensible.
    """

    def __init__(self, url: str, *, data_dir: Path, patience: float | None = None) -> None:
        if not url.startswith((DUCKDB_PREFIX, *POSTGRES_PREFIXES)):
            raise ConfigError("invalid_setting", "CRM_WAREHOUSE must be duckdb:///file.duckdb or postgresql://…")
        self.url = url
        self.data_dir = data_dir
        self.patience = patience
        self.engine = "duckdb" if url.startswith(DUCKDB_PREFIX) else "postgres"

    @property
    def path(self) -> Path:
        """The DuckDB file."""
        return Path(self.url.removeprefix(DUCKDB_PREFIX))

    def session(self, *, is_roomy: bool = False) -> AbstractContextManager[Session]:
        """An open session on the migrated store."""
        return self._migrated_session(is_roomy)

    @contextmanager
    def _migrated_session(self, is_roomy: bool) -> Iterator[Session]:
        with self.unmigrated_session(is_roomy=is_roomy) as session:
            session.migrate()
            yield session

    @contextmanager
    def session_if_free(self, *, wait: float = 0.2) -> Iterator[Session]:
        """A session for a word in passing: raises `WarehouseError` where the store is in use for longer than that."""
        if self.engine != "duckdb":
            with self.session() as session:
                yield session
            return
        from crm_pipeline.warehouse.duckdb_store import open_duckdb

        with open_duckdb(self.path, wait=wait) as session:
            yield session

    def transact(self, work: Callable[[Session], Done]) -> Done:
        """Do a piece of work in one transaction of a session of its own.

        DuckDB's memory is kept small; work with unusually large rows that does not fit is done again with more.
        """
        try:
            with self.session() as session, session.transaction():
                return work(session)
        except WarehouseError as error:
            if not error.facts.get("out_of_memory"):
                raise
        with self.session(is_roomy=True) as session, session.transaction():
            return work(session)

    def rehearse(self, work: Callable[[Session], Done]) -> Done:
        """Do a piece of work as `transact` does, then take it back: what it returned is all that stays of it."""

        def rehearsed(session: Session) -> None:
            raise _TakenBack(work(session))

        try:
            self.transact(rehearsed)
        except _TakenBack as done:
            return cast(Done, done.value)
        raise AssertionError("a rehearsal always ends by being taken back")

    def unmigrated_session(self, *, is_roomy: bool = False) -> AbstractContextManager[Session]:
        """A session on the store as it is, for looking at it and for migrating it."""
        if self.engine == "duckdb":
            from crm_pipeline.warehouse.duckdb_store import open_duckdb

            pause = {} if self.patience is None else {"longest_pause": SHORT_PAUSE}
            return open_duckdb(self.path, wait=self.patience, is_roomy=is_roomy, **pause)
        from crm_pipeline.warehouse.postgres_store import open_postgres

        return open_postgres(self.url)

    @contextmanager
    def connection_lock(
        self, connection_id: UUID, *, wait: float = CONNECTION_WAIT, label: str = "this connection"
    ) -> Iterator[None]:
        """Keep other syncs of this connection out; the lock dies with the process. `label` is what people call it.

        Raises `ConnectionBusy` after waiting in vain.
        """
        path = self.data_dir / "locks" / f"{connection_id}.lock"
        with _opened(path) as lock:
            _wait_for(lock.fileno(), path, Waiting(wait, f"Another sync of {label} is running", ConnectionBusy))
            lock.seek(0)
            lock.truncate()
            lock.write(str(os.getpid()))
            lock.flush()
            with self._lock_for_other_machines(connection_id, wait, label):
                yield

    def _lock_for_other_machines(self, connection_id: UUID, wait: float, label: str) -> AbstractContextManager[None]:
        """A shared store may be synced from several machines; on a DuckDB file all are on this one."""
        if self.engine == "duckdb":
            return nullcontext()
        from crm_pipeline.warehouse.postgres_store import advisory_lock

        told = f"Another sync of {label} is running on another machine"
        return advisory_lock(self.url, f"connection:{connection_id}", wait=wait, told=told)


class _TakenBack(Exception):
    """Ends the transaction of a rehearsal."""

    def __init__(self, value: object) -> None:
        super().__init__()
        self.value = value


def _opened(path: Path) -> IO[str]:
    make_folder(path.parent)
    try:
        return path.open("a+")
    except OSError as error:
        raise WarehouseError("warehouse_error", f"Cannot write {path}: {error.strerror}.") from error


def make_folder(folder: Path) -> None:
    """The folder exists afterwards; what stands in the way is told by name."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            "warehouse_error",
            f"Cannot make the folder {folder}: {error.strerror}.",
            action="Check CRM_DATA_DIR: it must name a folder that can be written.",
        ) from error


def _wait_for(descriptor: int, path: Path, waiting: Waiting) -> None:
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = path.read_text(encoding="ascii", errors="replace").strip() or "unknown"
            waiting.pause(f"{waiting.told} (process {holder})")
        else:
            return
