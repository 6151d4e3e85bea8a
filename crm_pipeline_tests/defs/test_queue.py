"""The queue: how wide, what a run is said to be for, and that a dead run is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
import yaml
from dagster._core.launcher import WorkerStatus

from crm_pipeline.defs.queue import StoreRunCoordinator, WatchfulRunLauncher, alive, runs_at_once
from crm_pipeline.defs.tags import facts_of

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A Dagster home with our `dagster.yaml`, its folders in the test's own."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text((ROOT / "dagster.yaml").read_text())
    return home


def a_run(instance: dg.DagsterInstance, **facts: object) -> dg.DagsterRun:
    return instance.create_run_for_job(a_job, **facts)  # type: ignore[arg-type]


@dg.job
def a_job() -> None:
    pass


def test_the_queue_is_as_wide_as_the_store_bears(monkeypatch: pytest.MonkeyPatch) -> None:
    assert runs_at_once() == 1
    monkeypatch.setenv("CRM_WAREHOUSE", "postgresql://u@h/db")
    assert runs_at_once() == 6
    monkeypatch.setenv("CRM_SYNC_RUNS", "16")
    assert runs_at_once() == 18
    monkeypatch.setenv("CRM_SYNC_RUNS", "many")
    assert runs_at_once() == 1


def test_our_dagster_yaml_makes_that_queue(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_WAREHOUSE", "postgresql://u@h/db")
    with dg.DagsterInstance.from_config(str(home)) as instance:
        assert isinstance(instance.run_coordinator, StoreRunCoordinator)
        assert isinstance(instance.run_launcher, WatchfulRunLauncher)
        queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 6
    assert [limit["key"] for limit in queue.tag_concurrency_limits] == ["crm_pipeline/sync"]
    assert yaml.safe_load((home / "dagster.yaml").read_text())["run_retries"]["retry_on_asset_or_op_failure"] is False


@pytest.mark.parametrize("file", ["dagster.postgres.yaml", "dagster.celery.yaml"])
def test_a_team_and_a_fleet_have_that_queue_too(
    file: str, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dagster.yaml").write_text((ROOT / "deploy" / file).read_text())
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", postgres_url.replace("postgresql:", "postgresql+psycopg2:"))
    monkeypatch.setenv("CRM_DAGSTER_FILES", str(tmp_path / "files"))
    monkeypatch.setenv("CRM_CELERY_URL", "redis://127.0.0.1:1/0")
    monkeypatch.setenv("CRM_WAREHOUSE", "postgresql://u@h/db")
    monkeypatch.setenv("CRM_SYNC_RUNS", "14")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert isinstance(instance.run_coordinator, StoreRunCoordinator)
        assert instance.run_launcher.supports_check_run_worker_health
        queue = instance.get_concurrency_config().run_queue_config
    assert queue is not None
    assert queue.max_concurrent_runs == 16
    assert [limit["key"] for limit in queue.tag_concurrency_limits] == ["crm_pipeline/sync"]


def test_a_run_says_what_it_is_for_however_it_was_started() -> None:
    raw, leads = dg.AssetKey(["raw", "zoho_contacts"]), dg.AssetKey("leads")
    config = {"ops": {"raw__zoho_contacts": {"config": {"strategy": "overwrite"}}}}
    by_hand = dg.DagsterRun(
        job_name="__ASSET_JOB", tags={"dagster/partition": "acme"}, asset_selection=frozenset({raw, leads}),
        run_config=config,
    )  # fmt: skip
    assert facts_of(by_hand) == {
        "crm_pipeline/trigger": "manual",
        "crm_pipeline/strategy": "overwrite",
        "crm_pipeline/account": "acme",
        "crm_pipeline/provider": "zoho",
        "crm_pipeline/sync": "acme/zoho",
    }
    scheduled = dg.DagsterRun(job_name="sync_many", tags={"dagster/schedule_name": "hourly_sync"})
    assert facts_of(scheduled) == {"crm_pipeline/trigger": "schedule", "crm_pipeline/strategy": "append"}
    assert facts_of(dg.DagsterRun(job_name="preview"))["crm_pipeline/strategy"] == "preview"
    assert "crm_pipeline/trigger" not in facts_of(dg.DagsterRun(job_name="x", tags={"crm_pipeline/trigger": "first"}))


def test_a_run_whose_process_is_gone_is_noticed(home: Path) -> None:
    with dg.DagsterInstance.from_config(str(home)) as instance:
        launcher, run = instance.run_launcher, a_run(instance)
        assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING  # not begun
        with alive(instance, run.run_id):
            os.utime(Path(instance.storage_directory()) / "alive" / run.run_id, (0, 0))
            assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
        assert launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING  # over
        killed = f"""
import os, dagster as dg
from crm_pipeline.defs.queue import alive
with dg.DagsterInstance.from_config({str(home)!r}) as instance, alive(instance, {run.run_id!r}):
    os._exit(9)
"""
        subprocess.run([sys.executable, "-c", killed], env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
        os.utime(Path(instance.storage_directory()) / "alive" / run.run_id, (0, 0))
        assert launcher.check_run_worker_health(run).status == WorkerStatus.FAILED
