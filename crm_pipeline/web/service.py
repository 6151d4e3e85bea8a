"""Everything that the API and the page both do: start syncs, look at them, connect and disconnect.

A sync is a run of Dagster's. What became of it stands in the books; before its books are open, and while the store is
in use, Dagster tells how it stands.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4, uuid5

from crm_pipeline import connecting
from crm_pipeline.errors import ConnectionBusy, DagsterError, NangoError, WarehouseError
from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.connections import ConnectSession, NangoConnection
from crm_pipeline.nango.limits import Timeouts
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.packing import LATELY, only, packed, slow_apart, usual_seconds
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.settings import Settings
from crm_pipeline.steps import Pipeline, system_now
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Row, Session
from crm_pipeline.web import dagster
from crm_pipeline.web.asked import Asked
from crm_pipeline.web.dagster import Dagster, Run
from crm_pipeline.web.reader import Reader
from crm_pipeline.web.remembered import Remembered
from crm_pipeline.web.states import AccountStatus, Progress, StartedSync, SyncState
from crm_pipeline.web.telling import (
    connection_state,
    id_in_books,
    is_told_later,
    moment_of,
    never_begun,
    state_of,
    unwritten,
)

READ_WAIT = 8.0
"""Seconds that a look at the books waits for whoever writes to a DuckDB file."""
GLANCE_WAIT = 0.5
"""The same where Dagster can tell as well."""
PATIENCE = 20.0
"""The same of a short write, and of another request for the same connection."""
HURRIED, HURRIED_TIMES = RetryPolicy(attempts=2, total_wait=8.0), Timeouts(connect=5.0, read=20.0, page=30.0)
"""Of calls to Nango: somebody waits for the answer."""
ASKING = UUID("2f9b4a3e-8a0e-5a55-9f8f-0c2f6e0e7a11")
JUST_SYNCED = timedelta(minutes=5)
"""A call of cron's that comes again so soon finds nothing to do, nor does an event that Nango told already."""
UNCLEAR = "~"
SHORT_POLL, LONG_POLL = 0.25, 1.0

Found = TypeVar("Found")


