"""The strategies through the whole walk, sandbox, dlt and store: a preview leaves no trace, an overwrite is undone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline import steps
from crm_pipeline.errors import ConfigError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.difference import read_difference
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.test_steps import HASTY, a_pipeline, connection, look, look_at

CONTACTS = "/crm/v3/objects/contacts$"
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


class Clock:
    """A clock for the CRM and for us that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def stamp(self) -> float:
        return self.now.timestamp()


@contextmanager
def a_portal(folder: Path, contacts: int = 60, url: str | None = None) -> Iterator[tuple[Sandbox, Pipeline, Clock]]:
    """A sandbox and a pipeline on one clock."""
    clock = Clock()
    with (
        Sandbox(contacts=contacts, accounts=("acme",), clock=clock.stamp) as sandbox,
        NangoClient(host=sandbox.url, secret_key=sandbox.secret_key, policy=HASTY) as nango,
    ):
        pipeline = replace(a_pipeline(nango, folder), now=clock)
        if url:
            pipeline = replace(pipeline, warehouse=Warehouse(url, data_dir=pipeline.data_dir))
        yield sandbox, pipeline, clock


def sync(pipeline: Pipeline, strategy: str = "append", **options: Any) -> SyncResult:
    result = steps.sync_connection(pipeline, connection(pipeline), strategy=strategy, **options)
    counts = result.results
    parts = counts.created + counts.updated + counts.unchanged + counts.merged + counts.skipped
    assert counts.fetched == parts
    assert sum(counts.skipped_by_reason.values()) == counts.skipped
    return result


def everything_but_the_books(pipeline: Pipeline) -> dict[str, str]:
    """Every row of every table, the raw ones and dlt's state included."""
    tables = look(
        pipeline,
        "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE' "
        "and table_schema in ('main', 'public', 'raw', 'staging') and table_name <> 'sync_runs' order by 1, 2",
    )
    found = look_at(pipeline, [f"{schema}.{table}" for schema, table in tables])
    return {
        table: hashlib.blake2b("\n".join(sorted(map(repr, rows))).encode()).hexdigest() for table, rows in found.items()
    }


def told(pipeline: Pipeline, result: SyncResult) -> tuple[Any, ...]:
    """What a sync did: the preview's own words, or what the changes of an applied one say."""
    difference = result.difference
    if difference is None:
        with pipeline.warehouse.session() as session:
            difference = read_difference(session, "acme", sync_id=result.sync_id)
    return result.status, result.pass_kind, result.results, dict(difference.totals), difference.leads


@pytest.mark.parametrize("engine", ["duckdb", "postgres"])
def test_a_preview_leaves_no_trace_and_tells_what_the_sync_then_does(
    tmp_path: Path, engine: str, request: pytest.FixtureRequest
) -> None:
    url = str(request.getfixturevalue("postgres_url")) if engine == "postgres" else None
    with a_portal(tmp_path, url=url) as (sandbox, pipeline, clock):
        portal = sandbox.portal("acme")
        turns = ("append", "append", "overwrite") if engine == "duckdb" else ("append", "overwrite")
        for strategy in turns:
            connection(pipeline)
            before = everything_but_the_books(pipeline)
            foreseen = sync(pipeline, "preview", preview_of=strategy)
            assert everything_but_the_books(pipeline) == before
            assert (foreseen.strategy, foreseen.preview_of, foreseen.success) == ("preview", strategy, True)
            assert list((pipeline.data_dir / "spool").rglob("*.*")) == []
            applied = sync(pipeline, strategy)
            assert told(pipeline, applied) == told(pipeline, foreseen)
            assert applied.requests == foreseen.requests
            clock.now += timedelta(hours=1)
            ids = portal.ids()
            portal.edit(ids[0], {"company": f"Changed {clock.now}", "phone": "(212) 736-5000"})
            portal.edit(ids[1], {"phone": "12"})
            portal.archive(ids[2])
            portal.purge(ids[3])
            portal.create({"firstname": "New", "lastname": "Person", "phone": f"+1415555{clock.now.hour:02}71"})
        assert applied.results.removed > 0
        runs = look(pipeline, "select strategy, preview_of, status from sync_runs order by started_at, finished_at")
        assert runs.count(("preview", "append", "succeeded")) == len(turns) - 1
        assert look(pipeline, "select count(*) from sync_runs where status = 'running'") == [(0,)]


def test_a_preview_continues_an_interrupted_pass_without_moving_it(tmp_path: Path) -> None:
    with a_portal(tmp_path, contacts=400) as (sandbox, pipeline, _):
        sandbox.faults.add(match={"path": CONTACTS}, nth=4, times=None, answer="unavailable")
        assert sync(pipeline).status == "failed"
        failed = sync(pipeline, "preview")
        assert (failed.status, failed.difference) == ("failed", None)
        sandbox.faults.clear()
        foreseen, applied = sync(pipeline, "preview"), sync(pipeline)
        assert applied.requests == foreseen.requests
        assert applied.results == foreseen.results
        assert applied.results.fetched == 400


def test_an_overwrite_is_held_forced_undone_and_heals_by_itself(tmp_path: Path) -> None:
    with a_portal(tmp_path) as (sandbox, pipeline, clock):
        sync(pipeline)
        look(pipeline, "alter table leads add column score integer")
        look(pipeline, "update leads set score = 7, contacted_at = timestamptz '2026-02-02 00:00:00+00'")
        product = "select id, score, contacted_at, created_at from leads order by id"
        before = look(pipeline, product)
        portal = sandbox.portal("acme")
        gone = portal.ids()[:30]
        clock.now += timedelta(hours=1)
        for crm_id in gone[:25]:
            portal.purge(crm_id)
        for crm_id in gone[25:]:
            portal.archive(crm_id)
        foreseen = sync(pipeline, "preview", preview_of="overwrite")
        assert (foreseen.status, foreseen.results.removed) == ("held", 0)
        assert connection(pipeline).last_error_code is None
        held = sync(pipeline, "overwrite")
        assert (held.status, held.results.removed, held.error and held.error.code) == ("held", 0, "mass_removal_held")
        assert look(pipeline, product) == before
        clock.now += timedelta(hours=1)
        forced = sync(pipeline, "overwrite", force=True)
        assert foreseen.difference is not None
        assert foreseen.difference.totals["removed"] == forced.results.removed
        assert (forced.status, forced.results.removed) == ("succeeded", len(before) - len(look(pipeline, product)))
        assert look(pipeline, "select is_forced from sync_runs where strategy = 'overwrite' order by started_at") == [
            (False,), (True,),
        ]  # fmt: skip
        restored = steps.restore_leads(pipeline.warehouse, removed_by=forced.sync_id, now=clock.now)
        assert len(restored) == forced.results.removed
        assert look(pipeline, product) == before
        again = sync(pipeline, "overwrite", force=True)
        assert again.results.removed == forced.results.removed
        clock.now += timedelta(hours=1)
        for crm_id in gone[25:]:
            portal.restore(crm_id)
        assert sync(pipeline).results.created == 0
        assert set(look(pipeline, product)) <= set(before)
        assert len(look(pipeline, product)) > len(before) - again.results.removed


def test_a_strategy_that_there_is_not_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with a_portal(tmp_path) as (_, pipeline, _clock):
        known = connection(pipeline)
        for strategy, preview_of in (("replace", "append"), ("preview", "preview")):
            with pytest.raises(ConfigError, match="no strategy"):
                steps.sync_connection(pipeline, known, strategy=strategy, preview_of=preview_of)
        assert look(pipeline, "select * from sync_runs") == []
