"""Overwrite on both engines: what goes, what stays, what comes back, and what the product wrote in the meantime."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock
from uuid import uuid4

import pytest

from crm_pipeline.walk.removal import restore_leads
from crm_pipeline_tests.walk.world import START, World, a_payload, a_world, fingerprint

ANN, BOB, CY = "(415) 320-7788", "+44 7911 123456", "212 736 5000"
LATER = START + timedelta(hours=1)


def people(count: int) -> list[dict[str, Any]]:
    return [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(1, count + 1)]


def write(world: World, statement: str) -> None:
    """The product at work."""
    world.session.execute(statement)  # type: ignore[attr-defined]


def removed(world: World) -> list[Any]:
    return [row["lead_id"] for row in world.select("select lead_id from removed_leads order by lead_id")]


def kinds(world: World) -> list[str]:
    assert world.last_sync is not None
    rows = world.select(f"select kind from lead_changes where sync_id = '{world.last_sync}' order by kind")
    return [row["kind"] for row in rows]


def restore(world: World, **what: Any) -> int:
    with world.session.transaction():
        return restore_leads(world.session, world.account_id, restore_id=uuid4(), now=world.clock, **what)


def test_a_lead_whose_contact_left_the_crm_is_removed_and_kept_aside(world: World) -> None:
    everybody = people(30)
    world.sync(*everybody)
    results = world.sync(*everybody[:-2], strategy="overwrite")
    assert (results.removed, results.unchanged, results.skipped_by_reason) == (2, 28, {"deleted": 2})
    assert len(world.leads()) == 28
    assert len(removed(world)) == 2
    assert kinds(world) == ["inactive", "inactive", "removed", "removed"]
    run = world.select("select strategy, status, removed, fetched from sync_runs order by started_at desc")[0]
    assert run == {"strategy": "overwrite", "status": "succeeded", "removed": 2, "fetched": 30}


def test_what_an_append_put_to_sleep_goes_too(world: World) -> None:
    world.sync(a_payload("1", phone=ANN), a_payload("2", first="Bob", phone=BOB))
    world.sync(a_payload("2", first="Bob", phone=BOB, archived=True))
    assert len(world.leads()) == 2
    assert world.sync(a_payload("1", phone=ANN), strategy="overwrite").removed == 1
    assert [lead["name"] for lead in world.leads()] == ["Ann"]


def test_a_lead_that_another_crm_still_has_stays_and_so_do_those_of_other_crms(world: World) -> None:
    world.sync(*people(3))
    world.sync(a_payload("x", first="P1", phone="415 320 1001"), a_payload("y", phone=BOB), on="other")
    world.sync(a_payload("y", phone=BOB, archived=True), on="other")  # asleep, and none of this connection's
    results = world.sync(*people(3)[1:], strategy="overwrite", force=True)
    assert results.removed == 0
    assert len(world.leads()) == 4


def test_a_second_overwrite_changes_nothing(world: World) -> None:
    everybody = people(30)
    world.sync(*everybody)
    world.sync(*everybody[:-2], strategy="overwrite")
    before = fingerprint(world)
    results = world.sync(*everybody[:-2], strategy="overwrite")
    assert (results.removed, results.unchanged, results.fetched) == (0, 28, 28)
    assert fingerprint(world) == before


def test_a_crm_that_is_suddenly_empty_removes_nothing_until_a_person_says_so(world: World) -> None:
    world.sync(*people(30))
    results = world.sync(strategy="overwrite")
    assert results.removed == 0
    assert len(world.leads()) == 30
    assert world.select("select status from sync_runs order by started_at desc")[0]["status"] == "held"
    assert world.sync(strategy="overwrite", force=True).removed == 30
    assert world.leads() == []


def test_a_setting_that_makes_many_contacts_unusable_removes_nothing_without_a_word(world: World) -> None:
    """The contacts are all in the CRM still; only our reading of them changed."""
    world.sync(*people(40))
    broken = [a_payload(str(n), first=f"P{n}", phone="12", updated=LATER) for n in range(1, 41)]
    for _ in range(2):
        assert world.sync(*broken, strategy="overwrite").removed == 0
        run = world.select("select status, error_message from sync_runs order by started_at desc")[0]
        assert (run["status"], "40 of 40 leads" in run["error_message"]) == ("held", True)
    assert all(lead["crm_inactive_reason"] == "phone_too_short" for lead in world.leads())
    assert world.sync(*broken, strategy="overwrite", force=True).removed == 40


def last_run(world: World) -> Any:
    return world.select("select status, error_message, error_action from sync_runs order by started_at desc limit 1")[0]


def changed(count: int, *, told: str) -> list[dict[str, Any]]:
    """The same people, later: told as archived by the CRM, or with a phone that is none."""
    what: dict[str, Any] = {"archived": True} if told == "archived" else {"phone": "12"}
    return [a_payload(str(n), first=f"P{n}", updated=LATER, **what) for n in range(1, count + 1)]


@pytest.mark.parametrize("told", ["archived", "unusable"])
@pytest.mark.parametrize("count", [3, 20, 60])
def test_all_leads_of_a_crm_are_not_removed_without_a_word_whatever_the_reason(
    world: World, told: str, count: int
) -> None:
    """Contacts that the CRM itself tells as gone were never weighed, and 20 unusable ones were few enough."""
    world.sync(*people(count))
    gone = changed(count, told=told)
    foreseen, _ = world.preview(*gone, of="overwrite")
    for _ in range(2):
        results = world.sync(*gone, strategy="overwrite")
        assert (results, results.removed) == (foreseen, 0)
        assert last_run(world)["status"] == "held"
        assert f"{count} of {count} leads" in last_run(world)["error_message"]
        assert all(lead["crm_inactive_at"] for lead in world.leads()), "told deletions count as in an append"
    assert world.sync(*gone, strategy="overwrite", force=True).removed == count
    assert world.leads() == []


def test_leads_of_one_crm_are_weighed_although_new_ones_came_in_their_place(world: World) -> None:
    world.sync(*people(10))
    new = a_payload("99", first="New", phone=BOB)
    for _ in range(2):
        assert world.sync(*changed(10, told="archived"), new, strategy="overwrite").removed == 0
        assert last_run(world)["status"] == "held"
    assert len(world.leads()) == 11
    world.sync(*[payload | {"updatedAt": (LATER + timedelta(hours=1)).isoformat()} for payload in people(9)])
    assert world.sync(*people(9), new, strategy="overwrite").removed == 1, "what is back is not to be removed"


def test_few_leads_whose_contacts_the_crm_tells_as_gone_go(world: World) -> None:
    world.sync(*people(60))
    assert world.sync(*changed(20, told="archived"), *people(60)[20:], strategy="overwrite").removed == 20
    assert world.sync(*changed(40, told="archived")[20:], *people(60)[40:], strategy="overwrite").removed == 20
    assert len(world.leads()) == 20


def test_leads_that_fell_asleep_earlier_are_weighed_too(world: World) -> None:
    """An hourly sync may have been the first to be told."""
    world.sync(*people(60))
    world.sync(*changed(50, told="archived"))
    assert world.sync(*people(60)[50:], strategy="overwrite").removed == 0
    assert "50 of 60 leads" in last_run(world)["error_message"]
    assert world.sync(*people(60)[50:], strategy="overwrite", force=True).removed == 50


def test_a_force_releases_what_was_shown_and_not_what_vanished_since(world: World) -> None:
    everybody = people(200)
    world.sync(*everybody)
    world.sync(*everybody[25:], strategy="overwrite")
    assert "25 of 200 contacts" in last_run(world)["error_message"]
    assert world.sync(*everybody[199:], strategy="overwrite", force=True).removed == 0
    assert "199 of 200 contacts" in last_run(world)["error_message"]
    assert "more than the 25 shown" in last_run(world)["error_message"]
    assert len(world.leads()) == 200
    assert world.sync(*everybody[199:], strategy="overwrite", force=True).removed == 199
    assert world.select("select * from staging.held_removals") == []


def test_a_force_releases_a_few_more_than_were_shown(world: World) -> None:
    everybody = people(200)
    world.sync(*everybody)
    world.sync(*everybody[25:], strategy="overwrite")
    assert world.sync(*everybody[45:], strategy="overwrite", force=True).removed == 45


@pytest.mark.parametrize("told", ["archived", "unusable"])
def test_a_force_bounds_the_leads_by_the_contacts_that_were_shown(world: World, told: str) -> None:
    """The one who forced it was shown 25 contacts that vanished, and nothing of a hundred that cannot be used now."""
    everybody = people(200)
    world.sync(*everybody)
    world.sync(*everybody[25:], strategy="overwrite")
    now = [*changed(125, told=told)[25:], *everybody[125:]]
    assert world.sync(*now, strategy="overwrite", force=True).removed == 0
    assert "125 of 200 leads" in last_run(world)["error_message"]
    assert world.sync(*now, strategy="overwrite", force=True).removed == 125


def test_a_hold_says_the_whole_command(world: World) -> None:
    world.sync(*people(30))
    world.sync(strategy="overwrite")
    command = "`crm-pipeline sync --account acme --provider hubspot --strategy overwrite --force`"
    assert command in last_run(world)["error_action"]
    world.sync(complete=True)
    assert command.replace(" --strategy overwrite", "") in last_run(world)["error_action"]


def test_a_contact_that_comes_back_has_its_old_lead_with_all_the_product_wrote(world: World) -> None:
    write(world, "alter table leads add column score integer")
    write(world, "alter table leads add column note text default 'none yet'")
    world.sync(a_payload("1", phone=ANN), a_payload("2", first="Bob", phone=BOB))
    write(world, "update leads set contacted_at = timestamptz '2026-02-02 00:00:00+00', score = 7, note = 'x\"y' "
          "where name = 'Ann'")  # fmt: skip
    (ann,) = (lead for lead in world.leads() if lead["name"] == "Ann")
    write(world, f"insert into messages values ('acme', '{uuid4()}', '{ann['id']}', 'out', 'Hi', '2026-02-02')")
    world.sync(a_payload("2", first="Bob", phone=BOB), strategy="overwrite")
    assert [lead["name"] for lead in world.leads()] == ["Bob"]
    assert world.select("select lead_id from messages") == [{"lead_id": ann["id"]}]
    write(world, "alter table leads add column later integer default 3")
    results = world.sync(a_payload("1", phone=ANN, company="New"))
    (back,) = (lead for lead in world.leads() if lead["name"] == "Ann")
    same = ("id", "contacted_at", "score", "note", "created_at")
    assert {name: back[name] for name in same} == {name: ann[name] for name in same}
    assert (back["company"], back["crm_inactive_at"], back["later"]) == ("New", None, 3)
    assert (results.updated, results.created, removed(world)) == (1, 0, [])
    assert kinds(world) == ["active", "restored", "updated"]
    assert len(world.select("select * from recent_threads")) == 1


def test_another_contact_of_a_removed_lead_brings_it_back_under_its_id(world: World) -> None:
    world.sync(*people(3), a_payload("8", phone=ANN), a_payload("9", phone=ANN))
    (both,) = (lead["id"] for lead in world.leads() if lead["name"] == "Ann")
    assert world.sync(*people(3), strategy="overwrite").removed == 1
    world.sync(a_payload("9", phone=ANN))
    assert both in [lead["id"] for lead in world.leads()]


def test_a_contact_merged_in_the_crm_brings_back_the_lead_of_the_one_it_was(world: World) -> None:
    world.sync(*people(3), a_payload("8", phone=ANN))
    (old,) = (lead["id"] for lead in world.leads() if lead["name"] == "Ann")
    assert world.sync(*people(3), strategy="overwrite").removed == 1
    world.sync(a_payload("77", phone=BOB, hs_merged_object_ids="8", updated=LATER))
    assert old in [lead["id"] for lead in world.leads()]


def test_a_reader_sees_the_leads_before_an_overwrite_or_after_it_and_nothing_between(
    postgres_url: str, tmp_path: Path
) -> None:
    with a_world(postgres_url, tmp_path) as world, a_world(postgres_url, tmp_path) as reader:
        everybody = people(30)
        world.sync(*everybody)
        seen = []
        run = world.session.run

        def looking(name: str, /, **parameters: Any) -> int:
            seen.append(len(reader.leads()))
            return run(name, **parameters)

        with mock.patch.object(world.session, "run", looking):
            world.sync(*everybody[3:], a_payload("99", phone=BOB), strategy="overwrite")
        assert (set(seen), len(reader.leads())) == ({30}, 28)


@pytest.mark.parametrize("by", ["lead", "sync"])
def test_a_person_puts_removed_leads_back_asleep(world: World, by: str) -> None:
    write(world, "alter table leads add column score integer")
    world.sync(*people(30))
    write(world, "update leads set score = 7")
    before = {lead["id"]: lead for lead in world.leads()}
    world.sync(*people(30)[2:], strategy="overwrite")
    gone = removed(world)
    what = {"removed_by": world.last_sync} if by == "sync" else {"lead_id": gone[0]}
    assert restore(world, **what) == (2 if by == "sync" else 1)
    after = {lead["id"]: lead for lead in world.leads()}
    assert set(after) == (set(before) if by == "sync" else set(before) - {gone[1]})
    for lead_id in gone[: 2 if by == "sync" else 1]:
        assert after[lead_id]["crm_inactive_reason"] == "deleted"
        assert after[lead_id]["crm_inactive_at"] is not None
        assert after[lead_id]["score"] == 7
    assert restore(world, **what) == 0
    world.sync(people(30)[0], people(30)[1])
    assert {lead["id"] for lead in world.leads() if lead["crm_inactive_at"] is None} == set(before)


def test_a_merge_and_a_split_give_the_product_its_columns_back(world: World) -> None:
    write(world, "alter table leads add column score integer")
    world.sync(a_payload("1", first="Ann", phone=ANN))
    world.sync(a_payload("2", first="Bob", phone=BOB))
    write(world, "update leads set score = case name when 'Ann' then 1 else 2 end")
    before = {lead["name"]: (lead["id"], lead["score"], lead["created_at"]) for lead in world.leads()}
    world.sync(a_payload("2", first="Bob", phone=BOB, mobile=ANN, updated=LATER))
    assert [lead["score"] for lead in world.leads()] == [1]
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=LATER + timedelta(hours=1)))
    assert {lead["name"]: (lead["id"], lead["score"], lead["created_at"]) for lead in world.leads()} == before


ODD = {
    "duckdb": ("score double default 'nan'", "bits bit default '0101'", "many bit[] default ['01'::bit]"),
    "postgres": ("score float8 default 'nan'", "bits bit(4) default b'0101'", "many bit(2)[] default array[b'01']"),
}
"""Columns whose values are no JSON, or are written as JSON and not read from it as they are."""


def test_odd_columns_of_the_product_survive_a_split_and_a_return(world: World) -> None:
    """A NaN stopped every later sync of the account."""
    for column in ODD[world.session.engine]:
        write(world, f"alter table leads add column {column}")
    as_text = "cast(score as text) as s, cast(bits as text) as b, cast(many as text) as m"
    texts = f"select name, id, {as_text} from leads order by name"
    world.sync(a_payload("1", first="Ann", phone=ANN), a_payload("2", first="Bob", phone=BOB), *people(2)[:1])
    before = world.select(texts)
    assert {(row["s"].lower(), row["b"]) for row in before} == {("nan", "0101")}
    world.sync(a_payload("2", first="Bob", phone=BOB, mobile=ANN, updated=LATER))
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=LATER + timedelta(hours=1)))
    assert world.select(texts) == before
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=LATER + timedelta(hours=1)), strategy="overwrite")
    assert [row["name"] for row in world.select(texts)] == ["Bob"]
    world.sync(a_payload("1", first="Ann", phone=ANN), *people(2)[:1])
    assert world.select(texts) == before


@pytest.mark.parametrize("name", ["l", "object", "lead", "o", "r"])
def test_a_column_of_the_product_may_have_any_name(world: World, name: str) -> None:
    """`l` was taken for the whole row, and so kept in its place."""
    write(world, f"alter table leads add column {name} text default 'x'")
    world.sync(a_payload("1", first="Ann", phone=ANN), a_payload("2", first="Bob", phone=BOB))
    kept = f"select id, {name}, created_at from leads order by name"
    before = world.select(kept)
    world.sync(a_payload("2", first="Bob", phone=BOB, mobile=ANN, updated=LATER))
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=LATER + timedelta(hours=1)))
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=LATER + timedelta(hours=1)), strategy="overwrite")
    world.sync(a_payload("1", first="Ann", phone=ANN))
    assert world.select(kept) == before


def test_a_rejection_disappears_when_the_contact_is_fixed_under_every_strategy(world: World) -> None:
    rejections = "select crm_id, reason, value from staging.rejections"
    for number, strategy in enumerate(("append", "overwrite")):
        wrong, right = (LATER + timedelta(hours=2 * number + n) for n in range(2))
        world.sync(a_payload("1", phone="12", updated=wrong), strategy=strategy)
        assert world.select(rejections) == [{"crm_id": "1", "reason": "phone_too_short", "value": "12"}]
        world.preview(a_payload("1", phone=ANN, updated=right), of=strategy)
        assert len(world.select(rejections)) == 1
        world.sync(a_payload("1", phone=ANN, updated=right), strategy=strategy)
        assert world.select(rejections) == []
        (lead,) = world.leads()
        assert lead["crm_inactive_at"] is None


def test_each_change_tells_whose_value_it_is(world: World) -> None:
    world.connection("trusted", rank=10)
    world.sync(a_payload("1", first="Ann", phone=ANN))
    world.sync(a_payload("9", first="Anne", phone=ANN, email="ann@x.example"), on="trusted")
    assert world.last_sync is not None
    rows = world.select(
        "select c.field, c.new_value, k.crm_id, c.connection_id = k.connection_id as fits from lead_changes c "
        f"left join staging.contacts k on k.contact_id = c.contact_id where c.sync_id = '{world.last_sync}'"
    )
    told = {row["field"]: (row["new_value"], row["crm_id"], row["fits"]) for row in rows}
    assert told.pop("crm_connection_id") == (str(world.connection("trusted").id), "9", True)
    assert told == {
        "name": ("Anne", "9", True), "first_name": ("Anne", "9", True), "email": ("ann@x.example", "9", True),
        "crm_id": ("9", "9", True),
    }  # fmt: skip
    world.sync(a_payload("9", first="Anne", phone=ANN, updated=LATER), on="trusted")
    rows = world.select(f"select field, new_value, contact_id from lead_changes where sync_id = '{world.last_sync}'")
    assert rows == [{"field": "email", "new_value": None, "contact_id": None}]


def test_the_fields_of_a_lead_name_their_contact_and_the_runners_up(world: World) -> None:
    world.connection("trusted", rank=10)
    world.sync(a_payload("1", first="Ann", phone=ANN, company="Acme", email="a@x.example"))
    world.sync(a_payload("9", first="Anne", phone=ANN, company="Globex"), on="trusted")
    (lead,) = world.leads()
    rows = world.session.rows("reports/fields_of_lead", account_id="acme", lead_id=str(lead["id"]), default_rank=100)
    told: dict[str, list[tuple[str, str, bool]]] = {}
    for row in rows:
        told.setdefault(row["field"], []).append((row["value"], row["crm_id"], row["is_source"]))
    assert told["company"] == [("Globex", "9", True), ("Acme", "1", False)]
    assert told["email"] == [("a@x.example", "1", True)]
    assert told["name"] == [("Anne", "9", True), ("Ann", "1", False)]
    for field, values in told.items():
        assert lead[field] == values[0][0], field
