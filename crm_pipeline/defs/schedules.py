"""Every hour, a sync of every active connection, in a bounded number of runs; the slow ones apart, after the others.

Which those are, and how they are packed, is decided when the schedule ticks.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

import dagster as dg

from crm_pipeline.defs.failures import skipped, translated
from crm_pipeline.defs.many import ManyConfig, sync_many
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import TICK_WAIT, CrmPipeline
from crm_pipeline.defs.tags import (
    ACCOUNT_TAG,
    CONTINUED,
    HOURLY,
    PROVIDER_TAG,
    STRATEGY_TAG,
    SYNC_TAG,
    TRIGGER_TAG,
)
from crm_pipeline.errors import ConfigError
from crm_pipeline.packing import LATELY, only, packed, slow_apart, usual_seconds
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection

TOLD = 20
"""Connections that are passed over and named where nothing else is to be done."""


@dg.schedule(
    job=sync_many,
    cron_schedule="0 * * * *",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=(
        "Syncs every active connection of every account once an hour: a run each while they are few, else packed into "
        "CRM_SYNC_RUNS runs; those whose syncs are long, or nobody knows how long, apart and after the others. "
        "Connections that have to be made anew are passed over; the tick's log says why."
    ),
)
def hourly_sync(context: dg.ScheduleEvaluationContext, crm: CrmPipeline) -> Iterator[dg.RunRequest | dg.SkipReason]:
    tick = context.scheduled_execution_time
    try:
        with translated(), crm.warehouse(wait=TICK_WAIT).session() as session:
            known = registry.connections(session)
            seconds = usual_seconds(session, since=tick - LATELY)
    except dg.Failure as failure:
        left_out = skipped(failure)
        if isinstance(failure.__cause__, ConfigError):
            yield left_out
            return
        context.log.info(f"{left_out.skip_message} One run is asked for, of all that is active when it begins.")
        yield packed_request(None, tick, "all", HOURLY)
        return
    due = registry.syncable(known)
    passed_over = [why_not(one) for one in known if one not in due]
    for reason in passed_over:
        context.log.info(reason)
    if not due:
        yield dg.SkipReason("\n".join(["No account has an active connection.", *passed_over[:TOLD]]))
        return
    context.instance.add_dynamic_partitions(str(ACCOUNTS.name), sorted({one.account_id for one in due}))
    runs = crm.settings().sync_runs
    quick, slow = slow_apart(due, seconds)
    for number, some in enumerate(packed(quick, runs, seconds)):
        yield packed_request(some, tick, f"{number}", HOURLY)
    for number, some in enumerate(packed(slow, runs, seconds)):
        yield packed_request(some, tick, f"slow:{number}", CONTINUED)


def why_not(connection: Connection) -> str:
    """Why a connection is not synced, in words."""
    if not connection.account_id:
        return f"{connection.provider} connection {connection.nango_connection_id}: it names no account at Nango."
    if connection.state == "needs_reconnect":
        met = f" ({connection.last_error_code})" if connection.last_error_code else ""
        return f"{connection.label}: its CRM has to be connected again{met}."
    if connection.state != "active" or not connection.is_active:
        return f"{connection.label}: it is disconnected."
    return f"{connection.label}: this version does not know the CRM."


def packed_request(
    some: Sequence[Connection] | None, tick: datetime, number: str, priority: Mapping[str, str]
) -> dg.RunRequest:
    """A run for some connections; None for all. Its key is of the tick: one that is evaluated twice doubles nothing."""
    chosen = None if some is None else [str(one.id) for one in some]
    config = ManyConfig(connections=chosen, due_at=tick.isoformat())
    labels = {one.label for one in some or ()}
    return dg.RunRequest(
        run_key=f"{tick:%Y-%m-%dT%H:%M}:{number}",
        run_config=dg.RunConfig(ops={"walk_connections": config}),
        tags={
            ACCOUNT_TAG: only(one.account_id for one in some or ()),
            PROVIDER_TAG: only(one.provider for one in some or ()),
            STRATEGY_TAG: "append",
            TRIGGER_TAG: "schedule",
            **({SYNC_TAG: labels.pop()} if len(labels) == 1 else {}),
            **priority,
        },
    )


def definitions() -> dg.Definitions:
    return dg.Definitions(schedules=[hourly_sync])
