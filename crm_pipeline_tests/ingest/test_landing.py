"""One pass into a real store: rows once, the cursor with them, and every way a run can be cut short."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from crm_pipeline.errors import ProviderError, WarehouseError
from crm_pipeline.ingest import landing as product
from crm_pipeline.ingest.cursor import DEEP_OVERLAP, OVERLAP
from crm_pipeline.ingest.landing import Landing, Source, land_pass
from crm_pipeline.ingest.records import Origin
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.limits import Budget
from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.provider import CrmApi, Directory, Page, Proven, Pull, RawRecord, Reference, Value
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.duckdb_store import open_duckdb
from crm_pipeline.warehouse.session import Session
from crm_pipeline_tests.holder import held_open, is_free, let_go

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CONNECTION, OTHER = "00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"
OWNER = Reference("owner", "7", "Jo Reed", "jo@acme.example")
GONE = ProviderError("provider_unavailable", "the CRM is away")

Step = Page | Exception | type[BaseException] | Callable[[], None]


class NoApi:
    """The calls of a provider that makes none."""

    requests = 0
    config: Mapping[str, Any] = {}

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        return make()

    def note_budget(self, budget: Budget) -> None:
        raise AssertionError(budget)

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
        bucket: str = "default", shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        raise AssertionError(path)

    def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, bucket: str = "default",
        shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        raise AssertionError(path)


class CountingWarehouse(Warehouse):
    """Counts sessions, and can be interrupted when it opens one."""

    opened = 0
    interrupt_at = 0

    def session(self, *, is_roomy: bool = False) -> AbstractContextManager[Session]:
        self.opened += 1
        if self.opened == self.interrupt_at:
            raise KeyboardInterrupt
        return super().session(is_roomy=is_roomy)


@dataclass
class Crm:
    """A CRM that gives the pages it is told to; `pulls` are the passes asked of it."""

    references: list[Reference] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pulls: list[Pull] = field(default_factory=list)

    def pages(self, steps: Iterable[Step]) -> Callable[[CrmApi, Pull], Iterator[Page]]:
        def fetch(_: CrmApi, pull: Pull) -> Iterator[Page]:
            self.pulls.append(pull)
            for step in steps:
                if isinstance(step, Page):
                    yield step
                elif isinstance(step, (Exception, type)):
                    raise step
                else:
                    step()

        return fetch

    def directory(self, _: CrmApi, pull: Pull) -> Directory:
        return Directory(list(self.references), notes=list(self.notes))


@dataclass
class Place:
    """A store, a data folder and a clock; `land` is one pass."""

    warehouse: CountingWarehouse
    folder: Path
    crm: Crm = field(default_factory=Crm)
    clock: datetime = NOON

    def source(self, *steps: Step, connection: str = CONNECTION, sync_id: str | None = None) -> Source:
        provider = replace(HUBSPOT, fetch_contacts=self.crm.pages(steps), fetch_references=self.crm.directory)
        origin = Origin("acme", connection, sync_id or str(uuid4()))
        return Source(provider=provider, api=NoApi(), origin=origin, folder=self.folder)

    def land(self, *steps: Step, connection: str = CONNECTION, sync_id: str | None = None) -> Landing:
        """Five minutes later: one pass."""
        self.clock += timedelta(minutes=5)
        source = self.source(*steps, connection=connection, sync_id=sync_id)
        return land_pass(self.warehouse, source, full=False, now=lambda: self.clock)

    def ids(self) -> list[str]:
        return [row[0] for row in self.look("select crm_id from raw.hubspot_contacts order by crm_id")]

    def look(self, query: str) -> list[tuple[Any, ...]]:
        with self.warehouse.unmigrated_session() as session:
            return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]

    @property
    def dlt(self) -> Path:
        return self.folder / "dlt" / f"hubspot_{CONNECTION.replace('-', '')}"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    warehouse = CountingWarehouse(f"duckdb:///{tmp_path / 'store' / 'crm.duckdb'}", data_dir=tmp_path / "data")
    return Place(warehouse, tmp_path / "data")


@pytest.fixture
def any_place(store_url: str, tmp_path: Path) -> Place:
    return Place(CountingWarehouse(store_url, data_dir=tmp_path / "data"), tmp_path / "data")


def a_page(*ids: object, resume: str = "archived:") -> Page:
    records = [RawRecord(crm_id, {"id": crm_id, "note": "é\x00😀"}, "contact", NOON) for crm_id in ids]
    return Page(records, resume)


def test_rows_land_once_with_everything_the_walk_needs(any_place: Place) -> None:
    landing = any_place.land(a_page("1", "2"), a_page(None, "3"), sync_id="00000000-0000-4000-8000-00000000000a")
    assert (landing.plan.kind, landing.records, landing.failure) == ("complete", 4, None)
    assert any_place.ids() == ["1", "2", "3"]
    row = any_place.look(
        "select account_id, connection_id, sync_id, object_type, source_updated_at, is_deleted, merged_into, "
        "cast(payload as text), length(payload_hash), fetched_at from raw.hubspot_contacts where crm_id = '1'"
    )[0]
    assert row[:4] == ("acme", CONNECTION, "00000000-0000-4000-8000-00000000000a", "contact")
    assert (row[4].astimezone(UTC), row[5], row[6], row[8]) == (NOON, False, None, 32)
    assert '"é😀"' in row[7]
    assert row[9].astimezone(UTC) == any_place.clock
    ((reason, sample),) = any_place.look("select reason, sample from raw.set_aside")
    assert reason == "unusable_key"
    assert "😀" in sample


def test_the_next_pass_starts_where_this_one_started(any_place: Place) -> None:
    first = any_place.land(a_page("1"))
    second = any_place.land(a_page("2"))
    assert (second.plan.kind, second.plan.since) == ("window", first.plan.started_at - OVERLAP)
    assert any_place.crm.pulls[1].since == second.plan.since
    assert any_place.ids() == ["1", "2"]


def test_an_empty_crm_is_a_finished_pass(place: Place) -> None:
    landing = place.land()
    assert (landing.records, landing.failure) == (0, None)
    assert place.land().plan.kind == "window"


def test_the_cursor_lives_in_the_store_and_the_local_folder_may_vanish(any_place: Place) -> None:
    first = any_place.land(a_page("1"))
    shutil.rmtree(any_place.folder)
    second = any_place.land(a_page("2"))
    assert (second.plan.kind, second.plan.since) == ("window", first.plan.started_at - OVERLAP)
    assert any_place.ids() == ["1", "2"]


def test_another_store_starts_afresh_whatever_the_local_folder_says(place: Place, tmp_path: Path) -> None:
    """An operator who moves to a new store must get everybody, not the changes since the last pass into the old one."""
    place.land(a_page("1"))
    place.warehouse = CountingWarehouse(f"duckdb:///{tmp_path / 'new.duckdb'}", data_dir=place.folder)
    assert place.land(a_page("1")).plan.kind == "complete"
    assert place.ids() == ["1"]


DAMAGES: dict[str, Callable[[Path], object]] = {
    "state is no JSON": lambda folder: (folder / "state.json").write_text("{"),
    "state is empty": lambda folder: (folder / "state.json").write_text(""),
    "schemas are gone": lambda folder: (folder / "schemas").rename(folder / "away"),
    "schema is no JSON": lambda folder: [path.write_text("}") for path in (folder / "schemas").iterdir()],
    "folder is empty": lambda folder: [path.rename(folder.parent / f"away-{path.name}") for path in folder.iterdir()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_local_folder_heals(place: Place, damage: Callable[[Path], object]) -> None:
    place.land(a_page("1"))
    assert not place.dlt.exists()
    interrupted_before_its_load(place, a_page("2"))
    damage(place.dlt)
    landing = place.land(a_page("2"))
    assert (landing.plan.kind, landing.failure) == ("window", None)
    assert place.ids() == ["1", "2"]


def interrupted_before_its_load(place: Place, *steps: Step, sync_id: str | None = None) -> None:
    """A run that has written its pages to disk and dies before it opens the store to load them."""
    place.warehouse.interrupt_at = place.warehouse.opened + 2
    with pytest.raises(KeyboardInterrupt):
        place.land(*steps, sync_id=sync_id)
    place.warehouse.interrupt_at = 0


def test_the_pending_pages_of_an_interrupted_run_are_loaded_without_a_fetch(any_place: Place) -> None:
    interrupted_before_its_load(
        any_place, a_page("1", "2"), a_page("3"), sync_id="00000000-0000-4000-8000-00000000000b"
    )
    assert any_place.look("select count(*) from raw.hubspot_contacts") == [(0,)]
    landing = any_place.land(a_page("4"))
    assert landing.plan.kind == "window"
    assert any_place.ids() == ["1", "2", "3", "4"]
    found = any_place.look(
        "select distinct crm_id from raw.hubspot_contacts where sync_id = '00000000-0000-4000-8000-00000000000b'"
    )
    assert len(found) == 3


def test_an_interruption_of_the_recovery_costs_nothing_either(place: Place) -> None:
    interrupted_before_its_load(place, a_page("1"))
    place.warehouse.interrupt_at = place.warehouse.opened + 1
    with pytest.raises(KeyboardInterrupt):
        place.land(a_page("2"))
    place.warehouse.interrupt_at = 0
    place.land(a_page("2"))
    assert place.ids() == ["1", "2"]


def test_pending_pages_that_cannot_be_read_are_fetched_again(place: Place) -> None:
    interrupted_before_its_load(place, a_page("1"))
    files = [path for path in place.dlt.rglob("*.parquet") if path.stat().st_size]
    assert files
    for path in files:
        path.write_bytes(b"PAR1 half a page")
    landing = place.land(a_page("1", "2"))
    assert (landing.plan.kind, landing.failure) == ("complete", None)
    assert place.ids() == ["1", "2"]


def test_a_fetch_that_fails_lands_what_it_had_and_tells(any_place: Place) -> None:
    landing = any_place.land(a_page("1", resume="list:1"), a_page("2", resume="list:2"), GONE)
    assert landing.failure is GONE
    assert (landing.records, any_place.ids()) == (2, ["1", "2"])
    again = any_place.land(a_page("3"))
    assert (again.plan.kind, again.plan.resume, again.plan.started_at) == (
        "complete",
        "list:2",
        landing.plan.started_at,
    )
    following = any_place.land()
    assert (following.plan.kind, following.plan.since) == ("window", landing.plan.started_at - OVERLAP)


def test_a_fetch_that_fails_at_once_keeps_the_place_of_the_run_before(place: Place) -> None:
    place.land(a_page("1", resume="list:1"), GONE)
    place.land(GONE)
    assert place.land(a_page("2")).plan.resume == "list:1"


def test_references_that_fail_end_the_pass_and_move_nothing(place: Place) -> None:
    place.crm.references = [OWNER]

    def away(_: CrmApi, pull: Pull) -> Directory:
        raise GONE

    source = place.source(a_page("1"))
    failing = replace(source, provider=replace(source.provider, fetch_references=away))
    landing = land_pass(place.warehouse, failing, full=False, now=lambda: place.clock)
    assert (landing.failure, place.ids()) == (GONE, [])
    assert place.land(a_page("1")).plan.kind == "complete"


def test_a_mistake_in_a_providers_code_is_not_the_stores_fault(place: Place) -> None:
    """The advice of `warehouse_error` is to look at the disk."""
    with pytest.raises(KeyError, match="email"):
        place.land(a_page("1"), KeyError("email"))
    assert place.land(a_page("1")).plan.kind == "complete"
    assert place.ids() == ["1"]


def test_references_land_when_they_changed_and_only_then(any_place: Place) -> None:
    any_place.crm.references = [OWNER, OWNER]
    any_place.land(a_page("1"))
    any_place.crm.references = [OWNER]
    any_place.land()
    query = "select distinct crm_id, label, email from raw.crm_references order by label"
    assert any_place.look(query) == [("7", "Jo Reed", "jo@acme.example")]
    landed = any_place.look("select count(distinct sync_id) from raw.crm_references")
    any_place.crm.references = [OWNER._replace(label="Jo Reed-Smith")]
    any_place.land()
    assert landed == [(1,)]
    assert [row[1] for row in any_place.look(query)] == ["Jo Reed", "Jo Reed-Smith"]


def test_what_could_not_be_read_is_noted(place: Place) -> None:
    place.crm.notes = ["Owners are not readable."]
    assert place.land(a_page("1")).notes == ["Owners are not readable."]


def test_a_long_pass_lands_in_segments(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "ROWS_PER_SEGMENT", 4)
    seen: list[int] = []
    pages = [a_page(f"{n}a", f"{n}b", resume=f"list:{n}") for n in range(5)]

    def look() -> None:
        seen.append(place.look("select count(*) from raw.hubspot_contacts")[0][0])

    place.crm.references = [OWNER]
    landing = place.land(*pages[:4], look, pages[4])
    assert (landing.records, len(place.ids())) == (10, 10)
    assert seen == [8]
    assert place.look("select count(*) from raw._dlt_loads") == [(3,)]
    assert place.look("select count(*) from raw.crm_references") == [(1,)]
    assert place.land().plan.kind == "window"


def test_a_run_killed_between_segments_goes_on_from_the_last_one(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "ROWS_PER_SEGMENT", 2)
    with pytest.raises(RuntimeError, match="dead"):
        place.land(
            a_page("1", "2", resume="list:2"),
            a_page("3", "4", resume="list:4"),
            a_page("5", resume="list:5"),
            RuntimeError("dead"),
        )
    again = place.land(a_page("5", "6"))
    assert (again.plan.kind, again.plan.resume) == ("complete", "list:4")
    assert place.ids() == ["1", "2", "3", "4", "5", "6"]


def test_time_ends_a_segment_too(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(product, "SECONDS_PER_SEGMENT", 0.0)
    place.land(a_page("1", resume="list:1"), a_page("2", resume="list:2"))
    assert place.ids() == ["1", "2"]
    assert place.look("select count(*) from raw._dlt_loads")[0][0] >= 2


def test_what_waits_in_memory_is_bounded(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows go to disk by the table, not by the pass."""
    monkeypatch.setattr(product, "ROWS_PER_TABLE", 3)
    place.land(*[a_page(f"{n}a", f"{n}b", resume=f"list:{n}") for n in range(6)])
    assert len(place.ids()) == 12


