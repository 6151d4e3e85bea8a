"""The asset `leads`: contacts matched into people, written where something changed; the books close here.

And what is read from it: `recent_threads`, a view beside the product's messages.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from crm_pipeline.defs.columns import LEADS as LEAD_COLUMNS
from crm_pipeline.defs.columns import RECENT_THREADS, schema_of
from crm_pipeline.defs.failures import as_failure, translated
from crm_pipeline.defs.partitions import ACCOUNTS, FOLLOWS, GROUP, OWNERS
from crm_pipeline.defs.previewed import linked
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.synced import SYNCED_SPEC, as_evaluation, synced_check
from crm_pipeline.defs.syncs import LEADS, connections_of_run, dead_crms, each
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.steps import build_leads
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.warehouse.session import Session

NOTHING = "No sync came to its end here."
PREVIEW_ROWS = 10
PREVIEW_COLUMNS = ("name", "phone", "email", "company", "crm_owner", "crm_status", "crm_stage")
THREADS = dg.AssetKey("recent_threads")


@dg.asset(
    deps=["contacts"],
    partitions_def=ACCOUNTS,
    group_name=GROUP,
    owners=OWNERS,
    kinds={"sql"},
    automation_condition=FOLLOWS,
    check_specs=[SYNCED_SPEC],
    metadata=schema_of(LEAD_COLUMNS),
    description=(
        "One row per person of the account, across its CRMs: what the product texts. Contacts that share a phone or an "
        "e-mail are one lead, and each field comes from the contact that is trusted most."
    ),
)
def leads(
    context: dg.AssetExecutionContext, crm: CrmPipeline
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckEvaluation]:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        connections = connections_of_run(context, pipeline.warehouse)
        results = each(crm, pipeline, context, connections, lambda sync: build_leads(pipeline, sync), is_last=True)
        with pipeline.warehouse.session() as session:
            told = lead_metadata(session, account, results)
            check = synced_check(session)
            context.log_event(threads_event(session, account))
        dead = dead_crms(context, pipeline.warehouse)
    for result in results:
        context.log.info(f"{result.connection.label}: {result.results.sentence()}")
        if result.error is not None:
            yield as_evaluation(check)
            raise as_failure(result.error)
    yield dg.MaterializeResult(metadata=told, check_results=[check])
    if dead:
        raise as_failure(dead[0])


def lead_metadata(session: Session, account: str, results: Sequence[SyncResult]) -> Mapping[str, Any]:
    """What a materialization tells of an account.

    The sentence, the counts (plotted over time), skips by reason, a look at some leads.
    """
    newest = session.rows("reports/newest_leads", account_id=account, limit=PREVIEW_ROWS)
    metadata: dict[str, Any] = {
        "summary": "; ".join(f"{one.connection.label}: {one.results.sentence()}" for one in results) or NOTHING,
        "dagster/row_count": session.rows("reports/lead_count", account_id=account)[0]["leads"],
    }
    reasons: dict[str, int] = {}
    for result in results:
        for name, count in result.results.as_dict().items():
            metadata[name] = metadata.get(name, 0) + count
        for reason, count in result.results.skipped_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    metadata["skipped by reason"] = dg.MetadataValue.json(reasons)
    metadata["requests"] = sum(result.requests for result in results)
    metadata["seconds"] = round(sum(result.seconds for result in results), 1)
    metadata["newest leads"] = dg.MetadataValue.md(markdown_table(PREVIEW_COLUMNS, newest))
    return metadata


def threads_event(session: Session, account: str) -> dg.AssetMaterialization:
    """The view shows the leads as they are now, so its page says since when."""
    threads = session.rows("reports/thread_count", account_id=account)[0]["threads"]
    return dg.AssetMaterialization(THREADS, partition=account, metadata={"dagster/row_count": threads})


def definitions() -> dg.Definitions:
    messages = dg.AssetSpec(
        "messages",
        group_name=GROUP,
        owners=OWNERS,
        kinds={"table"},
        description="The texts that the product sent and received. The product's own: a sync never writes it.",
    )
    recent_threads = dg.AssetSpec(
        THREADS,
        deps=[LEADS, "messages"],
        partitions_def=ACCOUNTS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"view", "sql"},
        metadata=schema_of(RECENT_THREADS),
        description=(
            "The newest text with each lead, for account managers. A view over leads and messages: up to date by "
            "itself, so there is nothing to materialize; each sync notes how many threads there are."
        ),
    )
    return dg.Definitions(assets=[*linked([leads]), messages, recent_threads])
