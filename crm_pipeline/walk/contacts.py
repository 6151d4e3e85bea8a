"""Raw records become contacts: map, normalize, and keep what changed; everything read waits in the match queue.

Row by row is Python, and streams through a file on disk, so memory does not grow with the number of contacts. Set by
set is SQL.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pyarrow as pa

from crm_pipeline.domain.normalize import NormalContact, normalize
from crm_pipeline.errors import SyncHeld
from crm_pipeline.ingest.records import TIME, arrow_column, microseconds
from crm_pipeline.providers.provider import Provider, Reference, References
from crm_pipeline.walk.connection import Connection, contact_id
from crm_pipeline.warehouse.session import Session

logger = logging.getLogger(__name__)

BATCH = 5_000
VALVE_MINIMUM, VALVE_SHARE = 20, 0.05
"""More vanished contacts than both of these are not believed without a person's word."""

TEXT_COLUMNS = (
    "contact_id", "object_type", "crm_id", "state", "reason", "reason_value", "name", "first_name", "last_name",
    "phone", "email", "company", "owner_id", "owner_name", "owner_email", "status_id", "status", "stage_id", "stage",
    "description",
)  # fmt: skip
TIME_COLUMNS = ("last_activity_at", "source_created_at", "source_updated_at")
CONTACT_SCHEMA = pa.schema(
    [(name, pa.string()) for name in TEXT_COLUMNS]
    + [(name, TIME) for name in TIME_COLUMNS]
    + [("content_hash", pa.string())]
)
POINT_SCHEMA = pa.schema(
    [("contact_id", pa.string()), ("kind", pa.string()), ("position", pa.int16())]
    + [(name, pa.string()) for name in ("value", "match_key", "extension", "source_text")]
)
MERGE_SCHEMA = pa.schema([("contact_id", pa.string()), ("into_contact_id", pa.string())])
SCHEMAS = {"incoming_contacts": CONTACT_SCHEMA, "incoming_points": POINT_SCHEMA, "incoming_merges": MERGE_SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read a connection's raw records."""

    connection: Connection
    provider: Provider
    default_region: str


def stage_contacts(
    session: Session,
    reading: Reading,
    *,
    sync_id: UUID,
    now: datetime,
    proven_since: datetime | None = None,
    is_forced: bool = False,
) -> SyncHeld | None:
    """Read what landed and was not read yet into `staging.contacts` and its neighbours. Runs inside the caller's
    transaction.

    `proven_since` is the start of a complete pass that reached its end: contacts it did not show are deleted in the
    CRM, unless so many vanished that a person has to say so; then nothing is removed and the reason is returned.
    """
    session.drop_temporary()
    keys = _keys(reading)
    session.run("transform/contacts/changed_references", **keys)
    session.run("transform/contacts/store_references", **keys)
    provider = reading.provider.name
    session.run("transform/contacts/unread_keys", raw_of=provider, **keys)
    session.run("transform/contacts/newest_versions", raw_of=provider, **keys)
    for table in SCHEMAS:
        session.run(f"transform/contacts/create_{table}")
    with tempfile.TemporaryDirectory(prefix="crm_pipeline_") as folder:
        spool = _Spool(Path(folder))
        _normalize_unread(session, reading, spool)
        for table in SCHEMAS:
            session.copy(table, spool.tables(table))
    held = _apply_deletions(session, reading, proven_since, is_forced)
    _store_changes(session, reading, sync_id, now)
    return held


def _keys(reading: Reading) -> dict[str, str]:
    return {"account_id": reading.connection.account_id, "connection_id": str(reading.connection.id)}


def _normalize_unread(session: Session, reading: Reading, spool: _Spool) -> None:
    references = References(
        Reference(row["kind"], row["crm_id"], row["label"], row["email"])
        for row in session.rows("transform/contacts/references", **_keys(reading))
    )
    rows = Rows(reading, references)
    aside = session.rows("transform/contacts/unread_set_aside", **_keys(reading))
    for row in aside:
        rows.add_set_aside(row["object_type"], row["crm_id"], row["reason"], row["sample"])
    stream = session.stream(
        "transform/contacts/read_payloads", batch=BATCH, raw_of=reading.provider.name, **_keys(reading)
    )
    with _without_gc():
        for batch in stream:
            for object_type, crm_id, payload in batch:
                rows.add(object_type, crm_id, payload)
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


def _apply_deletions(
    session: Session, reading: Reading, proven_since: datetime | None, is_forced: bool
) -> SyncHeld | None:
    account = {"account_id": reading.connection.account_id}
    session.run("transform/contacts/store_merges", **account)
    session.run("transform/contacts/add_merged_away", **account)
    session.run("transform/contacts/retire_merged", **account)
    if proven_since is None:
        return None
    keys = _keys(reading)
    session.run(
        "transform/contacts/absent_contacts", raw_of=reading.provider.name, pass_started_at=proven_since, **keys
    )
    counts = session.rows("transform/contacts/count_absent", **keys)[0]
    held = None if is_forced else valve(absent=counts["absent"], alive=counts["alive"], label=reading.connection.label)
    if held is None:
        session.run("transform/contacts/add_absent", **account)
    return held


def valve(*, absent: int, alive: int, label: str) -> SyncHeld | None:
    """Whether so many contacts vanished that nothing may be removed without a person's word."""
    everything_gone = absent == alive and alive > 1
    if absent == 0 or (absent <= max(VALVE_MINIMUM, VALVE_SHARE * alive) and not everything_gone):
        return None
    return SyncHeld(
        "mass_removal_held",
        f"{label}: {absent} of {alive} contacts are not in the CRM any more, too many to believe; none was removed.",
        absent=absent,
        alive=alive,
    )


def _store_changes(session: Session, reading: Reading, sync_id: UUID, now: datetime) -> None:
    keys = _keys(reading)
    account, provider = {"account_id": keys["account_id"]}, reading.provider.name
    session.run("transform/contacts/changed_contacts", **account)
    session.run("transform/contacts/store_contacts", **keys, provider=provider, now=now)
    session.run("transform/contacts/drop_points", **account)
    session.run("transform/contacts/store_points", **account)
    session.run("transform/contacts/drop_rejections", **account)
    session.run("transform/contacts/store_rejections", **keys, provider=provider, sync_id=str(sync_id), now=now)
    session.run("transform/contacts/queue_for_matching", **keys, now=now)
    session.run("transform/contacts/close_landings", raw_of=provider, **keys, now=now)


class Rows:
    """Mapped and normalized contacts as rows of the incoming tables, gathered until taken."""

    def __init__(self, reading: Reading, references: References) -> None:
        self._connection, self._to_contact = reading.connection, reading.provider.to_contact
        self._region, self._references = reading.default_region, references
        self._seen: set[str] = set()
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in SCHEMAS}

    def add(self, object_type: str, crm_id: str, payload: str) -> None:
        """Map and normalize one record; one that cannot be read is a rejection and stops no other."""
        try:
            self._add_payload(payload)
        except Exception as error:
            logger.warning("%s: record %s cannot be read: %s", self._connection.label, crm_id, type(error).__name__)
            self.add_set_aside(object_type, crm_id, "unreadable_record", payload[:300])

    def _add_payload(self, payload: str) -> None:
        contact = self._to_contact(orjson.loads(payload), self._references)
        key = contact_id(self._connection, contact.object_type, contact.crm_id)
        if key in self._seen:
            return
        self._seen.add(key)
        normal = normalize(contact, default_region=self._region)
        points = _point_rows(key, normal)
        facts = _contact_facts(normal)
        digest = hashlib.blake2b(orjson.dumps((facts, points)), digest_size=16).hexdigest()
        self._rows["incoming_contacts"].append((key, contact.object_type, contact.crm_id, *facts, digest))
        self._rows["incoming_points"] += points
        self._rows["incoming_merges"] += [
            (contact_id(self._connection, contact.object_type, loser), key) for loser in contact.merged_ids
        ]

    def add_set_aside(self, object_type: str, crm_id: str, reason: str, sample: str | None) -> None:
        """A record that could not be landed: a rejection like any other, so that somebody sees it."""
        key = contact_id(self._connection, object_type, crm_id)
        if key not in self._seen:
            self._seen.add(key)
            facts = ("rejected", reason, sample) + (None,) * (len(TEXT_COLUMNS) - 6) + (None,) * len(TIME_COLUMNS)
            digest = hashlib.blake2b(f"{reason}\x1f{sample}".encode(), digest_size=16).hexdigest()
            self._rows["incoming_contacts"].append((key, object_type, crm_id, *facts, digest))

    def take(self) -> dict[str, pa.Table]:
        """The rows gathered so far as Arrow tables; starts afresh."""
        taken, self._rows = self._rows, {table: [] for table in SCHEMAS}
        return {table: _arrow(SCHEMAS[table], rows) for table, rows in taken.items() if rows}