def test_two_connections_have_cursors_of_their_own(place: Place) -> None:
    place.land(a_page("1"))
    other = place.land(a_page("1"), connection=OTHER)
    assert other.plan.kind == "complete"
    assert place.look("select connection_id, count(*) from raw.hubspot_contacts group by 1 order by 1") == [
        (CONNECTION, 1),
        (OTHER, 1),
    ]
    assert place.land(connection=OTHER).plan.kind == "window"


def test_records_are_counted_as_they_come(place: Place) -> None:
    ticks: list[int] = []
    land_pass(
        place.warehouse,
        place.source(a_page("1", "2"), a_page("3")),
        full=False,
        now=lambda: place.clock,
        on_records=ticks.append,
    )
    assert ticks == [2, 3]


def test_the_sweep_is_told_what_we_hold_as_archived(place: Place) -> None:
    place.land(a_page("1"))
    columns = (
        "account_id, contact_id, connection_id, provider, object_type, crm_id, state, reason, content_hash, updated_at"
    )
    for number, (crm_id, state, reason) in enumerate(
        [("1", "deleted", "deleted"), ("2", "deleted", "purged"), ("3", "rejected", "deleted")]
    ):
        place.look(
            f"insert into staging.contacts ({columns}) "
            f"values ('acme', '00000000-0000-4000-8000-0000000000{number:02d}', '{CONNECTION}', "
            f"'hubspot', 'contact', '{crm_id}', '{state}', '{reason}', 'x', now()) returning crm_id"
        )
    place.land()
    assert set(place.crm.pulls[-1].known_archived) == {"1"}


