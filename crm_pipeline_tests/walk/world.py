"""A small world for the walk's SQL: contacts put into raw, read and matched on a real store, without network or dlt."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import orjson

from crm_pipeline.domain.identity import USUAL_LIMITS, Limits
from crm_pipeline.errors import SyncHeld
from crm_pipeline.ingest.records import Origin, RecordBatch, pass_table, reference_table
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Proven, Provider, RawRecord, Reference
from crm_pipeline.walk import books, registry, rules
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection, contact_id
from crm_pipeline.walk.contacts import stage_contacts
from crm_pipeline.walk.difference import Difference, read_difference
from crm_pipeline.walk.leads import Results, build_leads
from crm_pipeline.walk.removal import remove_leads
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


class _TakenBack(Exception):
    """Ends the transaction of a preview."""


@dataclass(slots=True)
class World:
    """One account with its connections; every `sync` moves the clock by a minute."""

    session: Session
    account_id: str = "acme"
    clock: datetime = START
    provider: Provider = HUBSPOT
    connections: dict[str, Connection] = field(default_factory=dict)
    last_sync: UUID | None = None
    limits: Limits = USUAL_LIMITS
    region: str = "US"

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
        landed: int | None = None,
    ) -> UUID:
        """Put payloads into raw as a landing would, as a pass that was proven complete if so; the id of that sync."""
        sync_id = uuid4()
        origin = Origin(self.account_id, str(self.connection(on).id), str(sync_id))
        if complete:
            proven = complete if isinstance(complete, tuple) else (Proven("contact"),)
            self.session.copy("raw.complete_passes", [pass_table(origin, self.clock, proven, landed=landed)])
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
        landed: int | None = None,
        force: bool = False,
        strategy: str = "append",
    ) -> Results:
        """Land, read, match: a whole sync without the network. An overwrite is a complete pass."""
        self.clock += timedelta(minutes=1)
        complete = complete or strategy == "overwrite"
        sync_id = self.land(*payloads, on=on, references=references, complete=complete, landed=landed)
        connection = self.connection(on)
        books.open_run(self.session, connection, sync_id=sync_id, strategy=strategy, trigger="manual", now=self.clock)
        self.last_sync = sync_id
        held = self.stage(on=on, sync_id=sync_id, force=force, strategy=strategy)
        return self.match(on=on, sync_id=sync_id, held=held, strategy=strategy, force=force)

    def preview(
        self,
        *payloads: dict[str, Any],
        on: str = "main",
        of: str = "append",
        complete: bool = False,
        force: bool = False,
    ) -> tuple[Results, Difference]:
        """What that sync would come to, taken back."""
        self.connection(on)
        clock = self.clock
        self.clock += timedelta(minutes=1)
        with suppress(_TakenBack), self.session.transaction():
            sync_id = self.land(*payloads, on=on, complete=complete or of == "overwrite")
            held = self._stage(on, sync_id, force, strategy=of)
            result = self._match(on, sync_id, held, of, force)
            found = result.results, read_difference(self.session, self.account_id, sync_id=sync_id)
            raise _TakenBack
        self.clock = clock
        return found

    def stage(
        self,
        *,
        on: str = "main",
        sync_id: UUID | None = None,
        force: bool = False,
        strategy: str = "append",
    ) -> SyncHeld | None:
        with self.session.transaction():
            return self._stage(on, sync_id or uuid4(), force, strategy=strategy)

    def _stage(
        self, on: str, sync_id: UUID, force: bool, is_rebuild: bool = False, strategy: str = "append"
    ) -> SyncHeld | None:
        self.clock += timedelta(seconds=1)
        with tempfile.TemporaryDirectory() as folder:
            reading = Reading(
                connection=self.connection(on),
                provider=self.provider,
                default_region=self.region,
                spool=Path(folder),
                is_rebuild=is_rebuild,
            )
            staged = stage_contacts(
                self.session,
                reading,
                sync_id=sync_id,
                clock=lambda: self.clock,
                is_forced=force,
                removes_leads=strategy == "overwrite",
            )
            return staged.held

    def match(
        self,
        *,
        on: str = "main",
        sync_id: UUID | None = None,
        held: SyncHeld | None = None,
        strategy: str = "append",
        force: bool = False,
    ) -> Results:
        with self.session.transaction():
            result = self._match(on, sync_id or uuid4(), held, strategy, force)
            books.close_run(self.session, result)
        return result.results

    def _match(self, on: str, sync_id: UUID, held: SyncHeld | None, strategy: str, force: bool) -> SyncResult:
        self.clock += timedelta(seconds=1)
        connection = self.connection(on)
        results = build_leads(
            self.session,
            connection,
            sync_id=sync_id,
            now=self.clock,
            limits=self.limits,
            of_everybody=strategy == "rebuild",
            removes_leads=strategy == "overwrite" and held is None,
        )
        if strategy == "overwrite" and held is None:
            removal = remove_leads(self.session, connection, sync_id=sync_id, now=self.clock, is_forced=force)
            results, held = replace(results, removed=removal.removed), removal.held
        return SyncResult(
            sync_id=sync_id,
            connection=connection,
            strategy=strategy,
            pass_kind=None if strategy == "rebuild" else "window",
            status="held" if held else "succeeded",
            results=results,
            requests=0,
            started_at=self.clock,
            finished_at=self.clock,
            error=held,
        )

    def rebuild(self) -> list[Results]:
        """Everything after raw again, for every connection, as `steps.rebuild` does it."""
        self.clock += timedelta(minutes=2)
        runs = {name: uuid4() for name in self.connections}
        for name, sync_id in runs.items():
            books.open_run(
                self.session, self.connections[name], sync_id=sync_id, strategy="rebuild", trigger="manual",
                now=self.clock,
            )  # fmt: skip
            with self.session.transaction():
                assert self._stage(name, sync_id, False, is_rebuild=True) is None
        with self.session.transaction():
            results = [self._match(name, sync_id, None, "rebuild", False) for name, sync_id in runs.items()]
            for result in results:
                books.close_run(self.session, result)
        return [result.results for result in results]

    def rule(self, kind: rules.Kind | None, one: str, other: str) -> rules.Change:
        """What a person says of two contacts, by their ids; None takes it back."""
        return self.rules(kind, [(one, other)])

    def rules(self, kind: rules.Kind | None, people: list[tuple[str, str]]) -> rules.Change:
        """The same of many pairs."""
        self.clock += timedelta(seconds=1)
        pairs = [rules.pair(*both) for both in people]
        with self.session.transaction():
            if kind is None:
                return rules.drop_rules(self.session, self.account_id, pairs, now=self.clock, limits=self.limits)
            return rules.set_rules(self.session, self.account_id, kind, pairs, now=self.clock, limits=self.limits)

    def contact(self, crm_id: str, *, on: str = "main", kind: str = "contact") -> str:
        """The id of a contact."""
        return str(UUID(contact_id(str(self.connection(on).id), kind, crm_id)))

    def match_everybody(self) -> None:
        """Match every contact of the account anew, and count every value: what was right before stays as it is."""
        mine = f"account_id = '{self.account_id}'"
        self.select(
            "insert into staging.match_queue (account_id, contact_id, connection_id, is_changed, was_known, queued_at) "
            f"select account_id, contact_id, connection_id, true, true, updated_at from staging.contacts where {mine} "
            "returning 1"
        )
        self.select(
            "insert into staging.touched_values (account_id, kind, match_key) select distinct account_id, kind, "
            f"match_key from staging.contact_points where {mine} and is_evidence on conflict do nothing returning 1"
        )
        for name in self.connections:
            self.match(on=name)

    def difference(self) -> Difference:
        """What the last sync changed."""
        assert self.last_sync is not None
        return read_difference(self.session, self.account_id, sync_id=self.last_sync)

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
        "removed_leads",
        "staging.contacts",
        "staging.contact_points",
        "staging.identity_map",
        "staging.guarded_values",
    )
    rows = {table: sorted(map(repr, world.select(f"select * from {table}"))) for table in tables}
    return orjson.dumps(rows).decode()
