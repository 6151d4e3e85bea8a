"""The shared store: PostgreSQL 15 or newer, through psycopg. Many writers; an advisory lock per account orders them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from psycopg.types.string import StrDumper

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.migrations import apply_migrations
from crm_pipeline.warehouse.session import Row
from crm_pipeline.warehouse.statements import Statement, statement

if TYPE_CHECKING:
    import pyarrow as pa

LOCK_ACCOUNT = "select pg_advisory_xact_lock(hashtextextended('crm_pipeline:' || %(account_id)s, 0))"


class PostgresSession:
    """An open PostgreSQL connection; see `Session`."""

    engine = "postgres"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], url: str) -> None:
        self._connection = connection
        self._url = url

    @property
    def execute(self) -> Callable[[str], Any]:
        return self._connection.execute

    def run(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> int:
        return max(self._execute(statement(name, self.engine, raw_of), parameters).rowcount, 0)

    def rows(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> list[Row]:
        cursor = self._execute(statement(name, self.engine, raw_of), parameters)
        names = [column.name for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def stream(
        self, name: str, /, *, batch: int = 10_000, raw_of: str | None = None, **parameters: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        query = statement(name, self.engine, raw_of)
        with self._connection.cursor(name="stream", withhold=True) as cursor:
            cursor.execute(query.text, _bound(query, parameters))
            while rows := cursor.fetchmany(batch):
                yield rows

    def copy(self, table: str, tables: Iterable[pa.Table]) -> int:
        copied = 0
        for part in tables:
            columns = sql.SQL(", ").join(map(sql.Identifier, part.column_names))
            target = sql.Identifier(*table.split("."))
            with (
                self._connection.cursor() as cursor,
                cursor.copy(sql.SQL("copy {} ({}) from stdin").format(target, columns)) as copy,
            ):
                for row in zip(*(column.to_pylist() for column in part.columns), strict=True):
                    copy.write_row(row)
            copied += part.num_rows
        return copied

    @contextmanager
    def transaction(self) -> Iterator[None]:
        with self._connection.transaction():
            yield

    def ensure_raw(self, provider: str) -> None:
        with self.alone("tables"):
            self.run("transform/land/create_raw_contacts", raw_of=provider)
            self.run("transform/land/index_raw_contacts", raw_of=provider)

    @contextmanager
    def alone(self, what: str) -> Iterator[None]:
        key = {"key": f"crm_pipeline:{what}"}
        self._connection.execute("select pg_advisory_lock(hashtextextended(%(key)s, 0))", key)
        try:
            yield
        finally:
            if not self._connection.closed:
                self._connection.execute("select pg_advisory_unlock(hashtextextended(%(key)s, 0))", key)

    def expect_rows(self, average: float, largest: float) -> None:
        """Nothing to do: the server has its own memory."""

    def try_lock(self, key: dict[str, str]) -> bool:
        """Take a lock that ends with this session; False when another session has it."""
        row = self._connection.execute("select pg_try_advisory_lock(hashtextextended(%(key)s, 0))", key).fetchone()
        return bool(row and row[0])

    def drop_temporary(self) -> None:
        self._connection.execute("discard temp")

    def lock_account(self, account_id: str) -> None:
        self._connection.execute(LOCK_ACCOUNT, {"account_id": account_id})

    def migrate(self) -> list[str]:
        with self.alone("tables"):
            return apply_migrations(self)

    def dlt_credentials(self) -> object:
        """The URL of what we are connected to. dlt wants a password, even where the server asks for none."""
        info = self._connection.info
        user, password, database = (quote(text, safe="") for text in (info.user, info.password or "none", info.dbname))
        if info.host.startswith("/"):
            return f"postgresql://{user}:{password}@localhost:{info.port}/{database}?host={quote(info.host, safe='')}"
        host = f"[{info.host}]" if ":" in info.host else info.host
        options = urlsplit(self._url).query
        return f"postgresql://{user}:{password}@{host}:{info.port}/{database}" + (f"?{options}" if options else "")

    def _execute(self, query: Statement, parameters: dict[str, object]) -> psycopg.Cursor[tuple[Any, ...]]:
        return self._connection.execute(query.text, _bound(query, parameters))


@contextmanager
def open_postgres(url: str) -> Iterator[PostgresSession]:
    """Connect, with the session's clock zone in UTC; always disconnects again."""
    try:
        with psycopg.connect(
            url, autocommit=True, options="-c TimeZone=UTC -c client_min_messages=warning -c work_mem=64MB"
        ) as connection:
            # text is bound as text, not as "unknown": a parameter used in two places then has one type in both
            connection.adapters.register_dumper(str, StrDumper)
            yield PostgresSession(connection, url)
    except psycopg.OperationalError as error:
        raise WarehouseError(
            "warehouse_error",
            f"PostgreSQL cannot be used: {str(error).splitlines()[0][:300]}",
            action="Check CRM_WAREHOUSE (host, port, user, password, database) and that the server runs.",
        ) from error
    except psycopg.Error as error:
        raise WarehouseError("warehouse_error", f"PostgreSQL failed: {str(error).splitlines()[0][:300]}") from error


@contextmanager
def advisory_lock(url: str, what: str, *, wait: float) -> Iterator[None]:
    """Hold a lock that all processes on this database know, through a connection of its own."""
    key, give_up, pause = {"key": f"crm_pipeline:{what}"}, time.monotonic() + wait, 0.05
    with open_postgres(url) as session:
        while not session.try_lock(key):
            if time.monotonic() >= give_up:
                raise WarehouseError(
                    "warehouse_locked", f"Another machine is syncing this connection; waited {wait:.0f} s."
                )
            time.sleep(pause)
            pause = min(pause * 1.5, 2.0)
        yield


def _bound(query: Statement, parameters: dict[str, object]) -> dict[str, object] | None:
    return {name: parameters[name] for name in query.parameters} or None
