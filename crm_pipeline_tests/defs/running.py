"""Runs, ticks and looks of the tests in this folder, over a sandbox and a store of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.warehouse import looking

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


@contextmanager
def settings_of(sandbox: Sandbox, folder: Path) -> Iterator[None]:
    """The environment of a run: the sandbox, and a DuckDB file in the folder."""
    with pytest.MonkeyPatch.context() as patch:
        store = {"CRM_WAREHOUSE": f"duckdb:///{folder / 'crm.duckdb'}", "CRM_DATA_DIR": str(folder / "data")}
        for name, value in {**sandbox.environment(), **store}.items():
            patch.setenv(name, value)
        yield


def look(folder: Path, query: str) -> list[tuple[Any, ...]]:
    """What a query of the test's own finds in the store."""
    with Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder).session() as session:
        return looking.look(session, query)


def sense(instance: dg.DagsterInstance, name: str, cursor: str | None = None) -> dg.SensorResult | dg.SkipReason:
    """One look of a sensor; partitions it asks for are added, as the daemon does."""
    sensor = defs.resolve_sensor_def(name)
    with dg.build_sensor_context(
        instance=instance, definitions=defs, resources={"crm": CrmPipeline()}, cursor=cursor
    ) as context:
        result = sensor(context)
    assert isinstance(result, dg.SensorResult | dg.SkipReason)
    if isinstance(result, dg.SensorResult):
        for request in result.dynamic_partitions_requests or []:
            instance.add_dynamic_partitions("accounts", list(request.partition_keys))
    return result


def schedule(folder: Path, at: datetime = HOUR) -> Any:
    """One tick of the schedule; its context wants an instance that is in a folder."""
    with (
        dg.DagsterInstance.local_temp(str(folder)) as instance,
        dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=at,
            resources={"crm": CrmPipeline()},
            repository_def=defs.get_repository_def(),
        ) as context,
    ):
        return defs.resolve_schedule_def("hourly_sync").evaluate_tick(context)


def launch(instance: dg.DagsterInstance, job: str, **how: Any) -> dg.ExecuteInProcessResult:
    """A run of a job to its end."""
    return defs.resolve_job_def(job).execute_in_process(instance=instance, raise_on_error=False, **how)


def output_metadata(result: dg.ExecuteInProcessResult, op: str) -> dict[str, Any]:
    """What the output of an op tells."""
    (event,) = [one for one in result.all_events if one.is_successful_output and one.step_key == op]
    return {name: value.value for name, value in event.step_output_data.metadata.items()}


def materialized(result: dg.ExecuteInProcessResult) -> list[tuple[str, str | None]]:
    """Which assets a run materialized, and of which account, in order of their names."""
    events = result.get_asset_materialization_events()
    return sorted((event.asset_key.to_user_string(), event.partition) for event in events if event.asset_key)
