"""Every night: the store and the data directory without what nobody can ask for any more."""

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.steps import system_now
from crm_pipeline.walk.maintenance import maintain


@dg.op(description="Trims raw versions, old syncs and working files, then vacuums. Changes no lead.")
def tidy(context: dg.OpExecutionContext, crm: CrmPipeline) -> None:
    with translated():
        freed = maintain(crm.warehouse(), now=system_now())
    for label in freed.busy:
        context.log.info(f"{label} is being synced and was left alone.")
    context.add_output_metadata(
        {
            **freed.rows,
            "connections": freed.connections,
            "being synced": len(freed.busy),
            "working files, bytes": freed.folder_bytes,
            "store before, bytes": freed.size_before,
            "store after, bytes": freed.size_after,
        }
    )


@dg.job(executor_def=dg.in_process_executor, description="Keeps the store small. No lead changes.")
def maintenance() -> None:
    tidy()


nightly_maintenance = dg.ScheduleDefinition(
    name="nightly_maintenance",
    job=maintenance,
    cron_schedule="30 3 * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Tidies the store every night.",
)


def definitions() -> dg.Definitions:
    return dg.Definitions(jobs=[maintenance], schedules=[nightly_maintenance])
