"""The embedded store: one DuckDB file.

Whoever opens it is alone, so nobody holds it open while waiting for a network.
"""

from __future__ import annotations

import os
import random
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import duckdb
import orjson

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.migrations import apply_migrations
from crm_pipeline.warehouse.objects import by_columns
from crm_pipeline.warehouse.session import Row
from crm_pipeline.warehouse.statements import Statement, statement

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_WAIT = 120.0
"""Seconds to wait for another process to close the file before giving up."""
VECTOR_ROWS, VECTOR_COPIES = 2048, 12
"""Rows DuckDB handles at once, and how often it may hold them: per thread, decompressed, joined, written."""
FIRST_PAUSE, LONGEST_PAUSE = 0.02, 2.0
SETTINGS: dict[str, str | bool | int | float | list[str]] = {
    "TimeZone": "UTC",
    "threads": 2,
    "autoinstall_known_extensions": False,
}
LEAST_MEMORY, MEMORY_PER_BYTE, MOST_MEMORY = 128 << 20, 3, 1 << 30
"""Bytes DuckDB may use for a small store, for every byte of a larger one, and for any; what does not fit goes to disk.

A rebuild of a million contacts needs no more.
"""
COLUMNS = (
    "select column_name, data_type from information_schema.columns "
    "where table_name = $table and table_schema = current_schema() order by ordinal_position"
)
CATALOG = "store"
"""What the file is called inside DuckDB. No statement says it."""
UNREADABLE = re.compile(r"""(?<![\w'"])(BIT|BIGNUM|VARIANT)(?![\w'"])""")
"""Types that DuckDB writes as JSON and cannot read from it."""
HOLDER = re.compile(r"held in (?P<program>[^()]*)\(PID (?P<pid>\d+)\)")


Opened = TypeVar("Opened")


class Patience(NamedTuple):
    """How long to wait for the file, and how long to sleep between two tries at most."""

    wait: float
    longest_pause: float


