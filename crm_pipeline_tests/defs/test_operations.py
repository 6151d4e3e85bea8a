"""What keeps the graph in order by itself: checks on the leads, dead runs, notices, maintenance."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import refresh_connections, sync_connection
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.checks import CHECKS
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.defs.running import look, sense, settings_of
from crm_pipeline_tests.notices.servers import webhook

WALK = (dg.AssetKey(["raw", "hubspot_contacts"]), dg.AssetKey("contacts"), dg.AssetKey("leads"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(contacts=40, accounts=("acme",)) as running, settings_of(running, tmp_path):
        yield running


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        made.add_dynamic_partitions("accounts", ["acme"])
        yield made


def store(tmp_path: Path) -> Warehouse:
    return Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "data")


def run(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """What the Materialize button does, checks included."""
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, partition_key="acme", asset_selection=list(assets or WALK), raise_on_error=False
    )


def test_a_sync_checks_its_leads_and_wrong_ones_fail_the_run(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sense(instance, "new_connections")
    healthy = run(instance)
    assert healthy.success
    evaluations = {one.check_name: one for one in healthy.get_asset_check_evaluations()}
    assert evaluations.pop("every_connection_synced").passed
    assert set(evaluations) == {check.name for check in CHECKS}
    assert {(one.passed, one.partition) for one in evaluations.values()} == {(True, "acme")}

    look(tmp_path, "update crm_connections set last_synced_at = last_synced_at - interval 4 hour returning 1")
    assert run(instance, WALK[2]).success, "a warning alone fails no run"

    look(tmp_path, "update leads set phone = 'none' returning 1")
    sick = run(instance, WALK[2])
    assert not sick.success
    failed = {one.check_name: one for one in sick.get_asset_check_evaluations() if not one.passed}
    assert set(failed) == {"phones_not_e164", "connections_not_fresh"}
    assert failed["phones_not_e164"].severity == dg.AssetCheckSeverity.ERROR
    assert failed["connections_not_fresh"].severity == dg.AssetCheckSeverity.WARN
    told = failed["phones_not_e164"].metadata
    assert "rebuild --account acme" in str(told["what to do"].value)
    assert str(told["examples"].value).startswith("| lead_id |")


def look_for_dead(instance: dg.DagsterInstance) -> None:
    """One look of the sensor that closes books and sends notices."""
    sensor = defs.resolve_sensor_def("failed_syncs")
    with dg.build_sensor_context(instance=instance, definitions=defs, resources={"crm": CrmPipeline()}) as context:
        assert isinstance(sensor(context), dg.SkipReason)


def under_way(tmp_path: Path) -> Connection:
    """A sync of acme that stands open in the books, and has told how far it is."""
    with store(tmp_path).session() as session:
        (connection,) = registry.connections(session, account_id="acme")
        sync_id = uuid4()
        books.open_run(session, connection, sync_id=sync_id, strategy="append", trigger="manual", now=datetime.now(UTC))
        books.note_progress(session, connection, sync_id=sync_id, records=7, requests=3)
    return connection


def test_the_books_of_a_dead_sync_are_closed_and_those_of_a_living_one_are_not(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    told = "select status, fetched, requests from sync_runs order by started_at"
    sense(instance, "new_connections")
    connection = under_way(tmp_path)
    with store(tmp_path).connection_lock(connection.id):
        look_for_dead(instance)
    assert look(tmp_path, told) == [("running", 7, 3)], "a process holds its lock"

    look_for_dead(instance)
    assert look(tmp_path, told) == [("interrupted", 0, 3)], "what it fetched is counted by the next sync"
    under_way(tmp_path)
    under_way(tmp_path)
    assert look(tmp_path, told)[:2] == [("interrupted", 0, 3)] * 2, "whoever syncs next closes them too"


def test_the_sensor_tells_of_a_failing_connection_once(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sense(instance, "new_connections")
    sandbox.faults.add(match={"path": "/crm/"}, times=None, answer="missing_scopes")
    assert not run(instance).success
    with webhook() as received:
        monkeypatch.setenv("CRM_NOTICE_WEBHOOK", f"http://127.0.0.1:{received.port}/hook")
        for _ in range(2):
            look_for_dead(instance)
        sandbox.faults.clear()
        assert run(instance).success
        look_for_dead(instance)
    first, second = (post["text"] for post in received.posts)
    assert first.startswith("CRM sync failing: acme, HubSpot\n")
    assert "(missing_scope)" in first
    assert second.startswith("CRM sync works again: acme, HubSpot\n")


def test_the_sensor_tells_of_wrong_leads_that_a_run_found(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sense(instance, "new_connections")
    assert run(instance).success
    look(tmp_path, "update leads set phone = 'none' returning 1")
    assert not run(instance, WALK[2]).success
    with webhook() as received:
        monkeypatch.setenv("CRM_NOTICE_WEBHOOK", f"http://127.0.0.1:{received.port}/hook")
        for _ in range(2):
            look_for_dead(instance)
    (post,) = received.posts
    assert post["text"].startswith("Wrong leads: acme\n")
    assert "(phones_not_e164)" in post["text"]


def test_maintenance_between_two_syncs_costs_neither_leads_nor_the_cursor(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    with CrmPipeline().opened() as pipeline:
        (connection,) = refresh_connections(pipeline)
        for _ in range(2):
            assert sync_connection(pipeline, connection).success
        for table, column in (("_dlt_loads", "inserted_at"), ("_dlt_pipeline_state", "created_at")):
            look(tmp_path, f"update raw.{table} set {column} = {column} - interval 1 year returning 1")
        left = pipeline.data_dir / "spool" / str(connection.id) / "rest"
        left.parent.mkdir(parents=True, exist_ok=True)
        left.write_bytes(b"left by a process that was killed")
        before = look(tmp_path, "select * from leads order by id")
        result = defs.resolve_job_def("maintenance").execute_in_process(instance=instance)
        assert result.success
        dropped = {name: value.value for name, value in tidied(result).metadata.items()}
        assert (dropped["connections"], dropped["dlt states"], dropped["dlt loads"]) == (1, 1, 1)
        assert dropped["working files, bytes"] > 0
        assert (left.exists(), [*pipeline.data_dir.glob("dlt/*")]) == (False, [])
        assert look(tmp_path, "select * from leads order by id") == before
        assert sync_connection(pipeline, connection).success
    passes = "select pass from sync_runs order by started_at"
    assert look(tmp_path, passes) == [("complete",), ("window",), ("window",)]


def tidied(result: dg.ExecuteInProcessResult) -> Any:
    """What the op told of itself."""
    (event,) = [event for event in result.all_events if event.event_type_value == "STEP_OUTPUT"]
    return event.step_output_data


def test_a_run_that_is_told_to_stop_closes_its_books(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own, as Dagster ends one: SIGTERM, in the middle of a call."""
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    with dg.DagsterInstance.get() as instance:
        instance.add_dynamic_partitions("accounts", ["acme"])
        sense(instance, "new_connections")
    sandbox.faults.add(match={"path": "/crm/v3/objects/contacts"}, times=None, answer={"delay": 3.0})
    tags = json.dumps({"dagster/partition": "acme"})
    command = [sys.executable, "-m", "dagster", "job", "execute", "-m", "crm_pipeline.definitions"]
    with subprocess.Popen([*command, "-j", "sync_connection", "--tags", tags], stderr=subprocess.PIPE) as process:
        give_up = time.monotonic() + 60
        while not any(fault.hits for fault in sandbox.faults.all()):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert look(tmp_path, "select status, error_code from sync_runs") == [("interrupted", None)]
