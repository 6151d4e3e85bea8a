"""The whole walk over the sandbox and a DuckDB file: first sync, no change, every kind of change, every way to fail."""

from __future__ import annotations

import itertools
import shutil
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline import steps
from crm_pipeline.errors import PipelineError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.holder import held_open

HASTY = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.02)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=400, accounts=("acme", "globex")) as running:
        yield running


@pytest.fixture
def pipeline(sandbox: Sandbox, tmp_path: Path, migrated_file: Path) -> Iterator[Pipeline]:
    shutil.copyfile(migrated_file, tmp_path / "crm.duckdb")
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key, policy=HASTY) as nango:
        yield a_pipeline(nango, tmp_path)


def a_pipeline(nango: NangoClient, folder: Path) -> Pipeline:
    warehouse = Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder / "data")
    return Pipeline(warehouse=warehouse, nango=nango, data_dir=folder / "data")


def connection(pipeline: Pipeline, account: str = "acme") -> Connection:
    return next(c for c in steps.refresh_connections(pipeline) if c.account_id == account)


def sync(pipeline: Pipeline, account: str = "acme", **options: Any) -> SyncResult:
    return steps.sync_connection(pipeline, connection(pipeline, account), **options)


def look(pipeline: Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.warehouse.unmigrated_session() as session:
        return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]


