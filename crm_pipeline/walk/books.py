"""The books.

One `sync_runs` row per sync, opened before the first request and closed with the leads or with the error.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import orjson

from crm_pipeline.errors import ConnectionBusy, PipelineError, SyncHeld
from crm_pipeline.walk.connection import NAMESPACE, Connection
from crm_pipeline.walk.difference import Difference
from crm_pipeline.walk.leads import Results
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Row, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncResult:
    """One finished sync, as people and programs are told of it."""

    sync_id: UUID
    connection: Connection
    strategy: str
    pass_kind: str | None
    status: str
    results: Results
    requests: int
    started_at: datetime
    finished_at: datetime
    error: PipelineError | None = None
    notes: tuple[str, ...] = ()
    preview_of: str | None = None
    """Of a preview: the strategy it rehearsed."""
    difference: Difference | None = None
    """Of a preview that came to its end: what would change."""

    @property
    def success(self) -> bool:
        return self.status == "succeeded"

    @property
    def seconds(self) -> float:
        return (self.finished_at - self.started_at).total_seconds()

    def as_dict(self) -> dict[str, Any]:
        """The published shape of one entry of `sync --json`; a preview tells what it is of and what would change."""
        told = {"preview_of": self.preview_of, "difference": self.difference.as_dict() if self.difference else None}
        return {
            "sync_id": str(self.sync_id),
            "account_id": self.connection.account_id,
            "provider": self.connection.provider,
            "connection_id": str(self.connection.id),
            "nango_connection_id": self.connection.nango_connection_id,
            "strategy": self.strategy,
            "pass": self.pass_kind,
            "status": self.status,
            "success": self.success,
            "results": self.results.as_dict(),
            "skipped_by_reason": dict(self.results.skipped_by_reason),
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "error": self.error.as_dict() if self.error else None,
            "notes": list(self.notes),
            **(told if self.preview_of else {}),
        }


def open_run(
    session: Session,
    connection: Connection,
    *,
    sync_id: UUID,
    strategy: str,
    trigger: str,
    now: datetime,
    preview_of: str | None = None,
    is_forced: bool = False,
) -> None:
    """Write the run down before it starts, and close the books of runs of this connection that died."""
    with session.transaction():
        session.run("books/interrupt_runs", account_id=connection.account_id, connection_id=str(connection.id), now=now)
        session.run(
            "books/open_run",
            account_id=connection.account_id,
            sync_id=str(sync_id),
            connection_id=str(connection.id),
            provider=connection.provider,
            strategy=strategy,
            trigger=trigger,
            now=now,
            preview_of=preview_of,
            is_forced=is_forced,
        )


def close_dead(warehouse: Warehouse, *, now: datetime) -> list[Row]:
    """Close the books of syncs whose process died, and answer which they were.

    Whoever syncs a connection holds its lock from first to last, so a sync is dead when its lock is free.
    """
    with warehouse.session() as session:
        open_ones = session.rows("books/open_runs", account_id=None)
    closed = []
    for row in open_ones:
        lock = warehouse.connection_lock(UUID(str(row["connection_id"])), wait=0)
        with suppress(ConnectionBusy), lock, warehouse.session() as session, session.transaction():
            keys = {"account_id": row["account_id"], "sync_id": str(row["sync_id"])}
            if session.run("books/interrupt_run", **keys, now=now):
                closed.append(row)
    return closed


def note_held(session: Session, connection: Connection, *, sync_id: UUID, held: SyncHeld | None) -> None:
    """Why an open run may remove nothing, for the step that closes it, perhaps elsewhere. Inside its transaction."""
    if held is not None:
        session.run(
            "books/note_held",
            account_id=connection.account_id,
            sync_id=str(sync_id),
            code=held.code,
            message=held.message,
            action=held.action,
        )


def error_of(row: Row) -> PipelineError:
    """What a sync that failed has met, as its books tell it."""
    return PipelineError(row["error_code"], row["error_message"], action=row["error_action"])


def held_of(row: Row) -> SyncHeld | None:
    """The hold that an open run was left with by an earlier step."""
    if row["error_code"] is None:
        return None
    return SyncHeld(row["error_code"], row["error_message"], action=row["error_action"])


def note_progress(session: Session, connection: Connection, *, sync_id: UUID, records: int, requests: int) -> None:
    """How far an open run has come; its end overwrites it."""
    with session.transaction():
        session.run(
            "books/note_progress",
            account_id=connection.account_id,
            sync_id=str(sync_id),
            records=records,
            requests=requests,
        )


def sync_of_run(run_id: str, connection_id: UUID) -> UUID:
    """The id of the sync that a Dagster run makes for a connection where nobody gave it one."""
    return uuid5(NAMESPACE, f"sync\x1f{run_id}\x1f{connection_id}")


def note_landing(
    session: Session,
    connection: Connection,
    *,
    sync_id: UUID,
    pass_kind: str | None,
    requests: int,
) -> None:
    """What the landing of an open run was, for the steps that follow in another session."""
    with session.transaction():
        session.run(
            "books/note_landing",
            account_id=connection.account_id,
            sync_id=str(sync_id),
            pass_kind=pass_kind,
            requests=requests,
        )


def run_row(session: Session, connection: Connection, sync_id: UUID) -> Row | None:
    """What the books say of one sync; None when they do not know it."""
    rows = session.rows("books/run", account_id=connection.account_id, sync_id=str(sync_id))
    return rows[0] if rows else None


def close_run(session: Session, result: SyncResult) -> None:
    """Write how it ended, on the run and on its connection.

    Inside the transaction that writes the leads when there is one.
    """
    connection, error = result.connection, result.error
    counts: dict[str, Any] = dict(result.results.as_dict())
    session.run(
        "books/close_run",
        account_id=connection.account_id,
        sync_id=str(result.sync_id),
        pass_kind=result.pass_kind,
        status=result.status,
        **counts,
        skipped_by_reason=orjson.dumps(dict(result.results.skipped_by_reason)).decode(),
        requests=result.requests,
        notes=orjson.dumps(list(result.notes)).decode(),
        finished_at=result.finished_at,
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        error_action=error.action if error else None,
    )
    _note_on_connection(session, result)


def _note_on_connection(session: Session, result: SyncResult) -> None:
    """Neither a preview nor a rebuild, which asks the CRM nothing, leaves a trace on its connection.

    A sync that was cut short says nothing of it either.
    """
    if result.strategy in ("preview", "rebuild"):
        return
    keys: Mapping[str, Any] = {"account_id": result.connection.account_id, "id": str(result.connection.id)}
    if result.success:
        if result.pass_kind is None:
            return  # nothing was asked of the CRM, so nothing is known of the connection
        session.run("registry/note_success", **keys, now=result.finished_at)
    elif result.error is not None and result.status != "interrupted":
        session.run(
            "registry/note_failure",
            **keys,
            now=result.finished_at,
            code=result.error.code,
            message=result.error.message,
            action=result.error.action,
        )
