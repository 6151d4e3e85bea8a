"""The shared store: PostgreSQL 15 or newer, through psycopg. Many writers; an advisory lock per account orders them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.string import StrDumper

from crm_pipeline.errors import ConnectionBusy, WarehouseError
from crm_pipeline.warehouse.migrations import apply_migrations
from crm_pipeline.warehouse.objects import by_columns
from crm_pipeline.warehouse.session import Row
from crm_pipeline.warehouse.statements import Statement, migration_files, statement
from crm_pipeline.warehouse.waiting import Waiting

if TYPE_CHECKING:
    import pyarrow as pa

OLDEST = 15
"""The first PostgreSQL that has all that our statements use."""
CONNECT_WAIT = 10
"""Seconds to wait for the server to answer, unless the URL says otherwise (`connect_timeout`)."""
ALIVE = {"keepalives": "1", "keepalives_idle": "60", "keepalives_interval": "15", "keepalives_count": "4"}
"""A connection that waits for a CRM says so now and then, lest a firewall take it for dead and its locks be lost."""
OPTIONS = (
    "-c TimeZone=UTC -c client_min_messages=warning -c work_mem=64MB -c cursor_tuple_fraction=1 "
    "-c default_transaction_isolation=read\\ committed"
)
"""Who waited for the account's lock has to see what the other wrote, whatever the database's own default is.

What is streamed is read to its end. PostgreSQL plans for a tenth of it unless it is told: 20,000 payloads took a minute
instead of a second."""
MANY_ROWS, MANY_SHARE = 500, 50
"""From so many rows at once on, which are also one of so many contacts of the account, a transaction joins by hash.
PostgreSQL knows nothing of rows that were written just now, takes them for few, and would compare each with each: the
second CRM of an account took minutes instead of one second. Below, indexes are faster: a thousand changes in an account
of a million took thirteen seconds by hash, and two without."""
MIGRATED = "select name from schema_migrations"
LEDGER = "select to_regclass('schema_migrations') is not null"
UNREACHABLE = ("08", "57P")
"""Classes of errors that say the server is not there, or going."""
CHECK_SERVER = "Check CRM_WAREHOUSE (host, port, user, password, database) and that the server runs."
COLUMNS = (
    "select column_name from information_schema.columns where table_name = %(table)s "
    "and table_schema = current_schema() and is_generated = 'NEVER' order by ordinal_position"
)
OURS = (
    "select schemaname, tablename from pg_tables where schemaname in ('raw', 'staging', current_schema()) "
    "and tableowner = current_user order by schemaname, tablename"
)
SIZE = "select pg_database_size(current_database())"
RAW_INDEX = "select to_regclass(%(name)s) is not null"
COUNT_CONTACTS = (
    "select count(*) from (select from staging.contacts where account_id = %(account_id)s limit %(enough)s) as found"
)
LOCK_ACCOUNT = "select pg_advisory_xact_lock(hashtextextended('crm_pipeline:' || %(account_id)s, 0))"


class PostgresSession:
    """An open PostgreSQL connection; see `Session`."""

    engine = "postgres"

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], url: str) -> None:
        self._connection = connection
        self._url = url
        self._is_many = False
        self._account_id: object = None
        self._looked_at = 0

    @property
    def execute(self) -> Callable[[str], Any]:
        return self._connection.execute

    def run(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> int:
        return self._noted(max(self._execute(statement(name, self.engine, raw_of), parameters).rowcount, 0))

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
        return self._noted(copied)

    def insert_objects(self, table: str, objects: Iterable[str]) -> int:
        inserted, into = 0, sql.Identifier(table)
        known = [name for (name,) in self._connection.execute(COLUMNS, {"table": table}).fetchall()]
        for names, some in by_columns(objects, known):
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            query = sql.SQL(
                "insert into {into} ({columns}) overriding system value select {columns} "
                "from unnest(%(objects)s::json[]) as kept_row, json_populate_record(null::{into}, kept_row)"
            )
            self._connection.execute(query.format(into=into, columns=columns), {"objects": some})
            inserted += len(some)
        return inserted

    @contextmanager
    def transaction(self) -> Iterator[None]:
        self._is_many, self._looked_at = False, 0
        with self._connection.transaction():
            yield

    def _noted(self, rows: int) -> int:
        """The number of rows written; many of them change how the rest of the transaction joins."""
        in_transaction = self._connection.info.transaction_status == TransactionStatus.INTRANS
        is_known = in_transaction and self._account_id is not None
        if is_known and not self._is_many and rows >= max(MANY_ROWS, 2 * self._looked_at):
            self._looked_at = rows
            self._is_many = self._is_large_share(rows)
            if self._is_many:
                self._connection.execute("set local enable_nestloop = off")
        return rows

    def _is_large_share(self, rows: int) -> bool:
        """Whether the account has not many more contacts than that; counts no more of them than it takes to know."""
        asked = {"account_id": self._account_id, "enough": rows * MANY_SHARE}
        row = self._connection.execute(COUNT_CONTACTS, asked).fetchone()
        return row is not None and row[0] < asked["enough"]

    def ensure_raw(self, provider: str) -> None:
        """What is there is left alone: asking for an index again would lock the table until the transaction ends.

        The index that is looked for is made last.
        """
        row = self._connection.execute(RAW_INDEX, {"name": f"raw.{provider}_contacts_sync"}).fetchone()
        if row and row[0]:
            return
        with self.alone("tables"):
            self.run("transform/land/create_raw_contacts", raw_of=provider)
            self.run("transform/land/index_raw_contacts", raw_of=provider)
            self.run("transform/land/index_raw_syncs", raw_of=provider)

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

    def unlock(self, key: dict[str, str]) -> None:
        """Let go of a lock at once: the server lets go of a closed connection's a moment after it was closed."""
        with suppress(psycopg.Error):  # the lock of a connection that broke is gone with it
            self._connection.execute("select pg_advisory_unlock(hashtextextended(%(key)s, 0))", key)

    def drop_temporary(self) -> None:
        self._connection.execute("discard temp")

    def lock_account(self, account_id: str) -> None:
        self._connection.execute(LOCK_ACCOUNT, {"account_id": account_id})

    def migrate(self) -> list[str]:
        """Processes that find everything applied do not wait for each other."""
        if self._is_migrated():
            return []
        with self.alone("tables"):
            return apply_migrations(self)

    def _is_migrated(self) -> bool:
        row = self._connection.execute(LEDGER).fetchone()
        if not (row and row[0]):
            return False
        applied = {name for (name,) in self._connection.execute(MIGRATED).fetchall()}
        return applied >= {path.stem for path in migration_files(self.engine)}

    def dlt_credentials(self) -> object:
        """The URL of what we are connected to. dlt wants a password, even where the server asks for none."""
        info = self._connection.info
        user, password, database = (quote(text, safe="") for text in (info.user, info.password or "none", info.dbname))
        if info.host.startswith("/"):
            return f"postgresql://{user}:{password}@localhost:{info.port}/{database}?host={quote(info.host, safe='')}"
        host = f"[{info.host}]" if ":" in info.host else info.host
        options = urlsplit(self._url).query
        return f"postgresql://{user}:{password}@{host}:{info.port}/{database}" + (f"?{options}" if options else "")

    def tidy(self) -> None:
        for schema, table in self._connection.execute(OURS).fetchall():
            self._connection.execute(sql.SQL("vacuum (analyze) {}").format(sql.Identifier(schema, table)))

    def size(self) -> int:
        row = self._connection.execute(SIZE).fetchone()
        return int(row[0]) if row else 0

    def _execute(self, query: Statement, parameters: dict[str, object]) -> psycopg.Cursor[tuple[Any, ...]]:
        self._account_id = parameters.get("account_id", self._account_id)
        return self._connection.execute(query.text, _bound(query, parameters))


