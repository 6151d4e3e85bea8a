"""Runs that died, and people who have to know.

Most failures close their own books (`steps.failing`) and mark a connection that has to be connected again. What is left
is a process that was killed: its syncs stand open until somebody closes them.
"""

import dagster as dg

from crm_pipeline.defs.failures import skipped, translated
from crm_pipeline.defs.resources import TICK_WAIT, CrmPipeline
from crm_pipeline.notices.channels import channels
from crm_pipeline.settings import Settings
from crm_pipeline.steps import system_now
from crm_pipeline.walk.books import close_dead
from crm_pipeline.walk.troubles import tell

EVERY = 60
"""Seconds between looks."""


@dg.sensor(
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Closes the books of syncs whose process died, and sends notices of failing and recovered connections.",
)
def failed_syncs(context: dg.SensorEvaluationContext, crm: CrmPipeline) -> dg.SkipReason:
    try:
        with translated():
            warehouse, known = crm.warehouse(wait=TICK_WAIT), channels(Settings.from_environment())
            closed = close_dead(warehouse, now=system_now())
    except dg.Failure as failure:
        return skipped(failure)
    for row in closed:
        context.log.warning(
            f"{row['account_id']}/{row['provider']}: the sync {row['sync_id']} died, its books are closed."
        )
    for problem in tell(warehouse, known, now=system_now()):
        context.log.warning(problem)
    return dg.SkipReason(f"{len(closed)} dead syncs closed." if closed else "No sync has died.")


def definitions() -> dg.Definitions:
    return dg.Definitions(sensors=[failed_syncs])
