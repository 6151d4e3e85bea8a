"""The schema: each file once, in order, whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.migrations import apply_migrations
from crm_pipeline.warehouse.session import Session
from crm_pipeline.warehouse.statements import migration_files, split_statements
from crm_pipeline_tests.warehouse.looking import execute, look

ALL_TABLES = (
    "select table_schema, table_name from information_schema.tables "
    "where table_schema in ('main', 'public', 'raw', 'staging') order by 1, 2"
)


class Stopping:
    """A store whose process dies at its nth statement."""

    def __init__(self, session: Session, stop_at: int) -> None:
        self._session, self._left = session, stop_at
        self.engine = session.engine
        self.executed: list[str] = []

    def transaction(self) -> AbstractContextManager[None]:
        return self._session.transaction()

    @property
    def execute(self) -> Callable[[str], Any]:
        return self._execute

    def _execute(self, text: str) -> Any:
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt
        self.executed.append(text)
        return execute(self._session, text)


@contextmanager
def bare(store: Warehouse) -> Iterator[Session]:
    with store.unmigrated_session() as session:
        yield session


def names(engine: str) -> list[str]:
    return [path.stem for path in migration_files(engine)]


def recorded(session: Session) -> list[str]:
    return [name for (name,) in look(session, "select name from schema_migrations order by name")]


def test_an_empty_store_gets_every_file_in_order(store: Warehouse) -> None:
    with bare(store) as session:
        watched = Stopping(session, 10_000)
        assert apply_migrations(watched) == names(store.engine)
        assert recorded(session) == sorted(names(store.engine))
    expected = [text for path in migration_files(store.engine) for text in split_statements(path.read_text())]
    assert [text for text in watched.executed if text in expected] == expected


def test_nothing_is_applied_twice(store: Warehouse) -> None:
    with bare(store) as session:
        session.migrate()
        before = look(session, "select * from schema_migrations order by name")
        assert session.migrate() == []
        assert look(session, "select * from schema_migrations order by name") == before
    with bare(store) as session:
        assert session.migrate() == []


def test_every_session_is_on_the_newest_schema(store: Warehouse) -> None:
    with store.session() as session:
        assert recorded(session) == sorted(names(store.engine))
        assert look(session, "select count(*) from leads") == [(0,)]


def test_a_file_that_is_missing_in_the_middle_is_applied(store: Warehouse) -> None:
    """As after two branches were merged: the ledger knows names, not a highest number."""
    with bare(store) as session:
        session.migrate()
        execute(session, "drop view recent_threads")
        execute(session, "drop table messages")
        execute(session, "delete from schema_migrations where name = '0007_messages'")
        assert session.migrate() == ["0007_messages"]
        assert look(session, "select count(*) from recent_threads") == [(0,)]


def test_what_was_held_before_its_number_was_kept_has_to_be_shown_once_more(store: Warehouse) -> None:
    with bare(store) as session:
        session.migrate()
        execute(session, "drop table staging.held_removals")
        execute(session, "alter table staging.match_queue drop column was_known")
        execute(session, "delete from schema_migrations where name = '0016_holds'")
        for number, held_at in (("1", "timestamptz '2026-03-01 10:00:00+00'"), ("2", "null")):
            key = f"'acme', '{number * 8}-0000-4000-8000-000000000000'"
            execute(session, "insert into crm_connections (account_id, id, provider, nango_integration, "
                    "nango_connection_id, connection_metadata, held_at) "
                    f"values ({key}, 'hubspot', 'hubspot', '{number}', '{{}}', {held_at})")  # fmt: skip
            execute(session, "insert into staging.contacts (account_id, connection_id, contact_id, provider, "
                    "object_type, crm_id, state, content_hash, updated_at) "
                    f"values ({key}, '{number * 8}-0000-4000-8000-000000000009', 'hubspot', 'contact', '7', "
                    "'accepted', 'x', now())")  # fmt: skip
        assert session.migrate() == ["0016_holds"]
        query = "select cast(connection_id as text), kind, shown from staging.held_removals"
        assert look(session, query) == [("11111111-0000-4000-8000-000000000000", "contact", 0)]


def test_a_name_of_the_future_is_left_alone(store: Warehouse) -> None:
    """An older version of the pipeline on a newer store."""
    with bare(store) as session:
        session.migrate()
        execute(session, "insert into schema_migrations (name) values ('9999_from_tomorrow')")
        assert session.migrate() == []
        assert recorded(session) == [*sorted(names(store.engine)), "9999_from_tomorrow"]


def interrupted_at(session: Session, nth: int) -> bool:
    """Whether the migration died; False when it was done before."""
    try:
        apply_migrations(Stopping(session, nth))
    except KeyboardInterrupt:
        return True
    return False


def test_a_migration_may_be_interrupted_anywhere(store: Warehouse) -> None:
    """At every statement in turn: after each death only whole files are there, and the next start goes on from them."""
    with bare(store) as session:
        nth = 3  # the first two make and read the ledger
        while interrupted_at(session, nth):
            done = recorded(session)
            assert done == names(store.engine)[: len(done)]
            nth += 1
        assert recorded(session) == names(store.engine)
        assert session.migrate() == []
        assert look(session, "select count(*) from recent_threads") == [(0,)]


@pytest.mark.parametrize("nth", range(3, 40, 3))
def test_an_interrupted_migration_rolls_back_its_file(store: Warehouse, nth: int) -> None:
    with bare(store) as session:
        interrupted_at(session, nth)
        done, tables = recorded(session), set(look(session, ALL_TABLES))
        whole = tables_after(store, done)
        assert {name for _, name in tables} == whole
        session.migrate()
        assert recorded(session) == sorted(names(store.engine))


def tables_after(store: Warehouse, done: list[str]) -> set[str]:
    """The tables that these files make, read off their text."""
    made = {"schema_migrations"}
    for path in migration_files(store.engine):
        if path.stem in done:
            for text in split_statements(path.read_text()):
                words = text.split()
                if words[:2] in (["create", "table"], ["create", "view"]):
                    made.add(words[2].rpartition(".")[2])
                elif words[:2] == ["drop", "table"]:
                    made.remove(words[2])
                elif words[3:5] == ["rename", "to"]:
                    made.remove(words[2])
                    made.add(words[5])
    return made


def test_a_file_that_fails_leaves_the_schema_before_it(store: Warehouse) -> None:
    with bare(store) as session:
        execute(session, "create table leads (mine int)")
    with pytest.raises(WarehouseError) as caught, bare(store) as session:
        session.migrate()
    assert caught.value.code == "warehouse_error"
    with bare(store) as session:
        assert recorded(session) == names(store.engine)[:4]
        assert look(session, "select * from leads") == []
        execute(session, "drop table leads")
        assert session.migrate() == names(store.engine)[4:]


def test_the_store_has_the_columns_that_the_files_name(store: Warehouse) -> None:
    texts = schema_texts(store.engine)
    columns = {line.split()[0] for text in texts if text.startswith("create") for line in columns_of(text)}
    columns |= {text.split()[5] for text in texts if text.split()[3:5] == ["add", "column"]}
    columns -= {text.split()[5] for text in texts if text.split()[3:5] == ["drop", "column"]}
    with store.session() as session:
        found = look(
            session,
            "select distinct column_name from information_schema.columns c inner join information_schema.tables t "
            "using (table_schema, table_name) where t.table_type = 'BASE TABLE' "
            "and table_schema in ('main', 'public', 'raw', 'staging') and table_name <> 'schema_migrations'",
        )
    assert {name for (name,) in found} == columns


def schema_texts(engine: str) -> list[str]:
    texts = [text for path in migration_files(engine) for text in split_statements(path.read_text())]
    return [text for text in texts if text.startswith(("create table", "alter table"))]


def columns_of(text: str) -> list[str]:
    lines = [line.strip() for line in text.splitlines()[1:-1]]
    return [line for line in lines if line and not line.startswith(("primary key", "unique", "check"))]
