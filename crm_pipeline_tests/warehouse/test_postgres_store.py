"""The shared store: the same session over PostgreSQL, its errors in our words, and writers of one account in a line."""

from __future__ import annotations

import re
import socket
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg
import pyarrow as pa
import pytest
from psycopg.conninfo import conninfo_to_dict

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse import waiting
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.postgres_store import advisory_lock, open_postgres, with_usual
from crm_pipeline.warehouse.statements import statement
from crm_pipeline_tests.warehouse.looking import die_after, execute, look

MARCH = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def test_the_clock_zone_is_utc(postgres_url: str) -> None:
    with open_postgres(postgres_url) as session:
        ((moment, text),) = look(
            session, "select t, cast(t as text) from (select timestamptz '2026-03-01 12:00:00+02' as t) x"
        )
    assert (moment, moment.utcoffset(), text) == (MARCH, timedelta(0), "2026-03-01 10:00:00+00")


def test_a_statement_that_fails_is_told_in_one_line(postgres_url: str) -> None:
    with pytest.raises(WarehouseError) as caught, open_postgres(postgres_url) as session:
        execute(session, "select * from nowhere")
    assert caught.value.code == "warehouse_error"
    assert "nowhere" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    with pytest.raises(WarehouseError) as caught, open_postgres("postgresql://me:hunter2@127.0.0.1:1/crm"):
        pass
    assert caught.value.code == "warehouse_error"
    assert "hunter2" not in caught.value.message + repr(caught.value.facts)


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/crm"
        with pytest.raises(WarehouseError) as caught, open_postgres(f"{url}?connect_timeout=2"):
            pass
    assert "timeout" in caught.value.message
    assert "CRM_WAREHOUSE" in caught.value.action
    assert conninfo_to_dict(with_usual(url))["connect_timeout"] == "10"


def test_a_server_that_goes_away_is_told_as_that(postgres_url: str) -> None:
    end = "select pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(WarehouseError) as caught, open_postgres(postgres_url) as session:
        execute(session, end)
    assert "CRM_WAREHOUSE" in caught.value.action


def test_a_transaction_of_many_rows_does_not_compare_each_with_each(postgres_url: str, tmp_path: Path) -> None:
    """PostgreSQL takes rows written just now for few; the second CRM of an account took minutes instead of a second."""
    part = pa.table({"contact_id": [str(UUID(int=number)) for number in range(600)]})
    nested = "show enable_nestloop"
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        execute(session, "create temp table few (contact_id uuid)")
        with session.transaction():
            session.copy("few", [part])
            assert look(session, nested) == [("on",)], "of no account yet"
            session.rows("reports/lead_count", account_id="acme")
            session.copy("few", [part.slice(0, 100)])
            assert look(session, nested) == [("on",)]
            session.copy("few", [part])
            assert look(session, nested) == [("off",)]
        assert look(session, nested) == [("on",)]
        session.copy("few", [part])
        assert look(session, nested) == [("on",)]


