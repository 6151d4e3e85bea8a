"""Raw records become contacts: map, normalize, and keep what changed; everything read waits in the match queue.

Row by row is `rows.py`, and streams through files on disk, so memory does not grow with the number of contacts. Set by
set is SQL.
"""

from __future__ import annotations

import gc
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from crm_pipeline.errors import SyncHeld
from crm_pipeline.providers.provider import Reference, References
from crm_pipeline.walk import valve
from crm_pipeline.walk.rows import SCHEMAS, Reading, Rows, Spool
from crm_pipeline.warehouse.session import Row, Session

PAYLOADS_AT_ONCE, ROWS_PER_TABLE = 500, 5_000
"""Payloads may be large, so few are held at once; the rows made of them are small."""
FEW_CHANGED = 20_000
"""Up to so many changed contacts are replaced; more are changed in place, for an index takes new rows slowly."""
LONGEST_CHAIN = 20
"""So many times in a row a contact may have become another one between two syncs."""


class Staged(NamedTuple):
    """What reading the landed records came to, beside the tables."""

    held: SyncHeld | None
    """Why contacts that are absent from a complete pass were kept until a person decides."""
    notes: tuple[str, ...]


def stage_contacts(
    session: Session,
    reading: Reading,
    *,
    sync_id: UUID,
    clock: Callable[[], datetime],
    is_forced: bool = False,
    removes_leads: bool = False,
) -> Staged:
    """Read what landed and was not read yet into `staging.contacts` and its neighbours. Runs inside the caller's
    transaction.

    Where a complete pass has shown every record, contacts it did not show are deleted in the CRM, unless so many
    vanished that a person has to say so; then nothing is removed and the reason is returned. A rebuild decides nothing
    of the kind: proofs that were read stay as they were decided, those that were not wait for the next sync.
    """
    session.drop_temporary()
    keys = _keys(reading)
    session.run("transform/contacts/changed_references", **keys)
    session.run("transform/contacts/store_references", **keys)
    provider = reading.provider.name
    session.ensure_raw(provider)
    if session.run("transform/contacts/unread_keys", raw_of=provider, **keys):
        session.run("transform/contacts/keep_absent", raw_of=provider, **keys)
    session.run("transform/contacts/newest_versions", raw_of=provider, **keys)
    for table in SCHEMAS:
        session.run(f"transform/contacts/create_{table}")
    reading.spool.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=reading.spool) as folder:
        spool = Spool(Path(folder))
        _normalize_unread(session, reading, spool)
        for table in SCHEMAS:
            session.copy(table, spool.tables(table))
    session.lock_account(keys["account_id"])  # who matches meanwhile must not see half of what is written from here on
    now = clock()  # under the lock, so that times tell who wrote first
    _apply_merges(session, reading)
    staged = Staged(None, ()) if reading.is_rebuild else _apply_absence(session, reading, is_forced, removes_leads, now)
    _store_changes(session, reading, sync_id, now)
    return staged


def _keys(reading: Reading) -> dict[str, Any]:
    return {
        "account_id": reading.connection.account_id,
        "connection_id": str(reading.connection.id),
        "is_rebuild": reading.is_rebuild,
    }


def _normalize_unread(session: Session, reading: Reading, spool: Spool) -> None:
    known = session.rows("transform/contacts/references", **_keys(reading))
    references = References(
        (Reference(row["kind"], row["crm_id"], row["label"], row["email"]) for row in known),
        mapping=reading.connection.field_mapping,
    )
    rows = Rows(reading, references)
    aside = session.rows("transform/contacts/unread_set_aside", raw_of=reading.provider.name, **_keys(reading))
    for row in aside:
        rows.add_set_aside(row["object_type"], row["crm_id"], row["reason"], row["sample"])
    stream = session.stream(
        "transform/contacts/read_payloads", batch=PAYLOADS_AT_ONCE, raw_of=reading.provider.name, **_keys(reading)
    )
    read = 0
    with _without_gc():
        for batch in stream:
            for object_type, crm_id, payload in batch:
                rows.add(object_type, crm_id, payload)
            read += len(batch)
            reading.on_records(read)
            if rows.waiting >= ROWS_PER_TABLE:
                spool.write(rows.take())
    spool.write(rows.take())


