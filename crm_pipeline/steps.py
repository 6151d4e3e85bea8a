"""The walk, in order. Open this first.

    fetch ─► land ─► map ─► normalize ─► match ─► build leads ─► account for it

`land` pulls pages through Nango and lands them with dlt; `stage_contacts` turns what landed into contacts;
`build_leads` matches contacts into people and writes the leads and the books. Each commits on its own, reads what the
step before wrote and has not yet processed, and so heals what a crash left. `sync_connection` is the three in a row
for one connection; assets and commands both call these.

The strategy says what becomes of leads: `append` lets no lead go, `overwrite` removes those that the CRM has no contact
for any more, `preview` walks all three steps in one transaction, reads what would change, and takes it back. `rebuild`
walks from `map` on for all that ever landed.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from crm_pipeline.errors import ConfigError, NangoError, PipelineError, SyncHeld, SyncUnfinished, WarehouseError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.nango.limits import DayBudget
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.providers.provider import CrmApi
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.leads import Results
from crm_pipeline.walk.rebuild import Rebuilt, connections_to_rebuild
from crm_pipeline.warehouse.database import CONNECTION_WAIT, Warehouse, make_folder
from crm_pipeline.warehouse.session import Row, Session

if TYPE_CHECKING:
    from crm_pipeline.ingest.landing import Landing, Source

STRATEGIES = ("append", "overwrite", "preview")
APPLIED = ("append", "overwrite")
"""The strategies that write, so those that a preview can be of."""
PROGRESS_SECONDS = 2.0
"""Between two words to the books of how far a sync has come."""
OnRecords = Callable[[int], None]
IsTimeUp = Callable[[], bool]
"""Asked after each page: whether the sync has to stop there, with what it has."""


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
    preview_of: str | None = None
    """Of a preview: the strategy it rehearses."""

    @property
    def removes_leads(self) -> bool:
        """Whether leads without contacts go, in earnest or in a rehearsal."""
        return "overwrite" in (self.strategy, self.preview_of)

    @property
    def is_rebuild(self) -> bool:
        """Whether nothing is fetched, and everything that landed is read again."""
        return self.strategy == "rebuild"


def sync_connection(
    pipeline: Pipeline,
    connection: Connection,
    *,
    strategy: str = "append",
    preview_of: str = "append",
    full: bool = False,
    force: bool = False,
    trigger: str = "manual",
    on_records: OnRecords = lambda _: None,
    limit: int | None = None,
    wait: float = CONNECTION_WAIT,
    unless_since: datetime | None = None,
    is_time_up: IsTimeUp = lambda: False,
    sync_id: UUID | None = None,
) -> SyncResult:
    """The whole walk for one connection. Never raises a `PipelineError`, except for a strategy that there is not.

    How it ended is in the result and in the books. A preview is of `preview_of`, and tells what changes on at most
    `limit` leads; None: on all of them. `wait` is for another sync of the connection, in seconds; `unless_since` leaves
    it at one that succeeded since then. Either way out is the error `ConnectionBusy`, and no entry in the books.
    """
    sync = new_sync(pipeline, connection, strategy=strategy, preview_of=preview_of, is_forced=force, sync_id=sync_id)
    try:
        with pipeline.warehouse.connection_lock(connection.id, wait=wait, label=connection.label):
            open_books(pipeline, sync, trigger=trigger, unless_since=unless_since)
            with failing(pipeline, sync):
                if strategy == "preview":
                    return preview(pipeline, sync, full=full, on_records=on_records, limit=limit)
                land(pipeline, sync, full=full, on_records=on_records, is_time_up=is_time_up)
                stage_contacts(pipeline, sync)
                return build_leads(pipeline, sync)
    except PipelineError as error:
        return _result(sync, _status_of(error), Results(), pipeline.now(), error)


def new_sync(
    pipeline: Pipeline,
    connection: Connection,
    *,
    strategy: str = "append",
    preview_of: str = "append",
    is_forced: bool = False,
    sync_id: UUID | None = None,
) -> Sync:
    """A sync that begins now; a strategy that there is not is refused before anything starts."""
    if strategy not in STRATEGIES or preview_of not in APPLIED:
        wrong, known = (strategy, STRATEGIES) if strategy not in STRATEGIES else (preview_of, APPLIED)
        raise ConfigError("invalid_setting", f"There is no strategy {wrong!r} here; choose from {', '.join(known)}.")
    return Sync(
        id=sync_id or uuid4(),
        connection=connection,
        strategy=strategy,
        started_at=pipeline.now(),
        is_forced=is_forced,
        preview_of=preview_of if strategy == "preview" else None,
    )


def open_books(pipeline: Pipeline, sync: Sync, *, trigger: str, unless_since: datetime | None = None) -> None:
    """Write the sync down before its first request; the caller holds the connection's lock.

    Raises `ConnectionBusy` instead where another sync of the connection succeeded since `unless_since`.
    """
    with pipeline.warehouse.session() as session:
        if unless_since is not None:
            registry.refuse_synced(session, sync.connection, since=unless_since)
        books.open_run(
            session,
            sync.connection,
            sync_id=sync.id,
            strategy=sync.strategy,
            trigger=trigger,
            now=sync.started_at,
            preview_of=sync.preview_of,
            is_forced=sync.is_forced,
        )


@contextmanager
def failing(pipeline: Pipeline, sync: Sync) -> Iterator[None]:
    """Close the books of a sync that cannot finish, and let the error pass; what it landed stays for the next one."""
    try:
        yield
    except PipelineError as error:
        _close_as(pipeline, sync, _status_of(error), error)
        raise
    except OSError as error:
        failed = WarehouseError("warehouse_error", f"{error.filename or 'The disk'}: {error.strerror or error}")
        _close_as(pipeline, sync, "failed", failed)
        raise failed from error
    except Exception as error:
        unknown = PipelineError("internal_error", f"{sync.connection.label}: {type(error).__name__} in our own code.")
        _close_as(pipeline, sync, "failed", unknown)
        raise unknown from error
    except BaseException:  # Ctrl-C, SIGTERM, and Dagster's own word for either
        _close_as(pipeline, sync, "interrupted", None)
        raise


def _status_of(error: PipelineError) -> str:
    return "interrupted" if isinstance(error, SyncUnfinished) else "failed"


def land(
    pipeline: Pipeline,
    sync: Sync,
    *,
    full: bool = False,
    on_records: OnRecords = lambda _: None,
    is_time_up: IsTimeUp = lambda: False,
) -> None:
    """Fetch the pass that is due and land it in the raw table of the provider, with the cursor."""
    from crm_pipeline.ingest.landing import land_pass

    with _source(pipeline, sync) as source:
        landing = land_pass(
            pipeline.warehouse,
            source,
            full=_is_full(sync, full),
            now=pipeline.now,
            on_records=_noting(pipeline, sync, source.api, on_records),
            is_time_up=is_time_up,
        )
    _note_pass(sync, landing)


@contextmanager
def _source(pipeline: Pipeline, sync: Sync) -> Iterator[Source]:
    """Where the connection's records come from, once Nango and the settings say that it can be used."""
    from crm_pipeline.ingest.landing import Source
    from crm_pipeline.ingest.records import Origin

    connection = sync.connection
    provider = PROVIDERS[connection.provider]
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
    try:
        yield Source(
            provider=provider,
            api=api,
            origin=Origin(connection.account_id, str(connection.id), str(sync.id)),
            folder=pipeline.data_dir,
            mapping=connection.field_mapping,
            is_doubted=connection.unproven_at is not None,
        )
    finally:
        sync.requests = api.requests


