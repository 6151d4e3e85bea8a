"""The store can be spread over machines by account: every table, key, index and join carries `account_id`.

Citus itself is not here: what it asks of tables is asked of a PostgreSQL that is migrated in the usual way, on which
`sql/citus/distribute.sql` runs with a function in place of Citus's own.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from crm_pipeline.providers import PROVIDERS
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.statements import RAW_TABLE, migration_files, sql_folder
from crm_pipeline_tests.warehouse.joins import mixed_accounts

OURS = ("public", "staging", "raw")
WITHOUT_ACCOUNT = {"schema_migrations"}
"""Tables that know no account, and that nothing is joined with; and dlt's own, which only dlt makes."""
TABLES = (
    "select case table_schema when 'public' then '' else table_schema || '.' end || table_name "
    "from information_schema.tables where table_type = 'BASE TABLE' and table_schema = any(%s)"
)
KEYS = """
select cast(i.indrelid as regclass)::text, cast(i.indexrelid as regclass)::text, i.indisunique,
    array(select a.attname::text from unnest(i.indkey) with ordinality k (attnum, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum order by k.place)
from pg_index i
join pg_class c on c.oid = i.indrelid
join pg_namespace n on n.oid = c.relnamespace
where n.nspname = any(%s)
"""
FOREIGN_KEYS = "select cast(conrelid as regclass)::text from pg_constraint where contype = 'f'"
IN_PLACE_OF_CITUS = """
create table pg_dist_partition (logicalrelid regclass, colocated text);
create function create_distributed_table(name text, distribution_column text, colocate_with text default 'default')
returns void language plpgsql as $$
begin
    if exists (
        select 1 from pg_index i where i.indrelid = name::regclass and i.indisunique and not exists (
            select 1 from pg_attribute a
            where a.attrelid = i.indrelid and a.attnum = any(i.indkey) and a.attname = distribution_column
        )
    ) then
        raise exception 'a unique index of % has no %', name, distribution_column;
    end if;
    if colocate_with <> 'none' and not exists (
        select 1 from pg_dist_partition where logicalrelid = colocate_with::regclass
    ) then
        raise exception '% is not distributed yet', colocate_with;
    end if;
    insert into pg_dist_partition values (name::regclass, colocate_with);
end $$;
"""
DISTRIBUTE = sql_folder() / "citus" / "distribute.sql"
STATEMENTS = sorted(
    path for path in sql_folder().rglob("*.sql") if not {"schema", "citus"} & set(path.relative_to(sql_folder()).parts)
)
BY_LEAD_ALONE = {"leads_id", "lead_merges_id", "removed_leads_id", "lead_changes_id"}
"""A person names a lead by its id, and not whose it is."""
EXCEPTIONS = {
    "reports/store": "counts whole tables for the doctor, each by itself",
}


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[psycopg.Connection]:
    """A migrated store with the raw tables of all CRMs, distributed."""
    server = request.getfixturevalue("postgres_server")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database sharded template template0 encoding 'UTF8' locale 'C'")
    with Warehouse(server.url("sharded"), data_dir=tmp_path_factory.mktemp("sharded")).session() as session:
        for provider in PROVIDERS:
            session.ensure_raw(provider)
    with psycopg.connect(server.url("sharded"), autocommit=True) as connection:
        connection.execute(IN_PLACE_OF_CITUS)
        connection.execute(DISTRIBUTE.read_text(encoding="utf-8").encode())
        yield connection


def tables(database: psycopg.Connection) -> set[str]:
    found = {name for (name,) in database.execute(TABLES, [list(OURS)]).fetchall()}
    return found - {"pg_dist_partition"}


def test_every_table_has_the_account(database: psycopg.Connection) -> None:
    query = (
        "select a.attnotnull from pg_attribute a where a.attrelid = to_regclass(%s) and a.attname = 'account_id' "
        "and a.atttypid = 'text'::regtype"
    )
    without = {name for name in tables(database) if not database.execute(query, [name]).fetchall()}
    assert without == WITHOUT_ACCOUNT


