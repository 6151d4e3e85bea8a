"""Everything after raw again: nothing changes where nothing did, new settings count, and decisions stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.providers.provider import Reference
from crm_pipeline.walk import contacts
from crm_pipeline.warehouse.session import Session
from crm_pipeline_tests.walk.test_properties import (
    Account,
    Plan,
    Version,
    an_account,
    duckdb_session,
    expected,
    plans,
    postgres_session,
    some,
)  # fmt: skip
from crm_pipeline_tests.walk.world import START, World, a_payload

__all__ = ["duckdb_session", "postgres_session"]

TABLES = (
    "crm_connections", "identity_rules", "leads", "lead_changes", "lead_merges", "removed_leads", "raw.complete_passes",
    "staging.contacts", "staging.contact_points", "staging.contact_merges", "staging.crm_references",
    "staging.guarded_values", "staging.identity_map", "staging.landings", "staging.match_queue", "staging.rejections",
)  # fmt: skip


def everything(world: World) -> dict[str, list[str]]:
    """Every row of the account, but for the books."""
    mine = f"account_id = '{world.account_id}'"
    return {table: sorted(map(repr, world.select(f"select * from {table} where {mine}"))) for table in TABLES}


def state(world: World, crm_id: str) -> tuple[str, str | None]:
    (row,) = world.select(f"select state, reason from staging.contacts where contact_id = '{world.contact(crm_id)}'")
    return row["state"], row["reason"]


ANN, BOB, CY = (
    a_payload("1", first="Ann", phone="415 320 7788"),
    a_payload("2", first="Bob", phone="212 736 5000"),
    a_payload("3", first="Cy", phone="312 555 0143"),
)


def test_a_rebuild_without_changes_writes_nothing_and_is_in_the_books(world: World) -> None:
    world.sync(ANN, BOB, references=[Reference("owner", "7", "Jo Reed")])
    world.sync(CY, {"id": None, "properties": {}, "updatedAt": None}, on="second")
    before = everything(world)
    first, second = world.rebuild()
    assert (first.fetched, first.unchanged, first.skipped) == (2, 2, 0)
    assert (second.fetched, second.unchanged, second.skipped) == (2, 1, 1)
    assert everything(world) == before
    runs = world.select("select * from sync_runs where strategy = 'rebuild'")
    assert [(row["status"], row["pass"], row["requests"]) for row in runs] == [("succeeded", None, 0)] * 2


def test_what_a_new_region_makes_of_a_phone_is_written_and_told(world: World) -> None:
    london = a_payload("1", first="Ann", phone="020 7946 0123")
    world.sync(london, BOB)
    assert state(world, "1")[0] == "rejected"
    (bob,) = world.leads()
    world.region = "GB"
    (results,) = world.rebuild()
    assert (results.created, results.updated, results.skipped) == (1, 0, 1)
    ann, bob_asleep = world.leads()
    assert (ann["name"], ann["phone"], ann["crm_inactive_at"]) == ("Ann", "+442079460123", None)
    assert (bob_asleep["id"], bob_asleep["crm_inactive_reason"]) == (bob["id"], "phone_invalid")
    world.region = "US"
    world.rebuild()
    assert [row["id"] for row in world.leads() if row["crm_inactive_at"] is None] == [bob["id"]]


def test_a_contact_found_absent_stays_away_until_it_is_shown_again(world: World) -> None:
    world.sync(ANN, BOB, CY)
    world.sync(ANN, BOB, complete=True)
    assert state(world, "3") == ("deleted", "deleted")
    before = everything(world)
    world.rebuild()
    assert everything(world) == before
    world.sync(CY)
    assert state(world, "3")[0] == "accepted"
    world.rebuild()
    assert state(world, "3")[0] == "accepted"


def test_absence_is_not_decided_anew_so_many_absent_ones_do_not_come_back(world: World) -> None:
    """The valve was forced once; after a rebuild it must not be asked again, and nobody must be alive again."""
    crowd = [a_payload(str(n), first=f"P{n}", phone=f"212 736 {5000 + n}") for n in range(60)]
    world.sync(*crowd)
    world.sync(*crowd[:10], strategy="overwrite", force=True)
    before = everything(world)
    world.rebuild()
    assert everything(world) == before
    results = world.sync(crowd[0], complete=False)
    assert (results.updated, results.unchanged) == (0, 1)


def test_a_held_removal_is_not_decided_by_a_rebuild(world: World) -> None:
    crowd = [a_payload(str(n), first=f"P{n}", phone=f"212 736 {5000 + n}") for n in range(60)]
    world.sync(*crowd)
    world.sync(*crowd[:10], complete=True)
    (held,) = world.select("select status, error_code from sync_runs order by started_at desc limit 1")
    assert (held["status"], held["error_code"]) == ("held", "mass_removal_held")
    before = everything(world)
    world.rebuild()
    assert everything(world) == before
    (known,) = world.select("select last_error_code from crm_connections")
    assert known["last_error_code"] == "mass_removal_held"


def test_a_proof_that_waits_for_its_sync_goes_on_waiting(world: World) -> None:
    """Landed, not read yet: the rebuild reads the contacts, and the next sync applies the proof."""
    world.sync(ANN, BOB)
    world.clock += timedelta(minutes=1)
    world.land(ANN, complete=True)
    world.rebuild()
    assert state(world, "2")[0] == "accepted"
    world.sync(on="main")
    assert state(world, "2") == ("deleted", "deleted")


def test_a_set_aside_record_does_not_bring_an_absent_contact_back(world: World) -> None:
    large = a_payload("3", first="Cy", phone="312 555 0143")
    large["properties"] |= {f"note{n}": "x" * (1 << 20) for n in range(5)}
    world.sync(ANN, BOB, large)
    assert state(world, "3") == ("rejected", "record_too_large")
    world.sync(ANN, BOB, complete=True)
    assert state(world, "3") == ("deleted", "deleted")
    world.rebuild()
    assert state(world, "3") == ("deleted", "deleted")
    world.sync(large)
    world.rebuild()
    assert state(world, "3") == ("rejected", "record_too_large")


def test_what_landed_late_but_was_fetched_before_it_was_found_absent_does_not_bring_it_back(world: World) -> None:
    world.sync(ANN, BOB, CY)
    early = world.clock
    world.sync(ANN, BOB, complete=True)
    now, world.clock = world.clock, early
    world.land(CY)
    world.clock = now
    world.sync()
    assert state(world, "3") == ("deleted", "deleted")


def test_a_rank_counts_from_the_next_rebuild_on(world: World) -> None:
    world.sync(a_payload("1", first="Ann", phone="415 320 7788", company="Acme"))
    world.sync(a_payload("2", first="Anne", phone="415 320 7788", company="Globex"), on="second")
    (lead,) = world.leads()
    world.connections.clear()
    world.connection("main", rank=50)
    world.connection("second", rank=5 if lead["company"] == "Acme" else 500)
    world.rebuild()
    (after,) = world.leads()
    assert after["id"] == lead["id"]
    assert after["company"] != lead["company"]
    changes = world.select("select distinct kind from lead_changes where sync_id in "
                           "(select sync_id from sync_runs where strategy = 'rebuild')")  # fmt: skip
    assert [row["kind"] for row in changes] == ["updated"]


def test_many_changed_contacts_become_what_few_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Few are replaced as whole rows, many are changed in place."""
    found = []
    for account, few_changed in (("few", 20_000), ("many", 0)):
        monkeypatch.setattr(contacts, "FEW_CHANGED", few_changed)
        own = World(world.session, account_id=account)
        own.sync(ANN, BOB, CY, on=account)
        own.sync(
            a_payload("2", first="Bob", phone=None, company="Acme", updated=START + timedelta(hours=1)),
            a_payload("3", first="Cy", phone="312 555 0143", email="cy@x.example", updated=START + timedelta(hours=1)),
            a_payload("4", first="Dee", phone="617 555 0177"),
            on=account,
        )
        rows = own.select("select * from staging.contacts where account_id = '{account}' order by crm_id")
        ids = ("account_id", "contact_id", "connection_id", "content_hash")
        found.append([{name: value for name, value in row.items() if name not in ids} for row in rows])
    assert found[0] == found[1]
    assert [(row["crm_id"], row["state"], row["company"], row["email"]) for row in found[1]] == [
        ("1", "accepted", None, None), ("2", "rejected", "Acme", None), ("3", "accepted", None, "cy@x.example"),
        ("4", "accepted", None, None),
    ]  # fmt: skip


