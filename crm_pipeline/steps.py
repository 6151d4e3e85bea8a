"""The walk, in order. Open this first.

    fetch ─► land ─► map ─► normalize ─► match ─► build leads ─► account for it

`land` pulls pages through Nango and lands them with dlt; `stage_contacts` turns what landed into contacts;
`build_leads` matches contacts into people and writes the leads and the books. Each commits on its own, reads what the
step before wrote and has not yet processed, and so heals what a crash left. `sync_connection` is the three in a row
for one connection; assets and commands both call these.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

from crm_pipeline.errors import NangoError, PipelineError, SyncHeld, WarehouseError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.nango.limits import DayBudget
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.leads import Results
from crm_pipeline.warehouse.database import Warehouse, make_folder
from crm_pipeline.warehouse.session import Session


def system_now() -> datetime:
    """The time in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pipeline:
    """What every step needs: the store, Nango, and the clock."""

    warehouse: Warehouse
    nango: NangoClient
    data_dir: Path
    default_region: str = "US"
    now: Callable[[], datetime] = system_now


@dataclass(slots=True, kw_only=True)
class Sync:
    """One sync under way: its connection, its books so far."""

    id: UUID
    connection: Connection
    strategy: str
    started_at: datetime
    requests: int = 0
    pass_kind: str | None = None
    records: int = 0
    """Records fetched, before anything is said about them."""
    held: SyncHeld | None = None
    notes: tuple[str, ...] = ()
    is_forced: bool = False


def sync_connection(
    pipeline: Pipeline,
    connection: Connection,
    *,
    full: bool = False,
    force: bool = False,
    trigger: str = "manual",
    on_records: Callable[[int], None] = lambda _: None,
) -> SyncResult:
    """The whole walk for one connection. Never raises a `PipelineError`.

    How it ended is in the result and in the books.
    """
    sync = Sync(id=uuid4(), connection=connection, strategy="append", started_at=pipeline.now(), is_forced=force)
    try:
        with pipeline.warehouse.connection_lock(connection.id):
            open_books(pipeline, sync, trigger=trigger)
            with failing(pipeline, sync):
                land(pipeline, sync, full=full, on_records=on_records)
                stage_contacts(pipeline, sync)
                return build_leads(pipeline, sync)
    except PipelineError as error:
        return _result(sync, "failed", Results(), pipeline.now(), error)


def open_books(pipeline: Pipeline, sync: Sync, *, trigger: str) -> None:
    """Write the sync down before its first request; the caller holds the connection's lock."""
    with pipeline.warehouse.session() as session:
        books.open_run(
            session, sync.connection, sync_id=sync.id, strategy=sync.strategy, trigger=trigger, now=sync.started_at
        )


@contextmanager
def failing(pipeline: Pipeline, sync: Sync) -> Iterator[None]:
    """Close the books of a sync that cannot finish, and let the error pass; what it landed stays for the next one."""
    try:
        yield
    except PipelineError as error:
        _close_as(pipeline, sync, "failed", error)
        raise
    except KeyboardInterrupt:
        _close_as(pipeline, sync, "interrupted", None)
        raise
    except OSError as error:
        failed = WarehouseError("warehouse_error", f"{error.filename or 'The disk'}: {error.strerror or error}")
        _close_as(pipeline, sync, "failed", failed)
        raise failed from error
    except Exception as error:
        unknown = PipelineError("internal_error", f"{sync.connection.label}: {type(error).__name__} in our own code.")
        _close_as(pipeline, sync, "failed", unknown)
        raise unknown from error


def land(
    pipeline: Pipeline, sync: Sync, *, full: bool = False, on_records: Callable[[int], None] = lambda _: None
) -> None:
    """Fetch the pass that is due and land it in the raw table of the provider, with the cursor."""
    from crm_pipeline.ingest.landing import Source, land_pass
    from crm_pipeline.ingest.records import Origin

    connection = sync.connection
    provider = PROVIDERS[connection.provider]
    # a person who forces a removal, or has not decided yet, needs the whole picture
    full = full or sync.is_forced or connection.last_error_code == "mass_removal_held"
    found = pipeline.nango.read_connection(connection.nango_integration, connection.nango_connection_id)
    registry.refuse_other_crm(connection, found)
    connection.check_settings()
    provider.check_config(found.connection_config)
    api = pipeline.nango.proxy(
        connection.nango_integration,
        connection.nango_connection_id,
        rates=connection.rates(provider.rates),
        read_refusal=provider.read_refusal,
        label=connection.label,
        config=found.connection_config,
        day=DayBudget(provider.read_budget, connection.daily_budget),
    )
    source = Source(
        provider=provider,
        api=api,
        origin=Origin(connection.account_id, str(connection.id), str(sync.id)),
        folder=pipeline.data_dir,
        mapping=connection.field_mapping,
    )
    try:
        landing = land_pass(pipeline.warehouse, source, full=full, now=pipeline.now, on_records=on_records)
    finally:
        sync.requests = api.requests
    sync.records = landing.records
    sync.pass_kind, sync.notes = landing.plan.kind, tuple(landing.notes)
    if landing.failure is not None:
        raise landing.failure