def test_nobody_holds_the_store_while_pages_are_fetched(place: Place) -> None:
    """A page may take minutes; DuckDB lets nobody else in meanwhile."""
    free: list[bool] = []
    place.land(a_page("1"), lambda: free.append(is_free(place.warehouse.path)), a_page("2"))
    assert free == [True]
    assert is_free(place.warehouse.path)


def test_a_store_locked_by_another_process_is_waited_for(place: Place) -> None:
    place.land(a_page("1"))
    with held_open(place.warehouse.path) as holder:
        timer = threading.Timer(0.4, let_go, [holder])
        timer.start()
        landing = place.land(a_page("2"))
        timer.join()
    assert (landing.failure, place.ids()) == (None, ["1", "2"])


class Impatient(CountingWarehouse):
    """Waits a moment only."""

    def session(self, *, is_roomy: bool = False) -> AbstractContextManager[Session]:
        return self._opened(is_roomy)

    @contextmanager
    def _opened(self, is_roomy: bool) -> Iterator[Session]:
        with open_duckdb(self.path, wait=0.3, is_roomy=is_roomy) as session:
            session.migrate()
            yield session


def test_a_store_that_stays_locked_is_an_error_that_names_the_process(place: Place) -> None:
    place.land(a_page("1"))
    place.warehouse = Impatient(place.warehouse.url, data_dir=place.folder)
    with held_open(place.warehouse.path) as holder, pytest.raises(WarehouseError) as caught:
        place.land(a_page("2"))
    assert caught.value.code == "warehouse_locked"
    assert f"process {holder.pid} " in caught.value.message
    place.land(a_page("2"))
    assert place.ids() == ["1", "2"]


