"""Raw assets, one per CRM of the registry: pages from the CRM land in `raw.<provider>_contacts` through dlt.

dlt is called directly rather than through dagster-dlt's decorator, which runs extract and load in one go and so would
hold the DuckDB file while waiting for the network.
"""

import dagster as dg

from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.partitions import ACCOUNTS, GROUP
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import (
    SyncConfig,
    active_connections,
    each,
    raw_key,
    reaches_leads,
    require_connections,
    strategy_of,
)
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Provider
from crm_pipeline.steps import Pipeline, Sync, close_books, land, note_landing


def raw_asset(provider: Provider) -> dg.AssetsDefinition:
    """The raw asset of one CRM."""

    @dg.asset(
        key=raw_key(provider.name),
        deps=[dg.AssetKey(["crm", provider.name])],
        partitions_def=ACCOUNTS,
        group_name=GROUP,
        kinds={"dlt", provider.name},
        description=f"Contacts as {provider.title} sends them, one row per version of a record, kept whole.",
    )
    def contacts(context: dg.AssetExecutionContext, config: SyncConfig, crm: CrmPipeline) -> dg.MaterializeResult[None]:
        with translated(), crm.opened() as pipeline:
            account = context.partition_key
            known = active_connections(pipeline.warehouse, account, connection_id=config.connection_id)
            connections = [c for c in require_connections(known, account) if c.provider == provider.name]
            if not connections:
                return _nothing(context, provider)
            strategy = strategy_of(context, config)
            syncs = each(
                pipeline,
                context,
                connections,
                lambda sync: _landed(pipeline, context, sync, config),
                strategy=strategy,
                force=config.force,
            )
        return dg.MaterializeResult(
            metadata={
                "records": sum(sync.records for sync in syncs),
                "requests": sum(sync.requests for sync in syncs),
                "pass": ", ".join(str(sync.pass_kind) for sync in syncs),
                "seconds": round(sum((pipeline.now() - sync.started_at).total_seconds() for sync in syncs), 1),
                "connections": dg.MetadataValue.json([sync.connection.label for sync in syncs]),
            }
        )

    return contacts


def _nothing(context: dg.AssetExecutionContext, provider: Provider) -> dg.MaterializeResult[None]:
    """Few accounts have every CRM; those that one does not have must not stop the walk of the others."""
    note = f"{context.partition_key} has no active {provider.title} connection: nothing to pull."
    context.log.info(note)
    return dg.MaterializeResult(metadata={"records": 0, "requests": 0, "note": note})


def _landed(pipeline: Pipeline, context: dg.AssetExecutionContext, sync: Sync, config: SyncConfig) -> Sync:
    land(pipeline, sync, full=config.full)
    note_landing(pipeline, sync)
    if not reaches_leads(context):
        close_books(pipeline, sync)
    for note in sync.notes:
        context.log.warning(note)
    return sync


def definitions() -> dg.Definitions:
    sources = [
        dg.AssetSpec(
            key=dg.AssetKey(["crm", provider.name]),
            group_name=GROUP,
            kinds={provider.name},
            description=f"The contacts in the customers' {provider.title} accounts, reached through Nango.",
        )
        for provider in PROVIDERS.values()
    ]
    return dg.Definitions(assets=[*sources, *(raw_asset(provider) for provider in PROVIDERS.values())])
