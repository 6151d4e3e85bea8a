"""One pass of one connection: pages in, raw rows and the cursor out, through dlt.

Pages are extracted to disk while no store is open; then the store is opened, the package loaded, the store closed. A
long pass is landed in segments, and a pass that fails lands what it has before it raises, so that the next run
continues there. The truth of the cursor is the destination: a local folder that was lost or damaged costs a page or
two, never data.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

os.environ.setdefault("RUNTIME__DLTHUB_TELEMETRY", "false")
os.environ.setdefault("RUNTIME__LOG_LEVEL", "ERROR")
os.environ.setdefault("RUNTIME__INTERCEPT_SIGNALS", "false")  # dlt would swallow the signal that comes while it loads

import dlt
from dlt.common.destination import Destination, DestinationCapabilitiesContext
from dlt.common.exceptions import DltException
from dlt.common.normalizers.naming import NamingConvention
from dlt.pipeline.exceptions import PipelineStepFailed

from crm_pipeline.errors import PipelineError, SyncUnfinished, WarehouseError
from crm_pipeline.ingest.cursor import PassPlan, page_landed, pass_landed, plan_pass, references_since
from crm_pipeline.ingest.records import Origin, RecordBatch, pass_table, reference_table
from crm_pipeline.providers.provider import CrmApi, Proven, Provider, Pull, Reference
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session

logger = logging.getLogger(__name__)

DATASET = "raw"
ROWS_PER_TABLE, SIZE_PER_TABLE = 10_000, 16 << 20
"""A table is written when it has either, rows or characters of payload."""
ROWS_PER_SEGMENT = 200_000
SECONDS_PER_SEGMENT = 120.0
WHEN_DOUBTED = timedelta(days=1)
"""Between complete passes while one did not show what the CRM counts."""

Ticker = Callable[[int], None]
"""Called with the number of records fetched so far."""


@dataclass(slots=True, kw_only=True)
class Landing:
    """What one pass brought."""

    plan: PassPlan
    records: int = 0
    notes: list[str] = field(default_factory=list)
    """What could not be read although the pass went on, in words for a person."""
    failure: PipelineError | None = None
    """Why the pass ended before its end; what came before it is landed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The connection to pull from, and where its dlt pipeline lives."""

    provider: Provider
    api: CrmApi
    origin: Origin
    folder: Path
    """The data directory; dlt's working folders are below it."""
    mapping: Mapping[str, str] = field(default_factory=dict)
    """The connection's field mapping."""
    is_doubted: bool = False
    """The last complete pass showed fewer records than the CRM counts, so another one is due soon."""

    @property
    def complete_every(self) -> timedelta:
        """How often a pass has to be complete."""
        usual = self.provider.complete_every
        return min(usual, WHEN_DOUBTED) if self.is_doubted else usual

    @property
    def pipeline_name(self) -> str:
        return f"{self.provider.name}_{self.origin.connection_id.replace('-', '')}"


def land_pass(
    warehouse: Warehouse,
    source: Source,
    *,
    full: bool,
    now: Callable[[], datetime],
    on_records: Ticker = lambda _: None,
    is_time_up: Callable[[], bool] = lambda: False,
) -> Landing:
    """Fetch the pass that is due and land it in `raw.<provider>_contacts`.

    A fetch that failed, or whose time was up after a page, is told after landing what it had.
    """
    with warehouse.session() as session:
        pipeline = _recovered_pipeline(session, source)
        walk = walk_due(session, source, resource_state(pipeline, source), full=full, now=now, on_records=on_records)
    walk.is_time_up = is_time_up
    while not walk.is_over:
        _extract(pipeline, walk)
        with warehouse.session() as session:
            session.expect_rows(walk.average_row, walk.largest_row)
            _load(pipeline, session, source)
    _forget_folder(source)
    return walk.landing


def walk_due(
    session: Session,
    source: Source,
    state: Mapping[str, Any],
    *,
    full: bool,
    now: Callable[[], datetime],
    on_records: Ticker,
) -> Walk:
    """The pass that is due by the state of the cursor, ready to fetch."""
    keys = {"account_id": source.origin.account_id, "connection_id": source.origin.connection_id}
    # what another field says of a contact is known only where the contact is read again
    full = full or dict(state.get("mapping", {})) != dict(source.mapping)
    plan = plan_pass(state, now=now(), full=full, complete_every=source.complete_every)
    known_archived = session.rows("transform/land/known_archived", **keys)
    known_owners = session.rows("transform/land/known_owners", **keys)
    pull = Pull(
        kind=plan.kind,
        started_at=plan.started_at,
        since=plan.since,
        resume=plan.resume,
        references_since=references_since(state, plan, now()),
        known_archived={row["crm_id"]: row["source_updated_at"] for row in known_archived},
        known_owners=frozenset(row["owner_id"] for row in known_owners),
        mapping=source.mapping,
    )
    return Walk(source, Landing(plan=plan), pull, now, on_records)


