"""The jobs of one account: a sync, a preview of one, a rebuild. What the schedule runs is `many.py`."""

from collections.abc import Iterable, Sequence
from typing import Any

import dagster as dg
import orjson
from pydantic import Field

from crm_pipeline.defs.contacts import contact_metadata
from crm_pipeline.defs.failures import as_failure, translated
from crm_pipeline.defs.leads import lead_metadata
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import LEADS, active_connections, require_connections, sync_id
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.defs.tags import trigger_of
from crm_pipeline.steps import Pipeline, rebuild, sync_connection
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.difference import Difference

PREVIEWED = 100
"""Leads of which a preview tells the changes; its totals count all."""
NEW, TOLD_OF_NEW = ("created", "split"), ("name", "phone", "email")
"""Of a lead that comes into being these fields are enough to know it by."""
DIFFERENCE = "difference"
"""The label of what a program reads of a preview, before the id of the sync."""
CHANGE_COLUMNS = ("lead", "what", "field", "before", "after", "from")

SYNC = dg.define_asset_job(
    name="sync_connection",
    selection=dg.AssetSelection.assets("leads", "rejections").upstream(),
    description=(
        "Pull an account's contacts, clean them, and bring its leads up to date. Pick the account as partition; "
        "without any configuration all its CRMs are synced, each from where its last sync ended."
    ),
)


class PreviewConfig(dg.Config):
    """What a preview may be told."""

    provider: str | None = Field(
        default=None, description="Only this CRM (hubspot, zoho, …). Empty: all of the account."
    )
    connection_id: str | None = Field(
        default=None, description="Only this connection of the account (`crm_connections.id`). Empty: all."
    )
    preview_of: str = Field(
        default="append",
        description="The strategy to rehearse: `append`, or `overwrite` to see which leads it would remove.",
    )
    full: bool = Field(default=False, description="Read everything from the CRM instead of what changed.")
    force: bool = Field(default=False, description="Show what would happen if a held removal were confirmed.")
    limit: int = Field(
        default=PREVIEWED, ge=1, description="Of how many leads the changes are shown; the totals count all."
    )


@dg.op(description="Walks the whole sync in one transaction, tells what would change, takes it back.")
def preview_account(context: dg.OpExecutionContext, config: PreviewConfig, crm: CrmPipeline) -> None:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        known = active_connections(pipeline.warehouse, account, config.provider, config.connection_id)
        results = preview_connections(
            pipeline,
            require_connections(known, account),
            preview_of=config.preview_of,
            full=config.full,
            force=config.force,
            trigger=trigger_of(context.run.tags),
            limit=config.limit,
            run=context.run,
        )
    context.add_output_metadata(
        {
            **{result.connection.label: preview_metadata(result) for result in results},
            **{
                f"{DIFFERENCE} {result.sync_id}": difference_metadata(result) for result in results if result.difference
            },
        }
    )
    for result in results:
        context.log.info(f"{result.connection.label}: {result.results.sentence()}")
        if result.error is not None:
            raise as_failure(result.error)


def preview_connections(
    pipeline: Pipeline,
    connections: Iterable[Connection],
    *,
    preview_of: str = "append",
    full: bool = False,
    force: bool = False,
    trigger: str = "manual",
    limit: int | None = PREVIEWED,
    run: dg.DagsterRun | None = None,
) -> list[SyncResult]:
    """What a sync of these connections would change, each for itself."""
    return [
        sync_connection(
            pipeline,
            connection,
            strategy="preview",
            preview_of=preview_of,
            full=full,
            force=force,
            trigger=trigger,
            limit=limit,
            sync_id=None if run is None else sync_id(run, connection),
        )
        for connection in connections
    ]


def preview_metadata(result: SyncResult) -> dg.MetadataValue[Any]:
    """What one preview found, as a page to read: the sentence, the counts, and each field that would change."""
    lines = [f"**{result.results.sentence()}. Nothing was written.**"]
    counts = {name: count for name, count in result.results.as_dict().items() if count}
    if counts:
        lines.append(markdown_table(tuple(counts), [counts]))
    if result.results.skipped_by_reason:
        lines.append(markdown_table(tuple(result.results.skipped_by_reason), [result.results.skipped_by_reason]))
    if result.error is not None:
        lines.append(f"{result.error.code}: {result.error.message} {result.error.action}")
    if result.difference is not None:
        lines += ["If the removal were released:"] if result.status == "held" else []
        lines += difference_lines(result.difference)
    return dg.MetadataValue.md("\n\n".join(lines))


def difference_metadata(result: SyncResult) -> dg.MetadataValue[Any]:
    """The same for a program: what the API and the page show of a preview."""
    told = result.difference.as_dict() if result.difference else {}
    return dg.MetadataValue.json(orjson.loads(orjson.dumps(told, default=str)))


def difference_lines(difference: Difference) -> Sequence[str]:
    """Lead by lead and field by field, new leads in short; what a CRM wrote is shown as the text it is."""
    if not difference.total:
        return ["No lead would change."]
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in difference.totals.items())
    rows = [
        {
            "lead": lead.name,
            "what": change.kind,
            "field": change.field,
            "before": change.old_value,
            "after": change.new_value,
            "from": f"{change.provider}:{change.crm_id}" if change.provider else None,
        }
        for lead in difference.leads
        for change in lead.changes
        if change.kind not in NEW or change.field in TOLD_OF_NEW
    ]
    shown = f"{len(difference.leads):,} of {difference.total:,} leads that would change ({kinds}):"
    return [shown, markdown_table(CHANGE_COLUMNS, rows)]


@dg.job(
    partitions_def=ACCOUNTS,
    description=(
        "What a sync of an account would change, without changing it: counts and every field of every lead, in the "
        "metadata of the run's output. It asks the CRM, and leaves no trace but its line in the history."
    ),
)
def preview() -> None:
    preview_account()


@dg.op(description="Reads everything that ever landed as today's mapping and settings read it.")
def rebuild_account(context: dg.OpExecutionContext, crm: CrmPipeline) -> None:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        rebuilt = rebuild(pipeline, account)
        if rebuilt.error is not None:
            raise rebuilt.error
        with pipeline.warehouse.session() as session:
            told = {**contact_metadata(session, account), LEADS: lead_metadata(session, account, rebuilt.syncs)}
    for key, metadata in told.items():
        context.log_event(dg.AssetMaterialization(key, partition=account, metadata=metadata))
    context.log.info(rebuilt.results.sentence())


@dg.job(
    partitions_def=ACCOUNTS,
    name="rebuild",
    description=(
        "Contacts and leads of an account again from the raw records, without asking a CRM: after a changed default "
        "region or a better mapping. Where nothing is read differently nothing changes, ids least of all."
    ),
)
def rebuild_job() -> None:
    rebuild_account()


def definitions() -> dg.Definitions:
    return dg.Definitions(jobs=[SYNC, preview, rebuild_job])
