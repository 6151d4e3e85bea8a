"""Every night: the store and the data directory without what nobody can ask for any more."""

from datetime import timedelta

import dagster as dg
from pydantic import Field

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.old_runs import drop_old_runs
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.steps import system_now
from crm_pipeline.walk.maintenance import maintain

RUNS_KEPT_DAYS = 30


class TidyConfig(dg.Config):
    """What maintenance may be told."""

    runs_kept_days: int = Field(
        default=RUNS_KEPT_DAYS,
        ge=1,
        description="Days after which a run of Dagster that is over goes, with its events and logs. The run of each "
        "asset's newest materialization of an account stays.",
    )


@dg.op(
    description="Trims raw versions, old syncs, working files and Dagster's old runs, then vacuums. Changes no lead."
)
def tidy(context: dg.OpExecutionContext, config: TidyConfig, crm: CrmPipeline) -> None:
    with translated():
        freed = maintain(crm.warehouse(), now=system_now())
    runs = drop_old_runs(context.instance, before=system_now() - timedelta(days=config.runs_kept_days))
    for label in freed.busy:
        context.log.info(f"{label} is being synced and was left alone.")
    context.add_output_metadata(
        {
            **freed.rows,
            "runs of Dagster": runs,
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
