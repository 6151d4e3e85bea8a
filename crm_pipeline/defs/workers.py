"""The launcher of a fleet, named in `deploy/dagster.celery.yaml`: Celery's, which also sees that a worker is gone.

A worker that is killed leaves its run behind as started, for Celery and for Dagster. So whoever has the run is asked:
one that answers without it was started anew, and one that says nothing for several looks is gone. Needs the extra
`fleet`; nothing else imports this.
"""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG
from kombu.exceptions import OperationalError

PATIENCE = 5.0
"""Seconds that a worker has to answer; it does so beside its runs, so a busy one needs no more."""
SILENT_LOOKS = 3
"""Looks of Dagster's at a run, a minute apart, that a worker may leave unanswered: a network comes back."""


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Dagster's launcher for Celery, which also tells when the worker that had a run is gone."""

    def __init__(self, *, inst_data: ConfigurableClassData | None = None, **config: object) -> None:
        super().__init__(inst_data=inst_data, **config)  # type: ignore[arg-type]
        self._silent: dict[str, int] = {}

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """A run that Celery calls started is asked for at the worker that took it."""
        health = super().check_run_worker_health(run)
        silent = self._silent.pop(run.run_id, 0)
        if health.status != WorkerStatus.RUNNING:
            return health
        worker, answer = self._ask(run.tags[DAGSTER_CELERY_TASK_ID_TAG])
        if answer:
            return health
        if answer is None:
            silent += 1
            if silent < SILENT_LOOKS:
                self._silent[run.run_id] = silent
                return health
        # what it was doing may have ended between the two questions
        health = super().check_run_worker_health(run)
        if health.status != WorkerStatus.RUNNING:
            return health
        how = "does not answer" if answer is None else "was started anew and does not know the run"
        return CheckRunHealthResult(WorkerStatus.FAILED, f"The worker {worker} {how}.")

    def _ask(self, task: str) -> tuple[str, bool | None]:
        """The worker that took a task, and whether it has it; None where it does not say."""
        taken = self.celery.AsyncResult(task).info
        worker = taken.get("hostname") if isinstance(taken, dict) else None
        if not worker:
            return "", True  # over by now
        try:
            answers = self.celery.control.inspect([worker], timeout=PATIENCE).query_task(task) or {}
        except (OperationalError, OSError):
            return worker, None
        return worker, (task in answers[worker] if worker in answers else None)
