"""The asset `leads`: contacts matched into people, written where something changed; the books close here.

And what is read from it: `recent_threads`, a view beside the product's messages.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from crm_pipeline.defs.columns import LEADS as LEAD_COLUMNS
from crm_pipeline.defs.columns import RECENT_THREADS, schema_of
from crm_pipeline.defs.failures import as_failure, translated
from crm_pipeline.defs.partitions import ACCOUNTS, FOLLOWS, GROUP, OWNERS
from crm_pipeline.defs.previewed import check_by_account, linked
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import LEADS, connections_of_run, each
from crm_pipeline.steps import build_leads
from crm_pipeline.walk import registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Session

PREVIEW_ROWS = 10
PREVIEW_COLUMNS = ("name", "phone", "email", "company", "crm_owner", "crm_status", "crm_stage")
SYNCED = "every_connection_synced"
"""The check that is red for an account while one of its connections fails."""

SYNCED_SPEC = check_by_account(
    SYNCED,
    asset=LEADS,
    description=(
        "The last sync of every active connection of the account succeeded. Red while one fails: what it met and what "
        "to do stands in the result, and the account's other CRMs go on meanwhile."
    ),
)


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
def leads(context: dg.AssetExecutionContext, crm: CrmPipeline) -> Iterator[dg.MaterializeResult[None]]:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        connections = connections_of_run(context, pipeline.warehouse)
        results = each(pipeline, context, connections, lambda sync: build_leads(pipeline, sync))
        with pipeline.warehouse.session() as session:
            told = lead_metadata(session, account, results)
            passed, found = synced(registry.connections(session, account_id=account))
    for result in results:
        context.log.info(f"{result.connection.label}: {result.results.sentence()}")
        if result.error is not None:
            raise as_failure(result.error)
    check = dg.AssetCheckResult(check_name=SYNCED, passed=passed, description=found)
    yield dg.MaterializeResult(metadata=told, check_results=[check])


def lead_metadata(session: Session, account: str, results: Sequence[SyncResult]) -> Mapping[str, Any]:
    """What a materialization tells of an account.

    The sentence, the counts (plotted over time), skips by reason, a look at some leads.
    """
    newest = session.rows("reports/newest_leads", account_id=account, limit=PREVIEW_ROWS)
    metadata: dict[str, Any] = {
        "summary": "; ".join(f"{result.connection.label}: {result.results.sentence()}" for result in results),
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


def synced(connections: Iterable[Connection]) -> tuple[bool, str]:
    """Whether the last sync of every active connection succeeded, and what those that failed met."""
    active = [one for one in connections if one.is_active]
    failing = [
        f"{one.label}: {one.last_error_code}: {one.last_error_message} {one.last_error_action}"
        for one in active
        if one.last_error_code is not None
    ]
    return not failing, "\n".join(failing) or f"{len(active)} of {len(active)} connections."


def markdown_table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> str:
    """A table whose cells are shown as the text they are, whatever a CRM put there."""
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines) if rows else "No leads yet."


def _cell(value: object) -> str:
    text = "" if value is None else " ".join(str(value).split())[:80]
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+-.!|~" else char for char in escaped)


def definitions() -> dg.Definitions:
    messages = dg.AssetSpec(
        "messages",
        group_name=GROUP,
        owners=OWNERS,
        kinds={"table"},
        description="The texts that the product sent and received. The product's own: a sync never writes it.",
    )
    recent_threads = dg.AssetSpec(
        "recent_threads",
        deps=[LEADS, "messages"],
        partitions_def=ACCOUNTS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"view", "sql"},
        metadata=schema_of(RECENT_THREADS),
        description=(
            "The newest text with each lead, for account managers. A view over leads and messages, so it is always up "
            "to date and there is nothing to materialize."
        ),
    )
    return dg.Definitions(assets=[*linked([leads]), messages, recent_threads])
