"""The assets `contacts` and `rejections`: what landed, mapped and cleaned; and who cannot be a lead, with the reason.

One step writes both. A run that selects one of them alone does the same work.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from crm_pipeline.defs.columns import CONTACTS as CONTACT_COLUMNS
from crm_pipeline.defs.columns import REJECTIONS as REJECTION_COLUMNS
from crm_pipeline.defs.columns import schema_of
from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.partitions import ACCOUNTS, FOLLOWS, GROUP, OWNERS
from crm_pipeline.defs.previewed import linked
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import CONTACTS, REJECTIONS, connections_of_run, each, reaches_leads
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.defs.tags import raw_key
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.steps import Sync, close_books, stage_contacts
from crm_pipeline.warehouse.session import Session

REJECTED_ROWS, REJECTED_COLUMNS = 10, ("name", "provider", "crm_id", "reason", "value")
RAW = [raw_key(name) for name in PROVIDERS]


@dg.multi_asset(
    name="contacts",
    specs=[
        dg.AssetSpec(
            CONTACTS,
            deps=RAW,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"python", "sql"},
            automation_condition=FOLLOWS,
            metadata=schema_of(CONTACT_COLUMNS),
            description=(
                "Every contact of the account as one CRM knows it: phones in E.164, e-mails, names, owner, status and "
                "stage. The same person in two CRMs is two contacts here and one lead. Table staging.contacts."
            ),
        ),
        dg.AssetSpec(
            REJECTIONS,
            deps=RAW,
            group_name=GROUP,
            owners=OWNERS,
            kinds={"python", "sql"},
            automation_condition=FOLLOWS,
            metadata=schema_of(REJECTION_COLUMNS),
            description=(
                "Contacts that cannot be leads now, each with a reason that a person can act on in the CRM: no usable "
                "phone, no name. A mended contact leaves by itself. Table staging.rejections."
            ),
        ),
    ],
    can_subset=True,
    partitions_def=ACCOUNTS,
)
def contacts(context: dg.AssetExecutionContext, crm: CrmPipeline) -> Iterator[dg.MaterializeResult[None]]:
    account = context.partition_key
    with translated(), crm.opened() as pipeline:
        connections = connections_of_run(context, pipeline.warehouse)

        def stage(sync: Sync) -> None:
            stage_contacts(pipeline, sync)
            for note in sync.notes:
                context.log.warning(note)
            if not reaches_leads(context):
                close_books(pipeline, sync)

        each(crm, pipeline, context, connections, stage, is_last=not reaches_leads(context))
        with pipeline.warehouse.session() as session:
            told = contact_metadata(session, account)
    for key in context.selected_asset_keys:
        yield dg.MaterializeResult(asset_key=key, metadata=told[key])


def contact_metadata(session: Session, account: str) -> Mapping[dg.AssetKey, Mapping[str, Any]]:
    """What the two materializations tell: how many there are, by state and by reason."""
    states = {row["state"]: row["contacts"] for row in session.rows("reports/contacts_by_state", account_id=account)}
    reasons = {
        row["reason"]: row["contacts"] for row in session.rows("reports/rejections_by_reason", account_id=account)
    }
    some = session.rows("reports/rejections", account_id=account, reason=None, row_limit=REJECTED_ROWS)
    return {
        CONTACTS: {
            "dagster/row_count": sum(states.values()),
            **{state: states.get(state, 0) for state in ("accepted", "rejected", "deleted")},
        },
        REJECTIONS: {
            "dagster/row_count": sum(reasons.values()),
            **reasons,
            "by reason": dg.MetadataValue.json(reasons),
            "some of them": dg.MetadataValue.md(markdown_table(REJECTED_COLUMNS, some)),
        },
    }


def definitions() -> dg.Definitions:
    return dg.Definitions(assets=linked([contacts]))
