"""The `contacts` asset: what landed, mapped and cleaned; and the contacts that cannot be leads, with their reasons."""

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.partitions import ACCOUNTS, GROUP
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import connections_of_run, each, raw_key, reaches_leads
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.steps import Sync, close_books, stage_contacts


@dg.asset(
    deps=[raw_key(name) for name in PROVIDERS],
    partitions_def=ACCOUNTS,
    group_name=GROUP,
    kinds={"python", "sql"},
    description=(
        "Every contact of the account as one CRM knows it: phones in E.164, e-mails, names, owner, status and stage. "
        "Those that cannot be leads are in staging.rejections, each with a reason."
    ),
)
def contacts(context: dg.AssetExecutionContext, crm: CrmPipeline) -> dg.MaterializeResult[None]:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        connections = connections_of_run(context, pipeline.warehouse)

        def stage(sync: Sync) -> None:
            stage_contacts(pipeline, sync)
            for note in sync.notes:
                context.log.warning(note)
            if not reaches_leads(context):
                close_books(pipeline, sync)

        each(pipeline, context, connections, stage)
        with pipeline.warehouse.session() as session:
            states = session.rows("reports/contacts_by_state", account_id=account)
            reasons = session.rows("reports/rejections_by_reason", account_id=account)
    return dg.MaterializeResult(
        metadata={
            **{f"contacts {row['state']}": row["contacts"] for row in states},
            "rejections by reason": dg.MetadataValue.json({row["reason"]: row["contacts"] for row in reasons}),
        }
    )


def definitions() -> dg.Definitions:
    return dg.Definitions(assets=[contacts])
