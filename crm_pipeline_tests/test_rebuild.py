"""`steps.rebuild` over the sandbox: without the network, in the books, all or nothing, and safe to interrupt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline import steps
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.commands.shell import DEAD

TABLES = (
    "crm_connections", "leads", "lead_changes", "lead_merges", "staging.contacts", "staging.contact_points",
    "staging.identity_map", "staging.landings", "staging.match_queue", "staging.rejections",
)  # fmt: skip


@contextmanager
def a_store(folder: Path, *, crms: tuple[str, ...] = ("hubspot", "pipedrive")) -> Iterator[Pipeline]:
    """An account synced once from its CRMs, and a pipeline that reaches nobody any more."""
    warehouse = Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder / "data")
    with (
        Sandbox(contacts=150, accounts=("acme",), crms=crms) as sandbox,
        NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango,
    ):
        online = Pipeline(warehouse=warehouse, nango=nango, data_dir=folder / "data")
        for connection in steps.refresh_connections(online):
            assert steps.sync_connection(online, connection).success
    with NangoClient(host=DEAD, secret_key="none") as nobody:
        yield replace(online, nango=nobody)


def look(pipeline: Pipeline, query: str) -> list[tuple[Any, ...]]:
    with pipeline.warehouse.session() as session:
        return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]


def everything(pipeline: Pipeline) -> dict[str, list[tuple[Any, ...]]]:
    return {table: sorted(look(pipeline, f"select * from {table}"), key=repr) for table in TABLES}


def test_nothing_changed_so_nothing_is_written_but_the_books(tmp_path: Path) -> None:
    with a_store(tmp_path) as pipeline:
        before, counts = everything(pipeline), list[int]()
        rebuilt = steps.rebuild(pipeline, "acme", on_records=counts.append)
        assert (rebuilt.success, rebuilt.error) == (True, None)
        assert everything(pipeline) == before
        assert counts == sorted(counts)
        assert counts[-1] >= rebuilt.results.fetched >= 300
        runs = look(pipeline, "select status, pass, requests, fetched, unchanged + skipped from sync_runs "
                              "where strategy = 'rebuild'")  # fmt: skip
        assert [run[:3] for run in runs] == [("succeeded", None, 0)] * 2
        assert sum(run[3] for run in runs) == sum(run[4] for run in runs) == rebuilt.results.fetched
        assert list((tmp_path / "data" / "spool").rglob("*.incoming_*")) == []


def test_another_region_is_read_and_taken_back(tmp_path: Path) -> None:
    facts = "select id, name, phone, crm_inactive_reason from leads order by id"
    with a_store(tmp_path) as pipeline:
        before = look(pipeline, facts)
        assert steps.rebuild(replace(pipeline, default_region="DE"), "acme").results.updated > 0
        assert look(pipeline, facts) != before
        assert steps.rebuild(pipeline, "acme").success
        again = {row[0]: row for row in look(pipeline, facts)}
        assert [again[row[0]] for row in before] == before
        awake = "select count(*) from leads where crm_inactive_at is null"
        assert look(pipeline, awake) == [(len(before),)]


def test_an_unusable_setting_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with a_store(tmp_path) as pipeline:
        look(pipeline, """update crm_connections set connection_metadata = '{"default_region": "Texas"}' """
                       "where provider = 'pipedrive' returning 1")  # fmt: skip
        before = everything(pipeline)
        rebuilt = steps.rebuild(pipeline, "acme")
        assert rebuilt.error is not None
        assert (rebuilt.error.code, rebuilt.syncs) == ("invalid_setting", ())
        assert "acme/pipedrive: default_region" in rebuilt.error.message
        assert everything(pipeline) == before


def test_an_account_without_connections_is_an_error_that_says_so(tmp_path: Path) -> None:
    with a_store(tmp_path, crms=("hubspot",)) as pipeline:
        rebuilt = steps.rebuild(pipeline, "globex")
        assert rebuilt.error is not None
        assert (rebuilt.error.code, rebuilt.as_dict()["success"]) == ("invalid_setting", False)


def test_one_that_breaks_is_closed_as_failed_in_every_book_and_the_next_one_heals(tmp_path: Path) -> None:
    with a_store(tmp_path) as pipeline:
        before = everything(pipeline)
        assert steps.rebuild(replace(pipeline, data_dir=tmp_path / "crm.duckdb"), "acme").error is not None
        runs = look(pipeline, "select status, error_code from sync_runs where strategy = 'rebuild'")
        assert runs == [("failed", "warehouse_error")] * 2
        assert everything(pipeline) == before
        assert steps.rebuild(pipeline, "acme").success
        assert everything(pipeline) == before


@pytest.mark.parametrize("step", ["stage_contacts", "_rebuild"])
def test_ctrl_c_closes_the_books_and_loses_nothing(tmp_path: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    facts = "select id, name, phone from leads where crm_inactive_at is null order by id"
    with a_store(tmp_path) as pipeline:
        before, german = look(pipeline, facts), replace(pipeline, default_region="DE")
        with monkeypatch.context() as patch:
            patch.setattr(steps, step, stopped)
            with pytest.raises(KeyboardInterrupt):
                steps.rebuild(german, "acme")
        runs = look(pipeline, "select status from sync_runs where strategy = 'rebuild'")
        assert runs == [("interrupted",)] * 2
        assert look(pipeline, facts) == before
        assert steps.rebuild(german, "acme").success
        assert look(pipeline, "select count(*) from staging.match_queue") == [(0,)]
        assert steps.rebuild(pipeline, "acme").success
        assert look(pipeline, facts) == before