def test_a_store_locked_before_the_load_loses_no_page(place: Place) -> None:
    """The pages are on disk by then; the next run loads them without a fetch."""
    place.land(a_page("1"))
    place.warehouse = Impatient(place.warehouse.url, data_dir=place.folder)
    with pytest.raises(WarehouseError) as caught, _Holding(place.warehouse.path) as holding:
        place.land(a_page("2"), holding.start)
    assert caught.value.code == "warehouse_locked"
    place.land()
    assert place.ids() == ["1", "2"]


class _Holding:
    """Opens the file in another process when told, and lets it go at the end of the block."""

    def __init__(self, path: Path) -> None:
        self._held = held_open(path)
        self._started = False

    def __enter__(self) -> _Holding:
        return self

    def start(self) -> None:
        self._held.__enter__()
        self._started = True

    def __exit__(self, *_: object) -> None:
        if self._started:
            self._held.__exit__(None, None, None)


PROVEN = (Proven("contact", 2), Proven("lead"))


def test_proof_lands_with_a_complete_pass_and_with_no_other(any_place: Place) -> None:
    any_place.land(Page([RawRecord("1", {"id": "1"})], "list:1", proven=PROVEN))
    landed = "select object_type, expected, started_at from raw.complete_passes order by object_type"
    rows = any_place.look(landed)
    assert [row[:2] for row in rows] == [("contact", 2), ("lead", None)]
    any_place.land(Page([RawRecord("2", {"id": "2"})], "window:2", proven=PROVEN))
    assert any_place.look(landed) == rows


