"""One account's syncs of one provider inside a Dagster run: which connections, and the books that span the three
assets.

The id of a sync is derived from the run and the connection, so that each asset of a run continues the same sync. A run
without the `leads` asset closes its books where it ends.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar
from uuid import UUID, uuid5

import dagster as dg

from crm_pipeline.errors import ConfigError, PipelineError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.steps import Pipeline, Sync, failing, open_books
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.connection import NAMESPACE, Connection
from crm_pipeline.warehouse.database import Warehouse

CONTACTS, LEADS = dg.AssetKey("contacts"), dg.AssetKey("leads")
Done = TypeVar("Done")


class SyncConfig(dg.Config):
    """What a sync may be told."""

    connection_id: str | None = None
    """Only this connection of the account (`crm_connections.id`); all active ones when empty."""
    full: bool = False
    """Read everything from the CRM, not only what changed."""


def active_connections(
    warehouse: Warehouse, account_id: str, provider: str | None = None, connection_id: str | None = None
) -> list[Connection]:
    """The connections of an account that a sync may use."""
    with warehouse.session() as session:
        known = registry.connections(session, account_id=account_id, provider=provider)
    return [c for c in syncable(known) if connection_id is None or str(c.id) == connection_id]


def raw_key(provider: str) -> dg.AssetKey:
    """The raw asset of a CRM."""
    return dg.AssetKey(["raw", f"{provider}_contacts"])


def walk_of(provider: str) -> list[dg.AssetKey]:
    """The assets of a sync of one CRM: its raw asset, then those all CRMs share."""
    return [raw_key(provider), CONTACTS, LEADS]


def run_request(connection: Connection, run_key: str) -> dg.RunRequest:
    """A run that syncs an account's connections of one CRM, so that no CRM waits for another."""
    return dg.RunRequest(
        run_key=run_key,
        partition_key=connection.account_id,
        asset_selection=walk_of(connection.provider),
        tags={"crm_pipeline/account": connection.account_id, "crm_pipeline/provider": connection.provider},
    )


def connections_of_run(context: dg.AssetExecutionContext, warehouse: Warehouse) -> list[Connection]:
    """The account's active connections whose raw asset is part of this run; all of them where none is."""
    selection = context.run.asset_selection
    chosen = {name for name in PROVIDERS if selection is None or raw_key(name) in selection} or set(PROVIDERS)
    known = require_connections(active_connections(warehouse, context.partition_key), context.partition_key)
    return [connection for connection in known if connection.provider in chosen]


def syncable(known: Iterable[Connection]) -> list[Connection]:
    """Active connections of a CRM we have a provider for."""
    return [c for c in known if c.is_active and c.state == "active" and c.provider in PROVIDERS]


def require_connections(connections: list[Connection], account_id: str) -> list[Connection]:
    """Refuse to do nothing silently."""
    if not connections:
        raise ConfigError(
            "invalid_setting",
            f"Account {account_id!r} has no active connection to sync.",
            action="Connect its CRM (`crm-pipeline connect`), or look at `crm-pipeline connections --refresh`.",
        )
    return connections


def sync_id(context: dg.AssetExecutionContext, connection: Connection) -> UUID:
    """The sync that this run makes for a connection."""
    return uuid5(NAMESPACE, f"sync\x1f{context.run.run_id}\x1f{connection.id}")


def reaches_leads(context: dg.AssetExecutionContext) -> bool:
    """Whether the run goes on to the leads, which close the books."""
    selection = context.run.asset_selection
    return selection is None or LEADS in selection


Work = Callable[[Sync], Done]


def each(
    pipeline: Pipeline, context: dg.AssetExecutionContext, connections: Iterable[Connection], work: Work[Done]
) -> list[Done]:
    """Do one asset's work for every connection, each under its lock and with its books; one that fails stops no other.

    When all fail, so does the asset.
    """
    done, errors = [], []
    for connection in connections:
        try:
            with pipeline.warehouse.connection_lock(connection.id):
                sync = begin(pipeline, context, connection)
                with failing(pipeline, sync):
                    done.append(work(sync))
        except PipelineError as error:
            context.log.error(f"{connection.label}: {error.code}: {error.message} {error.action}")
            errors.append(error)
    if errors and not done:
        raise errors[0]
    return done


def begin(pipeline: Pipeline, context: dg.AssetExecutionContext, connection: Connection) -> Sync:
    """A sync with open books: continued where an earlier asset of this run left it, else new."""
    sync = Sync(id=sync_id(context, connection), connection=connection, strategy="append", started_at=pipeline.now())
    with pipeline.warehouse.session() as session:
        row = books.run_row(session, connection, sync.id)
    if row is not None and row["status"] == "running":
        sync.started_at, sync.pass_kind, sync.requests = row["started_at"], row["pass"], row["requests"]
        return sync
    if row is not None:
        sync.id = uuid5(sync.id, context.asset_key.to_user_string())
    open_books(pipeline, sync, trigger=trigger(context))
    return sync


def trigger(context: dg.AssetExecutionContext) -> str:
    """What started the run, for the books."""
    tags = context.run.tags
    if "dagster/schedule_name" in tags:
        return "schedule"
    return "sensor" if "dagster/sensor_name" in tags else "manual"