@contextmanager
def _without_gc() -> Iterator[None]:
    """Rows make no cycles; looking for them among the rows of a batch took a tenth of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _apply_merges(session: Session, reading: Reading) -> None:
    """Contacts that became others leave, once the one they became is known."""
    account = {"account_id": reading.connection.account_id}
    session.run("transform/contacts/forget_own_merges", **account)
    session.run("transform/contacts/store_merges", **account)
    session.run("transform/contacts/unfollow_chains", **account)
    for _ in range(LONGEST_CHAIN):
        if not session.run("transform/contacts/follow_chains", **account):
            break
    session.run("transform/contacts/add_merged_away", **account)
    session.run("transform/contacts/retire_merged", **account)


def _apply_absence(session: Session, reading: Reading, is_forced: bool, removes_leads: bool, now: datetime) -> Staged:
    keys, provider, connection = _keys(reading), reading.provider, reading.connection
    doubts: tuple[str, ...] = ()
    counts: list[Row] = []
    if session.run("transform/contacts/create_proven", raw_of=provider.name, **keys):
        doubts = tuple(_doubt(provider.title, row) for row in session.rows("transform/contacts/unproven"))
        session.run("transform/contacts/drop_unproven")
        session.run("transform/contacts/absent_contacts", raw_of=provider.name, **keys)
        counts = session.rows("transform/contacts/count_absent", **keys)
    losses = [_loss(row, connection.label, is_named=len(counts) > 1) for row in counts]
    shown = valve.shown_of(session, connection)
    held = valve.to_hold(losses, shown, is_forced=is_forced)
    if not held and any(row["absent"] for row in counts):
        session.run("transform/contacts/drop_absent")
        session.run("transform/contacts/drop_absent_points")
        session.run("transform/contacts/add_absent", account_id=keys["account_id"])
    valve.settle(session, connection, [loss.kind for loss in losses], held, now=now)
    if is_forced and removes_leads and shown and not held:
        valve.pass_on(session, connection, shown, now=now)
    if counts or doubts:
        session.run(
            "registry/note_proof",
            account_id=keys["account_id"],
            id=keys["connection_id"],
            kind_of_leads=valve.LEADS,
            is_proven=bool(counts) and not doubts,
            is_unproven=bool(doubts),
            now=now,
        )
    if not held:
        return Staged(None, doubts)
    action = f"Look at the CRM. {valve.forcing(connection, removes_leads=removes_leads)}"
    absent, alive = sum(loss.gone for loss in held), sum(loss.alive for loss in held)
    why = valve.why_held(held, shown, is_forced=is_forced, action=action, absent=absent, alive=alive)
    return Staged(why, doubts)


def _doubt(title: str, row: Row) -> str:
    kept = "those missing are not taken for deleted."
    if not row["is_whole"]:
        return f"Some of what {title} sent was lost before it was stored: {kept}"
    return (
        f"{title} counts {row['expected']:,} records of the kind {row['object_type']}, but only {row['shown']:,} were "
        f"shown: {kept}"
    )


def _loss(row: Row, label: str, *, is_named: bool) -> valve.Loss:
    """Each kind of record by itself: all contacts gone among many leads is everything gone."""
    absent, alive = row["absent"], row["alive"]
    what = f"{label}, records of the kind {row['object_type']}" if is_named else label
    told = f"{what}: {absent} of {alive} contacts are not in the CRM any more"
    return valve.Loss(kind=row["object_type"], gone=absent, alive=alive, is_everything=absent >= alive, told=told)


def _store_changes(session: Session, reading: Reading, sync_id: UUID, now: datetime) -> None:
    keys = _keys(reading)
    account, provider = {"account_id": keys["account_id"]}, reading.provider.name
    changed = session.run("transform/contacts/changed_contacts", **account)
    if changed:
        if changed <= FEW_CHANGED:
            session.run("transform/contacts/drop_changed", **account)
        else:
            session.run("transform/contacts/update_contacts", **account, now=now)
        are_dropped = changed <= FEW_CHANGED
        session.run("transform/contacts/store_contacts", **keys, provider=provider, are_dropped=are_dropped, now=now)
        session.run("transform/contacts/touch_values", **account)
        session.run("transform/contacts/drop_points", **account)
        session.run("transform/contacts/store_points", **account)
        session.run("transform/contacts/drop_rejections", **account)
        session.run("transform/contacts/store_rejections", **keys, provider=provider, sync_id=str(sync_id), now=now)
    session.run("transform/contacts/queue_for_matching", **keys, now=now)
    if not reading.is_rebuild:
        session.run("transform/contacts/close_landings", raw_of=provider, **keys, now=now)