class Walk:
    """The pages of one pass, consumed segment by segment; an error ends it but keeps what came before."""

    def __init__(
        self, source: Source, landing: Landing, pull: Pull, now: Callable[[], datetime], on_records: Ticker
    ) -> None:
        self.source, self.landing = source, landing
        self.is_over = False
        self.is_time_up: Callable[[], bool] = lambda: False
        self._pull, self._now, self._on_records = pull, now, on_records
        self._pages = source.provider.fetch_contacts(source.api, pull)
        self._has_references = False
        self._unread = set(landing.plan.unread)
        self.average_row, self.largest_row = 0.0, 0
        """Characters of a payload, in the table where they are largest, and at the most."""

    def tables(self, state: dict[str, Any]) -> Iterator[Any]:
        """One segment: references first, then contacts; `state` is dlt's, committed together with the rows."""
        try:
            yield from self._references(state)
            yield from self._contacts(state)
        except PipelineError as error:
            self.landing.failure, self.is_over = error, True

    def _references(self, state: dict[str, Any]) -> Iterator[Any]:
        """Owners and labels, only when they differ from those landed last; companies by time of change."""
        if self._has_references:
            return
        began_at = self._now()
        directory = self.source.provider.fetch_references(self.source.api, self._pull)
        digest = hashlib.blake2b(repr(sorted(set(directory.references), key=repr)).encode(), digest_size=16).hexdigest()
        if directory.references and state.get("references") != digest:
            yield self._as_references(directory.references)
            state["references"] = digest
        changed = iter(directory.changed)
        while some := list(islice(changed, ROWS_PER_TABLE)):
            yield self._as_references(some)
        self._tell(directory.notes)
        state["references_at"] = began_at.isoformat()
        self._has_references = True

    def _as_references(self, references: Sequence[Reference]) -> tuple[str, Any]:
        return "crm_references", reference_table(self.source.origin, references, self._now())

    def _tell(self, notes: Iterable[str]) -> None:
        self.landing.notes.extend(note for note in notes if note not in self.landing.notes)

    def _flushed(self, batch: RecordBatch) -> Iterator[Any]:
        self.average_row = max(self.average_row, batch.size / max(len(batch.rows), 1))
        self.largest_row = max(self.largest_row, batch.largest)
        yield from batch.flush()

    def _contacts(self, state: dict[str, Any]) -> Iterator[Any]:
        batch, landed, until = RecordBatch(self.source.origin), 0, time.monotonic() + SECONDS_PER_SEGMENT
        proven: list[Proven] = []
        resume: str | None = None
        try:
            for page in self._pages:
                fetched_at = self._now()
                for record in page.records:
                    batch.add(record, fetched_at)
                landed, resume = landed + len(page.records), page.resume
                self._tell(page.notes)
                proven += page.proven
                self._unread.update(page.unread)
                self.landing.records += len(page.records)
                self._on_records(self.landing.records)
                if page.references:
                    yield self._as_references(page.references)
                if len(batch.rows) >= ROWS_PER_TABLE or batch.size >= SIZE_PER_TABLE:
                    yield from self._flushed(batch)
                if self.is_time_up():
                    self.landing.failure, self.is_over = _unfinished(self.landing), True
                    break
                if landed >= ROWS_PER_SEGMENT or time.monotonic() >= until:
                    break
            else:
                self.is_over, resume = True, None
                pass_landed(state, self.landing.plan, unread=self._unread)
                state["mapping"] = dict(self.source.mapping)
        except PipelineError as error:
            self.landing.failure, self.is_over = error, True
        yield from self._flushed(batch)
        if proven and self.landing.plan.kind == "complete":
            landed = self.landing.records
            yield "complete_passes", pass_table(self.source.origin, self.landing.plan.started_at, proven, landed=landed)
        if resume is not None:
            page_landed(state, self.landing.plan, resume, unread=self._unread)


def _unfinished(landing: Landing) -> SyncUnfinished:
    return SyncUnfinished("unfinished", f"{landing.records:,} records were fetched in the time there was; more remain.")


def _extract(pipeline: dlt.Pipeline, walk: Walk) -> None:
    """Write one segment to dlt's folder on disk. The store stays closed."""
    table = f"{walk.source.provider.name}_contacts"

    # the hint belongs to one table; on the resource it would reach every table the resource writes
    as_contacts = dlt.mark.make_hints(
        table_name=table, write_disposition="append", columns={"payload": {"data_type": "json"}}
    )

    @dlt.resource(name=table, write_disposition="append")
    def contacts() -> Iterator[Any]:
        for kind, rows in walk.tables(dlt.current.resource_state()):
            if kind == "contacts":
                yield dlt.mark.with_hints(rows, as_contacts, create_table_variant=True)
            else:
                yield dlt.mark.with_table_name(rows, kind)

    try:
        pipeline.extract(contacts(), loader_file_format="parquet")
        pipeline.normalize()
    except PipelineStepFailed as error:
        raise _translated(error, "extract") from error