def note_landing(pipeline: Pipeline, sync: Sync) -> None:
    """Keep in the open books what the landing was, for steps that run elsewhere."""
    with pipeline.warehouse.session() as session:
        books.note_landing(
            session,
            sync.connection,
            sync_id=sync.id,
            pass_kind=sync.pass_kind,
            requests=sync.requests,
        )


def stage_contacts(pipeline: Pipeline, sync: Sync) -> None:
    """Map and normalize what landed; contacts, contact points and rejections, and the queue for matching."""
    from crm_pipeline.walk.contacts import stage_contacts as stage
    from crm_pipeline.walk.rows import Reading

    reading = Reading(
        connection=sync.connection,
        provider=PROVIDERS[sync.connection.provider],
        default_region=sync.connection.default_region(pipeline.default_region),
        spool=pipeline.data_dir / "spool" / str(sync.connection.id),
    )
    shutil.rmtree(reading.spool, ignore_errors=True)  # what a killed process left; the connection's lock is ours
    staged = pipeline.warehouse.transact(
        lambda session: stage(session, reading, sync_id=sync.id, now=pipeline.now(), is_forced=sync.is_forced)
    )
    sync.held, sync.notes = staged.held, (*sync.notes, *staged.notes)


def build_leads(pipeline: Pipeline, sync: Sync) -> SyncResult:
    """Match, write the leads that changed, and close the books in the same transaction."""
    from crm_pipeline.walk.leads import build_leads as build

    def work(session: Session) -> SyncResult:
        now = pipeline.now()
        results = build(session, sync.connection, sync_id=sync.id, now=now)
        result = _result(sync, "held" if sync.held else "succeeded", results, now, sync.held)
        books.close_run(session, result)
        return result

    return pipeline.warehouse.transact(work)


def close_books(pipeline: Pipeline, sync: Sync) -> SyncResult:
    """Close the books of a sync that was asked only to land; its contacts are matched by the next one."""
    result = _result(sync, "succeeded", Results(), pipeline.now(), None)
    with pipeline.warehouse.session() as session, session.transaction():
        books.close_run(session, result)
    return result


def refresh_connections(pipeline: Pipeline) -> list[Connection]:
    """Ask Nango for its connections and bring the registry in line.

    A connection that the list does not show is asked for by name before it counts as gone: a list can be short.
    """
    make_folder(pipeline.data_dir)  # told once, before any connection
    found = pipeline.nango.list_connections()
    with pipeline.warehouse.session() as session:
        known = registry.connections(session)
    complete = {one.nango_connection_id for one in known if one.config}
    found = [one if one.nango_connection_id in complete else _with_config(pipeline, one) for one in found]
    gone = {one.id for one in registry.missing(known, found) if _is_gone(pipeline, one)}
    with pipeline.warehouse.session() as session:
        return registry.refresh(session, found, gone, now=pipeline.now())


def _is_gone(pipeline: Pipeline, known: Connection) -> bool:
    try:
        pipeline.nango.read_connection(known.nango_integration, known.nango_connection_id)
    except NangoError as error:
        return error.code == "connection_not_found"
    return False


def _with_config(pipeline: Pipeline, listed: NangoConnection) -> NangoConnection:
    """The connection read singly: Nango's list leaves out `connection_config`, which links into the CRM need."""
    if provider_named(listed.nango_provider) is None or listed.account_id is None:
        return listed
    try:
        return pipeline.nango.read_connection(listed.nango_integration, listed.nango_connection_id)
    except PipelineError:
        return listed


def _close_as(pipeline: Pipeline, sync: Sync, status: str, error: PipelineError | None) -> None:
    result = _result(sync, status, Results(), pipeline.now(), error)
    with pipeline.warehouse.session() as session, session.transaction():
        books.close_run(session, result)


def _result(
    sync: Sync, status: str, results: Results, finished_at: datetime, error: PipelineError | None
) -> SyncResult:
    return SyncResult(
        sync_id=sync.id,
        connection=sync.connection,
        strategy=sync.strategy,
        pass_kind=sync.pass_kind,
        status=status,
        results=results,
        requests=sync.requests,
        started_at=sync.started_at,
        finished_at=finished_at,
        error=error,
        notes=sync.notes,
    )