class DuckDBSession:
    """An open DuckDB file; see `Session`."""

    engine = "duckdb"

    def __init__(self, file: _File, connection: duckdb.DuckDBPyConnection, memory: int) -> None:
        self._file, self._connection, self._memory = file, connection, memory

    @property
    def execute(self) -> Callable[[str], Any]:
        return self._connection.execute

    def run(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> int:
        cursor = self._execute(statement(name, self.engine, raw_of), parameters)
        written = cursor.fetchone() if cursor.description else None
        return int(written[0]) if written and isinstance(written[0], int) else 0

    def rows(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> list[Row]:
        cursor = self._execute(statement(name, self.engine, raw_of), parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def stream(
        self, name: str, /, *, batch: int = 10_000, raw_of: str | None = None, **parameters: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        cursor = self._execute(statement(name, self.engine, raw_of), parameters)
        while rows := cursor.fetchmany(batch):
            yield rows

    def copy(self, table: str, tables: Iterable[pa.Table]) -> int:
        """DuckDB finds `incoming_arrow` by its name here; a registered table it holds until a commit."""
        copied = 0
        for incoming_arrow in tables:
            columns = ", ".join(incoming_arrow.column_names)
            self._connection.execute(f"insert into {table} ({columns}) select {columns} from incoming_arrow")
            copied += incoming_arrow.num_rows
        return copied

    def insert_objects(self, table: str, objects: Iterable[str]) -> int:
        inserted = 0
        types = dict(self._connection.execute(COLUMNS, {"table": table}).fetchall())
        for names, some in by_columns(objects, types):
            columns = ", ".join('"' + name.replace('"', '""') + '"' for name in names)
            wanted = orjson.dumps({name: _readable(types[name]) for name in names}).decode()
            self._connection.execute(
                f"insert into {table} ({columns}) select {columns} "
                "from (select unnest(from_json(object, $wanted)) from (select unnest($objects) as object))",
                {"wanted": wanted, "objects": some},
            )
            inserted += len(some)
        return inserted

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._connection.execute("begin transaction")
        try:
            yield
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    def ensure_raw(self, provider: str) -> None:
        self.run("transform/land/create_raw_contacts", raw_of=provider)

    def alone(self, what: str) -> AbstractContextManager[None]:
        """Nothing to do: a process that has the file open is the only one."""
        return nullcontext()

    def expect_rows(self, average: float, largest: float) -> None:
        needed = int(VECTOR_COPIES * (VECTOR_ROWS * average + largest))
        if needed > self._memory:
            self._memory = min(needed, max(_half_of_the_machine(), self._memory))
            self._connection.execute(f"set memory_limit = '{self._memory}B'")

    def drop_temporary(self) -> None:
        for (name,) in self._connection.execute("select table_name from duckdb_tables() where temporary").fetchall():
            self._connection.execute(f'drop table temp."{name}"')

    def lock_account(self, account_id: str) -> None:
        """Nothing to do: a process that has the file open is the only one."""

    def migrate(self) -> list[str]:
        return apply_migrations(self)

    def dlt_credentials(self) -> object:
        """A connection that dlt may copy: copies of ours would look at the instance instead of at the file."""
        self._connection.close()
        self._connection = self._file.alone(self._memory)
        return self._connection

    def close(self) -> None:
        self._connection.close()

    def tidy(self) -> None:
        self._connection.execute("checkpoint")

    def size(self) -> int:
        row = self._connection.execute("select sum(block_size * total_blocks) from pragma_database_size()").fetchone()
        return int(row[0] or 0) if row else 0

    def _execute(self, query: Statement, parameters: dict[str, object]) -> duckdb.DuckDBPyConnection:
        bound = {name: parameters[name] for name in query.parameters}
        return self._connection.execute(query.text, bound) if bound else self._connection.execute(query.text)


@contextmanager
def open_duckdb(
    path: Path, *, wait: float | None = None, longest_pause: float = LONGEST_PAUSE, is_roomy: bool = False
) -> Iterator[DuckDBSession]:
    """Open the file, waiting for another thread or process to close it; always closes it again.

    `wait` bounds either in seconds; without it a thread of this process, which is of our own, may take its time. Memory
    is bounded by the size of the store, or with `is_roomy` only by the machine.
    """
    file = _FILES.setdefault((os.getpid(), path.resolve()), _File(path))
    if not file.turn.acquire(timeout=-1 if wait is None else wait):
        told = f"Waited {wait:.0f} s for the store {path}: another thread of this process has it open."
        raise WarehouseError("warehouse_locked", told, path=str(path))
    try:
        yield from _opened(file, Patience(LOCK_WAIT if wait is None else wait, longest_pause), is_roomy)
    finally:
        file.turn.release()


def _opened(file: _File, patience: Patience, is_roomy: bool) -> Iterator[DuckDBSession]:
    path = file.path
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WarehouseError(
            "warehouse_error",
            f"Cannot make the folder of {path}: {error.strerror}.",
            action="Check CRM_WAREHOUSE: its file must lie in a folder that can be written.",
        ) from error
    memory = max(_memory_limit(path), _half_of_the_machine() if is_roomy else 0)
    session = DuckDBSession(file, file.open(patience, memory), memory)
    try:
        yield session
    except duckdb.OutOfMemoryException as error:
        text = f"The store {path} ran out of memory: {_first_line(error)}"
        raise WarehouseError("warehouse_error", text, out_of_memory=True) from error
    except duckdb.Error as error:
        raise WarehouseError("warehouse_error", f"The store {path} failed: {_first_line(error)}") from error
    finally:
        session.close()
        file.close()


class _File:
    """A file as this process opens it: attached to an instance of DuckDB that stays, for as long as a session lasts.

    To make an instance takes eight times as long as to attach a file. DuckDB lets a process open a file twice, but with
    one memory limit: threads take turns as processes do, and only within its turn a thread may open it again.
    """

    def __init__(self, path: Path) -> None:
        self.path, self.turn = path, threading.RLock()
        self._instance: duckdb.DuckDBPyConnection | None = None
        self._sessions, self._patience = 0, Patience(LOCK_WAIT, LONGEST_PAUSE)

    def open(self, patience: Patience, memory: int) -> duckdb.DuckDBPyConnection:
        """A connection to the file, which is attached if it is not yet."""
        if self._instance is None:
            spill = {"temp_directory": f"{self.path}.tmp"}
            self._instance = duckdb.connect(config=SETTINGS | spill)
        instance = self._instance
        if not self._sessions:
            quoted = str(self.path).replace("'", "''")
            instance.execute(f"set memory_limit = '{memory}B'")
            self._patience = patience
            _patiently(self.path, patience, lambda: instance.execute(f"attach '{quoted}' as {CATALOG}"))
        self._sessions += 1
        connection = instance.cursor()
        connection.execute(f"use {CATALOG}")
        return connection

    def alone(self, memory: int) -> duckdb.DuckDBPyConnection:
        """A connection to the file and nothing else, once it is detached: temporary tables are gone."""
        assert self._sessions == 1, "another session of this thread has the file"
        self._detach()
        config = SETTINGS | {"memory_limit": f"{memory}B"}
        return _patiently(self.path, self._patience, lambda: duckdb.connect(str(self.path), config=config))

    def close(self) -> None:
        """Let go of the file with the last session."""
        self._sessions -= 1
        if not self._sessions:
            self._detach()
            _keep(self)

    def forget(self) -> None:
        """Give the instance back, unless somebody has the file."""
        if self.turn.acquire(blocking=False):
            if self._instance is not None and not self._sessions:
                self._instance.close()
                self._instance = None
            self.turn.release()

    def _detach(self) -> None:
        assert self._instance is not None
        try:
            self._instance.execute(f"detach database if exists {CATALOG}")
        except duckdb.Error:  # after a fatal error an instance does nothing any more; without it the file is free
            self._instance.close()
            self._instance = None


_FILES: dict[tuple[int, Path], _File] = {}
"""By process as well: a fork has no part in the instances of whom it was forked from."""


_last: _File | None = None


def _keep(file: _File) -> None:
    """Of all files the last one keeps its instance: it has threads and memory, and a process works with one store."""
    global _last
    before, _last = _last, file
    if before is not None and before is not file:
        before.forget()


def _patiently(path: Path, patience: Patience, connect: Callable[[], Opened]) -> Opened:
    """What `connect` gives, once no other process has the file."""
    give_up, pause = time.monotonic() + patience.wait, FIRST_PAUSE
    while True:
        try:
            return connect()
        except duckdb.IOException as error:
            if "Could not set lock" not in str(error):
                raise WarehouseError("warehouse_error", f"Cannot open {path}: {_first_line(error)}") from error
            if time.monotonic() >= give_up:
                raise WarehouseError(
                    "warehouse_locked", _locked(path, str(error), patience.wait), path=str(path)
                ) from error
        except duckdb.Error as error:
            raise WarehouseError("warehouse_error", f"Cannot open {path}: {_first_line(error)}") from error
        time.sleep(pause * random.uniform(0.5, 1.0))
        pause = min(pause * 1.5, patience.longest_pause)


def _readable(data_type: str) -> str:
    """The type to read a value as, from which the insert makes the column's own."""
    return UNREADABLE.sub(lambda found: "JSON" if found[0] == "VARIANT" else "VARCHAR", data_type)


def _memory_limit(path: Path) -> int:
    files = (path, path.with_name(f"{path.name}.wal"))  # what a killed process left in the log is replayed at opening
    size = sum(file.stat().st_size for file in files if file.exists())
    return min(max(LEAST_MEMORY, MEMORY_PER_BYTE * size), MOST_MEMORY)


def _half_of_the_machine() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def _locked(path: Path, message: str, wait: float) -> str:
    found = HOLDER.search(message)
    holder = f"process {found['pid']} ({found['program'].strip()})" if found else "another process"
    return f"Waited {wait:.0f} s for the store {path}: {holder} has it open."


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:300]
