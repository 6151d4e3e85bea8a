"""Every statement under `sql/` runs on both engines, and both give the same answer.

One story is told to a DuckDB file and to a PostgreSQL database; a session that takes notes says which statements it
ran. A new file that the story does not reach fails `test_every_statement_runs`: give it a place in `tell`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from unittest import mock
from uuid import UUID

import orjson
import psycopg
import pytest

from crm_pipeline.errors import NangoError, SyncHeld
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.providers.provider import Reference
from crm_pipeline.walk import books, checks, contacts, maintenance, registry, rules, troubles
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.leads import Results
from crm_pipeline.walk.removal import restore_leads
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Row, Session
from crm_pipeline.warehouse.statements import sql_folder
from crm_pipeline.web.leads import SORTS, Wanted, find_leads
from crm_pipeline_tests.walk.world import START, World, a_payload
from crm_pipeline_tests.warehouse.looking import execute

HOURS = timedelta(hours=1)
ENGINES = ("duckdb", "postgres")
FAILED, LANDED = UUID(int=1), UUID(int=2)
OWN = ("sync_id", "removed_by", "applied_at", "engine_version")
"""Columns that differ from run to run: ids made by chance, the clock of this computer, and the engine's name."""
JSON_COLUMNS = ("connection_metadata", "payload", "skipped_by_reason", "lead", "notes")
IDENTIFIED = "identified"
"""An account for guards and rules."""
STRATEGIC = "strategic"
"""An account for the strategies, so that nobody's merge there is another story's."""


