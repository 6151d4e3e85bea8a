"""The shared store: PostgreSQL 15 or newer, through psycopg. Many writers; an advisory lock per account orders them."""

from __future__ import annotations

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

MIGRATION_LOCK = 7_235_001
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

    def drop_temporary(self) -> None:
        self._connection.execute("discard temp")

    def lock_account(self, account_id: str) -> None:
        self._connection.execute(LOCK_ACCOUNT, {"account_id": account_id})

    def migrate(self) -> list[str]:
        self._connection.execute("select pg_advisory_lock(%s)", (MIGRATION_LOCK,))
        try:
            return apply_migrations(self)
        finally:
            self._connection.execute("select pg_advisory_unlock(%s)", (MIGRATION_LOCK,))

    def dlt_credentials(self) -> object:
        """The URL of what we are connected to. dlt refuses one without a password, even where the server asks for none."""
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
    except psycopg.Error as error:
        raise WarehouseError("warehouse_error", f"PostgreSQL failed: {str(error).splitlines()[0][:300]}") from error


def _bound(query: Statement, parameters: dict[str, object]) -> dict[str, object] | None:
    return {name: parameters[name] for name in query.parameters} or None
