"""One account with very many contacts, straight from raw: no HTTP, so that only what comes after landing is measured.

Each line is a process of its own on one store: first contacts and leads, a rebuild that finds everything as it is, then
an incremental sync of a few changed contacts. PostgreSQL is measured where `--postgres` names an empty database.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import orjson

from benchmarks import processes
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import Line, Target, aligned

if TYPE_CHECKING:
    import pyarrow as pa

    from crm_pipeline.steps import Pipeline
    from crm_pipeline.walk.connection import Connection

CONTACTS = 1_000_000
ACCOUNT = "acme"
FIRST = 84_010_000_000
PER_SEED = 50_000
"""People of one seed: among so many some are typed in twice."""
PER_TABLE = 10_000
CHANGED = 1_000
REBUILD, CHANGES = Target(120, 2_000), Target(5)
"""For 1,000,000 contacts on two processors (issue 4)."""
HEADINGS = ("", "seconds", "CPU s", "contacts/s", "peak MB", "target", "")
COUNT = "BENCH_CONTACTS"
Facts = dict[str, Any]


def measure(contacts: int, folder: Path, *, postgres: str | None = None) -> tuple[str, bool]:
    """The table, and whether every target is met."""
    store = {
        "CRM_WAREHOUSE": postgres or f"duckdb:///{folder / 'crm.duckdb'}",
        "CRM_DATA_DIR": str(folder / "data"),
        COUNT: str(contacts),
    }
    processes.run(("benchmarks", "stage", "put"), store, folder)
    lines = [
        _line("first contacts and leads", "first", store, folder, contacts),
        _line("rebuild, nothing changed", "again", store, folder, contacts, None if postgres else REBUILD),
        _line(f"{CHANGED:,} changed contacts", "few", store, folder, CHANGED, CHANGES),
    ]
    return aligned([HEADINGS, *map(_cells, lines)], left=(0, 5, 6)), not any(line.is_missed for line in lines)


def _line(
    name: str, stage: str, store: Mapping[str, str], folder: Path, contacts: int, target: Target | None = None
) -> Line:
    usage = processes.run(("benchmarks", "stage", stage), store, folder)
    facts = orjson.loads(usage.output)
    if facts["contacts"] != contacts:
        raise BenchmarkFailed(f"{name}: went through {facts['contacts']} contacts, not {contacts}")
    return Line(name, facts["seconds"], usage.cpu, usage.peak, contacts, target)


def _cells(line: Line) -> tuple[str, ...]:
    name, seconds, cpu, rate, _, *rest = line.cells(1)
    return (name, seconds, cpu, rate, *rest)


def put() -> Facts:
    """The contacts, in raw of a new store."""
    count = int(os.environ[COUNT])
    with _pipeline() as pipeline:
        _land(pipeline, _payloads(count), datetime(2026, 6, 2, tzinfo=UTC))
    return {"contacts": count}


def first() -> Facts:
    """Contacts and leads of everything that landed."""
    return _synced()


def again() -> Facts:
    """A rebuild, by its command's own function."""
    from crm_pipeline import steps

    with _pipeline() as pipeline:
        _warm()
        started = time.perf_counter()
        rebuilt = steps.rebuild(pipeline, ACCOUNT)
        seconds = time.perf_counter() - started
    if rebuilt.error is not None:
        raise BenchmarkFailed(f"the rebuild failed: {rebuilt.error.message}")
    counts = [result.results for result in rebuilt.syncs]
    if any(one.created or one.updated or one.merged or one.split for one in counts):
        raise BenchmarkFailed(f"the rebuild changed something: {counts}")
    return {"contacts": sum(one.fetched for one in counts), "seconds": seconds}


def few() -> Facts:
    """An incremental sync of some contacts spread over all of them, half of them with another phone."""
    count = int(os.environ[COUNT])
    with _pipeline() as pipeline:
        _land(pipeline, _changed(pipeline, count), datetime.now(UTC))
    return _synced()


STAGES: dict[str, Callable[[], Facts]] = {stage.__name__: stage for stage in (put, first, again, few)}