def _load(pipeline: dlt.Pipeline, session: Session, source: Source) -> None:
    """Load what is on disk, in the open store.

    Where other processes load too, dlt's own tables are made by one at a time, and rows then appended side by side.
    """
    try:
        if session.engine == "postgres":
            with session.alone("dlt"):
                pipeline.sync_schema()
        pipeline.load(credentials=session.dlt_credentials(), workers=1, raise_on_failed_jobs=True)
    except PipelineStepFailed as error:
        raise _translated(error, "load") from error


def _recovered_pipeline(session: Session, source: Source) -> dlt.Pipeline:
    """The connection's pipeline with nothing pending and the destination's state.

    What an interrupted run left on disk is loaded, which needs no fetch; what cannot be loaded is thrown away and
    fetched again. Without pending work the folder is rebuilt from the destination, so a stale or damaged one cannot
    lead.
    """
    session.ensure_raw(source.provider.name)
    if _working_folder(source).exists():
        with suppress(Exception):
            pipeline = _open_pipeline(session, source)
            if pipeline.has_pending_data:
                pipeline.normalize()
                _load(pipeline, session, source)
        _forget_folder(source)
    return pipeline_as_committed(session, source)


def _working_folder(source: Source) -> Path:
    """dlt's, while a pass is under way."""
    return source.folder / "dlt" / source.pipeline_name


def _forget_folder(source: Source) -> None:
    """Whatever counts is in the destination."""
    shutil.rmtree(_working_folder(source), ignore_errors=True)


def pipeline_as_committed(session: Session, source: Source) -> dlt.Pipeline:
    """The connection's pipeline with the state of the destination, in an empty folder; the destination is only read."""
    pipeline = _open_pipeline(session, source)
    try:
        pipeline.sync_destination()
    except PipelineStepFailed as error:
        raise _translated(error, "sync") from error
    return pipeline


def _open_pipeline(session: Session, source: Source) -> dlt.Pipeline:
    return dlt.pipeline(
        pipeline_name=source.pipeline_name,
        pipelines_dir=str(source.folder / "dlt"),
        destination=_destination(session),
        dataset_name=DATASET,
    )


def _destination(session: Session) -> Destination[Any, Any]:
    """dlt's own, which answers at once when it is asked again what it can do: worked out anew each time, some twenty
    times in a sync, it took a third of the time of one that finds nothing new."""
    kind = dlt.destinations.duckdb if session.engine == "duckdb" else dlt.destinations.postgres
    destination = kind(credentials=session.dlt_credentials())  # type: ignore[arg-type]
    work_out, known = destination.capabilities, dict[object, DestinationCapabilitiesContext]()

    def capabilities(config: Any = None, naming: NamingConvention | None = None) -> DestinationCapabilitiesContext:
        if config is not None:
            return work_out(config, naming)
        key = (type(naming), naming.max_length if naming else None)
        if key not in known:
            known[key] = work_out(None, naming)
        return known[key].copy()

    destination.capabilities = capabilities  # type: ignore[method-assign]
    return destination


def resource_state(pipeline: dlt.Pipeline, source: Source) -> dict[str, Any]:
    """What the connection's resource keeps: where its next pass starts."""
    sources = pipeline.state.get("sources", {})
    name = f"{source.provider.name}_contacts"
    for kept in sources.values():
        if name in kept.get("resources", {}):
            return dict(kept["resources"][name])
    return {}


def _translated(error: PipelineStepFailed, step: str) -> Exception:
    """dlt wraps what went wrong.

    Ours pass through, a mistake in our own code comes out as it is, the rest is the store's or the disk's fault.
    """
    cause = _root(error)
    if isinstance(cause, PipelineError):
        return cause
    if step == "extract" and not isinstance(cause, (OSError, DltException)):
        return cause
    text = str(cause).strip().splitlines()
    return WarehouseError("warehouse_error", f"dlt could not {step}: {text[0][:300] if text else type(cause).__name__}")


def _root(error: BaseException) -> Exception:
    """The first cause that is not dlt's wrapping."""
    cause: BaseException | None = error
    deepest = error
    while cause is not None:
        deepest = cause
        if not isinstance(cause, DltException):
            break
        cause = cause.__cause__ or cause.__context__
    if not isinstance(deepest, Exception):
        raise deepest  # somebody pressed Ctrl-C
    return deepest
