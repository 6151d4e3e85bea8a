"""Random worlds: whatever the order and the batches, the same people with the same facts, and books that add up.

What is right is told by an oracle that shares no code with the product: the newest version of each contact, a
union-find over phones and e-mails, and the first value in order of trust. CRM_WORLDS=300 tries that many of each.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_pipeline.walk.leads import Results
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session
from crm_pipeline_tests.walk.world import START, World, a_payload

WORLDS = int(os.environ.get("CRM_WORLDS", "12"))
some = settings(
    max_examples=WORLDS, suppress_health_check=list(HealthCheck), derandomize="CRM_WORLDS" not in os.environ
)
few = settings(some, max_examples=max(3, WORLDS // 4))

PHONES = ["+14153207788", "+12127365000", "+13125550143", "+16175550177"]
EMAILS = ["ann@x.example", "bob@x.example", "cy@x.example"]
NUMBERS = itertools.count(1)

Key = tuple[str, str]
"""Connection and crm id. Ids differ between the connections, so that no tie is left to chance."""


@dataclass(frozen=True)
class Version:
    """One state of one contact; of two, the one with the higher number is newer."""

    key: Key
    number: int
    first: str | None
    phone: str | None
    mobile: str | None
    email: str | None
    company: str | None
    active_day: int | None
    is_archived: bool
    merged: tuple[str, ...]

    @property
    def updated(self) -> datetime:
        return START + timedelta(hours=self.number)

    @property
    def active(self) -> str | None:
        return f"2026-02-{self.active_day:02d}T00:00:00Z" if self.active_day else None

    def payload(self) -> dict[str, Any]:
        merged = ";".join(self.merged)
        more = {"company": self.company, "notes_last_updated": self.active, "hs_merged_object_ids": merged}
        return a_payload(
            self.key[1],
            first=self.first,
            phone=self.phone,
            mobile=self.mobile,
            email=self.email,
            archived=self.is_archived,
            updated=self.updated,
            **{name: value for name, value in more.items() if value},
        )


@dataclass(frozen=True)
class Plan:
    """Everything the CRMs ever say, in the order it arrives here, cut into syncs of one connection each."""

    ranks: Mapping[str, int]
    syncs: list[tuple[str, list[Version]]]

    def versions(self) -> list[Version]:
        return [version for _, batch in self.syncs for version in batch]

    def now(self) -> dict[Key, Version]:
        """The newest version of each contact."""
        return {version.key: version for version in sorted(self.versions(), key=lambda version: version.number)}


@st.composite
def plans(draw: st.DrawFn, *, merges: bool = True) -> Plan:
    keys = [("a", str(1 + n)) for n in range(draw(st.integers(1, 4)))]
    keys += [("b", str(11 + n)) for n in range(draw(st.integers(1, 4)))]
    survivors: dict[Key, Key] = {}
    if merges:
        for key in keys:
            others = [other for other in keys if other[0] == key[0] and other[1] > key[1]]  # so there are no circles
            if others and draw(st.integers(0, 4)) == 0:
                survivors[key] = draw(st.sampled_from(others))
    versions = []
    for key in keys:
        merged = tuple(loser[1] for loser, survivor in survivors.items() if survivor == key)
        for number in range(draw(st.integers(1, 3))):
            versions.append(draw(a_version(key, number, merged)))
    arriving = draw(st.permutations(versions))
    if draw(st.booleans()):
        arriving = [*arriving, draw(st.sampled_from(versions))]  # landed twice
    return Plan({"a": 100, "b": draw(st.sampled_from([10, 100]))}, cut(draw, arriving))


def a_version(key: Key, number: int, merged: tuple[str, ...]) -> st.SearchStrategy[Version]:
    return st.builds(
        Version,
        key=st.just(key),
        number=st.just(number),
        first=st.sampled_from(["Ann", "Bob", "Ann", "Bob", "Cy", None]),
        phone=st.sampled_from([*PHONES, *PHONES, None, "12"]),
        mobile=st.sampled_from([None, None, *PHONES]),
        email=st.sampled_from([None, *EMAILS]),
        company=st.sampled_from([None, "Acme", "Globex"]),
        active_day=st.sampled_from([None, 1, 2, 3]),
        is_archived=st.sampled_from([False, False, False, False, True]),
        merged=st.just(merged),
    )


def cut(draw: st.DrawFn, arriving: list[Version]) -> list[tuple[str, list[Version]]]:
    """Up to three rounds, in each a sync of one connection or of both."""
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), max_size=2)))
    syncs = []
    for start, end in itertools.pairwise([0, *cuts, len(arriving)]):
        for connection in draw(st.permutations(["a", "b"])):
            batch = [version for version in arriving[start:end] if version.key[0] == connection]
            if batch:
                syncs.append((connection, batch))
    return syncs


# --- the oracle


def is_accepted(version: Version, merged_away: set[Key]) -> bool:
    has_phone = version.phone in PHONES or version.mobile in PHONES
    return has_phone and version.first is not None and not version.is_archived and version.key not in merged_away


def groups(people: list[Version]) -> list[list[Version]]:
    """Union-find over phones and e-mails."""
    parent = {person.key: person.key for person in people}

    def root(key: Key) -> Key:
        while parent[key] != key:
            key = parent[key]
        return key

    first: dict[str, Key] = {}
    for person in people:
        for value in (person.phone, person.mobile, person.email):
            if value in PHONES or value in EMAILS:
                parent[root(person.key)] = root(first.setdefault(str(value), person.key))
    found: dict[Key, list[Version]] = {}
    for person in people:
        found.setdefault(root(person.key), []).append(person)
    return list(found.values())


def lead_of(members: list[Version], ranks: Mapping[str, int]) -> tuple[Any, ...]:
    """What the lead of these contacts says."""

    def trust(person: Version) -> tuple[Any, ...]:
        active = person.active_day is None, -(person.active_day or 0)
        return ranks[person.key[0]], *active, -person.number, person.key[1]

    ordered = sorted(members, key=trust)

    def first(values: Iterator[str | None]) -> str | None:
        return next((value for value in values if value), None)

    return (
        frozenset(person.key for person in members),
        first(person.first for person in ordered),
        first(person.mobile if person.mobile in PHONES else person.phone for person in ordered),
        first(person.email for person in ordered),
        first(person.company for person in ordered),
        ordered[0].key[1],
        first(person.active for person in ordered),
    )


def expected(plan: Plan) -> set[tuple[Any, ...]]:
    now = plan.now()
    merged_away = {(version.key[0], loser) for version in plan.versions() for loser in version.merged}
    people = [version for version in now.values() if is_accepted(version, merged_away)]
    return {lead_of(members, plan.ranks) for members in groups(people)}


# --- the store


@dataclass
class Account:
    """A world of its own in a store that many share."""

    world: World
    ranks: Mapping[str, int]

    def sync(self, connection: str, versions: list[Version]) -> Results:
        return self.world.sync(*[version.payload() for version in versions], on=self.named(connection))

    def named(self, connection: str) -> str:
        name = f"{self.world.account_id}-{connection}"
        self.world.connection(name, rank=self.ranks[connection])
        return name

    def run(self, plan: Plan) -> list[Results]:
        return [self.sync(connection, batch) for connection, batch in plan.syncs]

    def leads(self) -> set[tuple[Any, ...]]:
        """The leads that are awake, as the oracle tells them."""
        members: dict[Any, set[Key]] = {}
        for row in self.select("select * from {map} where is_member"):
            members.setdefault(row["lead_id"], set()).add(self.key_of(row["contact_id"]))
        found = set()
        for lead in self.select("select * from leads where {mine} and crm_inactive_at is null"):
            activity = lead["crm_last_activity_at"]
            found.add(
                (
                    frozenset(members[lead["id"]]),
                    *(lead[name] for name in ("name", "phone", "email", "company", "crm_id")),
                    activity.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if activity else None,
                )
            )
        return found

    def key_of(self, contact_id: object) -> Key:
        (row,) = self.select(f"select connection_id, crm_id from staging.contacts where contact_id = '{contact_id}'")
        (name,) = (n for n, c in self.world.connections.items() if str(c.id) == str(row["connection_id"]))
        return name.rpartition("-")[2], row["crm_id"]

    def select(self, query: str) -> list[dict[str, Any]]:
        mine = f"account_id = '{self.world.account_id}'"
        whole = f"(select * from staging.identity_map where {mine}) as identity_map"
        return self.world.select(query.replace("{map}", whole).replace("{mine}", mine))

    def everything(self) -> dict[str, list[str]]:
        names = (
            "leads",
            "lead_changes",
            "lead_merges",
            "staging.contacts",
            "staging.contact_points",
            "staging.identity_map",
        )
        return {name: sorted(map(repr, self.select(f"select * from {name} where {{mine}}"))) for name in names}

    def violations(self) -> list[dict[str, Any]]:
        """Contacts without a lead or in a wrong one, leads without contacts, rows that lead nowhere."""
        queries = (
            "select contact_id as accepted_without_a_lead from staging.contacts where {mine} and state = 'accepted' "
            "and contact_id not in (select contact_id from {map} where is_member)",
            "select contact_id as member_that_may_not_be_one from staging.contacts where {mine} "
            "and state <> 'accepted' and contact_id in (select contact_id from {map} where is_member)",
            "select contact_id as member_of_a_lead_that_is_gone_or_asleep from {map} where is_member and lead_id "
            "not in (select id from leads where {mine} and crm_inactive_at is null)",
            "select id as awake_without_members from leads where {mine} and crm_inactive_at is null and "
            "id not in (select lead_id from {map} where is_member)",
            "select lead_id as points_to_nothing from {map} where lead_id not in (select id from leads where {mine})",
            "select lead_id as merged_into_nothing from lead_merges where {mine} and into_lead_id not in "
            "(select id from leads where {mine})",
            "select lead_id as merged_and_alive from lead_merges where {mine} and lead_id in "
            "(select id from leads where {mine})",
            "select contact_id as waits_for_ever from staging.match_queue where {mine}",
            "select id as nobodys_primary from leads where {mine} and crm_inactive_at is null and crm_contact_id "
            "not in (select contact_id from {map} where is_member and lead_id = leads.id)",
        )
        return [row for query in queries for row in self.select(query)]


def an_account(session: Session, plan: Plan) -> Account:
    return Account(World(session, account_id=f"account{next(NUMBERS)}"), plan.ranks)


@pytest.fixture(scope="module")
def duckdb_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    folder = tmp_path_factory.mktemp("worlds")
    with Warehouse(f"duckdb:///{folder / 'worlds.duckdb'}", data_dir=folder).session() as session:
        yield session


@pytest.fixture(scope="module")
def postgres_session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    server = request.getfixturevalue("postgres_server")
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create database worlds template template0 encoding 'UTF8' locale 'C'")
        with Warehouse(server.url("worlds"), data_dir=Path(tmp_path_factory.mktemp("worlds"))).session() as session:
            yield session
        connection.execute("drop database worlds with (force)")


# --- the properties


@some
@given(plan=plans())
def test_any_order_and_any_batches_give_the_leads_of_the_oracle(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    account.run(plan)
    assert account.leads() == expected(plan)
    assert account.violations() == []


@some
@given(plan=plans())
def test_one_big_sync_gives_the_leads_of_the_oracle(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    for connection in ("a", "b"):
        account.sync(connection, [version for version in plan.versions() if version.key[0] == connection])
    assert account.leads() == expected(plan)
    assert account.violations() == []


@few
@given(plan=plans())
def test_postgres_agrees(postgres_session: Session, plan: Plan) -> None:
    account = an_account(postgres_session, plan)
    account.run(plan)
    assert account.leads() == expected(plan)
    assert account.violations() == []


@few
@given(plan=plans())
def test_reading_without_matching_in_between_changes_nothing(duckdb_session: Session, plan: Plan) -> None:
    """As after crashes between the steps: contacts of several landings, of both connections, are matched at once."""
    account = an_account(duckdb_session, plan)
    for connection, batch in plan.syncs:
        account.world.land(*[version.payload() for version in batch], on=account.named(connection))
        account.world.clock += timedelta(minutes=1)
        account.world.stage(on=account.named(connection))
    for connection in ("a", "b"):
        account.world.match(on=account.named(connection))
    assert account.leads() == expected(plan)
    assert account.violations() == []


@few
@given(plan=plans())
def test_a_second_run_changes_nothing(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    account.run(plan)
    before = account.everything()
    for connection in ("a", "b"):
        again = [version for version in plan.now().values() if version.key[0] == connection]
        results = account.sync(connection, again)
        assert (results.created, results.merged, results.updated, results.split) == (0, 0, 0, 0)
        assert results.fetched == len(again)
    assert account.everything() == before


@some
@given(plan=plans())
def test_every_contact_that_was_read_has_one_outcome(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    for connection, batch in plan.syncs:
        before = merged_away(account)
        results = account.sync(connection, batch)
        read = {version.key for version in batch}
        assert results.fetched == len(read | (merged_away(account) - before))
        assert sum(results.skipped_by_reason.values()) == results.skipped


def merged_away(account: Account) -> set[Key]:
    rows = account.select("select contact_id from staging.contacts where {mine} and reason = 'merged_in_crm'")
    return {account.key_of(row["contact_id"]) for row in rows}


@few
@given(plan=plans())
def test_the_books_are_what_the_results_say(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    results = account.run(plan)
    rows = account.select("select * from sync_runs where {mine} order by started_at")
    assert [{name: row[name] for name in result.as_dict()} for row, result in zip(rows, results, strict=True)] == [
        result.as_dict() for result in results
    ]
    assert all(
        row["fetched"] == row["created"] + row["updated"] + row["unchanged"] + row["merged"] + row["skipped"]
        for row in rows
    )


@some
@given(plan=plans(merges=False))
def test_every_lead_that_comes_or_goes_is_in_the_changes(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    known = 0
    for connection, batch in plan.syncs:
        results = account.sync(connection, batch)
        kinds = kinds_of_the_last_sync(account)
        leads = account.select("select count(*) as n from leads where {mine}")[0]["n"]
        assert leads - known == kinds.get("created", 0) + kinds.get("split", 0) - kinds.get("merged", 0)
        assert results.split == kinds.get("split", 0)
        known = leads


def kinds_of_the_last_sync(account: Account) -> dict[str, int]:
    rows = account.select(
        "select kind, count(distinct lead_id) as n from lead_changes where {mine} and sync_id = "
        "(select sync_id from sync_runs where {mine} order by started_at desc limit 1) group by kind"
    )
    return {row["kind"]: row["n"] for row in rows}