def test_a_database_with_stricter_isolation_is_read_as_committed(postgres_url: str, tmp_path: Path) -> None:
    """Otherwise a sync that waited for the account's lock would match what was there before it waited."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        name = postgres_url.rpartition("/")[2]
        connection.execute(f"alter database {name} set default_transaction_isolation = 'serializable'".encode())
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session, session.transaction():
        assert look(session, "show transaction_isolation") == [("read committed",)]


def test_few_rows_of_a_large_account_are_found_by_index(postgres_url: str, tmp_path: Path) -> None:
    """By hash, a thousand changes in an account of a million took six times as long."""
    part = pa.table({"contact_id": [str(UUID(int=number)) for number in range(600)]})
    contacts = (
        "insert into staging.contacts (account_id, contact_id, connection_id, provider, object_type, crm_id, state, "
        "content_hash, "
        "updated_at) select 'acme', gen_random_uuid(), gen_random_uuid(), 'hubspot', 'contact', cast(n as text), "
        "'accepted', 'x', now() from generate_series(1, 30000) as n"
    )
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        execute(session, contacts)
        execute(session, "create temp table few (contact_id uuid)")
        for account_id, nested in (("acme", "on"), ("globex", "off")):
            with session.transaction():
                session.rows("reports/lead_count", account_id=account_id)
                session.copy("few", [part])
                assert look(session, "show enable_nestloop") == [(nested,)]


@pytest.mark.parametrize(
    ("report", "indexes"),
    [
        ("reports/lead_identity", {"leads_id", "lead_merges_id", "removed_leads_id"}),
        ("reports/changes", {"lead_changes_id"}),
        ("reports/removed_leads", {"removed_leads_id"}),
    ],
)
def test_a_lead_is_found_by_its_id_alone(postgres_url: str, tmp_path: Path, report: str, indexes: set[str]) -> None:
    """The keys begin with the account, which a person who names a lead does not say: whole tables were read."""
    query = statement(report, "postgres")
    given = dict.fromkeys(query.parameters) | {"lead_id": "00000000-0000-4000-8000-000000000001"}
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        execute(session, "set enable_seqscan = off")
        rows = session.execute(f"explain {query.text}", given).fetchall()  # type: ignore[attr-defined]
    plan = "\n".join(line for (line,) in rows)
    assert indexes <= set(re.findall(r"Scan (?:using|on) (\w+)", plan)), plan


def test_the_rows_of_a_sync_are_found_by_index(postgres_url: str, tmp_path: Path) -> None:
    """Also on a store whose raw table was made before there was one."""
    made = "select indexname from pg_indexes where schemaname = 'raw' and tablename = 'hubspot_contacts' order by 1"
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        session.run("transform/land/create_raw_contacts", raw_of="hubspot")
        session.run("transform/land/index_raw_contacts", raw_of="hubspot")
        session.ensure_raw("hubspot")
        assert look(session, made) == [("hubspot_contacts_key",), ("hubspot_contacts_sync",)]


def test_the_urls_own_options_stand_beside_ours(postgres_url: str) -> None:
    with open_postgres(f"{postgres_url}?options=-c%20search_path%3Dcrm") as session:
        assert look(session, "select current_setting('search_path'), current_setting('TimeZone')") == [("crm", "UTC")]


def test_who_finds_everything_migrated_waits_for_nobody(postgres_url: str, tmp_path: Path) -> None:
    warehouse = Warehouse(postgres_url, data_dir=tmp_path)
    with warehouse.session() as busy, busy.alone("tables"), warehouse.session() as other:
        execute(other, "set statement_timeout = '5s'")
        assert other.migrate() == []


def test_a_sync_that_waits_for_another_machine_says_so(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(waiting, "TOLD_AFTER", 0.1)
    here, there = (Warehouse(postgres_url, data_dir=tmp_path / name) for name in ("here", "there"))
    with here.connection_lock(UUID(int=1)):
        with pytest.raises(WarehouseError) as caught, there.connection_lock(UUID(int=1), wait=0.6, label="acme/zoho"):
            pass
        with there.connection_lock(UUID(int=2), wait=0.6):
            pass
    said = "Another sync of acme/zoho is running on another machine"
    assert caught.value.code == "warehouse_locked"
    assert said in caught.value.message
    assert [record.message for record in caplog.records] == [f"{said}; waiting for it, at most 1 s."]


def test_a_database_that_is_not_there_is_named(postgres_url: str) -> None:
    url = postgres_url.rpartition("/")[0] + "/nobodys"
    with pytest.raises(WarehouseError) as caught, open_postgres(url):
        pass
    assert "nobodys" in caught.value.message


def test_the_connection_is_closed_after_an_exception_in_the_block(postgres_url: str) -> None:
    others = "select 1 from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
    with pytest.raises(KeyboardInterrupt), open_postgres(postgres_url) as session:
        die_after(session, "select 1", KeyboardInterrupt())
    with open_postgres(postgres_url) as session:
        for _ in range(100):
            if look(session, others) == []:
                return
            execute(session, "select pg_sleep(0.02)")
    raise AssertionError("the connection is still there")


def test_a_transaction_that_raises_leaves_nothing_and_the_session_goes_on(postgres_url: str) -> None:
    with open_postgres(postgres_url) as session:
        execute(session, "create table kept (a int)")
        with pytest.raises(KeyboardInterrupt), session.transaction():
            die_after(session, "insert into kept values (1)", KeyboardInterrupt())
        assert look(session, "select * from kept") == []
        with session.transaction():
            execute(session, "insert into kept values (2)")
        assert look(session, "select * from kept") == [(2,)]


def test_temporary_tables_of_an_earlier_step_can_be_dropped_inside_a_transaction(postgres_url: str) -> None:
    with open_postgres(postgres_url) as session:
        execute(session, "create temp table gone (a int)")
        with session.transaction():
            session.drop_temporary()
            execute(session, "create temp table gone (a int)")
            session.drop_temporary()
        execute(session, "create temp table gone (a int)")


def test_copied_rows_are_counted_and_go_by_name(postgres_url: str) -> None:
    with open_postgres(postgres_url) as session:
        execute(session, "create schema raw")
        execute(session, "create table raw.kept (a int, b text, c timestamptz)")
        moments = pa.array([MARCH, None], pa.timestamp("us", tz="UTC"))
        part = pa.table({"b": ["x\ty\\n\n", None], "c": moments, "a": pa.array([1, 2], pa.int32())})
        assert session.copy("raw.kept", iter([part])) == 2
        assert look(session, "select a, b, c from raw.kept order by a") == [(1, "x\ty\\n\n", MARCH), (2, None, None)]
        assert session.copy("raw.kept", []) == 0


def test_a_large_result_streams_inside_a_transaction(postgres_url: str, tmp_path: Path) -> None:
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        execute(
            session,
            "insert into staging.crm_references select 'acme', gen_random_uuid(), 'owner', cast(n as text) "
            "from generate_series(1, 250) n",
        )
        ((connection,),) = look(session, "select connection_id from staging.crm_references limit 1")
        execute(session, f"update staging.crm_references set connection_id = '{connection}'")
        with session.transaction():
            parts = list(
                session.stream(
                    "transform/contacts/references", batch=100, account_id="acme", connection_id=str(connection)
                )
            )
        assert [len(part) for part in parts] == [100, 100, 50]


def test_text_with_a_percent_sign_or_a_quote_is_text(postgres_url: str, tmp_path: Path) -> None:
    with Warehouse(postgres_url, data_dir=tmp_path).session() as session:
        search = "100%s 'or' %(x)s $account_id"
        rows = session.rows("reports/leads", account_id="acme", search=search, digits=None, row_limit=None)
    assert rows == []


def test_writers_of_one_account_wait_for_each_other_and_others_do_not(postgres_url: str) -> None:
    order: list[str] = []
    entered = threading.Event()

    def second() -> None:
        with open_postgres(postgres_url) as session, session.transaction():
            entered.set()
            session.lock_account("acme")
            order.append("second")

    with open_postgres(postgres_url) as session:
        with session.transaction():
            session.lock_account("acme")
            session.lock_account("acme")  # a step may ask again
            thread = threading.Thread(target=second)
            thread.start()
            assert entered.wait(10)
            with open_postgres(postgres_url) as another, another.transaction():
                another.lock_account("globex")
            thread.join(0.2)
            assert thread.is_alive()
            order.append("first")
        thread.join(10)
    assert order == ["first", "second"]


def test_many_processes_may_open_a_new_store_at_once(postgres_url: str, tmp_path: Path) -> None:
    """Eight workers started together on an empty database; each finds or makes the whole schema."""
    warehouse, failures = Warehouse(postgres_url, data_dir=tmp_path), []
    together = threading.Barrier(8)

    def worker() -> None:
        try:
            together.wait(10)
            with warehouse.session() as session:
                look(session, "select count(*) from leads")
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=worker) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with psycopg.connect(postgres_url) as connection:
        names = connection.execute("select name from schema_migrations order by applied_at, name").fetchall()
    assert len(names) == len(set(names)) > 5


@pytest.mark.parametrize("password", ["", ":unread", ":p%40ss%2Fw%3Ard"], ids=["none", "plain", "with signs"])
def test_dlt_is_led_to_the_same_database(postgres_url: str, password: str) -> None:
    """dlt wants a password even where the server does not ask for one."""
    with open_postgres(postgres_url.replace("//postgres@", f"//postgres{password}@")) as session:
        ours = look(session, "select current_database(), inet_server_port()")
        url = str(session.dlt_credentials())
    assert urlsplit(url).password
    assert unquote(password[1:]) in ("", unquote(urlsplit(url).password or ""))
    with psycopg.connect(url) as connection:
        assert connection.execute("select current_database(), inet_server_port()").fetchall() == ours


def test_a_lock_that_was_let_go_is_free_at_once(postgres_url: str) -> None:
    """The server needs a moment to notice that a connection was closed; who asks without waiting found it locked."""
    key = {"key": "crm_pipeline:it"}
    with open_postgres(postgres_url) as other:
        for _ in range(40):
            with advisory_lock(postgres_url, "it", wait=5, told="Somebody else is at it"):
                assert not other.try_lock(key)
            assert other.try_lock(key)
            other.execute("select pg_advisory_unlock_all()")


def test_what_is_streamed_is_planned_to_be_read_to_its_end(postgres_url: str) -> None:
    """A plan for the first rows joins by nested loops: with 20,000 payloads that took a minute instead of a second."""
    with open_postgres(postgres_url) as session:
        assert session.execute("show cursor_tuple_fraction").fetchone() == ("1",)
