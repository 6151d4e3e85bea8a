"""What keeps the graph in order by itself: checks on the leads, dead runs, notices, maintenance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.walk.checks import CHECKS
from crm_pipeline.warehouse.database import Warehouse

WALK = (dg.AssetKey(["raw", "hubspot_contacts"]), dg.AssetKey("contacts"), dg.AssetKey("leads"))


@pytest.fixture
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(contacts=40, accounts=("acme",)) as running:
        store = {"CRM_WAREHOUSE": f"duckdb:///{tmp_path / 'crm.duckdb'}", "CRM_DATA_DIR": str(tmp_path / "data")}
        for name, value in {**running.environment(), **store}.items():
            monkeypatch.setenv(name, value)
        yield running


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        made.add_dynamic_partitions("accounts", ["acme"])
        yield made


def store(tmp_path: Path) -> Warehouse:
    return Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "data")


def execute(tmp_path: Path, query: str) -> list[tuple[Any, ...]]:
    with store(tmp_path).unmigrated_session() as session:
        return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]


def look_at_nango(instance: dg.DagsterInstance) -> None:
    """One look of the sensor that fills the registry."""
    sensor = defs.resolve_sensor_def("new_connections")
    with dg.build_sensor_context(instance=instance, definitions=defs, resources={"crm": CrmPipeline()}) as context:
        sensor(context)


def run(instance: dg.DagsterInstance, *assets: dg.AssetKey) -> dg.ExecuteInProcessResult:
    """What the Materialize button does, checks included."""
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance, partition_key="acme", asset_selection=list(assets or WALK), raise_on_error=False
    )


def test_a_sync_checks_its_leads_and_wrong_ones_fail_the_run(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    look_at_nango(instance)
    healthy = run(instance)
    assert healthy.success
    evaluations = {one.check_name: one for one in healthy.get_asset_check_evaluations()}
    assert set(evaluations) == {check.name for check in CHECKS}
    assert {(one.passed, one.partition) for one in evaluations.values()} == {(True, "acme")}

    execute(tmp_path, "update crm_connections set last_synced_at = last_synced_at - interval 4 hour returning 1")
    assert run(instance, WALK[2]).success, "a warning alone fails no run"

    execute(tmp_path, "update leads set phone = 'none' returning 1")
    sick = run(instance, WALK[2])
    assert not sick.success
    failed = {one.check_name: one for one in sick.get_asset_check_evaluations() if not one.passed}
    assert set(failed) == {"phones_not_e164", "connections_not_fresh"}
    assert failed["phones_not_e164"].severity == dg.AssetCheckSeverity.ERROR
    assert failed["connections_not_fresh"].severity == dg.AssetCheckSeverity.WARN
    told = failed["phones_not_e164"].metadata
    assert "rebuild --account acme" in str(told["what to do"].value)
    assert str(told["examples"].value).startswith("| lead_id |")