def _contact_facts(normal: NormalContact) -> tuple[Any, ...]:
    """The columns of `incoming_contacts` from `state` on, without the hash."""
    contact, name = normal.contact, normal.name
    reason = normal.reason
    if contact.is_deleted:
        state, reason, value = "deleted", "purged" if contact.is_purged else "deleted", None
    else:
        state, value = ("accepted" if reason is None else "rejected"), normal.reason_text
    return (
        state,
        reason,
        value,
        name.full if name else None,
        name.first if name else None,
        name.last if name else None,
        normal.phones[0].e164 if normal.phones else None,
        normal.emails[0].address if normal.emails else None,
        contact.company,
        contact.owner_id,
        contact.owner_name,
        contact.owner_email,
        contact.status_id,
        contact.status,
        contact.stage_id,
        contact.stage,
        contact.description,
        microseconds(contact.last_activity_at),
        microseconds(contact.created_at),
        microseconds(contact.updated_at),
    )


def _point_rows(key: str, normal: NormalContact) -> list[tuple[Any, ...]]:
    phones = [
        (key, "phone", position, phone.e164, phone.match_key, phone.extension, phone.text)
        for position, phone in enumerate(normal.phones)
    ]
    emails = [
        (key, "email", position, email.address, email.match_key, None, email.address)
        for position, email in enumerate(normal.emails)
    ]
    return phones + emails


def _arrow(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    return pa.Table.from_arrays([arrow_column(column, kind) for column, kind in columns], schema=schema)


class _Spool:
    """Arrow tables on disk between reading and writing the store, since one session cannot do both at once."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0

    def write(self, tables: dict[str, pa.Table]) -> None:
        for name, table in tables.items():
            self._count += 1
            with (
                pa.OSFile(str(self._folder / f"{self._count:06d}.{name}"), "wb") as sink,
                pa.ipc.new_file(sink, table.schema) as out,
            ):
                out.write_table(table)

    def tables(self, name: str) -> Iterator[pa.Table]:
        for path in sorted(self._folder.glob(f"*.{name}")):
            with pa.memory_map(str(path)) as source:
                yield pa.ipc.open_file(source).read_all()
            path.unlink()