def _noting(pipeline: Pipeline, sync: Sync, api: CrmApi, on_records: OnRecords) -> OnRecords:
    """Tell the books now and then how far the fetching has come; a store that is in use is told the next time.

    Whoever looks on is told only, so nothing that happens here can end the sync.
    """
    due = time.monotonic() + PROGRESS_SECONDS

    def noted(records: int) -> None:
        nonlocal due
        on_records(records)
        if time.monotonic() < due:
            return
        with suppress(PipelineError), pipeline.warehouse.session_if_free() as session:
            books.note_progress(session, sync.connection, sync_id=sync.id, records=records, requests=api.requests)
        due = time.monotonic() + PROGRESS_SECONDS

    return noted


def _is_full(sync: Sync, full: bool) -> bool:
    """Whether the whole picture is needed.

    For an overwrite, and where a person forces a removal or has not decided yet.
    """
    return full or sync.is_forced or sync.removes_leads or sync.connection.held_at is not None


def _note_pass(sync: Sync, landing: Landing) -> None:
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


def stage_contacts(pipeline: Pipeline, sync: Sync, *, on_records: OnRecords = lambda _: None) -> None:
    """Map and normalize what landed; contacts, contact points and rejections, and the queue for matching."""
    clear_spool(pipeline, sync)
    noted = sync.notes
    pipeline.warehouse.transact(lambda session: _stage(pipeline, sync, session, noted, on_records))


