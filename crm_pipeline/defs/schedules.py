"""Every hour, a sync for every CRM of every account that has an active connection.

Which those are is decided when the schedule ticks.
"""

from collections.abc import Iterator

import dagster as dg

from crm_pipeline.defs.jobs import SYNC
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import run_request, syncable
from crm_pipeline.walk import registry


@dg.schedule(
    job=SYNC,
    cron_schedule="0 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Syncs every CRM of every account once an hour.",
)
def hourly_sync(context: dg.ScheduleEvaluationContext, crm: CrmPipeline) -> Iterator[dg.RunRequest | dg.SkipReason]:
    with crm.warehouse().session() as session:
        known = registry.connections(session)
    active = {(c.account_id, c.provider): c for c in syncable(known)}
    if not active:
        yield dg.SkipReason("No account has an active connection.")
        return
    context.instance.add_dynamic_partitions(str(ACCOUNTS.name), sorted({account for account, _ in active}))
    for (account, provider), connection in sorted(active.items()):
        yield run_request(connection, f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}:{account}:{provider}")


def definitions() -> dg.Definitions:
    return dg.Definitions(schedules=[hourly_sync])
