"""Raw assets, one per CRM of the registry: pages from the CRM land in `raw.<provider>_contacts` through dlt.

dlt is called directly rather than through dagster-dlt's decorator, which runs extract and load in one go and so would
hold the DuckDB file while waiting for the network.
"""

from collections.abc import Callable, Iterator

import dagster as dg

from crm_pipeline.defs.columns import RAW, schema_of
from crm_pipeline.defs.failures import translated
from crm_pipeline.defs.partitions import ACCOUNTS, GROUP, OWNERS
from crm_pipeline.defs.previewed import linked
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.synced import as_evaluation, synced_check
from crm_pipeline.defs.syncs import (
    SyncConfig,
    active_connections,
    each,
    others_go_on,
    reaches_leads,
    require_connections,
    strategy_of,
    time_limit,
)
from crm_pipeline.defs.tags import raw_key
from crm_pipeline.errors import PipelineError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Provider
from crm_pipeline.steps import Pipeline, Sync, close_books, land, note_landing
from crm_pipeline.warehouse.session import Session


def raw_asset(provider: Provider) -> dg.AssetsDefinition:
    """The raw asset of one CRM."""

    @dg.asset(
        key=raw_key(provider.name),
        deps=[dg.AssetKey(["crm", provider.name])],
        partitions_def=ACCOUNTS,
        group_name=GROUP,
        owners=OWNERS,
        kinds={"dlt", provider.name},
        metadata=schema_of(RAW),
        description=(
            f"What {provider.title} sent, whole and untouched: one row per version of a record. A sync fetches what "
            "changed since the last one, and from time to time everything. Nothing is judged here, so a better mapping "
            "is a `rebuild` and never a second fetch."
        ),
    )
    def contacts(
        context: dg.AssetExecutionContext, config: SyncConfig, crm: CrmPipeline
    ) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckEvaluation]:
        with translated(), crm.opened() as pipeline:
            account = context.partition_key
            known = active_connections(pipeline.warehouse, account, connection_id=config.connection_id)
            connections = [c for c in require_connections(known, account) if c.provider == provider.name]
            if not connections:
                yield _nothing(context, provider)
                return
            strategy = strategy_of(context, config)
            is_time_up = time_limit(context)
            try:
                syncs = each(
                    crm,
                    pipeline,
                    context,
                    connections,
                    lambda sync: _landed(pipeline, context, sync, config, is_time_up),
                    is_last=not reaches_leads(context),
                    strategy=strategy,
                    force=config.force,
                )
            except PipelineError as error:  # the run may end here, before the leads that would tell of it
                with pipeline.warehouse.session() as session:
                    yield as_evaluation(synced_check(session))
                if not others_go_on(context, pipeline.warehouse, provider.name):
                    raise
                yield dg.MaterializeResult(metadata={"records": 0, "requests": 0, "note": f"{error.code}: {error}"})
                return
            now = pipeline.now()
            seconds = sum((now - sync.started_at).total_seconds() for sync in syncs)
            with pipeline.warehouse.session() as session:
                told = raw_metadata(
                    session, account, provider.name, records=sum(sync.records for sync in syncs),
                    requests=sum(sync.requests for sync in syncs), seconds=seconds,
                )  # fmt: skip
        passes = ", ".join(str(sync.pass_kind) for sync in syncs)
        yield dg.MaterializeResult(metadata={**told, "pass": passes or "unfinished"})

    return contacts


def raw_metadata(
    session: Session, account: str, provider: str, *, records: int, requests: int, seconds: float
) -> dict[str, int | float]:
    """What a materialization tells: numbers alone, to be plotted over time."""
    session.ensure_raw(provider)
    rows = session.rows("reports/raw_count", raw_of=provider, account_id=account)
    return {
        "dagster/row_count": rows[0]["records"],
        "records": records,
        "requests": requests,
        "seconds": round(seconds, 1),
    }


def _nothing(context: dg.AssetExecutionContext, provider: Provider) -> dg.MaterializeResult[None]:
    """Few accounts have every CRM; those that one does not have must not stop the walk of the others."""
    note = f"{context.partition_key} has no active {provider.title} connection: nothing to pull."
    context.log.info(note)
    return dg.MaterializeResult(metadata={"records": 0, "requests": 0, "note": note})


def _landed(
    pipeline: Pipeline,
    context: dg.AssetExecutionContext,
    sync: Sync,
    config: SyncConfig,
    is_time_up: Callable[[], bool],
) -> Sync:
    land(pipeline, sync, full=config.full, is_time_up=is_time_up)
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
            owners=OWNERS,
            kinds={provider.name},
            description=(
                f"The contacts in the customers' {provider.title} accounts, reached through Nango. Not ours to "
                "materialize: the start of the graph."
            ),
        )
        for provider in PROVIDERS.values()
    ]
    return dg.Definitions(assets=[*sources, *linked([raw_asset(one) for one in PROVIDERS.values()])])