def _stage(
    pipeline: Pipeline,
    sync: Sync,
    session: Session,
    noted: tuple[str, ...],
    on_records: OnRecords = lambda _: None,
) -> None:
    """The step inside a transaction, which may be tried twice; `noted` is what was told before it."""
    from crm_pipeline.walk.contacts import stage_contacts as stage
    from crm_pipeline.walk.rows import Reading

    reading = Reading(
        connection=sync.connection,
        provider=PROVIDERS[sync.connection.provider],
        default_region=sync.connection.default_region(pipeline.default_region),
        spool=_spool(pipeline, sync),
        is_rebuild=sync.is_rebuild,
        on_records=on_records,
    )
    staged = stage(
        session,
        reading,
        sync_id=sync.id,
        clock=pipeline.now,
        is_forced=sync.is_forced,
        removes_leads=sync.removes_leads,
    )
    sync.held, sync.notes = staged.held, (*noted, *staged.notes)
    books.note_held(session, sync.connection, sync_id=sync.id, held=staged.held)


def build_leads(pipeline: Pipeline, sync: Sync) -> SyncResult:
    """Match, write the leads that changed, and close the books in the same transaction."""

    def work(session: Session) -> SyncResult:
        result = _build(pipeline, sync, session)
        books.close_run(session, result)
        return result

    return pipeline.warehouse.transact(work)


def _build(pipeline: Pipeline, sync: Sync, session: Session) -> SyncResult:
    from crm_pipeline.walk.leads import build_leads as build
    from crm_pipeline.walk.removal import remove_leads

    session.lock_account(sync.connection.account_id)
    now, held = pipeline.now(), sync.held  # under the lock, so that times tell who wrote first
    removes_leads = sync.removes_leads and held is None
    results = build(
        session,
        sync.connection,
        sync_id=sync.id,
        now=now,
        of_everybody=sync.is_rebuild,
        removes_leads=removes_leads,
    )
    if removes_leads:
        removal = remove_leads(session, sync.connection, sync_id=sync.id, now=now, is_forced=sync.is_forced)
        results, held = replace(results, removed=removal.removed), removal.held
    return _result(sync, "held" if held else "succeeded", results, now, held)


def preview(
    pipeline: Pipeline,
    sync: Sync,
    *,
    full: bool = False,
    on_records: OnRecords = lambda _: None,
    limit: int | None = None,
) -> SyncResult:
    """The same walk in one transaction that is taken back; only the books stay, and what is told here.

    What was fetched lies in files meanwhile: the store is closed while the CRM is asked, and the cursor stays where it
    is. One that is held tells what would change if a person released it.
    """
    from crm_pipeline.ingest.preview import fetch_pass
    from crm_pipeline.walk.difference import read_difference

    spool = clear_spool(pipeline, sync)
    spool.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=spool) as folder:
        with _source(pipeline, sync) as source:
            fetched = fetch_pass(
                pipeline.warehouse,
                source,
                Path(folder),
                full=_is_full(sync, full),
                now=pipeline.now,
                on_records=_noting(pipeline, sync, source.api, on_records),
            )
        _note_pass(sync, fetched.landing)
        noted = sync.notes

        def work(session: Session) -> SyncResult:
            fetched.put(session)
            _stage(pipeline, sync, session, noted)
            result = _build(pipeline, sync, session)
            told = read_difference(session, sync.connection.account_id, sync_id=sync.id, limit=limit)
            return replace(result, difference=told)

        result = pipeline.warehouse.rehearse(work)
        if result.status == "held" and not sync.is_forced:  # what is to be decided: the same, as if they said yes
            sync.is_forced = True
            result = replace(result, difference=pipeline.warehouse.rehearse(work).difference)
            sync.is_forced = False
    with pipeline.warehouse.session() as session, session.transaction():
        books.close_run(session, result)
    return result


def clear_spool(pipeline: Pipeline, sync: Sync) -> Path:
    """The connection's folder for what is between two steps, without what a killed process left; its lock is ours."""
    spool = _spool(pipeline, sync)
    shutil.rmtree(spool, ignore_errors=True)
    return spool


def _spool(pipeline: Pipeline, sync: Sync) -> Path:
    return pipeline.data_dir / "spool" / str(sync.connection.id)


def close_books(pipeline: Pipeline, sync: Sync) -> SyncResult:
    """Close the books of a sync that was asked only to land; its contacts are matched by the next one."""
    result = _result(sync, "held" if sync.held else "succeeded", Results(), pipeline.now(), sync.held)
    with pipeline.warehouse.session() as session, session.transaction():
        books.close_run(session, result)
    return result


