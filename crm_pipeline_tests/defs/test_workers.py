"""A fleet's launcher: that a worker is gone is noticed, and that nothing else is taken for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
import pytest
from dagster._core.launcher import WorkerStatus
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

from crm_pipeline.defs.workers import SILENT_LOOKS, WatchfulCeleryRunLauncher

RUN = dg.DagsterRun(job_name="sync_many", tags={DAGSTER_CELERY_TASK_ID_TAG: "task-1"})
DEAD, ALIVE = WorkerStatus.FAILED, WorkerStatus.RUNNING


@dataclass
class Fleet:
    """What Celery says: the state of a task, who took it, and what each worker that answers has."""

    states: list[str] = field(default_factory=lambda: ["STARTED"])
    info: Any = field(default_factory=lambda: {"hostname": "one@host", "pid": 7})
    workers: dict[str, list[str]] | None = field(default_factory=lambda: {"one@host": ["task-1"]})
    asked: list[str] = field(default_factory=list)

    @property
    def control(self) -> Fleet:
        return self

    @property
    def state(self) -> str:
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def AsyncResult(self, task: str) -> Fleet:
        assert task == "task-1"
        return self

    def inspect(self, destination: Sequence[str], timeout: float) -> Fleet:
        assert timeout > 1
        self.asked = list(destination)
        return self

    def query_task(self, task: str) -> dict[str, dict[str, Any]] | None:
        if self.workers is None:
            raise OperationalError
        found = {name: {one: ["active", {}] for one in tasks if one == task} for name, tasks in self.workers.items()}
        return {name: tasks for name, tasks in found.items() if name in self.asked} or None


@pytest.fixture
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture
def launcher(fleet: Fleet) -> WatchfulCeleryRunLauncher:
    config = {"default_queue": "dagster", "broker": "redis://127.0.0.1:1/0", "backend": "redis://127.0.0.1:1/0"}
    launcher = WatchfulCeleryRunLauncher.from_config_value(None, config)  # type: ignore[arg-type]
    launcher.celery = fleet
    return launcher


def looks(launcher: WatchfulCeleryRunLauncher, count: int) -> list[WorkerStatus]:
    return [launcher.check_run_worker_health(RUN).status for _ in range(count)]


def test_a_worker_that_has_the_run_is_well(launcher: WatchfulCeleryRunLauncher, fleet: Fleet) -> None:
    assert looks(launcher, 2 * SILENT_LOOKS) == [ALIVE] * 2 * SILENT_LOOKS
    assert fleet.asked == ["one@host"]


def test_a_worker_started_anew_has_lost_its_run(launcher: WatchfulCeleryRunLauncher, fleet: Fleet) -> None:
    fleet.workers = {"one@host": ["task-2"], "two@host": []}
    health = launcher.check_run_worker_health(RUN)
    assert (health.status, health.msg) == (DEAD, "The worker one@host was started anew and does not know the run.")


@pytest.mark.parametrize("workers", [{"two@host": ["task-2"]}, {}, None])
def test_a_worker_that_stays_silent_is_gone(
    launcher: WatchfulCeleryRunLauncher, fleet: Fleet, workers: dict[str, list[str]] | None
) -> None:
    fleet.workers = workers
    assert looks(launcher, SILENT_LOOKS) == [*[ALIVE] * (SILENT_LOOKS - 1), DEAD]


def test_a_worker_that_answers_again_is_well(launcher: WatchfulCeleryRunLauncher, fleet: Fleet) -> None:
    for workers in ({}, {"one@host": ["task-1"]}) * 2:
        fleet.workers = workers
        assert looks(launcher, SILENT_LOOKS - 1) == [ALIVE] * (SILENT_LOOKS - 1)


def test_a_run_that_ended_meanwhile_is_over(launcher: WatchfulCeleryRunLauncher, fleet: Fleet) -> None:
    fleet.workers, fleet.states = {"one@host": []}, ["STARTED", "SUCCESS"]
    assert looks(launcher, 1) == [WorkerStatus.SUCCESS]
    fleet.workers, fleet.states, fleet.info = {"one@host": []}, ["STARTED", "SUCCESS"], 0
    assert looks(launcher, 1) == [ALIVE]


def test_what_celery_itself_says_stands(launcher: WatchfulCeleryRunLauncher, fleet: Fleet) -> None:
    fleet.workers, fleet.states = None, ["FAILURE"]
    assert looks(launcher, 1) == [DEAD]
