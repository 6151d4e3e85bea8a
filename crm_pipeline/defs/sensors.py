"""New connections.

Nango's list becomes the registry, its accounts become partitions, and a new one is synced at once.
"""

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.jobs import SYNC
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import run_request, syncable
from crm_pipeline.errors import ConfigError
from crm_pipeline.steps import refresh_connections

EVERY = 30
"""Seconds between looks at Nango."""


@dg.sensor(
    job=SYNC,
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Notices connections made at Nango, adds their account as a partition and starts the first sync.",
)
def new_connections(context: dg.SensorEvaluationContext, crm: CrmPipeline) -> dg.SensorResult | dg.SkipReason:
    try:
        with translated(), crm.opened() as pipeline:
            known = refresh_connections(pipeline)
    except dg.Failure as failure:
        if isinstance(failure.__cause__, ConfigError):
            return dg.SkipReason(failure.description)
        raise
    active = syncable(known)
    accounts = {c.account_id for c in active}
    missing = sorted(accounts - set(context.instance.get_dynamic_partitions(str(ACCOUNTS.name))))
    # a run syncs all connections that an account has of one CRM
    unsynced = {(c.account_id, c.provider): c for c in active if c.last_synced_at is None}.values()
    if not missing and not unsynced:
        return dg.SkipReason("No new connection at Nango.")
    return dg.SensorResult(
        dynamic_partitions_requests=[ACCOUNTS.build_add_request(missing)] if missing else [],
        run_requests=[run_request(c, f"first:{c.id}") for c in unsynced],
    )


def definitions() -> dg.Definitions:
    return dg.Definitions(sensors=[new_connections])