def rebuild(pipeline: Pipeline, account_id: str, *, on_records: OnRecords = lambda _: None) -> Rebuilt:
    """Everything after `raw` again for one account, without the network: the same leads and ids, where nothing changed.

    The contacts of each connection are committed by themselves; leads and books follow in one transaction. Never raises
    a `PipelineError`: it is in the result, and in the books of every connection.
    """
    started_at, syncs = pipeline.now(), list[Sync]()
    try:
        with ExitStack() as held:
            with pipeline.warehouse.session() as session:
                connections = connections_to_rebuild(session, account_id)
            for connection in connections:
                held.enter_context(pipeline.warehouse.connection_lock(connection.id, label=connection.label))
            for connection in connections:
                syncs.append(Sync(id=uuid4(), connection=connection, strategy="rebuild", started_at=pipeline.now()))
                open_books(pipeline, syncs[-1], trigger="manual")
                held.enter_context(failing(pipeline, syncs[-1]))
            for sync in syncs:
                stage_contacts(pipeline, sync, on_records=_counting_on(syncs, sync, on_records))
            results = pipeline.warehouse.transact(lambda session: _rebuild(pipeline, syncs, session))
    except PipelineError as error:
        now = pipeline.now()
        failed = tuple(_result(sync, "failed", Results(), now, error) for sync in syncs)
        return Rebuilt(account_id=account_id, syncs=failed, started_at=started_at, finished_at=now, error=error)
    return Rebuilt(account_id=account_id, syncs=results, started_at=started_at, finished_at=pipeline.now())


def _counting_on(syncs: Sequence[Sync], sync: Sync, on_records: OnRecords) -> OnRecords:
    """Tell how many records were read so far, those of the connections before this one included."""
    before = sum(one.records for one in syncs)

    def tell(count: int) -> None:
        sync.records = count
        on_records(before + count)

    return tell


def _rebuild(pipeline: Pipeline, syncs: Sequence[Sync], session: Session) -> tuple[SyncResult, ...]:
    results = tuple(_build(pipeline, sync, session) for sync in syncs)
    for result in results:
        books.close_run(session, result)
    return results


def restore_leads(
    warehouse: Warehouse, *, lead_id: UUID | None = None, removed_by: UUID | None = None, now: datetime
) -> list[Row]:
    """Put back one removed lead, or all that a sync removed; the leads that came back, with their accounts."""
    from crm_pipeline.walk.removal import restore_leads as restore

    asked = {"lead_id": str(lead_id) if lead_id else None, "sync_id": str(removed_by) if removed_by else None}

    def work(session: Session) -> list[Row]:
        rows = session.rows("reports/removed_leads", **asked, account_id=None)
        for account in dict.fromkeys(row["account_id"] for row in rows):
            restore(session, account, lead_id=lead_id, removed_by=removed_by, restore_id=uuid4(), now=now)
        return rows

    return warehouse.transact(work)


def refresh_connections(
    pipeline: Pipeline,
    listed: Sequence[NangoConnection] | None = None,
    *,
    is_time_up: IsTimeUp = lambda: False,
) -> list[Connection]:
    """Bring the registry in line with Nango's list of connections, which is asked for where it is not given.

    A connection that the list does not show is asked for by name before it counts as gone: a list can be short. What is
    asked for singly when the time is up waits for another time: new ones first, so that each time is a step forward.
    """
    make_folder(pipeline.data_dir)  # told once, before any connection
    found = pipeline.nango.list_connections() if listed is None else listed
    with pipeline.warehouse.session() as session:
        known = registry.connections(session)
    new = {one.key for one in registry.unknown(known, found)}
    complete = {(one.nango_integration, one.nango_connection_id) for one in known if one.config}
    read = [_with_config(pipeline, one) for one in found if one.key in new and not is_time_up()]
    for one in found:
        if one.key not in new:
            read.append(one if one.key in complete or is_time_up() else _with_config(pipeline, one))
    gone = {one.id for one in registry.missing(known, found) if not is_time_up() and is_gone(pipeline, one)}
    with pipeline.warehouse.session() as session:
        return registry.refresh(session, read, gone, now=pipeline.now())


def is_gone(pipeline: Pipeline, known: Connection) -> bool:
    """Whether Nango, asked for it by name, does not know it any more."""
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
        preview_of=sync.preview_of,
    )
