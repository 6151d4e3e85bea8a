"""The jobs of one account beside a sync: what a preview shows, and a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import dagster as dg
import pytest

from crm_pipeline.defs.syncs import sync_id
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.walk import books
from crm_pipeline.walk.connection import Connection
from crm_pipeline_tests.defs.running import launch, look, materialized, output_metadata, sense, settings_of


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(contacts=40, accounts=("acme",)) as running, settings_of(running, tmp_path):
        yield running


@pytest.fixture
def instance(sandbox: Sandbox) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        sense(made, "new_connections")
        yield made


def test_a_preview_shows_what_would_change_and_writes_nothing(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    config = {"ops": {"preview_account": {"config": {"limit": 3}}}}
    result = launch(instance, "preview", partition_key="acme", run_config=config)
    assert result.success
    told = output_metadata(result, "preview_account")["acme/hubspot"]
    assert "Nothing was written" in told
    assert "3 of" in told
    assert "| lead | what | field | before | after | from |" in told
    assert look(tmp_path, "select count(*) from leads") == [(0,)]
    assert look(tmp_path, "select strategy, status from sync_runs") == [("preview", "succeeded")]


def test_a_preview_of_a_crm_that_refuses_is_red_and_says_what_to_do(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    sandbox.faults.add(match={"path": "."}, times=None, answer="daily_limit")
    result = launch(instance, "preview", partition_key="acme")
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.metadata["code"].value == "daily_limit"


def test_a_rebuild_asks_no_crm_and_shows_the_same_leads(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    assert launch(instance, "sync_many").success
    before, asked = look(tmp_path, "select id, name, phone from leads order by id"), len(sandbox.journal)
    result = launch(instance, "rebuild", partition_key="acme")
    assert result.success
    assert materialized(result) == [("contacts", "acme"), ("leads", "acme"), ("rejections", "acme")]
    assert len(sandbox.journal) == asked
    assert look(tmp_path, "select id, name, phone from leads order by id") == before


def test_a_rebuild_of_an_account_without_connection_is_red(instance: dg.DagsterInstance) -> None:
    instance.add_dynamic_partitions("accounts", ["nobody"])
    assert not launch(instance, "rebuild", partition_key="nobody").success


def test_a_run_makes_the_sync_that_was_asked_for_and_a_run_over_again_one_of_its_own() -> None:
    """The books of the first are closed, and its id is taken."""
    ours, other = (Connection.from_row(A_ROW | {"id": str(UUID(int=number))}) for number in (1, 2))
    asked = uuid4()
    tags = {"crm_pipeline/connection": str(ours.id), "crm_pipeline/sync_id": str(asked)}
    first = dg.DagsterRun(job_name="sync_connection", run_id=str(uuid4()), tags=tags)
    again = dg.DagsterRun(
        job_name="sync_connection", run_id=str(uuid4()), tags=tags | {"dagster/parent_run_id": first.run_id}
    )
    odd = dg.DagsterRun(
        job_name="sync_connection", run_id=str(uuid4()), tags=tags | {"crm_pipeline/sync_id": "what a person typed"}
    )
    assert sync_id(first, ours) == asked
    assert sync_id(first, other) == books.sync_of_run(first.run_id, other.id) != asked
    assert sync_id(again, ours) == books.sync_of_run(again.run_id, ours.id)
    assert sync_id(odd, ours) == books.sync_of_run(odd.run_id, ours.id)


A_ROW = {
    "account_id": "acme", "provider": "hubspot", "nango_integration": "hubspot", "nango_connection_id": "x",
    "connection_metadata": "{}", "state": "active", "is_active": True, "last_synced_at": None, "last_error_code": None,
    "last_error_message": None, "last_error_action": None, "held_at": None, "unproven_at": None,
}  # fmt: skip