class Service:
    """One for the process; thread safe."""

    def __init__(self, settings: Settings, *, now: Callable[[], datetime] = system_now) -> None:
        self.settings = settings
        self.warehouse = Warehouse(settings.warehouse, data_dir=settings.data_dir, patience=PATIENCE)
        self.reader = Reader(self.warehouse)
        self.dagster = Dagster(settings.dagster_url)
        self._now = now
        self._lock = threading.Lock()
        self._nango: NangoClient | None = None
        self._known: Remembered[str, list[Connection]] = Remembered()
        self._progress: Remembered[UUID, Progress] = Remembered()

    def close(self) -> None:
        """Close the kept-alive connections."""
        self.dagster.close()
        if self._nango is not None:
            self._nango.close()

    # Syncs

    def start_sync(
        self,
        account_id: str,
        provider: str | None = None,
        strategy: str = "append",
        *,
        preview_of: str | None = None,
        full: bool = False,
        force: bool = False,
        trigger: str = "manual",
    ) -> list[StartedSync]:
        """A run for each active connection of the account, or of one CRM of it; what is under way already is joined."""
        asked = Asked(strategy, preview_of, full, force, trigger)
        return [self._start(connection, asked) for connection in self._syncable(account_id, provider)]

    def start_everything(self) -> tuple[list[UUID], int]:
        """What a clock asks for: the active connections of everybody. The ids of the syncs that have a run each.

        And of how many connections: many are packed into a few runs, as those of the hourly schedule.
        """
        due_at = self._now() - JUST_SYNCED
        known, seconds = self._look(
            lambda session: (registry.connections(session), usual_seconds(session, since=self._now() - LATELY))
        )
        ours = [one for one in registry.syncable(known) if not self._is_just_synced(one)]
        runs = self.settings.sync_runs
        if len(ours) <= runs:
            asked = Asked("append", None, False, False, "cron")
            return [self._start(one, asked).sync_id for one in ours], len(ours)
        for some, priority in zip(slow_apart(ours, seconds), ("-1", "-2"), strict=True):
            for share in packed(some, runs, seconds):
                self._launch_many(share, due_at, priority)
        return [], len(ours)

    def sync_state(self, sync_id: UUID, account_id: str | None = None) -> SyncState | None:
        """How a sync stands; None when there is none of that id, or it is not the account's."""
        row, locked = None, None
        try:
            row = self._row(sync_id, account_id, wait=GLANCE_WAIT)
        except WarehouseError as error:
            locked = error
        if row is not None and row["status"] not in ("running", "interrupted") and not is_told_later(row):
            return state_of(row)
        try:
            runs = self.dagster.runs({dagster.SYNC_ID_TAG: str(sync_id)}, limit=5)
        except DagsterError:
            if row is None:
                raise
            return state_of(row)
        run = next((one for one in runs if account_id in (None, one.tags.get(dagster.ACCOUNT_TAG))), None)
        if run is None:
            if locked is not None:
                row = self._row(sync_id, account_id, wait=READ_WAIT)
            return state_of(row) if row else None
        if run.is_over and locked is not None:
            row = self._row(sync_id, account_id, wait=READ_WAIT)
        return self._state_of_run(sync_id, run, row)

    def pending(self, sync_ids: Iterable[UUID]) -> list[UUID]:
        """Those of the syncs that are not over; asks Dagster alone where it knows, and leaves the store in peace."""
        waiting = []
        for sync_id in sync_ids:
            runs = self.dagster.runs({dagster.SYNC_ID_TAG: str(sync_id)}, limit=1)
            if runs and not runs[0].is_over:
                waiting.append(sync_id)
            elif not runs:
                state = self.sync_state(sync_id)
                if state is not None and not state.is_over:
                    waiting.append(sync_id)
        return waiting

    def states(self, sync_ids: Iterable[UUID]) -> list[SyncState]:
        """How some syncs stand."""
        return [state for sync_id in sync_ids if (state := self.sync_state(sync_id)) is not None]

    def preview_difference(self, sync_id: UUID, account_id: str | None = None) -> dict[str, Any] | None:
        """What a preview found, as `Difference.as_dict` tells it; None when it is not there."""
        for run in self.dagster.runs({dagster.SYNC_ID_TAG: str(sync_id)}, limit=5):
            if account_id not in (None, run.tags.get(dagster.ACCOUNT_TAG)):
                continue
            found = self.dagster.output(run.id, f"{dagster.DIFFERENCE} {id_in_books(sync_id, run)}")
            if isinstance(found, dict):
                return found
        return None

    # Connections

    def connect_session(self, account_id: str, provider: str) -> ConnectSession:
        """A link for a person to connect the account's CRM; one that has expired keeps its id."""
        return connecting.invite(self.nango, account_id, provider, known=self._connections(account_id))

    def connections_before(self, account_id: str, provider: str) -> str:
        """The account's connections before one is made, for the page that waits for it: no process remembers them.

        Those that Nango finds nothing wrong with, though they have to be connected anew, are marked as `UNCLEAR`.
        """
        known = self._connections(account_id)
        healthy, unclear = connecting.healthy(known), set[connecting.Place]()
        if any(one.is_active and (one.provider, one.state) == (provider, "needs_reconnect") for one in known):
            unclear = {one.key for one in connecting.well(self.nango, account_id, provider)} - healthy
        return ",".join([*sorted(map(_mark, healthy)), *sorted(UNCLEAR + _mark(one) for one in unclear)])

    def connect(self, account_id: str, provider: str, nango_connection_id: str) -> tuple[Connection, StartedSync]:
        """Adopt a connection made at Nango, if it is the account's, and start its first sync."""
        found = connecting.verified(self.nango, account_id, provider, nango_connection_id)
        connection = connecting.saved(self._pipeline(), found)
        if connection.state != "active":
            raise NangoError("connection_expired", f"Nango cannot renew the access of {connection.label}.")
        return connection, self._start(connection, Asked("append", None, False, False, "connected"))

    def find_new_connection(
        self, account_id: str, provider: str, before: str, *, is_told: bool = False
    ) -> NangoConnection | None:
        """The newest connection of the account's CRM at Nango that is well and was not among those `before`.

        What is asked while a Connect window is open; a webhook or the sensor may have saved it meanwhile. `is_told`: a
        person says that it is made, so that one which shows no sign of it is believed to be.
        """
        marks = set(before.split(","))
        for found in connecting.well(self.nango, account_id, provider):
            mark = _mark(found.key)
            if mark not in marks and (is_told or UNCLEAR + mark not in marks):
                return found
        return None

    def disconnect(self, account_id: str, provider: str, *, keep_at_nango: bool = False) -> list[Connection]:
        """Let go of the account's CRM; its leads stay. What is queued or under way of it is cancelled."""
        gone = connecting.disconnect(self._pipeline(), account_id, provider, keep_at_nango=keep_at_nango)
        with suppress(DagsterError):  # without it nothing of it runs either
            for one in gone:
                under_way = self.dagster.runs({dagster.CONNECTION_TAG: str(one.id)}, statuses=dagster.UNDER_WAY)
                self.dagster.cancel([run.id for run in under_way])
        return gone

    def status(self, account_id: str) -> AccountStatus:
        """The account's connections."""
        looked = self.reader.look(
            ("status", account_id), lambda session: session.rows("reports/status", account_id=account_id)
        )
        connections = tuple(connection_state(row, self._now()) for row in looked.seen)
        used = [one for one in connections if one.state != "disconnected"]
        newest = max(used, key=lambda one: (one.connected, moment_of(one.last_synced_at)), default=None)
        synced = [one.last_synced_at for one in connections if one.last_synced_at is not None]
        return AccountStatus(
            connected=any(one.connected for one in connections),
            provider=newest.provider if newest else None,
            last_synced_at=max(synced, default=None),
            connections=connections,
            as_of=looked.as_of,
        )

    def nango_event(self, event: Mapping[str, Any]) -> StartedSync | None:
        """What Nango tells of a connection: that it was made, made anew, or can be renewed no longer.

        Believed is only which connection it is about; the rest is read at Nango.
        """
        operation, is_success = event.get("operation"), event.get("success") is True
        is_made = operation in ("creation", "override") and is_success
        is_broken = operation == "refresh" and not is_success
        integration, connection_id = event.get("providerConfigKey"), event.get("connectionId")
        if event.get("type") != "auth" or not (is_made or is_broken):
            return None
        if not (_is_key(integration) and _is_key(connection_id)):
            return None
        try:
            found = self.nango.read_connection(str(integration), str(connection_id))
        except NangoError as error:
            if error.code == "connection_not_found":
                return None
            listed = self._as_listed(str(integration), str(connection_id))
            if not is_broken or listed is None:
                raise
            found = listed
        if provider_named(found.nango_provider) is None:
            return None
        if is_broken:
            self._note_broken(found)
            return None
        if connecting.is_kept_out(self._pipeline(), found):
            return None
        known = [one for one in self._connections(found.account_id or registry.UNASSIGNED) if _is_same(one, found)]
        connection = connecting.saved(self._pipeline(), found)
        if not registry.syncable([connection]) or any(self._is_just_synced(one) for one in registry.syncable(known)):
            return None
        return self._start(connection, Asked("append", None, False, False, "connected"))

    # Inside

    @property
    def nango(self) -> NangoClient:
        """The one client of Nango; `ConfigError` where no key is set."""
        with self._lock:
            if self._nango is None:
                key = self.settings.require_nango()
                self._nango = NangoClient(
                    host=self.settings.nango_host, secret_key=key, policy=HURRIED, timeouts=HURRIED_TIMES
                )
            return self._nango

    def _pipeline(self) -> Pipeline:
        return Pipeline(
            warehouse=self.warehouse,
            nango=self.nango,
            data_dir=self.settings.data_dir,
            default_region=self.settings.default_region,
            now=self._now,
        )

    def _look(self, work: Callable[[Session], Found], *, wait: float = READ_WAIT) -> Found:
        return self.reader.read(work, wait=wait)

    def _row(self, sync_id: UUID, account_id: str | None, *, wait: float) -> Row | None:
        keys = {"account_id": account_id, "sync_id": str(sync_id)}
        rows = self._look(lambda session: session.rows("books/sync", **keys), wait=wait)
        return rows[0] if rows else None

    def _connections(self, account_id: str) -> list[Connection]:
        """The account's connections; while a sync writes, as they were known last."""
        try:
            known = self._look(lambda session: registry.connections(session, account_id=account_id))
        except WarehouseError as error:
            remembered = self._known.get(account_id)
            if error.code != "warehouse_locked" or remembered is None:
                raise
            return remembered
        self._known.put(account_id, known)
        return known

    def _syncable(self, account_id: str, provider: str | None) -> list[Connection]:
        known = [one for one in self._connections(account_id) if provider in (None, one.provider)]
        ours = registry.syncable(known)
        if ours:
            return ours
        expired = [one for one in known if one.state == "needs_reconnect"]
        if expired:
            what = f"{connecting.quoted(expired[0].label)} has to be connected again."
            raise NangoError("connection_expired", what, action="Connect the CRM again, then sync.")
        crm = f" to {PROVIDERS[provider].title}" if provider else ""
        what = f"{connecting.quoted(account_id)} has no connection{crm}."
        raise NangoError("connection_not_found", what, action="Connect the CRM first.")

    def _start(self, connection: Connection, asked: Asked) -> StartedSync:
        """One at a time for a connection, so that two who ask at once are given the same sync."""
        with self.warehouse.connection_lock(uuid5(ASKING, str(connection.id)), wait=PATIENCE, label=connection.label):
            joined = self._under_way(connection, asked)
            sync_id = joined or uuid4()
            if joined is None:
                self._launch(connection, sync_id, asked)
        return StartedSync(
            sync_id=sync_id,
            account_id=connection.account_id,
            provider=connection.provider,
            connection_id=connection.id,
            is_joined=joined is not None,
        )

    def _under_way(self, connection: Connection, asked: Asked) -> UUID | None:
        """The sync that does what is asked, and is queued or running."""
        of_it = self.dagster.runs({dagster.CONNECTION_TAG: str(connection.id)}, statuses=dagster.JOINABLE, limit=20)
        for run in of_it:
            tagged = run.tags.get(dagster.SYNC_ID_TAG)
            if tagged and asked.is_done_by(run.tags) and (run.is_queued or self._is_open(UUID(tagged), run)):
                return UUID(tagged)
        if not asked.is_plain:
            return None
        try:
            with self.warehouse.connection_lock(connection.id, wait=0, label=connection.label):
                return None  # nobody syncs it
        except ConnectionBusy:
            return self._open_sync(connection)

    def _is_open(self, sync_id: UUID, run: Run) -> bool:
        """Whether a run at work has not closed its books yet: after that it looks its leads over, and fetches no more.

        Where the store is in use it is most likely that run which uses it.
        """
        try:
            row = self._row(id_in_books(sync_id, run), run.tags.get(dagster.ACCOUNT_TAG), wait=GLANCE_WAIT)
        except WarehouseError:
            return True
        return row is None or row["status"] == "running"

    def _open_sync(self, connection: Connection) -> UUID | None:
        """The open books of a plain sync that somebody else runs: the schedule, or a command."""

        def find(session: Session) -> UUID | None:
            for row in session.rows("books/open_runs", account_id=connection.account_id):
                if row["connection_id"] == connection.id:
                    keys = {"account_id": connection.account_id, "sync_id": str(row["sync_id"])}
                    (whole,) = session.rows("books/sync", **keys)
                    if whole["strategy"] == "append":
                        return UUID(str(row["sync_id"]))
            return None

        try:
            return self._look(find, wait=GLANCE_WAIT)
        except WarehouseError:
            return None

    def _launch(self, connection: Connection, sync_id: UUID, asked: Asked) -> None:
        tags = {
            dagster.ACCOUNT_TAG: connection.account_id,
            dagster.PROVIDER_TAG: connection.provider,
            dagster.SYNC_TAG: connection.label,
            dagster.CONNECTION_TAG: str(connection.id),
            dagster.SYNC_ID_TAG: str(sync_id),
            **asked.tags(),
        }
        job, config, assets = asked.run_of(connection)
        try:
            self.dagster.launch(job, config=config, tags=tags, partition=connection.account_id, assets=assets)
        except DagsterError:
            if not self._is_queued(sync_id):
                raise

    def _launch_many(self, some: Sequence[Connection], due_at: datetime, priority: str) -> None:
        config = {"connections": [str(one.id) for one in some], "due_at": due_at.isoformat()}
        self.dagster.launch(
            dagster.MANY_JOB,
            config={"ops": {"walk_connections": {"config": config}}},
            tags={
                dagster.STRATEGY_TAG: "append",
                dagster.TRIGGER_TAG: "cron",
                dagster.ACCOUNT_TAG: only(one.account_id for one in some),
                dagster.PROVIDER_TAG: only(one.provider for one in some),
                dagster.PRIORITY_TAG: priority,
            },
        )

    def _is_queued(self, sync_id: UUID) -> bool:
        """Whether Dagster has the run all the same, although its answer did not come in time."""
        with suppress(DagsterError):
            return bool(self.dagster.runs({dagster.SYNC_ID_TAG: str(sync_id)}, limit=1))
        return False

    def _state_of_run(self, sync_id: UUID, run: Run, row: Row | None) -> SyncState:
        """How a sync stands by its newest run, and by the books where they are known."""
        actual = id_in_books(sync_id, run)
        if actual != sync_id:  # the first run's process died, and this one does its work over again
            again = self._row(actual, run.tags.get(dagster.ACCOUNT_TAG), wait=READ_WAIT)
            row = {**again, "sync_id": sync_id} if again else None
        if row is not None and row["status"] == "running":
            if run.is_over:  # its process is gone, and the books are not closed yet
                return state_of({**row, "status": "interrupted"})
            state = state_of(row)
            if state.progress:
                self._progress.put(sync_id, state.progress)
            return state
        if row is not None and is_told_later(row) and not run.is_over:
            return state_of({**row, "status": "running", "pass": row["pass"] or "window"})
        if row is not None:
            return state_of(row)
        if not run.is_over:
            step = "queued" if run.is_queued else "starting"
            progress = self._progress.get(sync_id) or Progress(step=step)
            return unwritten(sync_id, run, "queued" if run.is_queued else "running", progress=progress)
        if run.status == "CANCELED":
            return unwritten(sync_id, run, "interrupted")
        error = self.dagster.failure(run.id) if run.status == "FAILURE" else None
        return unwritten(sync_id, run, "failed", error=error or never_begun(run))

    def _is_just_synced(self, connection: Connection) -> bool:
        synced = connection.last_synced_at
        return synced is not None and synced >= self._now() - JUST_SYNCED

    def _as_listed(self, integration: str, connection_id: str) -> NangoConnection | None:
        """A connection that Nango cannot even read without renewing it, as its list shows it."""
        for found in self.nango.list_connections():
            if (found.nango_integration, found.nango_connection_id) == (integration, connection_id):
                return found
        return None

    def _note_broken(self, found: NangoConnection) -> None:
        """A connection of ours that Nango says is broken has to be connected again."""
        if "auth" not in found.errors:
            return
        with self.warehouse.session() as session:
            held = [
                one
                for one in registry.connections(session, account_id=found.account_id or registry.UNASSIGNED)
                if one.is_active and _is_same(one, found)
            ]
            if held:
                with session.transaction():
                    registry.save(session, found, now=self._now())


def _mark(place: connecting.Place) -> str:
    """A place in few letters."""
    return hashlib.sha256("\x1f".join(place).encode()).hexdigest()[:12]


def _is_same(known: Connection, found: NangoConnection) -> bool:
    return (known.nango_integration, known.nango_connection_id) == found.key


def _is_key(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 255 and value.isprintable()