# --- random worlds


@dataclass(frozen=True)
class Passes:
    """How each sync of a plan went: strategy, whether its pass was complete, whether a person forced it."""

    kinds: tuple[tuple[str, bool, bool], ...]


def passes() -> st.SearchStrategy[Passes]:
    one = st.sampled_from([
        ("append", False, False), ("append", False, False), ("append", True, False), ("append", True, True),
        ("overwrite", True, True), ("overwrite", True, False),
    ])  # fmt: skip
    return st.lists(one, min_size=12, max_size=12).map(lambda kinds: Passes(tuple(kinds)))


def run(account: Account, plan: Plan, how: Passes) -> None:
    """The plan, some of its passes complete: contacts are found absent, leads removed, removals held."""
    for number, (connection, batch) in enumerate(plan.syncs):
        account.hear(plan, number)
        strategy, complete, force = how.kinds[number % len(how.kinds)]
        payloads = [version.payload() for version in batch]
        account.world.sync(*payloads, on=account.named(connection), strategy=strategy, complete=complete, force=force)
    account.hear(plan, len(plan.syncs))


@some
@given(plan=plans(), how=passes())
def test_a_rebuild_after_any_syncs_changes_nothing(duckdb_session: Session, plan: Plan, how: Passes) -> None:
    account = an_account(duckdb_session, plan)
    run(account, plan, how)
    before = everything(account.world)
    account.world.rebuild()
    assert everything(account.world) == before


