"""The `leads` asset: contacts matched into people, written where something changed; the books close here."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from crm_pipeline.defs.failures import as_failure, translated
from crm_pipeline.defs.partitions import ACCOUNTS, GROUP
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import connections_of_run, each
from crm_pipeline.steps import build_leads
from crm_pipeline.walk.books import SyncResult

PREVIEW_ROWS = 10
PREVIEW_COLUMNS = ("name", "phone", "email", "company", "crm_owner", "crm_status", "crm_stage")


@dg.asset(
    deps=["contacts"],
    partitions_def=ACCOUNTS,
    group_name=GROUP,
    kinds={"sql"},
    description="One row per person of the account, across its CRMs: what the product texts.",
)
def leads(context: dg.AssetExecutionContext, crm: CrmPipeline) -> dg.MaterializeResult[None]:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        connections = connections_of_run(context, pipeline.warehouse)
        results = each(pipeline, context, connections, lambda sync: build_leads(pipeline, sync))
        with pipeline.warehouse.session() as session:
            total = session.rows("reports/lead_count", account_id=account)[0]["leads"]
            newest = session.rows("reports/newest_leads", account_id=account, limit=PREVIEW_ROWS)
    for result in results:
        context.log.info(f"{result.connection.label}: {result.results.sentence()}")
        if result.error is not None:
            raise as_failure(result.error)
    return dg.MaterializeResult(metadata=lead_metadata(results, total, newest))


def lead_metadata(
    results: Sequence[SyncResult], total: int, newest: Sequence[Mapping[str, Any]]
) -> dict[str, dg.MetadataValue[Any] | int | str | float]:
    """What the materialization tells.

    The sentence, the counts (plotted over time), skips by reason, a look at some leads.
    """
    sentences = [f"{result.connection.label}: {result.results.sentence()}" for result in results]
    metadata: dict[str, Any] = {
        "summary": dg.MetadataValue.text("; ".join(sentences)),
        "dagster/row_count": total,
        "leads": total,
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
    return dg.Definitions(assets=[leads])
