"""What runs in the child processes: `python -m benchmarks stage NAME`. Imports come before the clock."""

from __future__ import annotations

import gc
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from crm_pipeline.domain.contact import Contact
    from crm_pipeline.steps import Pipeline, Sync

IMPORTS = (
    "crm_pipeline.cli", "crm_pipeline.commands.app", "crm_pipeline.steps", "crm_pipeline.ingest.landing",
    "crm_pipeline.walk.contacts", "crm_pipeline.walk.leads", "crm_pipeline.warehouse.duckdb_store",
)  # fmt: skip
"""What `crm-pipeline sync` imports by the time it ends, our own modules."""
SYNC = UUID("00000000-0000-4000-8000-000000000001")
"""The one sync that the stages make together, each in a process of its own, as Dagster's assets do."""

Facts = dict[str, Any]


def run_stage(stage: Callable[[], Facts]) -> None:
    """Run one stage and print what it took, as JSON."""
    print(json.dumps(stage()))


def start() -> Facts:
    """Only the imports; the process is measured from outside."""
    for module in IMPORTS:
        import_module(module)
    return {}


def read() -> Facts:
    """The bare read loop."""
    from benchmarks.sandbox import Reader

    reader = Reader.of(os.environ)
    facts: Facts = {}
    with _timed(facts):
        for _ in reader.pages():
            pass
    return facts


def land() -> Facts:
    """Fetch and land, on an empty store."""
    from crm_pipeline import steps

    start()
    facts: Facts = {}
    with _sync() as (pipeline, sync):
        steps.open_books(pipeline, sync, trigger="manual")
        with _timed(facts):
            steps.land(pipeline, sync)
        facts["contacts"] = sync.records
    return facts


def contacts() -> Facts:
    """Map, normalize, store the contacts."""
    from crm_pipeline import steps

    start()
    facts: Facts = {}
    with _sync() as (pipeline, sync), _timed(facts):
        steps.stage_contacts(pipeline, sync)
    return facts


def leads() -> Facts:
    """Match, and build the leads."""
    from crm_pipeline import steps

    start()
    facts: Facts = {}
    with _sync() as (pipeline, sync), _timed(facts):
        result = steps.build_leads(pipeline, sync)
    return facts | {"contacts": result.results.fetched}


def domain() -> Facts:
    """Phones and contacts alone, from what landed; each distinct phone text once."""
    from crm_pipeline.domain import phone
    from crm_pipeline.domain.normalize import normalize

    found = _distinct(_landed_contacts())
    texts = [text.text for contact in found for text in contact.phones]
    warm_up = [f"+{code} {number}" for code in range(1, 1000) for number in ("2025550143", "15155501430")]
    for text in warm_up:  # compiles the numbering plans, which is done once a process
        phone.parse_phones(text, "US")
    phones: Facts = {}
    with _timed(phones):
        for text in texts:
            phone.parse_phones(text, "US")
    phone._parse_cached.cache_clear()
    normal: Facts = {}
    with _timed(normal):
        for contact in found:
            normalize(contact, default_region="US")
    return {"phones": len(texts), "contacts": len(found)} | {
        "phone_seconds": phones["seconds"],
        "contact_seconds": normal["seconds"],
    }


STAGES: dict[str, Callable[[], Facts]] = {
    stage.__name__: stage for stage in (start, read, land, contacts, leads, domain)
}


@contextmanager
def _timed(facts: Facts) -> Iterator[None]:
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    yield
    facts |= {"seconds": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


@contextmanager
def _sync() -> Iterator[tuple[Pipeline, Sync]]:
    """The sync that the stages of a run share; the first one opens its books."""
    from crm_pipeline import steps
    from crm_pipeline.commands import app
    from crm_pipeline.settings import Settings

    with app.pipeline(Settings.from_environment()) as pipeline:
        (connection,) = steps.refresh_connections(pipeline)
        sync = steps.Sync(id=SYNC, connection=connection, strategy="append", started_at=pipeline.now())
        yield pipeline, sync


def _landed_contacts() -> Iterator[Contact]:
    import orjson

    from crm_pipeline.commands import app
    from crm_pipeline.providers import PROVIDERS
    from crm_pipeline.providers.provider import References
    from crm_pipeline.settings import Settings
    from crm_pipeline.warehouse.duckdb_store import open_duckdb

    references, to_contact = References(), PROVIDERS["hubspot"].to_contact
    with open_duckdb(app.store(Settings.from_environment()).path) as session:
        for (payload,) in session.execute("select cast(payload as text) from raw.hubspot_contacts").fetchall():
            yield to_contact(orjson.loads(payload), references)


def _distinct(found: Iterator[Contact]) -> list[Contact]:
    """Contacts with a phone, none of whose phone texts came before."""
    seen: set[str] = set()
    kept = []
    for contact in found:
        texts = {text.text for text in contact.phones}
        if texts and len(texts) == len(contact.phones) and not texts & seen:
            seen |= texts
            kept.append(contact)
    return kept