class NotingSession:
    """A session that notes the names of the statements it runs; the rest it leaves to the real one."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self.noted: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)

    def run(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> int:
        self.noted.add(name)
        return self._session.run(name, raw_of=raw_of, **parameters)

    def rows(self, name: str, /, *, raw_of: str | None = None, **parameters: object) -> list[Row]:
        self.noted.add(name)
        return self._session.rows(name, raw_of=raw_of, **parameters)

    def stream(
        self, name: str, /, *, batch: int = 10_000, raw_of: str | None = None, **parameters: object
    ) -> Iterator[list[tuple[Any, ...]]]:
        self.noted.add(name)
        return self._session.stream(name, batch=batch, raw_of=raw_of, **parameters)


@dataclass
class Told:
    """What one engine ran, and what it answered."""

    noted: set[str]
    answers: dict[str, Any] = field(default_factory=dict)


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    """The story on each engine, told once."""
    folder = tmp_path_factory.mktemp("story")
    server = request.getfixturevalue("postgres_server")
    urls = {"duckdb": f"duckdb:///{folder / 'story.duckdb'}", "postgres": server.url("every_statement")}
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database every_statement template template0 encoding 'UTF8' locale 'C'")
        try:
            return {engine: tell(url, folder) for engine, url in urls.items()}
        finally:
            connection.execute("drop database every_statement with (force)")


def tell(url: str, folder: Path) -> Told:
    """The story: people come, change, merge, split, leave and return; then everybody looks at them."""
    with Warehouse(url, data_dir=folder).session() as session:
        notes = NotingSession(session)
        noting = cast(Session, notes)
        answers: dict[str, Any] = {"results": people(noting)}
        answers["strategies"] = strategies(noting)
        answers["identity"] = identity(noting)
        answers |= {"landing": landing(noting), "books": bad_days(noting), "registry": changes_at_nango(noting)}
        answers["kept out"] = kept_out(noting)
        answers["reports"] = reports(noting)
        answers["operations"] = operations(noting)
        answers["tables"] = tables(noting)
        answers["maintenance"] = keeping_order(noting)
    return Told(notes.noted, answers)


def people(session: Session) -> list[dict[str, Any]]:
    world = World(session)
    later = [START + timedelta(hours=hours) for hours in range(10)]
    jo = Reference("owner", "7", "Jo Reed", "jo@acme.example")
    new = Reference("status", "NEW", "New")
    ann: dict[str, Any] = {
        "phone": "(415) 320-7788",
        "email": "Ann@Example.com",
        "hubspot_owner_id": "7",
        "hs_lead_status": "NEW",
    }
    hopeless = [
        a_payload("3", first="Cy", phone="12"),
        a_payload("4", first=None, phone="212 736 5000"),
        {"id": None, "properties": {"note": "\ud800\x00"}, "updatedAt": None},
    ]
    results = [
        world.sync(
            a_payload("1", first="Ann", last="Lee", **ann, notes_last_updated="2026-02-02T00:00:00Z"),
            a_payload("2", first="Bob", phone="+44 7911 123456", company="Ünder & Söhne 100%"),
            a_payload("5", first="Dee", phone="212 736 5001 ext. 7"),
            *hopeless,
            references=[jo, new],
        ),
        world.sync(a_payload("6", first="Åsa", phone="415-320-7788", lifecyclestage="lead"), on="second"),
        # two leads turn out to be one, then two again
        world.sync(a_payload("2", first="Bob", phone="+44 7911 123456", email="ann@example.com", updated=later[1])),
        world.sync(a_payload("2", first="Bob", phone="+44 7911 123456", updated=later[2])),
        # an owner's new name, a CRM's own merge, an archived and a restored contact
        world.sync(references=[jo._replace(label="Jo Reed-Smith"), new._replace(label="Fresh")]),
        world.sync(a_payload("9", first="Dee", phone="212 736 5001", updated=later[3], hs_merged_object_ids="5;404")),
        world.sync(a_payload("6", first="Åsa", phone="415-320-7788", archived=True), on="second"),
        world.sync(a_payload("1", first="Ann", last="Lee", phone=None, updated=later[4])),
        world.sync(a_payload("1", first="Ann", last="Lee", **ann, updated=later[5])),
        # somebody who leaves for one reason and stays away for another
        world.sync(a_payload("8", first="Ed", phone="212 736 5010")),
        world.sync(a_payload("8", first="Ed", phone=None, updated=later[6])),
        world.sync(a_payload("8", first="Ed", phone=None, archived=True, updated=later[7])),
        # a complete pass that does not show somebody
        world.sync(
            a_payload("1", first="Ann", last="Lee", **ann, updated=later[5]), *hopeless, complete=True, force=True
        ),
        World(session, account_id="globex", clock=world.clock).sync(a_payload("1", **ann), on="theirs"),
        *world.rebuild(),
    ]
    with mock.patch.object(contacts, "FEW_CHANGED", 0):  # as when many contacts change at once
        results.append(world.sync(a_payload("1", first="Ann", last="Leeds", **ann, updated=later[6])))
    return [result.as_dict() | {"by_reason": dict(result.skipped_by_reason)} for result in results]


def strategies(session: Session) -> list[Any]:
    """Leads are previewed, removed, brought back by their contact and by a person; a merge stays, one is undone."""
    execute(session, "alter table leads add column score integer default 5")
    world = World(session, account_id=STRATEGIC, clock=START + timedelta(seconds=30))
    later = [START + timedelta(hours=hours) for hours in range(5)]
    jim, kim = a_payload("1", first="Jim", phone="212 736 5002"), a_payload("2", first="Kim", phone="212 736 5003")
    lou = a_payload("3", first="Lou", phone="212 736 5004", company="Acme")
    foreseen = world.preview(jim, kim, lou, on="strategic")
    told: list[Any] = [foreseen[0].as_dict(), foreseen[1].as_dict()]

    def sync(*payloads: dict[str, Any], **options: Any) -> None:
        results = world.sync(*payloads, on="strategic", **options)
        told.extend((results.as_dict(), world.difference().as_dict()))

    sync(jim, kim, lou)
    sync(strategy="overwrite")
    sync(jim, strategy="overwrite", force=True)
    sync(kim, lou)
    sync(jim, kim, strategy="overwrite", force=True)
    removed_by = world.last_sync
    with session.transaction():
        restored = restore_leads(session, STRATEGIC, removed_by=removed_by, restore_id=FAILED, now=world.clock)
    sync(jim, kim, strategy="overwrite", force=True)
    both: dict[str, Any] = {"first": "Kim", "phone": "212 736 5003", "mobile": "212 736 5002"}
    sync(a_payload("2", **both, updated=later[1]))
    sync(a_payload("2", first="Kim", phone="212 736 5003", updated=later[2]))
    sync(a_payload("2", **both, company="Globex", updated=later[3]))
    sync(strategy="overwrite")
    execute(session, "alter table leads drop column score")
    return [*told, restored]


def identity(session: Session) -> list[Any]:
    """A phone and a mailbox that too many share, for a while; and people who say who is one and who is not."""
    world = World(session, account_id=IDENTIFIED, clock=START + timedelta(seconds=45))
    later = [START + timedelta(hours=hours) for hours in range(3)]
    office = [
        a_payload(str(n), first=name, last="Lee", phone="212 736 5009", email="info@office.example")
        for n, name in enumerate(("Ann", "Bob", "Cy", "Dee", "Eve", "Fay"))
    ]
    world.connection(IDENTIFIED)
    one, two, three, four = (world.contact(str(n), on=IDENTIFIED) for n in range(4))
    told: list[Any] = [
        world.sync(*office, on=IDENTIFIED).as_dict(),
        world.sync(
            a_payload("5", first="Eve", last="Lee", phone="212 736 5009", updated=later[1]), on=IDENTIFIED
        ).as_dict(),
    ]
    said: list[tuple[rules.Kind | None, str, str]] = [
        ("apart", one, two),
        ("together", two, three),
        ("together", one, four),
        (None, one, four),
    ]
    for kind, first, second in said:
        told += [(contact["name"], contact["lead_id"]) for contact in world.rule(kind, first, second).contacts]
    lead_id = str(session.rows("rules/placed_contacts", account_id=IDENTIFIED, contact_ids=[four])[0]["lead_id"])
    named = rules.find_contact(session, IDENTIFIED, "hubspot:3")
    with session.transaction():
        told += rules.split_lead(session, IDENTIFIED, lead_id, [named], now=world.clock, note="not them").pairs
    told.append(
        world.sync(
            a_payload("5", first="Fay", last="Lee", phone="212 736 5009", updated=later[2]), on=IDENTIFIED
        ).as_dict()
    )
    return told


def landing(session: Session) -> list[Any]:
    """What a landing asks the store for, before any page."""
    keys = {"account_id": "acme", "connection_id": str(main(session).id)}
    session.run("transform/land/create_raw_contacts", raw_of="hubspot")
    if session.engine == "postgres":
        for name in ("transform/land/index_raw_contacts", "transform/land/index_raw_syncs") * 2:
            session.run(name, raw_of="hubspot")
    archived = sorted(session.rows("transform/land/known_archived", **keys), key=repr)
    return [archived, session.rows("transform/land/known_owners", **keys)]


def bad_days(session: Session) -> list[Any]:
    """A run that nobody closed, and one that failed."""
    connection, now = main(session), START + timedelta(days=1)
    books.open_run(session, connection, sync_id=LANDED, strategy="append", trigger="schedule", now=now)
    books.note_progress(session, connection, sync_id=LANDED, records=300, requests=2)
    (whole,) = session.rows("books/sync", account_id=None, sync_id=str(LANDED))
    strangers = session.rows("books/sync", account_id="globex", sync_id=str(LANDED))
    books.note_landing(session, connection, sync_id=LANDED, pass_kind="complete", requests=3)
    books.note_held(session, connection, sync_id=LANDED, held=SyncHeld("mass_removal_held", "30 of 40 are gone"))
    landed = books.run_row(session, connection, LANDED)
    books.open_run(session, connection, sync_id=FAILED, strategy="append", trigger="manual", now=now)
    error = NangoError("connection_expired", "the CRM said 'no' 100%")
    failed = SyncResult(
        sync_id=FAILED,
        connection=connection,
        strategy="append",
        pass_kind=None,
        status="failed",
        results=Results(),
        requests=1,
        started_at=now,
        finished_at=now + timedelta(seconds=5),
        error=error,
    )
    with session.transaction():
        books.close_run(session, failed)
    rows = [books.run_row(session, connection, key) for key in (LANDED, FAILED)]
    return [landed, *rows, [whole["fetched"], whole["requests"], whole["status"]], strangers]


def changes_at_nango(session: Session) -> list[Any]:
    """A connection is moved to another account, one is gone."""
    now = START + timedelta(days=2)
    moved = NangoConnection(1, "second", "hubspot", "hubspot", "globex", connection_config={"portalId": 7})
    gone = next(c.id for c in registry.connections(session, account_id="globex"))
    known = registry.refresh(session, [moved], [gone], now=now)
    one = registry.connections(session, account_id="acme", provider="hubspot")
    return [*map(plain, known), len(one), registry.connections(session, account_id="acme", provider="zoho")]


def kept_out(session: Session) -> list[Any]:
    """A connection that a person lets go of and leaves at Nango, until somebody connects it again."""
    now = START + timedelta(days=2)
    ours, *_ = registry.connections(session, account_id="acme", provider="hubspot")
    there = NangoConnection(2, ours.nango_connection_id, ours.nango_integration, "hubspot", "acme")
    registry.disconnect(session, ours, keep_out=True, now=now)
    out = [one.state for one in registry.refresh(session, [there], [], now=now) if one.id == ours.id]
    listed = session.rows("registry/kept_out")
    registry.let_in(session, there)
    back = [one.state for one in registry.refresh(session, [there], [], now=now) if one.id == ours.id]
    return [out, listed, back, session.rows("registry/kept_out")]


def operations(session: Session) -> list[Any]:
    """The checks look at everybody, then at damage that is taken back; people are told of what fails."""
    now = START + timedelta(days=3)
    accounts = ("acme", IDENTIFIED, STRATEGIC)
    told: list[Any] = [[one.as_dict() for one in checks.check_account(session, name, now=now)] for name in accounts]
    with suppress(InterruptedError), session.transaction():
        for damage in ("delete from staging.identity_map where matched_by = 'new'", "update leads set phone = 'none'"):
            execute(session, damage)
        execute(session, "update sync_runs set fetched = fetched + 1 where pass = 'complete'")
        told += [one.as_dict() for name in accounts for one in checks.run_checks(session, name, now=now)]
        execute(session, "update sync_runs set status = 'running' where pass = 'complete'")
        open_ones = session.rows("books/open_runs", account_id="acme")
        told += [
            open_ones,
            session.run("books/interrupt_run", **keys_of(open_ones[0], "account_id", "sync_id"), now=now),
        ]
        raise InterruptedError
    due = troubles.find_due(session, "email", now=now)
    told += [due.failing, due.recovered]
    told += [checks.is_due(session, name, now=at) for name in (*accounts, "nobody") for at in (now, now + 3 * HOURS)]
    for name, row in zip(("note_told", "end_trouble", "forget_trouble"), due.failing, strict=False):
        keys = keys_of(row, "account_id", "connection_id", "code")
        session.run(f"notices/{name}", **keys, channel="email", now=now)
    return told


def keeping_order(session: Session) -> dict[str, int]:
    """Maintenance, long after everything."""
    tables_of_dlt = (
        "create table raw._dlt_loads (load_id text, status bigint, inserted_at timestamptz)",
        "create table raw._dlt_pipeline_state (pipeline_name text, _dlt_load_id text, created_at timestamptz)",
        "insert into raw._dlt_loads select cast(n as text), 0, now() from generate_series(1, 3) as t (n)",
        "insert into raw._dlt_pipeline_state select 'main', load_id, now() from raw._dlt_loads",
    )
    freed = maintenance.Freed()
    for statement in tables_of_dlt:
        execute(session, statement)
    maintenance.tidy_all(session, freed, now=START + timedelta(days=100_000))
    for connection in registry.connections(session):
        maintenance.drop_rows(session, connection, freed, now=START + timedelta(days=200))
    execute(session, "drop table raw._dlt_loads")
    execute(session, "drop table raw._dlt_pipeline_state")
    return freed.rows


def keys_of(row: Row, *names: str) -> dict[str, str]:
    return {name: str(row[name]) for name in names}


def reports(session: Session) -> dict[str, Any]:
    """Every question people ask, with and without its narrowing parameters."""
    acme = {"account_id": "acme"}
    connection = {**acme, "connection_id": str(main(session).id)}
    lead = session.rows("reports/leads", **acme, search="ann lee", digits=None, row_limit=1)[0]["id"]
    every = {"account_id": None}
    syncs = [row["sync_id"] for row in session.rows("reports/history", **every, row_limit=None)]
    changed = [session.rows("reports/sync_changes", **acme, sync_id=str(s), row_limit=100) for s in reversed(syncs)]
    searches = ["NDER &", "100%", "3207788", str(lead), "jo reed", "'", "9"]
    return {
        "leads": [
            session.rows("reports/leads", **acme, search=one, digits=one if one == "3207788" else None, row_limit=None)
            for one in [None, *searches]
        ],
        "limited": session.rows("reports/leads", **acme, search=None, digits=None, row_limit=1),
        "newest_leads": session.rows("reports/newest_leads", **acme, limit=5),
        "lead_count": session.rows("reports/lead_count", **acme),
        "raw_count": session.rows("reports/raw_count", raw_of="hubspot", **acme),
        "thread_count": session.rows("reports/thread_count", **acme),
        "last_syncs": session.rows("reports/last_syncs"),
        "longest_syncs": session.rows("reports/longest_syncs", since=START),
        "failing": session.rows("reports/failing_connections", row_limit=10),
        "lead_columns": session.rows("reports/lead_columns"),
        "lead_contacts": session.rows("reports/lead_contacts", **acme),
        "lead_identity": session.rows("reports/lead_identity", lead_id=str(lead)),
        "nobody": session.rows("reports/lead_identity", lead_id=str(FAILED)),
        "changes": session.rows("reports/changes", account_id=None, lead_id=str(lead), row_limit=None),
        **strategic_reports(session),
        **pages(session),
        "rules": session.rows("reports/rules", account_id=IDENTIFIED),
        "review": session.rows("reports/review", account_id=IDENTIFIED, row_limit=None, example_limit=3),
        "sync_changes": [rows for rows in changed if rows],
        "history": session.rows("reports/history", **every, row_limit=None),
        "short_history": session.rows("reports/history", **acme, row_limit=2),
        "status": session.rows("reports/status", **every) + session.rows("reports/status", **acme),
        "rejections": session.rows("reports/rejections", **acme, reason=None, row_limit=None),
        "one_reason": session.rows("reports/rejections", **acme, reason="phone_too_short", row_limit=1),
        "rejections_by_reason": session.rows("reports/rejections_by_reason", **acme),
        "rejected_examples": session.rows("reports/rejected_examples", **connection),
        "contacts_by_state": session.rows("reports/contacts_by_state", **acme),
        "store": session.rows("reports/store"),
    }


def pages(session: Session) -> dict[str, Any]:
    """What the page shows: leads in every order it can be asked for, forwards and backwards, and by every search."""
    acme = {"account_id": "acme"}
    window: dict[str, Any] = {"row_limit": 3, "row_offset": 0}
    everybody = Wanted.of()
    searches = [Wanted.of(text) for text in ("ann", "ÜNDER", "320-7788", "9", "nobody", "'; --")]
    orders = [Wanted.of("", name, order) for name in sorted(SORTS) for order in ("asc", "desc")]
    shown = {
        f"leads by {wanted.sort} {wanted.order} {wanted.search}": find_leads(session, "acme", wanted, limit=100)
        for wanted in (*orders, *searches)
    }
    return {
        **{name: (page.total, page.rows) for name, page in shown.items()},
        "second lead": find_leads(session, "acme", everybody, limit=1, offset=1).rows,
        "no more leads": find_leads(session, "acme", everybody, limit=5, offset=10**12),
        "accounts": session.rows("pages/accounts", search=None, row_limit=100, row_offset=0),
        "some accounts": session.rows("pages/accounts", search="glob", row_limit=1, row_offset=0),
        "account": session.rows("pages/account", **acme) + session.rows("pages/account", account_id="nobody"),
        "rejected": session.rows("pages/rejections", **acme, reason=None, row_limit=100, row_offset=0),
        "rejected for one reason": session.rows("pages/rejections", **acme, reason="phone_too_short", **window),
        "past": session.rows("pages/history", **acme, row_limit=100, row_offset=0),
        "threads": [session.rows("pages/threads", **acme, row_limit=100, row_offset=0)],
    }


def strategic_reports(session: Session) -> dict[str, Any]:
    """What is asked of one lead, and of those that are away."""
    (merge,) = execute(session, f"select into_lead_id from lead_merges where account_id = '{STRATEGIC}'").fetchall()
    lead = str(merge[0])
    keys: dict[str, Any] = {"account_id": STRATEGIC, "lead_id": lead}
    ranked: dict[str, Any] = {"default_rank": 100}
    every: dict[str, Any] = {"account_id": None, "lead_id": None, "sync_id": None}
    (away,) = session.rows("reports/removed_leads", **every)
    return {
        "lead": session.rows("reports/lead", **keys),
        "contacts_of_lead": session.rows("reports/contacts_of_lead", **keys, **ranked),
        "points_of_lead": session.rows("reports/points_of_lead", **keys),
        "fields_of_lead": session.rows("reports/fields_of_lead", **keys, **ranked),
        "merges_of_lead": session.rows("reports/merges_of_lead", **keys),
        "few_changes": session.rows("reports/changes", **keys, row_limit=2),
        "removed_leads": [{name: value for name, value in away.items() if name != "lead"}],
        "removed_lead": session.rows("reports/lead_identity", lead_id=str(away["lead_id"])),
    }


def tables(session: Session) -> dict[str, Any]:
    """Every row of every table."""
    names = (
        "crm_connections", "leads", "lead_changes", "lead_merges", "removed_leads", "sync_runs", "raw.crm_references",
        "raw.set_aside", "raw.hubspot_contacts", "staging.landings", "staging.crm_references", "staging.contacts",
        "staging.contact_points", "staging.contact_merges", "staging.rejections", "staging.match_queue",
        "staging.identity_map", "staging.guarded_values", "staging.touched_values", "identity_rules", "account_days",
        "troubles", "failing_checks", "staging.held_removals",
    )  # fmt: skip
    found = {}
    for name in names:
        cursor = execute(session, f"select * from {name}")
        columns = [column[0] for column in cursor.description]
        rows = [plain(dict(zip(columns, row, strict=True))) for row in cursor.fetchall()]
        found[name] = sorted(rows, key=repr)
    return found


def main(session: Session) -> Connection:
    return next(c for c in registry.connections(session, account_id="acme") if c.nango_connection_id == "main")


def plain(value: Any) -> Any:
    """The value without what differs from run to run, and without what only the drivers spell differently."""
    if isinstance(value, dict):
        kept = {name: plain(part) for name, part in value.items() if name not in OWN}
        return {**kept, "migrations": None} if "migrations" in kept else kept
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Connection):
        return plain({name: getattr(value, name) for name in ("id", "account_id", "state", "is_active", "metadata")})
    return value


def statements_of(engine: str) -> set[str]:
    """The names of all statements that there are for an engine."""
    found = set()
    for path in sql_folder().rglob("*.sql"):
        name, *engines = str(path.relative_to(sql_folder())).removesuffix(".sql").split(".")
        if not name.startswith(("schema", "citus")) and (not engines or engines == [engine]):
            found.add(name)
    return found


@pytest.mark.parametrize("engine", ENGINES)
def test_every_statement_runs(told: dict[str, Told], engine: str) -> None:
    assert sorted(statements_of(engine) - told[engine].noted) == [], "these ran nowhere: give them a place in `tell`"
    assert sorted(told[engine].noted - statements_of(engine)) == []


@pytest.mark.parametrize(
    "part", ["results", "strategies", "identity", "landing", "books", "registry", "operations", "maintenance"]
)
def test_both_engines_give_the_same_answer(told: dict[str, Told], part: str) -> None:
    assert plain(told["duckdb"].answers[part]) == plain(told["postgres"].answers[part])


def test_both_engines_give_the_same_reports(told: dict[str, Told]) -> None:
    ours, theirs = (plain(told[engine].answers["reports"]) for engine in ENGINES)
    assert set(ours) == set(theirs)
    for report in ours:
        assert ours[report] == theirs[report], report


def test_both_engines_hold_the_same_rows(told: dict[str, Told]) -> None:
    ours, theirs = (told[engine].answers["tables"] for engine in ENGINES)
    for table in ours:
        assert with_json_read(ours[table]) == with_json_read(theirs[table]), table


def with_json_read(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One driver answers JSON as text, the other as what it says; the order of keys means nothing.

    Each engine writes the times in a row kept as JSON in its own way.
    """
    read = [
        row | {name: orjson.loads(row[name]) for name in JSON_COLUMNS if isinstance(row.get(name), str)} for row in rows
    ]
    for row in read:
        if isinstance(row.get("lead"), dict):
            row["lead"] = {
                name: datetime.fromisoformat(value) if value and name.endswith("_at") else value
                for name, value in sorted(row["lead"].items())
            }
    return sorted(read, key=repr)


def test_the_story_reaches_what_it_is_about(told: dict[str, Told]) -> None:
    """A statement that ran over no rows proves little."""
    answers = told["duckdb"].answers
    kinds = {row["kind"] for row in answers["tables"]["lead_changes"]}
    assert kinds == {"created", "updated", "merged", "split", "inactive", "active", "removed", "restored"}
    emptied = {"staging.match_queue", "staging.touched_values", "lead_merges"}
    assert {name for name, rows in answers["tables"].items() if not rows} <= emptied
    assert [report for report, rows in answers["reports"].items() if not rows and report != "nobody"] == []
    assert answers["landing"]
    assert [what for what, count in answers["maintenance"].items() if not count] == []
