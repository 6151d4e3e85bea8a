"""Random worlds: whatever the order and the batches, the same people with the same facts, and books that add up.

What is right is told by an oracle that shares no code with the product: the newest version of each contact, the names
on each value, unions of all pairs that share one, and the first value in order of trust.

An account holds many small worlds at once, which have no value in common, so that few syncs try many. CRM_WORLDS=10000
tries that many of the first properties and a quarter of the others.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crm_pipeline.domain.identity import USUAL_LIMITS, Limits
from crm_pipeline.walk.leads import Results
from crm_pipeline.walk.rules import Kind
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session
from crm_pipeline_tests.walk.world import START, World, a_payload

WORLDS = int(os.environ.get("CRM_WORLDS", "200"))
IS_LONG = "CRM_WORLDS" in os.environ
AT_ONCE = 40
"""Worlds in one account; some accounts have a single one, where what is small can be seen."""
many = settings(
    max_examples=-(-WORLDS // AT_ONCE) + 2,
    suppress_health_check=list(HealthCheck),
    deadline=None,
    derandomize=not IS_LONG,
    phases=list(Phase) if IS_LONG else [Phase.explicit, Phase.generate],  # to make a case small takes many minutes
)
some = settings(many, max_examples=max(2, WORLDS // AT_ONCE // 4))
MERGES = 8
"""Pairs of each world that a rule merges and splits again."""

PHONES = ["+14153207788", "+12127365000", "+13125550143", "+16175550177"]
EMAILS = ["ann@x.example", "bob@x.example", "cy@x.example"]
ROLE = "info@x.example"
NAMES = ["Ann", "Bob Lee", "Cy", "Ann Lee", "Dee"]
KINDS: tuple[Kind | None, ...] = ("together", "apart", None)
NUMBERS = itertools.count(1)

Key = tuple[str, str]
"""Connection and crm id. Ids differ between the connections, so that no tie is left to chance."""
Pair = tuple[Key, Key]


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
    place: int = 0
    """Which of the worlds of its account it belongs to."""

    def at(self, place: int) -> Version:
        """The same in another world: other ids, phones and e-mails."""
        return replace(
            self,
            key=key_at(self.key, place),
            phone=phone_at(self.phone, place),
            mobile=phone_at(self.mobile, place),
            email=f"{place}-{self.email}" if is_own(self.email) else self.email,
            merged=tuple(id_at(crm_id, place) for crm_id in self.merged),
            place=place,
        )

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


def id_at(crm_id: str, place: int) -> str:
    return f"{place}{int(crm_id):02d}" if place else crm_id


def key_at(key: Key, place: int) -> Key:
    return key[0], id_at(key[1], place)


def phone_at(text: str | None, place: int) -> str | None:
    return f"{text[:-4]}{int(text[-4:]) + place:04d}" if text and is_phone(text) else text


def is_phone(text: str | None) -> bool:
    return text is not None and text.startswith("+")


def is_own(email: str | None) -> bool:
    return email is not None and email != ROLE


@dataclass(frozen=True)
class Plan:
    """Everything the CRMs ever say, in the order it arrives here, cut into syncs of one connection each."""

    ranks: Mapping[str, int]
    syncs: list[tuple[str, list[Version]]]
    limits: Limits = USUAL_LIMITS
    said: tuple[tuple[int, Kind | None, Pair], ...] = ()
    """What a person says of two contacts, and after how many syncs; None takes back what was said."""

    def rules(self) -> dict[Pair, Kind]:
        """What holds in the end."""
        found: dict[Pair, Kind] = {}
        for _, kind, pair in self.said:
            found.pop(pair, None)
            if kind:
                found[pair] = kind
        return found

    def versions(self) -> list[Version]:
        return [version for _, batch in self.syncs for version in batch]

    def now(self) -> dict[Key, Version]:
        """The newest version of each contact."""
        return {version.key: version for version in sorted(self.versions(), key=lambda version: version.number)}


@st.composite
def plans(draw: st.DrawFn, *, merges: bool = True, rules: bool = True) -> Plan:
    """Mostly many small worlds in one."""
    ranks = {"a": 100, "b": draw(st.sampled_from([10, 100]))}
    limits = Limits(
        people_per_phone=draw(st.sampled_from([1, 1, 2, 5])),
        people_per_email=draw(st.sampled_from([1, 1, 2, 3])),
        strangers=draw(st.sampled_from([2, 1, 1, 5])),
    )
    count = draw(st.sampled_from([1, AT_ONCE, AT_ONCE, AT_ONCE]))
    small = [draw(small_plans(ranks, limits, merges=merges, rules=rules)) for _ in range(count)]
    return side_by_side(ranks, limits, small)


def side_by_side(ranks: Mapping[str, int], limits: Limits, worlds: list[Plan]) -> Plan:
    """Worlds that know nothing of each other, in one account: what comes n-th in each of them comes together."""
    syncs: list[tuple[str, list[Version]]] = []
    said: list[tuple[int, Kind | None, Pair]] = []
    for step in range(max(len(world.syncs) for world in worlds) + 1):
        for place, world in enumerate(worlds):
            mine = [(kind, pair) for when, kind, pair in world.said if when == step]
            said += [(len(syncs), kind, (key_at(one, place), key_at(other, place))) for kind, (one, other) in mine]
        for connection in ("a", "b"):
            batches = [
                [version.at(place) for version in world.syncs[step][1]]
                for place, world in enumerate(worlds)
                if step < len(world.syncs) and world.syncs[step][0] == connection
            ]
            if batches:
                syncs.append((connection, [version for batch in batches for version in batch]))
    return Plan(ranks, syncs, limits, tuple(said))


@st.composite
def small_plans(draw: st.DrawFn, ranks: Mapping[str, int], limits: Limits, *, merges: bool, rules: bool) -> Plan:
    keys = [("a", str(1 + n)) for n in range(draw(st.sampled_from([4, 1, 2, 3, 5])))]
    keys += [("b", str(11 + n)) for n in range(draw(st.sampled_from([3, 1, 2, 4])))]
    survivors: dict[Key, Key] = {}
    if merges:
        for key in keys:
            others = [other for other in keys if other[0] == key[0] and other[1] > key[1]]  # so there are no circles
            if others and draw(st.integers(0, 4)) == 0:
                survivors[key] = draw(st.sampled_from(others))
    versions, kind = [], draw(st.sampled_from([a_version, somebody_in_a_crowd, somebody_of_two_families]))
    for key in keys:
        merged = tuple(loser[1] for loser, survivor in survivors.items() if survivor == key)
        for number in range(draw(st.integers(1, 3))):
            versions.append(draw(kind(key, number, merged)))
    arriving = draw(st.permutations(versions))
    if draw(st.booleans()):
        arriving = [*arriving, draw(st.sampled_from(versions))]  # landed twice
    syncs = cut(draw, arriving)
    said = draw(sayings(keys, len(syncs))) if rules and len(keys) > 1 else ()
    return Plan(ranks, syncs, limits, said)


def sayings(keys: list[Key], syncs: int) -> st.SearchStrategy[tuple[tuple[int, Kind | None, Pair], ...]]:
    pairs = st.sampled_from(list(itertools.combinations(keys, 2)))
    one = st.tuples(st.integers(0, syncs), st.sampled_from([*KINDS, "apart"]), pairs)
    return st.lists(one, max_size=4).map(lambda said: tuple(sorted(said, key=lambda one: one[0])))


def a_version(key: Key, number: int, merged: tuple[str, ...]) -> st.SearchStrategy[Version]:
    return st.builds(
        Version,
        key=st.just(key),
        number=st.just(number),
        first=st.sampled_from([*NAMES, "Ann", "Bob", None]),
        phone=st.sampled_from([*PHONES, *PHONES, None, "12"]),
        mobile=st.sampled_from([None, None, *PHONES]),
        email=st.sampled_from([None, *EMAILS, ROLE]),
        company=st.sampled_from([None, "Acme", "Globex"]),
        active_day=st.sampled_from([None, 1, 2, 3]),
        is_archived=st.sampled_from([False, False, False, False, True]),
        merged=st.just(merged),
    )


def somebody_in_a_crowd(key: Key, number: int, merged: tuple[str, ...]) -> st.SearchStrategy[Version]:
    """One of those that share one phone and little else, mostly of one name: a guard comes and goes with a few."""
    return st.builds(
        Version,
        key=st.just(key),
        number=st.just(number),
        first=st.sampled_from(["Ann"] * 12 + NAMES),
        phone=st.sampled_from([PHONES[0]] * 4 + [PHONES[1]]),
        mobile=st.sampled_from([None] * 5 + PHONES[2:]),
        email=st.sampled_from([None] * 4 + [EMAILS[0], ROLE]),
        company=st.none(),
        active_day=st.sampled_from([None, 1, 2, 3]),
        is_archived=st.sampled_from([False] * 5 + [True]),
        merged=st.just(merged),
    )


def somebody_of_two_families(key: Key, number: int, merged: tuple[str, ...]) -> st.SearchStrategy[Version]:
    """One of those on one phone whose names share words, or do not any more when somebody goes."""
    return st.builds(
        Version,
        key=st.just(key),
        number=st.just(number),
        first=st.sampled_from(["Ann Lee", "Bob Lee", "Cy Kim", "Dee Kim", "Eve"]),
        phone=st.sampled_from([PHONES[0]] * 6 + [PHONES[1]]),
        mobile=st.none(),
        email=st.none(),
        company=st.none(),
        active_day=st.none(),
        is_archived=st.sampled_from([False] * 6 + [True]),
        merged=st.just(merged),
    )


def cut(draw: st.DrawFn, arriving: list[Version]) -> list[tuple[str, list[Version]]]:
    """Up to four rounds, in each a sync of one connection or of both."""
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), min_size=draw(st.integers(0, 3)), max_size=3)))
    syncs = []
    for start, end in itertools.pairwise([0, *cuts, len(arriving)]):
        for connection in draw(st.permutations(["a", "b"])):
            batch = [version for version in arriving[start:end] if version.key[0] == connection]
            if batch:
                syncs.append((connection, batch))
    return syncs


# --- the oracle


def is_accepted(version: Version, merged_away: set[Key]) -> bool:
    has_phone = is_phone(version.phone) or is_phone(version.mobile)
    return has_phone and version.first is not None and not version.is_archived and version.key not in merged_away


def values_of(person: Version) -> dict[str, set[str]]:
    """The phones and e-mails that can say who somebody is, by kind."""
    phones, emails = (person.phone, person.mobile), (person.email,)
    return {"phone": set(filter(is_phone, phones)), "email": set(filter(is_own, emails))}  # type: ignore[arg-type]


def guarded(people: list[Version], limits: Limits) -> set[str]:
    """Values that too many different names have, or fewer that have nothing to do with each other."""
    names: dict[str, set[str]] = {}
    for person in people:
        for values in values_of(person).values():
            for value in values:
                names.setdefault(value, set()).add(person.first or "")

    def is_crowd(value: str, found: set[str]) -> bool:
        strangers = [one for one in found if not any(set(one.split()) & set(other.split()) for other in found - {one})]
        most = limits.people_per_phone if value[0] == "+" else limits.people_per_email
        return len(found) > most or len(strangers) + (len(strangers) < len(found)) > limits.strangers

    return {value for value, found in names.items() if is_crowd(value, found)}


def groups(people: list[Version], plan: Plan) -> list[list[Version]]:
    """Those of every world."""
    silent, said = guarded(people, plan.limits), resolved_rules(plan, {person.key for person in people})
    worlds: dict[int, list[Version]] = {}
    for person in people:
        worlds.setdefault(person.place, []).append(person)
    return [group for world in worlds.values() for group in groups_of(world, silent, said)]


def groups_of(people: list[Version], silent: set[str], said: set[tuple[str, frozenset[Key]]]) -> list[list[Version]]:
    """All pairs that share something are joined, in the order of their CRM ids, unless a rule forbids it."""
    ordered = sorted(people, key=lambda person: person.key[1])
    found = [{person.key} for person in ordered]

    def shares(one: Version, other: Version, kind: str) -> bool:
        if kind == "rule":
            return ("together", frozenset((one.key, other.key))) in said
        return bool((values_of(one)[kind] & values_of(other)[kind]) - silent)

    def may_meet(ours: set[Key], theirs: set[Key]) -> bool:
        return not any(("apart", frozenset(pair)) in said for pair in itertools.product(ours, theirs))

    for kind in ("rule", "phone", "email"):
        for later in range(len(ordered)):
            for earlier in range(later):
                one, other = ordered[later], ordered[earlier]
                ours, theirs = (next(group for group in found if person.key in group) for person in (one, other))
                if ours is not theirs and shares(one, other, kind) and may_meet(ours, theirs):
                    found.remove(theirs)
                    ours |= theirs
    return [[person for person in people if person.key in group] for group in found]


def resolved_rules(plan: Plan, present: set[Key]) -> set[tuple[str, frozenset[Key]]]:
    """The rules, handed on from contacts that the CRM merged away to those they became."""
    became = {(version.key[0], loser): version.key for version in plan.versions() for loser in version.merged}

    def heir(key: Key) -> Key:
        while key not in present and key in became:
            key = became[key]
        return key

    return {(kind, frozenset(map(heir, pair))) for pair, kind in plan.rules().items()}


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
        first(person.mobile if is_phone(person.mobile) else person.phone for person in ordered),
        first(person.email for person in ordered),
        first(person.company for person in ordered),
        ordered[0].key[1],
        first(person.active for person in ordered),
    )


def expected(plan: Plan) -> set[tuple[Any, ...]]:
    now = plan.now()
    merged_away = {(version.key[0], loser) for version in plan.versions() for loser in version.merged}
    people = [version for version in now.values() if is_accepted(version, merged_away)]
    return {lead_of(members, plan.ranks) for members in groups(people, plan)}


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
        results = []
        for number, (connection, batch) in enumerate(plan.syncs):
            self.hear(plan, number)
            results.append(self.sync(connection, batch))
        self.hear(plan, len(plan.syncs))
        return results

    def hear(self, plan: Plan, number: int) -> None:
        """What a person says after so many syncs; of what is said twice of a pair, the last."""
        last = {pair: kind for when, kind, pair in plan.said if when == number}
        for kind in KINDS:
            pairs = [pair for pair, said in last.items() if said == kind and (kind or self.is_known(*pair))]
            if pairs:
                self.say(kind, pairs)

    def say(self, kind: Kind | None, pairs: list[Pair]) -> None:
        self.world.rules(kind, [(self.contact(one), self.contact(other)) for one, other in pairs])

    def is_known(self, one: Key, other: Key) -> bool:
        first, second = sorted((self.contact(one), self.contact(other)))
        about = f"contact_id = '{first}' and other_contact_id = '{second}'"
        return bool(self.select(f"select * from identity_rules where {{mine}} and {about}"))

    def contact(self, key: Key) -> str:
        return self.world.contact(key[1], on=self.named(key[0]))

    def leads(self) -> set[tuple[Any, ...]]:
        """The leads that are awake, as the oracle tells them."""
        members: dict[Any, set[Key]] = {}
        keys = self.keys()
        for row in self.select("select * from {map} where is_member"):
            members.setdefault(row["lead_id"], set()).add(keys[row["contact_id"]])
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

    def people(self) -> dict[Any, set[Any]]:
        """Who is in which lead, by their ids."""
        found: dict[Any, set[Any]] = {}
        for row in self.select("select lead_id, contact_id from {map} where is_member"):
            found.setdefault(row["lead_id"], set()).add(row["contact_id"])
        return found

    def contacted(self) -> dict[Any, datetime | None]:
        """When the product wrote to each lead."""
        return {
            row["id"]: row["contacted_at"] for row in self.select("select id, contacted_at from leads where {mine}")
        }

    def keys(self) -> dict[Any, Key]:
        """Whose id each contact id is."""
        names = {str(connection.id): name.rpartition("-")[2] for name, connection in self.world.connections.items()}
        rows = self.select("select contact_id, connection_id, crm_id from staging.contacts where {mine}")
        return {row["contact_id"]: (names[str(row["connection_id"])], row["crm_id"]) for row in rows}

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
            "staging.guarded_values",
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
    return Account(World(session, account_id=f"account{next(NUMBERS)}", limits=plan.limits), plan.ranks)


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


@many
@given(plan=plans())
def test_any_order_and_any_batches_give_the_leads_of_the_oracle_and_books_that_add_up(
    duckdb_session: Session, plan: Plan
) -> None:
    account, results, before = an_account(duckdb_session, plan), [], set[Key]()
    for number, (connection, batch) in enumerate(plan.syncs):
        account.hear(plan, number)
        results.append(account.sync(connection, batch))
        read, gone = {version.key for version in batch}, merged_away(account)
        assert results[-1].fetched == len(read | (gone - before)), "everybody read has one outcome"
        before = gone
        assert sum(results[-1].skipped_by_reason.values()) == results[-1].skipped
    account.hear(plan, len(plan.syncs))
    assert account.leads() == expected(plan)
    assert account.violations() == []
    rows = account.select("select * from sync_runs where {mine} order by started_at")
    assert [{name: row[name] for name in result.as_dict()} for row, result in zip(rows, results, strict=True)] == [
        result.as_dict() for result in results
    ]
    assert all(
        row["fetched"] == row["created"] + row["updated"] + row["unchanged"] + row["merged"] + row["skipped"]
        for row in rows
    )


def merged_away(account: Account) -> set[Key]:
    rows = account.select("select contact_id from staging.contacts where {mine} and reason = 'merged_in_crm'")
    keys = account.keys() if rows else {}
    return {keys[row["contact_id"]] for row in rows}


@some
@given(plan=plans())
def test_one_big_sync_gives_the_leads_of_the_oracle(duckdb_session: Session, plan: Plan) -> None:
    account = an_account(duckdb_session, plan)
    for number in range(len(plan.syncs) + 1):
        account.hear(plan, number)
    for connection in ("a", "b"):
        account.sync(connection, [version for version in plan.versions() if version.key[0] == connection])
    assert account.leads() == expected(plan)
    assert account.violations() == []


@some
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
    for number in range(len(plan.syncs) + 1):
        account.hear(plan, number)
    assert account.leads() == expected(plan)
    assert account.violations() == []


@some
@given(plan=plans())
def test_postgres_agrees(postgres_session: Session, plan: Plan) -> None:
    account = an_account(postgres_session, plan)
    account.run(plan)
    assert account.leads() == expected(plan)
    assert account.violations() == []
    before = account.everything()
    account.world.match_everybody()
    assert account.everything() == before


@some
@given(plan=plans())
def test_what_was_known_before_changes_nothing(duckdb_session: Session, plan: Plan) -> None:
    """Everybody matched anew, with guards and rules that came and went in between; and everybody read again."""
    account = an_account(duckdb_session, plan)
    account.run(plan)
    before = account.everything()
    account.world.match_everybody()
    assert account.everything() == before
    for connection in ("a", "b"):
        again = [version for version in plan.now().values() if version.key[0] == connection]
        results = account.sync(connection, again)
        assert (results.created, results.merged, results.updated, results.split) == (0, 0, 0, 0)
        assert results.fetched == len(again)
    assert account.everything() == before


@some
@given(plan=plans(), chance=st.randoms(use_true_random=True), is_recent=st.booleans())
def test_merged_by_a_rule_and_split_again_is_as_never_merged(
    duckdb_session: Session, plan: Plan, chance: Random, is_recent: bool
) -> None:
    """With the same ids and what the product noted on them, in all worlds at once. Whom a rule tears out of a lead that
    was written to while it was in it counts as written to; no lead forgets."""
    account = an_account(duckdb_session, plan)
    account.run(plan)
    start = account.world.clock if is_recent else START - timedelta(days=30)
    written = [start + timedelta(milliseconds=number) for number in range(5)]
    for number in range(1, 5):
        some_leads = sorted(f"'{lead_id}'" for lead_id in account.people())[number::8]
        if some_leads:
            account.select(
                f"update leads set contacted_at = timestamptz '{written[number].isoformat()}' "
                f"where {{mine}} and id in ({', '.join(some_leads)}) returning 1"
            )
    pairs: dict[int, list[Pair]] = {}
    for (one, first), (other, second) in itertools.combinations(sorted(plan.now().items()), 2):
        if first.place == second.place and (one, other) not in plan.rules():
            pairs.setdefault(first.place, []).append((one, other))
    leads, people, noted = account.leads(), account.people(), account.contacted()
    for _ in range(MERGES):
        chosen = [chance.choice(of_one_world) for of_one_world in pairs.values()]
        if chosen:
            account.say("together", chosen)
            account.say(None, chosen)
            assert account.people() == people
            now = account.contacted()
            assert is_recent or now == noted
            assert all(date is None or (now[lead_id] or START) >= date for lead_id, date in noted.items())
    assert account.leads() == leads == expected(plan)
    assert account.violations() == []


@some
@given(plan=plans(merges=False, rules=False))
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