@contextmanager
def open_postgres(url: str) -> Iterator[PostgresSession]:
    """Connect, with the session's clock zone in UTC; always disconnects again."""
    connection = _connect(url)
    # text is bound as text, not as "unknown": a parameter used in two places then has one type in both
    connection.adapters.register_dumper(str, StrDumper)
    try:
        yield PostgresSession(connection, url)
    except psycopg.Error as error:
        raise WarehouseError(
            "warehouse_error", f"PostgreSQL failed: {_first_line(error)}", action=_advice(error)
        ) from error
    finally:
        connection.close()


def _connect(url: str) -> psycopg.Connection[tuple[Any, ...]]:
    try:
        connection = psycopg.connect(with_usual(url), autocommit=True)
    except psycopg.Error as error:
        raise WarehouseError(
            "warehouse_error", f"PostgreSQL cannot be used: {_first_line(error)}", action=CHECK_SERVER
        ) from error
    version = connection.info.server_version
    if version < OLDEST * 10_000:
        connection.close()
        raise WarehouseError(
            "warehouse_error",
            f"The server is PostgreSQL {version // 10_000}; {OLDEST} or newer is needed.",
            action="Update the server, or let CRM_WAREHOUSE name a newer one.",
        )
    return connection


def with_usual(url: str) -> str:
    """The URL with what we want of every connection; what it says itself of time-outs stands."""
    given = conninfo_to_dict(url)
    settings: dict[str, Any] = {"connect_timeout": CONNECT_WAIT, **ALIVE, **given}
    settings["options"] = f"{given.get('options') or ''} {OPTIONS}".strip()
    return make_conninfo("", **settings)


def _advice(error: psycopg.Error) -> str | None:
    """What to do where the server went away; other errors have the usual advice."""
    state = error.sqlstate or ""
    is_gone = isinstance(error, psycopg.OperationalError) and (not state or state.startswith(UNREACHABLE))
    return CHECK_SERVER if is_gone else None


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:300]


@contextmanager
def advisory_lock(url: str, what: str, *, wait: float, told: str) -> Iterator[None]:
    """Hold a lock that all processes on this database know, through a connection of its own; `told` says who has it."""
    key, waiting = {"key": f"crm_pipeline:{what}"}, Waiting(wait, told, ConnectionBusy)
    with open_postgres(url) as session:
        while not session.try_lock(key):
            waiting.pause()
        try:
            yield
        finally:
            session.unlock(key)


def _bound(query: Statement, parameters: dict[str, object]) -> dict[str, object] | None:
    return {name: parameters[name] for name in query.parameters} or None