def test_proof_of_one_kind_survives_a_failure_in_another(place: Place) -> None:
    place.land(Page([], "lead:", proven=PROVEN[:1]), GONE)
    assert place.look("select object_type from raw.complete_passes") == [("contact",)]


def test_names_that_pages_bring_along_land_with_them(any_place: Place) -> None:
    any_place.land(Page([RawRecord("1", {"id": "1"})], "list:1", references=(OWNER,)))
    assert any_place.look("select kind, crm_id, label from raw.crm_references") == [("owner", "7", "Jo Reed")]


def test_companies_are_asked_for_by_change_after_they_were_read_once(place: Place) -> None:
    place.land(a_page("1"))
    place.land(a_page("2"))
    assert place.crm.pulls[0].references_since is None
    assert place.crm.pulls[1].references_since == NOON + timedelta(minutes=5) - DEEP_OVERLAP


def test_a_note_is_told_once(place: Place) -> None:
    place.crm.notes = ["Owners are not readable."]
    pages = [Page([], f"list:{n}", notes=("Companies are not readable.",)) for n in range(3)]
    assert place.land(*pages).notes == ["Owners are not readable.", "Companies are not readable."]


def test_a_kind_that_can_be_read_again_makes_the_next_pass_complete(place: Place) -> None:
    place.land(a_page("1"))
    place.land(Page([], "lead:", unread=("lead",)))
    place.land(a_page("2"))
    assert [place.land(a_page("3")).plan.kind for _ in range(2)] == ["complete", "window"]
