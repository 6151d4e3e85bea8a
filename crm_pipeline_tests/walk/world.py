"""A small world for the walk's SQL: contacts put into raw, read and matched on a real store, without network or dlt."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from crm_pipeline.errors import SyncHeld
from crm_pipeline.ingest.records import Origin, RecordBatch, pass_table, reference_table
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Proven, Provider, RawRecord, Reference
from crm_pipeline.walk import books, registry
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.walk.contacts import stage_contacts
from crm_pipeline.walk.leads import Results, build_leads
from crm_pipeline.walk.rows import Reading
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Row, Session

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HUBSPOT = PROVIDERS["hubspot"]


def a_payload(
    crm_id: str,
    *,
    first: str | None = "Ann",
    last: str | None = None,
    phone: str | None = None,
    mobile: str | None = None,
    email: str | None = None,
    archived: bool = False,
    updated: datetime = START,
    **properties: str,
) -> dict[str, Any]:
    """A HubSpot contact."""
    named = {"firstname": first, "lastname": last, "phone": phone, "mobilephone": mobile, "email": email}
    return {
        "id": crm_id,
        "properties": named | properties,
        "createdAt": "2026-01-01T00:00:00Z",
        "updatedAt": updated.isoformat(),
        "archived": archived,
    }


@dataclass(slots=True)
class World:
    """One account with its connections; every `sync` moves the clock by a minute."""

    session: Session
    account_id: str = "acme"
    clock: datetime = START
    provider: Provider = HUBSPOT
    connections: dict[str, Connection] = field(default_factory=dict)

    def connection(self, name: str = "main", **settings: Any) -> Connection:
        """A HubSpot connection of the account, made at its first use."""
        if name not in self.connections:
            found = NangoConnection(1, name, "hubspot", "hubspot", self.account_id, metadata={"crm_pipeline": settings})
            with self.session.transaction():
                self.connections[name] = registry.save(self.session, found, now=self.clock)
            self.session.run("transform/land/create_raw_contacts", raw_of="hubspot")
        return self.connections[name]

    def land(
        self,
        *payloads: dict[str, Any],
        on: str = "main",
        references: list[Reference] | None = None,
        complete: bool | tuple[Proven, ...] = False,
    ) -> UUID:
        """Put payloads into raw as a landing would, as a pass that was proven complete if so; the id of that sync."""
        sync_id = uuid4()
        origin = Origin(self.account_id, str(self.connection(on).id), str(sync_id))
        if complete:
            proven = complete if isinstance(complete, tuple) else (Proven("contact"),)
            self.session.copy("raw.complete_passes", [pass_table(origin, self.clock, proven)])
        batch = RecordBatch(origin)
        for payload in payloads:
            updated = datetime.fromisoformat(payload["updatedAt"]) if payload.get("updatedAt") else None
            kind = payload.get("object_type", "contact")
            record = RawRecord(payload.get("id"), payload, kind, updated, bool(payload.get("archived")))
            batch.add(record, self.clock)
        for kind, table in batch.flush():
            self.session.copy("raw.hubspot_contacts" if kind == "contacts" else "raw.set_aside", [table])
        if references:
            self.session.copy("raw.crm_references", [reference_table(origin, references, self.clock)])
        return sync_id

    def sync(
        self,
        *payloads: dict[str, Any],
        on: str = "main",
        references: list[Reference] | None = None,
        complete: bool | tuple[Proven, ...] = False,
        force: bool = False,
    ) -> Results:
        """Land, read, match: a whole sync without the network."""
        self.clock += timedelta(minutes=1)
        sync_id = self.land(*payloads, on=on, references=references, complete=complete)
        connection = self.connection(on)
        books.open_run(self.session, connection, sync_id=sync_id, strategy="append", trigger="manual", now=self.clock)
        held = self.stage(on=on, sync_id=sync_id, force=force)
        return self.match(on=on, sync_id=sync_id, held=held)

    def stage(
        self,
        *,
        on: str = "main",
        sync_id: UUID | None = None,
        force: bool = False,
    ) -> SyncHeld | None:
        self.clock += timedelta(seconds=1)
        with tempfile.TemporaryDirectory() as folder, self.session.transaction():
            reading = Reading(
                connection=self.connection(on), provider=self.provider, default_region="US", spool=Path(folder)
            )
            staged = stage_contacts(self.session, reading, sync_id=sync_id or uuid4(), now=self.clock, is_forced=force)
            return staged.held

    def match(self, *, on: str = "main", sync_id: UUID | None = None, held: SyncHeld | None = None) -> Results:
        self.clock += timedelta(seconds=1)
        connection, sync = self.connection(on), sync_id or uuid4()
        with self.session.transaction():
            results = build_leads(self.session, connection, sync_id=sync, now=self.clock)
            result = SyncResult(
                sync_id=sync,
                connection=connection,
                strategy="append",
                pass_kind="window",
                status="held" if held else "succeeded",
                results=results,
                requests=0,
                started_at=self.clock,
                finished_at=self.clock,
                error=held,
            )
            books.close_run(self.session, result)
        return results

    def leads(self) -> list[Row]:
        """The leads by name."""
        return self.select("select * from leads where account_id = '{account}' order by name, phone, id")

    def select(self, query: str) -> list[Row]:
        """A look at the store, for tests only."""
        cursor = self.session.execute(query.replace("{account}", self.account_id))  # type: ignore[attr-defined]
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@contextmanager
def a_world(url: str, folder: Path, account_id: str = "acme") -> Iterator[World]:
    """A world on a store."""
    with Warehouse(url, data_dir=folder).session() as session:
        yield World(session, account_id=account_id)


def fingerprint(world: World) -> str:
    """Everything a sync may write about people, as one text: two of them are equal only if nothing changed."""
    tables = (
        "leads",
        "lead_changes",
        "lead_merges",
        "staging.contacts",
        "staging.contact_points",
        "staging.identity_map",
    )
    rows = {table: sorted(map(repr, world.select(f"select * from {table}"))) for table in tables}
    return orjson.dumps(rows).decode()