@some
@given(plan=plans(), how=passes())
def test_a_rebuild_after_any_syncs_changes_nothing_on_postgres(
    postgres_session: Session, plan: Plan, how: Passes
) -> None:
    account = an_account(postgres_session, plan)
    run(account, plan, how)
    before = everything(account.world)
    account.world.rebuild()
    assert everything(account.world) == before


@pytest.mark.long
@some
@given(plan=plans(), rank=st.sampled_from([10, 100, 200]))
def test_with_other_ranks_the_leads_are_those_of_a_world_that_had_them(
    duckdb_session: Session, plan: Plan, rank: int
) -> None:
    change_rank(an_account(duckdb_session, plan), plan, rank)


@some
@given(plan=plans(), rank=st.sampled_from([10, 100, 200]))
def test_with_other_ranks_the_leads_are_those_of_a_world_that_had_them_on_postgres(
    postgres_session: Session, plan: Plan, rank: int
) -> None:
    change_rank(an_account(postgres_session, plan), plan, rank)


def change_rank(account: Account, plan: Plan, rank: int) -> None:
    account.run(plan)
    account.world.connections.clear()
    account.ranks = {"a": 100, "b": rank}
    for connection in ("a", "b"):
        account.named(connection)
    account.world.rebuild()
    assert account.leads() == expected(replace(plan, ranks=account.ranks))
    assert account.violations() == []


@some
@given(plan=plans(), first=st.fixed_dictionaries({"a": st.sampled_from(["US", "GB"]), "b": st.sampled_from(["DE"])}))
def test_with_another_region_the_leads_are_those_of_a_world_that_had_it(
    duckdb_session: Session, plan: Plan, first: Mapping[str, str]
) -> None:
    change_region(an_account(duckdb_session, plan), plan, first)


@some
@given(plan=plans(), first=st.fixed_dictionaries({"a": st.sampled_from(["US", "GB"]), "b": st.sampled_from(["DE"])}))
def test_with_another_region_the_leads_are_those_of_a_world_that_had_it_on_postgres(
    postgres_session: Session, plan: Plan, first: Mapping[str, str]
) -> None:
    change_region(an_account(postgres_session, plan), plan, first)


def change_region(account: Account, plan: Plan, first: Mapping[str, str]) -> None:
    """Some phones are written without their country: read for another region, they are other numbers or none."""
    world = account.world
    for number, (connection, batch) in enumerate(plan.syncs):
        account.hear(plan, number)
        world.region = first[connection]
        world.sync(*map(locally, batch), on=account.named(connection))
    account.hear(plan, len(plan.syncs))
    world.region = "US"
    world.rebuild()
    assert account.leads() == expected(plan)
    assert account.violations() == []
    before = everything(world)
    world.rebuild()
    assert everything(world) == before


def locally(version: Version) -> dict[str, Any]:
    payload = version.payload()
    phone = payload["properties"]["phone"]
    if phone and version.number % 2 == 0:
        payload["properties"]["phone"] = re.sub(r"^\+1(...)(...)(....)$", r"(\1) \2-\3", phone)
    return payload
