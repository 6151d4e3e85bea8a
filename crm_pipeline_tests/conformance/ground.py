"""One CRM of the sandbox, and the two ways to pull from it: pages alone, or the whole walk into a store."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from crm_pipeline import steps
from crm_pipeline.domain.contact import Contact
from crm_pipeline.errors import PipelineError
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import DayBudget, Rate
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Page, Provider, Pull, RawRecord, References
from crm_pipeline.sandbox import CRMS
from crm_pipeline.sandbox.crm import Habits, Users
from crm_pipeline.sandbox.faults import Fault
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.steps import Pipeline
from crm_pipeline.walk.books import SyncResult
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.sandbox.caller import SetClock

ACCOUNT = "acme"
HASTY = RetryPolicy(attempts=3, first_wait=0.01, longest_wait=0.02, total_wait=10_000.0)
NEVER = 10**9
SHORT_PAGE = 40
MOST_CALLS = 1_500
"""More than any pass here needs: 25,000 contacts, each hundred of them with a call for something beside them."""


class Hourglass:
    """A clock for the client that never really sleeps."""

    def __init__(self) -> None:
        self.moment = 0.0

    def now(self) -> datetime:
        return datetime(2026, 9, 1, tzinfo=UTC) + timedelta(seconds=self.moment)

    def monotonic(self) -> float:
        return self.moment

    def sleep(self, seconds: float) -> None:
        self.moment += seconds


class Shared(Hourglass):
    """The same, and while the client sleeps the CRM's own time passes too."""

    def __init__(self, clock: SetClock) -> None:
        super().__init__()
        self._clock = clock

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds)
        self._clock.move(seconds)


class Bounded(DayBudget):
    """Ends the pass that would not end by itself, so that its test fails instead of hanging."""

    calls = 0

    def check(self, label: str) -> None:
        self.calls += 1
        assert self.calls <= MOST_CALLS, f"{label}: more than {MOST_CALLS} calls in one pass"
        super().check(label)


@dataclass
class Ground:
    """A provider, the sandbox's CRM of it, and a clock that both share."""

    provider: Provider
    sandbox: Sandbox
    clock: SetClock
    client: NangoClient
    pipeline: Pipeline | None = None
    is_paced: bool = False

    # the CRM

    @property
    def users(self) -> Users:
        """What the people of the CRM can do."""
        return self.sandbox.crm(self.provider.name, ACCOUNT).users

    @property
    def habits(self) -> Habits:
        return CRMS[self.provider.name].habits

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def truth(self) -> set[str]:
        """The ids of all live contacts."""
        return set(self.users.cards())

    def disturb(self, answer: Any, *, nth: int = 1, times: int | None = None, path: str | None = None) -> Fault:
        """Another answer than the CRM's own for its pages of contacts, or for another path."""
        return self.sandbox.faults.add(match={"path": path or self.habits.pages}, nth=nth, times=times, answer=answer)

    def calls(self) -> list[int]:
        """The statuses of the calls since the journal was cleared."""
        return [seen.status for seen in self.sandbox.journal]

    def paths(self) -> list[str]:
        """Patterns of the paths that the CRM was asked for since then, in order; ids in them stand for any id."""
        paths = (seen.path.removeprefix("/proxy") for seen in self.sandbox.journal)
        return list(dict.fromkeys(re.sub(r"/(?!v\d)[^/]*\d[^/]*", "/[^/]+", path) + "$" for path in paths))

    # pages alone

    def proxy(self) -> Proxy:
        """The calls of one run, as the walk makes them; as fast as they go, unless paced."""
        connection = self.sandbox.book.of_account(ACCOUNT)[0]
        provider = self.provider
        return self.client.proxy(
            connection.integration,
            connection.connection_id,
            rates=provider.rates if self.is_paced else dict.fromkeys(provider.rates, Rate(1e6, 10**6)),
            read_refusal=provider.read_refusal,
            label=provider.title,
            config=connection.config,
            day=Bounded(provider.read_budget),
        )

    def pull(self, kind: str = "complete", **more: Any) -> Pull:
        return Pull(kind=kind, **({"started_at": self.now} | more))

    def pages_until_error(self, pull: Pull) -> tuple[list[Page], PipelineError | None]:
        """Fetch a pass; what came, and the error that ended it."""
        pages: list[Page] = []
        try:
            pages.extend(self.provider.fetch_contacts(self.proxy(), pull))
        except PipelineError as error:
            return pages, error
        return pages, None

    def fetch(self, pull: Pull) -> list[Page]:
        return list(self.provider.fetch_contacts(self.proxy(), pull))

    def references(self, pages: Iterable[Page] = ()) -> References:
        """What a complete pass knows of names."""
        directory = self.provider.fetch_references(self.proxy(), self.pull())
        found = [*directory.references, *directory.changed]
        return References([*found, *(one for page in pages for one in page.references)])

    def count_pages(self) -> int:
        """How many calls of a complete pass answer contacts."""
        fault = self.disturb("html", nth=NEVER)
        self.fetch(self.pull())
        self.sandbox.faults.remove(fault.id)
        return fault.seen

    # the whole walk

    @property
    def walk(self) -> Pipeline:
        assert self.pipeline is not None
        return self.pipeline

    @property
    def connection(self) -> Connection:
        return steps.refresh_connections(self.walk)[0]

    def sync(self, **options: Any) -> SyncResult:
        """One sync, a minute later."""
        self.clock.move(60)
        return steps.sync_connection(self.walk, self.connection, **options)

    def look(self, query: str) -> list[tuple[Any, ...]]:
        with self.walk.warehouse.unmigrated_session() as session:
            return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]

    def held(self) -> dict[str, str]:
        """The contacts we hold, by id, each with its state."""
        return dict(self.look("select crm_id, state from staging.contacts"))

    def alive(self) -> set[str]:
        """The ids of the contacts we hold and believe to be in the CRM."""
        return {crm_id for crm_id, state in self.held().items() if state != "deleted"}

    def lead_of(self, crm_id: str) -> dict[str, Any]:
        """The lead a contact belongs to."""
        columns = "l.id, l.name, l.phone, l.company, l.crm_owner, l.crm_owner_email, l.crm_inactive_at"
        query = (
            f"select {columns} from leads l join staging.identity_map i on i.lead_id = l.id "
            f"join staging.contacts c on c.contact_id = i.contact_id where c.crm_id = '{crm_id}'"
        )
        (row,) = self.look(query)
        return dict(zip([name.partition(".")[2] for name in columns.split(", ")], row, strict=True))

    def everything(self) -> dict[str, list[str]]:
        """All that a sync may write about people."""
        tables = ("leads", "lead_changes", "staging.contacts", "staging.contact_points", "staging.identity_map")
        return {table: sorted(map(repr, self.look(f"select * from {table}"))) for table in tables}


