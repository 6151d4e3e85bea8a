"""Runs that died, and people who have to know.

Most failures close their own books (`steps.failing`) and mark a connection that has to be connected again. What is left
is a process that was killed: its syncs stand open until somebody closes them.
"""

from collections.abc import Callable
from datetime import timedelta

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.notices.channels import channels
from crm_pipeline.settings import Settings
from crm_pipeline.steps import system_now
from crm_pipeline.walk.books import close_dead
from crm_pipeline.walk.troubles import tell
from crm_pipeline.warehouse.session import Row

EVERY = 60
"""Seconds between looks."""
PARTITION_TAG = "dagster/partition"
AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
CLOCKS_APART = timedelta(minutes=5)


@dg.sensor(
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes the books of syncs whose process died, and sends notices of failing and recovered connections.",
)
def failed_syncs(context: dg.SensorEvaluationContext, crm: CrmPipeline) -> dg.SkipReason:
    with translated():
        warehouse, known = crm.warehouse(), channels(Settings.from_environment())
        closed = close_dead(warehouse, goes_on(context.instance), now=system_now())
    for row in closed:
        context.log.warning(
            f"{row['account_id']}/{row['provider']}: the sync {row['sync_id']} died, its books are closed."
        )
    for problem in tell(warehouse, known, now=system_now()):
        context.log.warning(problem)
    return dg.SkipReason(f"{len(closed)} dead syncs closed." if closed else "No sync has died.")


def goes_on(instance: dg.DagsterInstance) -> Callable[[Row], bool]:
    """Whether a run that is at work may go on with a sync: it began before it, and is not of another account."""
    records = instance.get_run_records(dg.RunsFilter(statuses=AT_WORK))
    begun = [(one.dagster_run.tags.get(PARTITION_TAG), one.create_timestamp - CLOCKS_APART) for one in records]

    def may_live(row: Row) -> bool:
        return any(account in (None, row["account_id"]) and at <= row["started_at"] for account, at in begun)

    return may_live


def definitions() -> dg.Definitions:
    return dg.Definitions(sensors=[failed_syncs])
