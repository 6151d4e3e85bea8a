"""How a sync and a connection stand: told from their rows in the store, or from the run while there is no row."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from crm_pipeline.commands.reading import connection_status, notes_of, past_sync, sentence
from crm_pipeline.walk import books
from crm_pipeline.warehouse.session import Row
from crm_pipeline.web import dagster
from crm_pipeline.web.dagster import Run
from crm_pipeline.web.states import ConnectionState, Progress, SyncState

COUNTS = ("fetched", "created", "updated", "unchanged", "merged", "skipped", "removed", "split")
TOLD = ("succeeded", "held")
"""How a sync ended whose counts say something."""


def state_of(row: Row) -> SyncState:
    """A sync as its row of `books/sync` tells it."""
    status = row["status"]
    is_told = status in TOLD
    error = None
    if row["error_code"]:
        error = {"code": row["error_code"], "message": row["error_message"], "action": row["error_action"]}
    progress = None
    if status == "running":
        step = "fetching" if row["pass"] is None else "building"
        progress = Progress(step=step, records=row["fetched"], requests=row["requests"])
    return SyncState(
        sync_id=UUID(str(row["sync_id"])),
        account_id=row["account_id"],
        provider=row["provider"],
        connection_id=UUID(str(row["connection_id"])),
        nango_connection_id=row["nango_connection_id"],
        strategy=row["strategy"],
        preview_of=row["preview_of"],
        trigger=row["trigger"],
        pass_kind=row["pass"],
        state=status,
        progress=progress,
        results={name: row[name] for name in COUNTS} if is_told else None,
        skipped_by_reason=past_sync(row)["skipped_by_reason"] if is_told else {},
        sentence=sentence(row) if is_told else None,
        error=error if status != "running" else None,
        notes=tuple(notes_of(row)),
        requests=row["requests"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
    )


def unwritten(
    sync_id: UUID, run: Run, state: str, *, progress: Progress | None = None, error: Mapping[str, str] | None = None
) -> SyncState:
    """A sync whose books are not open, or cannot be read now, as its run tells it."""
    tags = run.tags
    connection_id = tags.get(dagster.CONNECTION_TAG)
    return SyncState(
        sync_id=sync_id,
        account_id=tags.get(dagster.ACCOUNT_TAG, ""),
        provider=tags.get(dagster.PROVIDER_TAG, ""),
        connection_id=UUID(connection_id) if connection_id else None,
        strategy=tags.get(dagster.STRATEGY_TAG, "append"),
        preview_of=tags.get(dagster.PREVIEW_OF_TAG),
        trigger=tags.get(dagster.TRIGGER_TAG, "manual"),
        state=state,
        progress=progress,
        error=error,
        started_at=run.started_at,
        finished_at=run.ended_at,
    )


def is_told_later(row: Row) -> bool:
    """Of a preview the books are closed a moment before its run tells the difference."""
    return row["strategy"] == "preview" and row["status"] in TOLD


def never_begun(run: Run) -> dict[str, str]:
    """A run that ended well and synced nothing: its connection had gone by the time it began."""
    return {
        "code": "connection_not_found",
        "message": f"{run.tags.get(dagster.SYNC_TAG, 'The connection')} was not connected any more when its turn came.",
        "action": "Connect the CRM again, then sync.",
    }


def id_in_books(sync_id: UUID, run: Run) -> UUID:
    """The id under which a run keeps the books of a sync; a run that is done over again has one of its own."""
    connection_id = run.tags.get(dagster.CONNECTION_TAG)
    if dagster.PARENT_TAG not in run.tags or not connection_id:
        return sync_id
    return books.sync_of_run(run.id, UUID(connection_id))


def connection_state(row: Row, now: datetime) -> ConnectionState:
    told = connection_status(row, now)
    result = told["last_result"] or {}
    return ConnectionState(
        account_id=row["account_id"],
        provider=row["provider"],
        connection_id=UUID(str(row["connection_id"])),
        nango_connection_id=row["nango_connection_id"],
        state=row["state"],
        last_synced_at=row["last_synced_at"],
        last_sync_id=UUID(str(row["sync_id"])) if row["sync_id"] else None,
        last_status=result.get("status"),
        sentence=result.get("sentence"),
        notes=tuple(result.get("notes", ())),
        error=told["last_error"],
    )


def moment_of(moment: datetime | None) -> float:
    return moment.timestamp() if moment else 0.0