@contextmanager
def a_ground(name: str, contacts: int, folder: Path | None = None, *, is_paced: bool = False) -> Iterator[Ground]:
    """A CRM with so many contacts; with a folder, also a store to walk into.

    Paced, the CRM enforces its limits and the calls go as fast as the provider says.
    """
    clock = SetClock()
    glass = Shared(clock) if is_paced else Hourglass()
    with (
        Sandbox(contacts=contacts, accounts=(ACCOUNT,), crms=(name,), clock=clock) as sandbox,
        NangoClient(
            host=sandbox.url, secret_key=sandbox.secret_key, policy=HASTY, clock=glass or Hourglass()
        ) as client,
    ):
        ground = Ground(PROVIDERS[name], sandbox, clock, client, is_paced=is_paced)
        sandbox.switch_limits(is_paced)
        if folder is not None:
            warehouse = Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder / "data")
            ground.pipeline = Pipeline(
                warehouse=warehouse, nango=client, data_dir=folder / "data", now=lambda: ground.now
            )
        yield ground


def records_of(pages: Iterable[Page]) -> Iterator[RawRecord]:
    for page in pages:
        yield from page.records


def newest(pages: Iterable[Page]) -> dict[str, RawRecord]:
    """The version of every record that a store would believe: by its time of change, then the later fetched."""
    found: dict[str, RawRecord] = {}
    for record in records_of(pages):
        key, known = str(record.crm_id), found.get(str(record.crm_id))
        older = known and known.source_updated_at and record.source_updated_at
        if not older or record.source_updated_at >= known.source_updated_at:  # type: ignore[operator, union-attr]
            found[key] = record
    return found


def lives(ground: Ground, pages: Iterable[Page]) -> dict[str, RawRecord]:
    """The records that came and are people: not deleted, and not become another that came too."""
    found, nobody = newest(pages), References()
    live = {}
    for key, record in found.items():
        contact = ground.provider.to_contact(record.payload, nobody, record.object_type)
        if not contact.is_deleted and not (contact.merged_into and contact.merged_into[1] in found):
            live[key] = record
    return live


def alive(ground: Ground, pages: Iterable[Page]) -> set[str]:
    """Their ids."""
    return set(lives(ground, pages))


def contacts(ground: Ground, pages: list[Page]) -> dict[str, Contact]:
    """Every live record that came, mapped."""
    names = ground.references(pages)
    to_contact = ground.provider.to_contact
    return {key: to_contact(record.payload, names, record.object_type) for key, record in lives(ground, pages).items()}