def test_every_key_and_index_begins_with_the_account(database: psycopg.Connection) -> None:
    found = database.execute(KEYS, [list(OURS)]).fetchall()
    assert len(found) > 15
    wrong = [(index, columns) for table, index, _, columns in found if columns[0] != "account_id"]
    assert {index for index, _ in wrong} == {"schema_migrations_pkey", *BY_LEAD_ALONE}, wrong
    assert not any(is_unique for _, index, is_unique, _ in found if index in BY_LEAD_ALONE)


def test_no_table_refers_to_another(database: psycopg.Connection) -> None:
    """A foreign key would have to carry the account as well; there is none."""
    assert database.execute(FOREIGN_KEYS).fetchall() == []


def test_every_table_is_distributed_beside_the_leads(database: psycopg.Connection) -> None:
    found = database.execute("select cast(logicalrelid as text), colocated from pg_dist_partition").fetchall()
    assert {name for name, _ in found} == tables(database) - WITHOUT_ACCOUNT
    assert {name: beside for name, beside in found if beside != "leads"} == {"leads": "none"}


def test_the_last_statement_can_be_run_again(database: psycopg.Connection) -> None:
    """For a CRM that has landed for the first time."""
    before = database.execute("select count(*) from pg_dist_partition").fetchall()
    again = DISTRIBUTE.read_text(encoding="utf-8").split(";")[-2]
    assert "information_schema" in again
    database.execute(again.encode())
    assert database.execute("select count(*) from pg_dist_partition").fetchall() == before


@pytest.fixture(scope="module")
def stored(database: psycopg.Connection) -> frozenset[str]:
    """The stored tables, as statements name them."""
    return frozenset(tables(database) - WITHOUT_ACCOUNT | {f"raw.{RAW_TABLE}"})


def test_every_statement_keeps_to_one_account(stored: frozenset[str]) -> None:
    """Whatever tables a statement brings together are joined by the account, or fixed to the one it is given."""
    wrong = {}
    for path in STATEMENTS:
        name = str(path.relative_to(sql_folder())).removesuffix(".sql")
        if ".postgres" not in name and path.with_suffix(".postgres.sql").exists():
            continue
        if ".duckdb" not in name and (found := mixed_accounts(path.read_text(encoding="utf-8"), stored)):
            wrong[name] = found
    assert {name: found for name, found in wrong.items() if name not in EXCEPTIONS} == {}
    assert set(wrong) == set(EXCEPTIONS), "an exception that is none any more"


GOOD = {
    "two tables joined by it": "select 1 from leads l join lead_merges m on m.account_id = l.account_id and true",
    "two tables fixed": "select 1 from leads l, lead_merges m where l.account_id = $account_id and m.account_id = "
    "$account_id",
    "a subquery that says it": "select 1 from (select account_id from leads) l "
    "join lead_merges m on m.account_id = l.account_id",
    "a correlated one": "select 1 from leads l where exists "
    "(select 1 from lead_merges m where m.account_id = l.account_id)",
    "one table of all accounts": "select count(*) from leads",
}
BAD = {
    "a join by the lead": "select 1 from leads l join lead_merges m on m.lead_id = l.id where l.account_id = "
    "$account_id",
    "only one side fixed": "select 1 from leads l, lead_merges m where l.account_id = $account_id",
    "fixed in an or": "select 1 from leads l, lead_merges m where l.account_id = $account_id "
    "and (m.account_id = $account_id or m.lead_id = l.id)",
    "an open in": "select 1 from leads where account_id = $account_id and id in (select lead_id from lead_merges)",
    "a hidden account": "with m as (select lead_id from lead_merges) select 1 from m",
    "an update from all": "update leads set name = m.lead_id from lead_merges m where m.lead_id = leads.id "
    "and leads.account_id = $account_id",
    "a delete from all": "delete from leads where id in (select lead_id from lead_merges)",
    "an insert without it": "insert into leads (id) select lead_id from lead_merges where account_id = $account_id",
}  # fmt: skip


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_keeps_to_one_account_is_seen(text: str) -> None:
    assert mixed_accounts(text, frozenset({"leads", "lead_merges"})) == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_what_mixes_accounts_is_seen(text: str) -> None:
    assert mixed_accounts(text, frozenset({"leads", "lead_merges"})) != []


def test_no_store_is_distributed_by_itself() -> None:
    assert DISTRIBUTE not in migration_files("postgres")
