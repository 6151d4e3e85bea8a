"""One account's syncs of one provider inside a Dagster run: which connections, and the books that span the three
assets.

The id of a sync is derived from the run and the connection, so that each asset of a run continues the same sync. A run
without the `leads` asset closes its books where it ends.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from contextlib import suppress
from typing import TypeVar
from uuid import UUID, uuid4, uuid5

import dagster as dg
from pydantic import Field

from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.tags import (
    ACCOUNT_TAG,
    CONNECTION_TAG,
    PARENT_TAG,
    PROVIDER_TAG,
    STRATEGY_TAG,
    SYNC_ID_TAG,
    SYNC_TAG,
    TRIGGER_TAG,
    raw_key,
    trigger_of,
)
from crm_pipeline.errors import ConfigError, PipelineError, SyncUnfinished
from crm_pipeline.fleet import FETCH_SECONDS
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.steps import Pipeline, Sync, failing, new_sync, open_books
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse

CONTACTS, REJECTIONS, LEADS = dg.AssetKey("contacts"), dg.AssetKey("rejections"), dg.AssetKey("leads")
NO_TAGS: Mapping[str, str] = {}
PATIENCE = 1800.0
"""Seconds that a run waits for another sync of its connection; on PostgreSQL a run may hold many."""
Done = TypeVar("Done")


class SyncConfig(dg.Config):
    """What a sync may be told."""

    connection_id: str | None = Field(
        default=None,
        description="Only this connection of the account (`crm_connections.id`). Empty: all of this CRM.",
    )
    full: bool = Field(
        default=False,
        description="Read everything from the CRM instead of what changed since the last sync.",
    )
    strategy: str | None = Field(
        default=None,
        description="`append` lets no lead go. `overwrite` removes leads that the CRM has no contact for any more. "
        "Empty: what the run's tag `crm_pipeline/strategy` says, else `append`.",
    )
    force: bool = Field(
        default=False,
        description="Believe a removal that was held, as far as it was shown. Look at a preview first.",
    )


def active_connections(
    warehouse: Warehouse, account_id: str, provider: str | None = None, connection_id: str | None = None
) -> list[Connection]:
    """The connections of an account that a sync may use."""
    with warehouse.session() as session:
        known = registry.connections(session, account_id=account_id, provider=provider)
    return [c for c in registry.syncable(known) if connection_id is None or str(c.id) == connection_id]


def walk_of(provider: str) -> list[dg.AssetKey]:
    """The assets of a sync of one CRM: its raw asset, then those all CRMs share."""
    return [raw_key(provider), CONTACTS, REJECTIONS, LEADS]


def run_request(
    connection: Connection, run_key: str, trigger: str, priority: Mapping[str, str] = NO_TAGS
) -> dg.RunRequest:
    """A run of its own for one connection."""
    op = "__".join(raw_key(connection.provider).path)
    return dg.RunRequest(
        run_key=run_key,
        partition_key=connection.account_id,
        asset_selection=walk_of(connection.provider),
        run_config={"ops": {op: {"config": {"connection_id": str(connection.id)}}}},
        tags={
            ACCOUNT_TAG: connection.account_id,
            PROVIDER_TAG: connection.provider,
            SYNC_TAG: connection.label,
            CONNECTION_TAG: str(connection.id),
            SYNC_ID_TAG: str(uuid4()),
            STRATEGY_TAG: "append",
            TRIGGER_TAG: trigger,
            **priority,
        },
    )


def connections_of_run(context: dg.AssetExecutionContext, warehouse: Warehouse) -> list[Connection]:
    """The connections that the raw assets of this run have pulled; all active ones of the account where it has none.

    One whose pull failed has its books closed, and what follows in the run is none of its business.
    """
    known = require_connections(active_connections(warehouse, context.partition_key), context.partition_key)
    selection = selection_of(context)
    if selection is not None and not any(raw_key(name) in selection for name in PROVIDERS):
        return known
    with warehouse.session() as session:
        rows = {c.id: books.run_row(session, c, sync_id(context.run, c)) for c in known}
    return [c for c in known if (row := rows[c.id]) is not None and row["status"] not in ("failed", "interrupted")]


def require_connections(connections: list[Connection], account_id: str) -> list[Connection]:
    """Refuse to do nothing silently."""
    if not connections:
        raise ConfigError(
            "invalid_setting",
            f"Account {account_id!r} has no active connection to sync.",
            action="Connect its CRM (`crm-pipeline connect`), or look at `crm-pipeline connections --refresh`.",
        )
    return connections


def sync_id(run: dg.DagsterRun, connection: Connection) -> UUID:
    """The sync that a run makes for a connection: the one that was asked for, or one of the run's own.

    A run that is another one over again has an id of its own, since the books of the first are closed.
    """
    tags = run.tags
    if tags.get(CONNECTION_TAG) == str(connection.id) and SYNC_ID_TAG in tags and PARENT_TAG not in tags:
        with suppress(ValueError):  # a person may have written it
            return UUID(tags[SYNC_ID_TAG])
    return books.sync_of_run(run.run_id, connection.id)


def strategy_of(context: dg.AssetExecutionContext, config: SyncConfig) -> str:
    """What a run was asked to do with the leads, by its configuration or else by its tag."""
    strategy = config.strategy or context.run.tags.get(STRATEGY_TAG) or "append"
    if strategy == "preview":
        raise ConfigError(
            "invalid_setting",
            "A preview materializes nothing, so it is no run of these assets.",
            action="Run the job `preview`, or `crm-pipeline sync --strategy preview`.",
        )
    selection = selection_of(context)
    if strategy == "overwrite" and selection is not None and not {CONTACTS, LEADS} <= selection:
        raise ConfigError(
            "invalid_setting",
            "An overwrite is the whole walk, and this run ends before the leads.",
            action="Select the raw asset together with contacts and leads.",
        )
    return strategy


def selection_of(context: dg.AssetExecutionContext) -> AbstractSet[dg.AssetKey] | None:
    """The assets that a run was asked for; None for all of its job, which some ways of starting one tell as none."""
    return context.run.asset_selection or None


def reaches_leads(context: dg.AssetExecutionContext) -> bool:
    """Whether the run goes on to the leads, which close the books."""
    selection = selection_of(context)
    return selection is None or LEADS in selection


def others_go_on(context: dg.AssetExecutionContext, warehouse: Warehouse, provider: str) -> bool:
    """Whether the run brings the account's other CRMs to the leads; one that is dead must not keep them from it."""
    others = {c.provider for c in active_connections(warehouse, context.partition_key)} - {provider}
    selection = selection_of(context)
    return reaches_leads(context) and any(selection is None or raw_key(name) in selection for name in others)


