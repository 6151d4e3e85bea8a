"""The jobs of one account beside a sync: what a preview shows, and a rebuild."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.sandbox.server import Sandbox
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
