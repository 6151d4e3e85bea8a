"""What starts runs between the hours: new connections, syncs that were not finished, and raw rows that landed alone."""

import hashlib
import time
from collections.abc import Sequence

import dagster as dg

from crm_pipeline.defs.failures import skipped, translated
from crm_pipeline.defs.jobs import SYNC
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import TICK_WAIT, CrmPipeline
from crm_pipeline.defs.syncs import CONTACTS, LEADS, REJECTIONS, run_request
from crm_pipeline.defs.tags import CONNECTION_TAG, CONTINUED, TRIGGER_TAG
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.steps import refresh_connections
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection

EVERY = 30
"""Seconds between two looks."""
LOOK_SECONDS = 20.0
"""How long one look may read new connections singly; a thousand take minutes, and Dagster gives up a tick after one."""
UNDER_WAY = [
    dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]  # fmt: skip
REFRESHED_EVERY = 900
"""Seconds after which the registry is compared with Nango although its list is the same."""


@dg.sensor(
    job=SYNC,
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Looks at Nango's list of connections, makes an account that is new a partition and starts the first sync of a "
        "connection that is new. While the list stays the same a look is one request and touches nothing."
    ),
)
def new_connections(context: dg.SensorEvaluationContext, crm: CrmPipeline) -> dg.SensorResult | dg.SkipReason:
    until = time.monotonic() + LOOK_SECONDS
    try:
        with translated(), crm.opened(is_look=True) as pipeline:
            found = pipeline.nango.list_connections()
            seen = fingerprint(found, pipeline.now().timestamp())
            if seen == context.cursor:
                return dg.SkipReason("Nothing changed at Nango.")
            known = refresh_connections(pipeline, found, is_time_up=lambda: time.monotonic() >= until)
    except dg.Failure as failure:
        return skipped(failure)
    if registry.unknown(known, found):
        seen = context.cursor or ""  # the next look goes on
    active = registry.syncable(known)
    missing = sorted({c.account_id for c in active} - set(context.instance.get_dynamic_partitions(str(ACCOUNTS.name))))
    unsynced = [c for c in active if c.last_synced_at is None and not is_under_way(context.instance, c)]
    if not missing and not unsynced:
        context.update_cursor(seen)
        return dg.SkipReason("No new connection at Nango.")
    return dg.SensorResult(
        dynamic_partitions_requests=[ACCOUNTS.build_add_request(missing)] if missing else [],
        run_requests=[run_request(c, f"first:{c.id}", "first") for c in unsynced],
        cursor=seen,
    )


def is_under_way(instance: dg.DagsterInstance, connection: Connection) -> bool:
    """Whether somebody who connected it has asked for its first sync already."""
    asked = dg.RunsFilter(tags={CONNECTION_TAG: str(connection.id)}, statuses=UNDER_WAY)
    return bool(instance.get_runs(asked, limit=1))


def fingerprint(found: Sequence[NangoConnection], now: float) -> str:
    """Tells whether Nango's list is the one seen before, for as long as that is believed."""
    rows = sorted(repr((one, sorted(one.metadata.items(), key=repr))) for one in found)
    digest = hashlib.blake2b("\n".join(rows).encode(), digest_size=16).hexdigest()
    return f"{digest}@{int(now // REFRESHED_EVERY)}"


@dg.sensor(
    job=SYNC,
    minimum_interval_seconds=EVERY,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description=(
        "Goes on with connections that were still fetching when their time in a run was up (a first sync of a large "
        "CRM), in a run of their own and after everybody else's."
    ),
)
def unfinished_syncs(crm: CrmPipeline) -> dg.SensorResult | dg.SkipReason:
    try:
        with translated(), crm.warehouse(wait=TICK_WAIT).session() as session:
            rows = session.rows("reports/last_syncs")
            connections = {str(one.id): one for one in registry.syncable(registry.connections(session))}
    except dg.Failure as failure:
        return skipped(failure)
    unfinished = [
        (connections[str(row["connection_id"])], row["sync_id"])
        for row in rows
        if row["error_code"] == "unfinished" and str(row["connection_id"]) in connections
    ]
    if not unfinished:
        return dg.SkipReason("Every sync came to its end.")
    requests = [run_request(one, f"continue:{sync_id}", "continue", CONTINUED) for one, sync_id in unfinished]
    return dg.SensorResult(run_requests=requests)


leads_follow = dg.AutomationConditionSensorDefinition(
    "leads_follow",
    target=dg.AssetSelection.assets(CONTACTS, REJECTIONS, LEADS),
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=EVERY,
    run_tags={TRIGGER_TAG: "sensor"},
    emit_backfills=False,
    description=(
        "Brings contacts and leads up to date where raw records landed by themselves, as when a person materializes a "
        "raw asset alone. A sync does all three, and is left alone."
    ),
)


def definitions() -> dg.Definitions:
    return dg.Definitions(sensors=[new_connections, unfinished_syncs, leads_follow])