def _synced() -> Facts:
    from crm_pipeline import steps

    with _pipeline() as pipeline:
        _warm()
        connection = _connection(pipeline)
        sync = steps.new_sync(pipeline, connection)
        steps.open_books(pipeline, sync, trigger="manual")
        started = time.perf_counter()
        steps.stage_contacts(pipeline, sync)
        staged = time.perf_counter()
        result = steps.build_leads(pipeline, sync)
        ended = time.perf_counter()
    return {"contacts": result.results.fetched, "seconds": ended - started, "staging": staged - started}


def _warm() -> None:
    from benchmarks.stages import start

    start()


def _pipeline() -> Any:
    from crm_pipeline.commands import app
    from crm_pipeline.settings import Settings

    return app.offline_pipeline(Settings.from_environment())


def _connection(pipeline: Pipeline) -> Connection:
    from crm_pipeline.nango.connections import NangoConnection
    from crm_pipeline.walk import registry

    found = NangoConnection(1, "scale", "hubspot", "hubspot", ACCOUNT)
    with pipeline.warehouse.session() as session, session.transaction():
        return registry.save(session, found, now=pipeline.now())


def _land(pipeline: Pipeline, payloads: Iterable[Facts], at: datetime) -> None:
    from crm_pipeline.ingest.records import Origin

    origin = Origin(ACCOUNT, str(_connection(pipeline).id), str(uuid4()))
    with pipeline.warehouse.session() as session:
        session.ensure_raw("hubspot")
        with session.transaction():
            session.copy("raw.hubspot_contacts", _tables(origin, payloads, at))


def _tables(origin: Any, payloads: Iterable[Facts], at: datetime) -> Iterator[pa.Table]:
    from crm_pipeline.ingest.records import RecordBatch
    from crm_pipeline.providers.provider import RawRecord

    batch = RecordBatch(origin)
    for payload in payloads:
        updated = datetime.fromisoformat(payload["updatedAt"])
        batch.add(RawRecord(payload["id"], payload, "contact", updated, payload["archived"]), at)
        if len(batch.rows) >= PER_TABLE:
            yield from (table for _, table in batch.flush())
    yield from (table for _, table in batch.flush())


def _payloads(count: int) -> Iterator[Facts]:
    """HubSpot contacts as the sandbox has them, the people of one seed after those of another."""
    from crm_pipeline.providers.hubspot import FIELDS
    from crm_pipeline.sandbox.exchange import iso_ms
    from crm_pipeline.sandbox.hubspot import first_day
    from crm_pipeline.sandbox.hubspot.records import BASE_MS, DAY_MS
    from crm_pipeline.sandbox.people import people

    chance, number = random.Random("scale").random, FIRST
    owners = [str(owner) for owner in range(61_190_007, 61_190_057, 7)]
    for start in range(0, count, PER_SEED):
        for person in people(start, f"part{start}", min(PER_SEED, count - start)):
            number += 3
            created = BASE_MS - int(chance() * 1000 * DAY_MS) - DAY_MS
            updated = created + int(chance() * (BASE_MS - created))
            properties = first_day._properties(person, number, created, updated, owners, chance)
            yield {
                "id": str(number),
                "properties": {name: properties.get(name) for name in FIELDS},
                "createdAt": iso_ms(created),
                "updatedAt": iso_ms(updated),
                "archived": False,
            }


def _changed(pipeline: Pipeline, count: int) -> list[Facts]:
    """Newer versions of some that were put there: another phone, or another name."""
    ids = [str(FIRST + 3 * number) for number in range(1, count + 1, max(1, count // CHANGED))][:CHANGED]
    quoted = ", ".join(f"'{crm_id}'" for crm_id in ids)
    query = f"select crm_id, cast(payload as text) from raw.hubspot_contacts where crm_id in ({quoted})"
    with pipeline.warehouse.session() as session:
        found = session.execute(query).fetchall()  # type: ignore[attr-defined]
    changed = []
    for number, (_, text) in enumerate(sorted(dict(found).items())):
        payload = orjson.loads(text)
        new = {"phone": f"+1 212 2{number:06d}"} if number % 2 else {"lastname": f"Changed-{number}"}
        payload["properties"] |= new
        changed.append(payload | {"updatedAt": datetime.now(UTC).isoformat()})
    return changed
