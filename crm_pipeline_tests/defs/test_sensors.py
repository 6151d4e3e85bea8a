"""What starts runs between the hours: a new connection, a sync that was not finished."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.defs.sensors import fingerprint
from crm_pipeline.fleet import Asked, sync_connections
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline, refresh_connections
from crm_pipeline.walk import registry
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.defs.running import launch, look, schedule, sense, settings_of
from crm_pipeline_tests.holder import held_open


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(contacts=40, accounts=("acme",)) as running, settings_of(running, tmp_path):
        yield running


@pytest.fixture
def instance(sandbox: Sandbox) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def found(result: dg.SensorResult | dg.SkipReason) -> list[str]:
    assert isinstance(result, dg.SensorResult), result
    return [
        str(request.run_key).split(":")[0] + ":" + request.tags["crm_pipeline/sync"]
        for request in result.run_requests or []
    ]


def test_a_look_at_an_unchanged_list_is_one_request_and_leaves_the_store_alone(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    first = sense(instance, "new_connections")
    assert found(first) == ["first:acme/hubspot"]
    assert isinstance(first, dg.SensorResult)
    asked = len(sandbox.journal)
    with Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path).session():  # it could not open it
        second = sense(instance, "new_connections", first.cursor)
    assert isinstance(second, dg.SkipReason)
    assert "Nothing changed" in str(second.skip_message)
    assert len(sandbox.journal) - asked == 1
    sandbox.connect("globex")
    assert found(sense(instance, "new_connections", first.cursor)) == ["first:acme/hubspot", "first:globex/hubspot"]


def test_the_list_is_believed_for_a_while_only(sandbox: Sandbox) -> None:
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
        listed = nango.list_connections()
    assert fingerprint(listed, 0.0) == fingerprint(list(reversed(listed)), 899.0)
    assert fingerprint(listed, 0.0) != fingerprint(listed, 900.0)
    assert fingerprint(listed, 0.0) != fingerprint(listed[:0], 0.0)


def test_a_sync_that_was_not_finished_goes_on_in_a_run_of_its_own(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sense(instance, "new_connections")
    assert isinstance(sense(instance, "unfinished_syncs"), dg.SkipReason)
    store = Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "data")
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
        pipeline = Pipeline(warehouse=store, nango=nango, data_dir=tmp_path / "data")
        list(sync_connections(pipeline, refresh_connections(pipeline), Asked(), at_once=1, fetch_seconds=0.0))
    result = sense(instance, "unfinished_syncs")
    assert found(result) == ["continue:acme/hubspot"]
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or []
    assert request.tags["dagster/priority"] == "-2"
    run = launch(
        instance, "sync_connection", partition_key=request.partition_key, run_config=request.run_config,
        asset_selection=list(request.asset_selection or ()), tags=request.tags,
    )  # fmt: skip
    assert run.success
    booked = look(tmp_path, "select trigger, status, pass, fetched from sync_runs order by started_at")
    assert booked == [("manual", "interrupted", "complete", 0), ("continue", "succeeded", "complete", 40)]
    assert isinstance(sense(instance, "unfinished_syncs"), dg.SkipReason)


@pytest.mark.parametrize("name", ["new_connections", "unfinished_syncs", "failed_syncs"])
def test_a_look_does_not_wait_for_a_store_in_use_until_dagster_gives_it_up(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, name: str
) -> None:
    """A long transaction on DuckDB: Dagster gives up a tick after 60 seconds and calls it failed."""
    with held_open(tmp_path / "crm.duckdb"):
        began = time.monotonic()
        result = sense(instance, name)
        assert time.monotonic() - began < 30
    assert isinstance(result, dg.SkipReason)
    assert "The store is busy" in str(result.skip_message)


def test_a_look_at_a_nango_that_hangs_ends_before_dagster_gives_it_up(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    sandbox.faults.add(match={"path": "/connection"}, times=None, answer={"at": "nango", "hang": 60.0})
    began = time.monotonic()
    with pytest.raises(dg.Failure, match="Nango"):
        sense(instance, "new_connections")
    assert time.monotonic() - began < 30


def test_a_tick_that_finds_the_store_in_use_asks_for_one_run_of_all(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sense(instance, "new_connections")
    with held_open(tmp_path / "crm.duckdb"):
        (request,) = schedule(tmp_path).run_requests
    run = launch(instance, "sync_many", run_config=request.run_config, tags=request.tags)
    assert run.success
    assert look(tmp_path, "select trigger, status from sync_runs") == [("schedule", "succeeded")]
    assert launch(instance, "sync_many", run_config=request.run_config, tags=request.tags).success
    assert len(look(tmp_path, "select * from sync_runs")) == 1, "nothing is done twice"


def test_many_new_connections_are_read_in_several_looks_each_a_step_forward(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Each is read singly at Nango, and a look has to end before Dagster gives it up."""
    for number in range(4):
        sandbox.connect(f"account{number}")
    store = Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "data")
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as nango:
        pipeline = Pipeline(warehouse=store, nango=nango, data_dir=tmp_path / "data")
        listed, numbers = nango.list_connections(), []
        for _ in range(4):
            asked = itertools.count()
            known = refresh_connections(pipeline, listed, is_time_up=lambda: next(asked) >= 2)  # noqa: B023
            numbers.append(len(known))
            assert len(registry.unknown(known, listed)) == 5 - len(known)
    assert numbers == [2, 4, 5, 5]
    assert all(one.is_active and one.config for one in known)