def everything(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    tables = (
        "leads",
        "lead_changes",
        "staging.contacts",
        "staging.contact_points",
        "staging.identity_map",
        "staging.rejections",
    )
    return {table: sorted(rows, key=repr) for table, rows in look_at(pipeline, tables).items()}


def look_at(pipeline: Pipeline, tables: Iterable[str]) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of the tables, in one look."""
    with pipeline.warehouse.unmigrated_session() as session:
        return {table: session.execute(f"select * from {table}").fetchall() for table in tables}  # type: ignore[attr-defined]


def test_the_first_sync_brings_every_contact_to_one_outcome(sandbox: Sandbox, pipeline: Pipeline) -> None:
    result = sync(pipeline)
    assert (result.status, result.pass_kind) == ("succeeded", "complete")
    assert result.results.fetched == 400
    live = {row["id"] for row in sandbox.portal("acme").oracle()}
    held = look(pipeline, "select crm_id from staging.contacts where state <> 'deleted'")
    assert {crm_id for (crm_id,) in held} == live
    assert look(pipeline, "select count(*) from leads") == [(result.results.created,)]
    assert look(pipeline, "select count(*) from staging.rejections where reason is null") == [(0,)]


def test_a_second_sync_without_changes_writes_nothing(pipeline: Pipeline) -> None:
    sync(pipeline)
    before = everything(pipeline)
    result = sync(pipeline)
    assert (result.status, result.pass_kind) == ("succeeded", "window")
    assert (result.results.created, result.results.merged, result.results.updated) == (0, 0, 0)
    assert everything(pipeline) == before


def test_exactly_what_changed_in_the_crm_changes_here(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    before = {row[0]: row for row in look(pipeline, "select crm_id, content_hash from staging.contacts")}
    portal = sandbox.portal("acme")
    accepted = [
        crm_id
        for (crm_id,) in look(
            pipeline,
            "select c.crm_id from staging.contacts c inner join staging.identity_map i using (account_id, contact_id) "
            "where i.lead_id in (select lead_id from staging.identity_map group by lead_id having count(*) = 1) "
            "order by c.crm_id",
        )
    ]
    edited, archived, (winner, loser) = accepted[:5], accepted[5], accepted[6:8]
    for crm_id in edited:
        portal.edit(crm_id, {"message": "Changed"})
    portal.archive(archived)
    survivor = portal.merge(winner, loser)
    result = sync(pipeline)
    after = {row[0]: row for row in look(pipeline, "select crm_id, content_hash from staging.contacts")}
    assert {crm_id for crm_id in after if after[crm_id] != before.get(crm_id)} == {
        *edited,
        archived,
        winner,
        loser,
        survivor,
    }
    assert result.results.updated + result.results.merged == 6
    assert result.results.skipped_by_reason["deleted"] == 1
    # one search, one archived page, two owner pages, the properties, changed companies, those of the changed contacts
    assert result.requests <= 1.2 * 7
    assert look(pipeline, "select count(*) from leads where crm_description = 'Changed'") == [(5,)]


def test_a_restored_contact_comes_back_although_its_time_stands_still(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    (crm_id,) = look(pipeline, "select min(crm_id) from staging.contacts where state = 'accepted'")[0]
    sandbox.portal("acme").archive(crm_id)
    sync(pipeline)
    assert look(pipeline, f"select state from staging.contacts where crm_id = '{crm_id}'") == [("deleted",)]
    sandbox.portal("acme").restore(crm_id, touch=False)
    sync(pipeline)
    assert look(pipeline, f"select state from staging.contacts where crm_id = '{crm_id}'") == [("accepted",)]


def test_a_purged_contact_is_asked_for_once_only(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    archived = sandbox.portal("acme").ids(archived=True)[0]
    sandbox.portal("acme").purge(archived)
    first, second = sync(pipeline), sync(pipeline)
    assert first.requests == second.requests + 1
    assert look(pipeline, f"select reason from staging.contacts where crm_id = '{archived}'") == [("purged",)]


def test_a_complete_pass_notices_contacts_that_left_no_trace(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    (crm_id,) = look(pipeline, "select min(crm_id) from staging.contacts where state = 'accepted'")[0]
    sandbox.portal("acme").purge(crm_id)
    assert sync(pipeline).results.fetched == 0
    result = sync(pipeline, full=True)
    assert result.pass_kind == "complete"
    assert result.results.skipped_by_reason["deleted"] >= 1
    assert look(pipeline, f"select state from staging.contacts where crm_id = '{crm_id}'") == [("deleted",)]


def test_twelve_thousand_contacts_with_one_timestamp_all_arrive(tmp_path: Path) -> None:
    """HubSpot changes a whole portal in one instant at month's end; paging by date would not end, or end at 10,000."""
    moment = time.time()
    with (
        Sandbox(contacts=12_000, accounts=("acme",), clock=lambda: moment) as sandbox,
        NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango,
    ):
        pipeline = a_pipeline(nango, tmp_path)
        sync(pipeline)
        portal = sandbox.portal("acme")
        for crm_id in portal.ids():
            portal.edit(crm_id, {"message": "month end"})
        result = sync(pipeline)
        alive = len(portal.ids())
    assert (result.status, result.pass_kind, result.results.fetched) == ("succeeded", "window", alive)
    assert look(pipeline, "select count(*) from staging.contacts where description = 'month end'") == [(alive,)]
    assert result.requests <= 2 * (alive / 200 + 6)


def test_a_change_that_the_search_shows_late_is_caught_by_the_overlap(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    (crm_id,) = look(pipeline, "select min(crm_id) from staging.contacts where state = 'accepted'")[0]
    portal = sandbox.portal("acme")
    portal.index_lag = 2.0
    portal.edit(crm_id, {"message": "Late"})
    early = sync(pipeline)
    time.sleep(2.1)
    late = sync(pipeline)
    assert (early.results.fetched, late.results.updated) == (0, 1)
    assert look(pipeline, f"select description from staging.contacts where crm_id = '{crm_id}'") == [("Late",)]


PAGES = (1, 3, 5)
"""The first, a middle and the last page, by turns; `conformance/` has every fault at each of them, without a store."""
USUAL = ("html", "empty_object", "unavailable", "daily_limit", "invalid_token", "reset")
FAILURES = [
    ("html", "unexpected_response"),
    ("empty", "unexpected_response"),
    ("null", "unexpected_response"),
    ("empty_object", "unexpected_response"),
    ("error_object", "unexpected_response"),
    ("cut_json", "unexpected_response"),
    ("redirect", "unexpected_response"),
    ("unavailable", "provider_unavailable"),
    ("rate_limited", "rate_limited"),
    ("daily_limit", "daily_limit"),
    ("banned", "connection_misconfigured"),
    ("invalid_token", "connection_expired"),
    ("nango_error", "nango_unavailable"),
    ("reset", "provider_unavailable"),
]


@pytest.mark.parametrize(
    ("answer", "code", "nth"),
    [
        pytest.param(answer, code, nth, marks=() if answer in USUAL else pytest.mark.long)
        for (answer, code), nth in zip(FAILURES, itertools.cycle(PAGES), strict=False)
    ],
)
def test_a_fault_loses_nothing_and_the_next_run_heals(
    sandbox: Sandbox, pipeline: Pipeline, answer: str, code: str, nth: int
) -> None:
    sandbox.faults.add(
        match={"path": "/crm/v3/objects/contacts$", "account": "acme"}, nth=nth, times=None, answer=answer
    )
    result = sync(pipeline)
    assert (result.status, result.error.code if result.error else None) == ("failed", code)
    assert result.error is not None
    assert result.error.action
    sandbox.faults.clear()
    assert sync(pipeline).status == "succeeded"
    assert look(pipeline, "select count(*) from staging.contacts") == [(400,)]
    assert look(pipeline, "select count(*) from staging.contacts where reason = 'deleted'")[0][0] == len(
        sandbox.portal("acme").ids(archived=True)
    )


def test_one_refused_token_is_refreshed_and_the_sync_goes_on(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sandbox.faults.add(match={"path": "/crm/v3/objects/contacts$"}, nth=2, answer="expired_token")
    assert sync(pipeline).status == "succeeded"


def test_what_was_fetched_before_a_fault_is_not_fetched_again(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sandbox.faults.add(match={"path": "/crm/v3/objects/contacts$"}, nth=4, times=None, answer="unavailable")
    failed = sync(pipeline)
    sandbox.faults.clear()
    resumed = sync(pipeline)
    assert failed.status == "failed"
    assert (resumed.status, resumed.pass_kind, resumed.results.fetched) == ("succeeded", "complete", 400)
    # owners twice, properties, changed companies, the fourth list page, the archived one, the count, its companies
    assert resumed.requests == 8


def test_owners_out_of_reach_do_not_stop_the_contacts(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sandbox.faults.add(match={"path": "/crm/v3/owners"}, times=None, answer="missing_scopes")
    result = sync(pipeline)
    assert result.status == "succeeded"
    assert "crm.objects.owners.read" in result.notes[0]
    assert look(pipeline, "select count(*) from leads where crm_owner is not null") == [(0,)]


def test_an_expired_connection_needs_a_reconnect_and_the_other_account_goes_on(
    sandbox: Sandbox, pipeline: Pipeline
) -> None:
    sandbox.faults.add(match={"account": "acme", "path": "/crm/"}, times=None, answer="invalid_token")
    result = sync(pipeline)
    assert result.error is not None
    assert result.error.code == "connection_expired"
    assert result.requests <= 2
    states = dict(look(pipeline, "select account_id, state from crm_connections"))
    assert states == {"acme": "needs_reconnect", "globex": "active"}
    assert sync(pipeline, "globex").status == "succeeded"


def test_a_wrong_key_is_told_with_what_to_do(sandbox: Sandbox, tmp_path: Path) -> None:
    wrong = "00000000-0000-4000-8000-000000000000"
    with NangoClient(host=sandbox.url, secret_key=wrong, policy=HASTY) as nango:
        pipeline = a_pipeline(nango, tmp_path)
        with pytest.raises(PipelineError) as caught:
            steps.refresh_connections(pipeline)
    assert caught.value.code == "nango_unauthorized"
    assert "NANGO_SECRET_KEY" in caught.value.action


def test_an_unreachable_nango_is_told(sandbox: Sandbox, pipeline: Pipeline) -> None:
    known = connection(pipeline)
    sandbox.stop()
    result = steps.sync_connection(pipeline, known)
    assert result.error is not None
    assert (result.status, result.error.code) == ("failed", "nango_unavailable")
    assert look(pipeline, "select status, error_code from sync_runs") == [("failed", "nango_unavailable")]


def test_books_add_up_in_every_run(sandbox: Sandbox, pipeline: Pipeline) -> None:
    sync(pipeline)
    sandbox.portal("acme").edit(sandbox.portal("acme").ids()[3], {"phone": "12"})
    sync(pipeline)
    sync(pipeline, full=True)
    runs = look(
        pipeline,
        "select fetched - created - updated - unchanged - merged - skipped, skipped_by_reason, skipped from sync_runs",
    )
    assert [run[0] for run in runs] == [0, 0, 0]


def test_postgresql_gives_the_same_leads_as_duckdb(
    sandbox: Sandbox, pipeline: Pipeline, postgres_url: str, tmp_path: Path
) -> None:
    shared = replace(
        pipeline, warehouse=Warehouse(postgres_url, data_dir=tmp_path / "shared"), data_dir=tmp_path / "shared"
    )
    query = "select id, name, phone, email, company, crm_id, crm_owner, crm_stage, crm_last_activity_at from leads"
    portal = sandbox.portal("acme")
    for _ in range(2):
        results = [sync(store).results for store in (pipeline, shared)]
        assert results[0] == results[1]
        embedded, server = ({str(row[0]): row[1:] for row in look(store, query)} for store in (pipeline, shared))
        assert embedded == server
        portal.edit(portal.ids()[0], {"company": "Changed Ltd", "phone": "(212) 736-5000"})


def test_a_hold_lasts_until_a_person_forces_it_and_nothing_is_removed_before(
    sandbox: Sandbox, pipeline: Pipeline
) -> None:
    sync(pipeline)
    portal = sandbox.portal("acme")
    for crm_id in portal.ids()[:60]:
        portal.purge(crm_id)
    alive = "select count(*) from staging.contacts where state <> 'deleted' and account_id = 'acme'"
    before = look(pipeline, alive)
    for full in (True, False):  # an hourly sync in between neither removes anything nor lets the hold be forgotten
        held = sync(pipeline, full=full)
        assert (held.status, held.pass_kind) == ("held", "complete")
        assert look(pipeline, alive) == before
    forced = sync(pipeline, force=True)
    assert forced.status == "succeeded"
    assert look(pipeline, alive) == [(len(portal.ids()),)]
    assert sync(pipeline).pass_kind == "window"


def test_while_it_fetches_the_books_tell_how_far_it_is(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that shows a spinner has nothing else to look at; the end overwrites it."""
    monkeypatch.setattr(steps, "PROGRESS_SECONDS", 0.0)
    told: list[tuple[int, int]] = []
    ended = []

    def looking(_: int) -> None:
        told.extend(look(pipeline, "select fetched, requests from sync_runs where status = 'running'"))

    for strategy in ("append", "preview"):
        told.clear()
        result = sync(pipeline, strategy=strategy, full=True, on_records=looking)
        ended.append((result.results.fetched,))
        assert told == sorted(told)
        assert {0, 100, 200, 300} <= {records for records, _ in told}
    assert look(pipeline, "select fetched from sync_runs order by started_at") == ended


def test_a_store_that_is_in_use_is_told_the_next_time_and_ends_no_sync(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "PROGRESS_SECONDS", 0.0)
    one, noted = connection(pipeline), steps.new_sync(pipeline, connection(pipeline))
    steps.open_books(pipeline, noted, trigger="manual")

    class Counting:
        requests = 7

    tell = steps._noting(pipeline, noted, Counting(), lambda _: None)  # type: ignore[arg-type]
    with held_open(pipeline.warehouse.path):
        began = time.monotonic()
        tell(5)
        assert time.monotonic() - began < 5
    assert look(pipeline, "select fetched from sync_runs") == [(0,)]
    tell(6)
    assert look(pipeline, "select fetched, requests from sync_runs") == [(6, 7)]
    assert one.id == noted.connection.id
