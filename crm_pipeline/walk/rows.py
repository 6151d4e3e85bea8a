"""One contact after the other: a payload mapped and normalized into rows, and the rows on their way to the store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from crm_pipeline.domain.contact import Contact
from crm_pipeline.domain.name import name_key
from crm_pipeline.domain.normalize import NormalContact, normalize
from crm_pipeline.ingest.records import TIME, arrow_column, microseconds
from crm_pipeline.providers.provider import Provider, References
from crm_pipeline.walk.connection import Connection, contact_id

logger = logging.getLogger(__name__)

TEXT_COLUMNS = (
    "contact_id", "object_type", "crm_id", "state", "reason", "reason_value", "name", "first_name", "last_name",
    "name_key", "phone", "email", "company", "company_id", "owner_id", "owner_name", "owner_email", "status_id",
    "status", "stage_id", "stage", "description",
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
    + [("is_evidence", pa.bool_())]
)
MERGE_SCHEMA = pa.schema([("contact_id", pa.string()), ("into_contact_id", pa.string()), ("is_own_word", pa.bool_())])
SCHEMAS = {"incoming_contacts": CONTACT_SCHEMA, "incoming_points": POINT_SCHEMA, "incoming_merges": MERGE_SCHEMA}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How to read a connection's raw records."""

    connection: Connection
    provider: Provider
    default_region: str
    spool: Path
    """Folder for rows between reading and writing the store; below the data directory, since they are people."""
    is_rebuild: bool = False
    """Read everything that ever landed, by today's settings, and leave alone what only a sync may decide."""
    on_records: Callable[[int], None] = lambda _: None
    """Called with the number of records read so far."""


class Rows:
    """Mapped and normalized contacts as rows of the incoming tables, gathered until taken."""

    def __init__(self, reading: Reading, references: References) -> None:
        self._label, self._connection_id = reading.connection.label, str(reading.connection.id)
        self._to_contact = reading.provider.to_contact
        self._region, self._references = reading.default_region, references
        self._seen: set[str] = set()
        self._rows: dict[str, list[tuple[Any, ...]]] = {table: [] for table in SCHEMAS}

    def add(self, object_type: str, crm_id: str, payload: str) -> None:
        """Map and normalize one record; one that cannot be read is a rejection and stops no other."""
        try:
            self._add_payload(object_type, payload)
        except Exception as error:
            logger.warning("%s: record %s cannot be read: %s", self._label, crm_id, type(error).__name__)
            self.add_set_aside(object_type, crm_id, "unreadable_record", payload[:300])

    def _add_payload(self, object_type: str, payload: str) -> None:
        contact = self._to_contact(orjson.loads(payload), self._references, object_type)
        key = contact_id(self._connection_id, contact.object_type, contact.crm_id)
        if key in self._seen:
            return
        self._seen.add(key)
        normal = normalize(contact, default_region=self._region)
        points = _point_rows(key, normal)
        facts = _contact_facts(normal)
        digest = hashlib.blake2b(orjson.dumps((facts, points)), digest_size=16).hexdigest()
        self._rows["incoming_contacts"].append((key, contact.object_type, contact.crm_id, *facts, digest))
        self._rows["incoming_points"] += points
        if contact.merged_ids or contact.merged_into or contact.is_merge_unknown:
            self._rows["incoming_merges"] += self._merges(key, contact)

    def _merges(self, key: str, contact: Contact) -> Iterator[tuple[str, str | None, bool]]:
        """Which contact became which, as the survivor or the one that is gone tells it; None: it cannot tell."""
        if contact.is_merge_unknown and not contact.merged_into:
            yield key, None, True
        for loser in contact.merged_ids:
            yield contact_id(self._connection_id, contact.object_type, loser), key, False
        if contact.merged_into:
            yield key, contact_id(self._connection_id, *contact.merged_into), True

    def add_set_aside(self, object_type: str, crm_id: str, reason: str, sample: str | None) -> None:
        """A record that could not be landed: a rejection like any other, so that somebody sees it."""
        key = contact_id(self._connection_id, object_type, crm_id)
        if key not in self._seen:
            self._seen.add(key)
            facts = ("rejected", reason, sample) + (None,) * (len(TEXT_COLUMNS) - 6) + (None,) * len(TIME_COLUMNS)
            digest = hashlib.blake2b(f"{reason}\x1f{sample}".encode(), digest_size=16).hexdigest()
            self._rows["incoming_contacts"].append((key, object_type, crm_id, *facts, digest))
            self._rows["incoming_merges"].append((key, None, True))

    @property
    def waiting(self) -> int:
        """How many contacts have been gathered since the last `take`."""
        return len(self._rows["incoming_contacts"])

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
        name_key(name.full) if name else None,
        normal.phones[0].e164 if normal.phones else None,
        normal.emails[0].address if normal.emails else None,
        contact.company,
        contact.company_id,
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
        (key, "phone", position, phone.e164, phone.match_key, phone.extension, phone.text, True)
        for position, phone in enumerate(normal.phones)
    ]
    emails = [
        (key, "email", position, email.address, email.match_key, None, email.address, not email.is_role)
        for position, email in enumerate(normal.emails)
    ]
    return phones + emails


def _arrow(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    columns = zip(zip(*rows, strict=True), schema.types, strict=True)
    return pa.Table.from_arrays([arrow_column(column, kind) for column, kind in columns], schema=schema)


class Spool:
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