def dead_crms(context: dg.AssetExecutionContext, warehouse: Warehouse) -> list[PipelineError]:
    """What each CRM met of which no sync of this run went well; the run is red for it once the others are done."""
    met: dict[str, list[PipelineError | None]] = {}
    with warehouse.session() as session:
        for c in registry.connections(session, account_id=context.partition_key):
            if (row := books.run_row(session, c, sync_id(context.run, c))) is not None:
                met.setdefault(c.provider, []).append(books.error_of(row) if row["status"] == "failed" else None)
    return [error for errors in met.values() if all(errors) and (error := errors[0]) is not None]


Work = Callable[[Sync], Done]


def each(
    crm: CrmPipeline,
    pipeline: Pipeline,
    context: dg.AssetExecutionContext,
    connections: Iterable[Connection],
    work: Work[Done],
    *,
    is_last: bool,
    strategy: str = "append",
    force: bool = False,
) -> list[Done]:
    """Do one asset's work for every connection, each under its lock and with its books; one that fails stops no other.

    The lock is kept for the assets that follow, unless the work `is_last` and closes the books. When all fail, so does
    the asset. One whose time was up has not failed: a run of its own goes on with it.
    """
    done, errors = [], []
    for connection in connections:
        try:
            with crm.locks.held(pipeline.warehouse, connection, wait=PATIENCE, is_last=is_last):
                sync = begin(pipeline, context, connection, strategy=strategy, force=force)
                with failing(pipeline, sync):
                    done.append(work(sync))
        except SyncUnfinished as error:
            context.log.warning(f"{connection.label}: {error.message} A run of its own goes on with it.")
        except PipelineError as error:
            context.log.error(f"{connection.label}: {error.code}: {error.message} {error.action}")
            errors.append(error)
    if errors and not done:
        raise errors[0]
    return done


def begin(
    pipeline: Pipeline,
    context: dg.AssetExecutionContext,
    connection: Connection,
    *,
    strategy: str = "append",
    force: bool = False,
) -> Sync:
    """A sync with open books: continued where an earlier asset of this run left it, else new.

    The strategy is that of the asset the sync began with, which fetched the pass it needs; the books carry it on, and
    with it whether a person forced a removal, and the hold that there may be.
    """
    sync = new_sync(pipeline, connection, strategy=strategy, is_forced=force, sync_id=sync_id(context.run, connection))
    with pipeline.warehouse.session() as session:
        row = books.run_row(session, connection, sync.id)
    if row is not None and row["status"] == "running":
        sync.started_at, sync.pass_kind, sync.requests = row["started_at"], row["pass"], row["requests"]
        sync.strategy, sync.is_forced, sync.held = row["strategy"], bool(row["is_forced"]), books.held_of(row)
        return sync
    if row is not None:
        sync.id = uuid5(sync.id, context.op_execution_context.op.name)
    open_books(pipeline, sync, trigger=trigger_of(context.run.tags))
    return sync


def time_limit(context: dg.AssetExecutionContext) -> Callable[[], bool]:
    """Whether this run has fetched for long enough: it stands in others' way, unless a person wants it so."""
    until = time.monotonic() + FETCH_SECONDS
    is_asked_for = trigger_of(context.run.tags) == "manual"
    return lambda: not is_asked_for and time.monotonic() >= until
