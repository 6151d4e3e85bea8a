"""The queue of runs and their launcher, named in `dagster.yaml`.

The coordinator knows how many runs the store bears at once and what a run is for; the launcher sees that a run's
process died, whatever it died of, so that no run stays in the queue's way.
"""

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._core.run_coordinator import QueuedRunCoordinator, SubmitRunContext
from dagster._core.run_coordinator.queued_run_coordinator import RunQueueConfig

from crm_pipeline.defs.tags import facts_of
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.database import Warehouse

FOR_PEOPLE = 2
"""Runs that PostgreSQL bears beside those of the schedule, so that nobody waits for it."""


JUST_MADE = 5.0
"""Seconds in which a mark is made and then held."""


class StoreRunCoordinator(QueuedRunCoordinator):
    """Dagster's queue, as wide as the store bears: one run at a time writes a DuckDB file."""

    def get_run_queue_config(self) -> RunQueueConfig:
        """Read anew each time the queue is looked at."""
        return super().get_run_queue_config()._replace(max_concurrent_runs=runs_at_once())

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        """Queue a run, with tags that say what it is for."""
        facts = facts_of(context.dagster_run)
        if facts:
            self._instance.add_run_tags(context.dagster_run.run_id, facts)
        return super().submit_run(context)


def runs_at_once() -> int:
    """How many runs may be under way; one where the settings are wrong, which the run then tells."""
    try:
        settings = Settings.from_environment()
        store = Warehouse(settings.warehouse, data_dir=settings.data_dir)
    except ConfigError:
        return 1
    return 1 if store.engine == "duckdb" else settings.sync_runs + FOR_PEOPLE


class WatchfulRunLauncher(DefaultRunLauncher):
    """Dagster's launcher, which also tells when a run's process is gone."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """A run that left its mark without holding it is dead; one without a mark has not come that far, or is over."""
        if is_dead(_mark(self._instance, run.run_id)):
            return CheckRunHealthResult(WorkerStatus.FAILED, "Its process is gone.")
        return CheckRunHealthResult(WorkerStatus.RUNNING)


@contextmanager
def alive(instance: dg.DagsterInstance, run_id: str) -> Iterator[None]:
    """Hold the run's mark; the system lets go of it when the process dies, and then the file stays."""
    mark = _mark(instance, run_id)
    mark.parent.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            mark.unlink(missing_ok=True)


def is_dead(mark: Path) -> bool:
    """Whether a process left its mark behind."""
    try:
        with mark.open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return time.time() - mark.stat().st_mtime > JUST_MADE
    except (FileNotFoundError, BlockingIOError):
        return False


def forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Drop the mark that a dead run left."""
    _mark(instance, run_id).unlink(missing_ok=True)


def _mark(instance: dg.DagsterInstance, run_id: str) -> Path:
    return Path(instance.storage_directory()) / "alive" / run_id
