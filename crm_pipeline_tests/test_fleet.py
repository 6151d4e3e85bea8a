"""Many connections in one process: side by side, each failing for itself, none held up for long by another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.fleet import Asked, Joined, sync_connections
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline, refresh_connections, sync_connection
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.warehouse import looking

ACCOUNTS = ("acme", "globex")
CRMS = ("hubspot", "pipedrive")
CONTACTS = 40
SLOWNESS = 0.5
"""Seconds that a CRM thinks about each call."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=CONTACTS, accounts=ACCOUNTS, crms=CRMS) as running:
        yield running


@pytest.fixture(params=["duckdb", "postgres"])
def engine(request: pytest.FixtureRequest) -> str:
    """A test that is about one engine says so by its own parameter `engine`."""
    return str(request.param)


@pytest.fixture
def pipeline(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path, engine: str) -> Iterator[Pipeline]:
    is_file = engine == "duckdb"
    url = f"duckdb:///{tmp_path / 'crm.duckdb'}" if is_file else request.getfixturevalue("postgres_url")
    sandbox.faults.clear()
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
        yield Pipeline(warehouse=Warehouse(url, data_dir=tmp_path), nango=nango, data_dir=tmp_path)


@pytest.fixture
def connections(pipeline: Pipeline) -> list[Connection]:
    return refresh_connections(pipeline)


def sync(pipeline: Pipeline, connections: list[Connection], **how: Any) -> dict[str, SyncResult | Joined]:
    asked = Asked(trigger="schedule", due_at=how.pop("due_at", None))
    outcomes = sync_connections(pipeline, connections, asked, at_once=how.pop("at_once", 4), **how)
    return {one.connection.label: one for one in outcomes}


def statuses(outcomes: Mapping[str, SyncResult | Joined]) -> dict[str, str]:
    return {name: "joined" if isinstance(one, Joined) else one.status for name, one in outcomes.items()}


def look(pipeline: Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.warehouse.session() as session:
        return looking.look(session, query)


def test_all_are_synced_and_one_that_fails_stops_no_other(
    sandbox: Sandbox, pipeline: Pipeline, connections: list[Connection]
) -> None:
    broken = next(one for one in connections if one.label == "globex/hubspot")
    match = {"nango_connection_id": broken.nango_connection_id}
    sandbox.faults.add(match=match, times=None, answer={"status": 429, "headers": {"Retry-After": "3600"}})
    assert statuses(sync(pipeline, connections)) == {
        **{one.label: "succeeded" for one in connections},
        "globex/hubspot": "failed",
    }
    books = dict(look(pipeline, "select status, count(*) from sync_runs where trigger = 'schedule' group by status"))
    assert books == {"succeeded": 3, "failed": 1}
    with_leads = look(pipeline, "select account_id, count(*) from leads group by account_id order by account_id")
    assert [account for account, _ in with_leads] == list(ACCOUNTS)


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_calls_of_different_connections_wait_side_by_side(
    sandbox: Sandbox, pipeline: Pipeline, connections: list[Connection]
) -> None:
    """Four CRMs that each think about a call: one after another they would think for all calls together."""
    sandbox.faults.add(match={"path": "."}, times=None, answer={"delay": SLOWNESS})
    began, before = time.monotonic(), len(sandbox.journal)
    assert set(statuses(sync(pipeline, connections, at_once=4)).values()) == {"succeeded"}
    assert time.monotonic() - began < (len(sandbox.journal) - before) * SLOWNESS


def test_one_whose_time_is_up_keeps_what_it_has_and_the_next_sync_goes_on(
    sandbox: Sandbox, pipeline: Pipeline, connections: list[Connection]
) -> None:
    one = next(one for one in connections if one.label == "acme/hubspot")
    (stopped,) = sync(pipeline, [one], fetch_seconds=0.0).values()
    assert isinstance(stopped, SyncResult)
    assert (stopped.status, stopped.error and stopped.error.code) == ("interrupted", "unfinished")
    assert look(pipeline, "select status, error_code from sync_runs") == [("interrupted", "unfinished")]
    assert look(pipeline, "select count(*) from leads") == [(0,)]
    blamed = f"select last_error_code, state from crm_connections where account_id = 'acme' and id = '{one.id}'"
    assert look(pipeline, blamed) == [(None, "active")]
    (finished,) = sync(pipeline, [one]).values()
    assert isinstance(finished, SyncResult)
    assert (finished.status, finished.pass_kind, finished.results.fetched) == ("succeeded", "complete", CONTACTS)


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_connection_that_another_sync_has_is_left_to_it(pipeline: Pipeline, connections: list[Connection]) -> None:
    held = connections[0]
    with pipeline.warehouse.connection_lock(held.id):
        outcomes = statuses(sync(pipeline, connections[:2]))
    assert outcomes == {held.label: "joined", connections[1].label: "succeeded"}
    assert look(pipeline, "select count(*) from sync_runs") == [(1,)]


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_a_connection_that_was_synced_since_the_tick_is_not_synced_again(
    pipeline: Pipeline, connections: list[Connection]
) -> None:
    tick = datetime.now(UTC)
    assert sync_connection(pipeline, connections[0]).success
    assert statuses(sync(pipeline, connections[:2], due_at=tick)) == {
        connections[0].label: "joined",
        connections[1].label: "succeeded",
    }
    assert look(pipeline, "select count(*) from sync_runs") == [(2,)]


@pytest.mark.parametrize("engine", ["postgres"], indirect=True)
def test_two_fleets_at_once_sync_each_connection_once(pipeline: Pipeline, connections: list[Connection]) -> None:
    tick = datetime.now(UTC)
    done: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: done.append(statuses(sync(pipeline, connections, due_at=tick))))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert look(pipeline, "select status, count(*) from sync_runs group by status") == [("succeeded", 4)]
    assert [sorted(both) for both in zip(*(one.values() for one in map(sorted_of, done)), strict=True)] == [
        ["joined", "succeeded"]
    ] * 4


def sorted_of(outcomes: dict[str, str]) -> dict[str, str]:
    return dict(sorted(outcomes.items()))


@pytest.mark.parametrize("engine", ["duckdb"], indirect=True)
def test_who_stops_listening_stops_the_syncs(
    sandbox: Sandbox, pipeline: Pipeline, connections: list[Connection]
) -> None:
    """As a run does that was cancelled: what is under way ends after its page, the rest does not begin."""
    outcomes = sync_connections(pipeline, connections, Asked(), at_once=1)
    next(outcomes)
    outcomes.close()
    left = dict(look(pipeline, "select status, count(*) from sync_runs group by status"))
    assert left.get("running") is None
    assert left["succeeded"] == 1
    assert sum(left.values()) <= 3
