"""From raw rows to leads, on both engines: identity, survivorship, sleep and waking, and books that add up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_pipeline.providers.provider import Reference
from crm_pipeline_tests.walk.world import START, World, a_payload, fingerprint

ANN, BOB, CY = "(415) 320-7788", "+44 7911 123456", "212 736 5000"


def test_a_contact_becomes_a_lead(world: World) -> None:
    results = world.sync(a_payload("1", first="Ann", last="Lee", phone=ANN, email="Ann@Example.com", company="Acme"))
    assert results.as_dict() | {"created": 1, "fetched": 1} == results.as_dict()
    (lead,) = world.leads()
    assert (lead["name"], lead["phone"], lead["company"]) == ("Ann Lee", "+14153207788", "Acme")
    assert (lead["crm_id"], lead["crm_source"], lead["lead_type"]) == ("1", "hubspot", "contact")


def test_two_contacts_with_one_phone_are_one_person(world: World) -> None:
    results = world.sync(a_payload("1", phone=ANN), a_payload("2", phone="+1 415-320-7788"))
    assert (results.created, results.merged) == (1, 1)
    assert len(world.leads()) == 1
    reasons = {row["matched_by"] for row in world.select("select matched_by from staging.identity_map")}
    assert reasons == {"new", "phone"}


def test_a_chain_of_phone_and_email_is_one_person(world: World) -> None:
    world.sync(
        a_payload("1", phone=ANN, email="ann@x.example"),
        a_payload("2", phone=BOB, email="ann@x.example"),
        a_payload("3", phone=BOB),
        a_payload("4", phone=CY),
    )
    assert len(world.leads()) == 2


def test_accounts_never_meet(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    other = World(world.session, account_id="globex", clock=world.clock)
    other.connection("theirs")
    results = other.sync(a_payload("1", phone=ANN), on="theirs")
    assert results.created == 1
    assert len(world.leads()) == len(other.leads()) == 1
    assert world.leads()[0]["id"] != other.leads()[0]["id"]


def test_a_second_sync_of_the_same_writes_nothing(world: World) -> None:
    people = [
        a_payload("1", phone=ANN),
        a_payload("2", phone=BOB, email="b@x.example"),
        a_payload("3", first=None, phone=CY),
    ]
    world.sync(*people)
    before = fingerprint(world)
    results = world.sync(*people)
    assert fingerprint(world) == before
    assert (results.created, results.merged, results.updated, results.unchanged, results.skipped) == (0, 0, 0, 2, 1)


def test_every_field_changed_is_recorded_with_both_values(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, company="Old"))
    results = world.sync(a_payload("1", phone=ANN, company="New", updated=START + timedelta(hours=1)))
    assert results.updated == 1
    changes = world.select("select field, old_value, new_value from lead_changes where kind = 'updated'")
    assert changes == [{"field": "company", "old_value": "Old", "new_value": "New"}]


def test_an_older_row_than_the_one_we_hold_is_ignored(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, company="New", updated=START + timedelta(hours=1)))
    results = world.sync(a_payload("1", phone=ANN, company="Old", updated=START))
    assert results.unchanged == 1
    assert world.leads()[0]["company"] == "New"


def test_a_time_far_ahead_does_not_win_for_ever(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, company="Wrong", updated=START + timedelta(days=9000)))
    world.clock += timedelta(days=2)
    world.sync(a_payload("1", phone=ANN, company="Right", updated=world.clock))
    assert world.leads()[0]["company"] == "Right"


def test_the_lead_keeps_its_id_when_contacts_join_and_leave(world: World) -> None:
    world.sync(a_payload("2", phone=ANN))
    lead_id = world.leads()[0]["id"]
    world.sync(a_payload("1", phone=ANN))
    assert [lead["id"] for lead in world.leads()] == [lead_id]
    world.sync(a_payload("1", phone=BOB, updated=START + timedelta(hours=1)))
    assert lead_id in [lead["id"] for lead in world.leads()]
    assert len(world.leads()) == 2


def test_two_leads_found_to_be_one_person_merge_into_the_older(world: World) -> None:
    world.sync(a_payload("1", first="Old", phone=ANN))
    world.sync(a_payload("2", first="Young", phone=BOB))
    older, younger = (lead["id"] for lead in world.leads())
    world.sync(a_payload("2", first="Young", phone=BOB, mobile=ANN, updated=START + timedelta(hours=1)))
    assert [lead["id"] for lead in world.leads()] == [older]
    merges = world.select("select lead_id, into_lead_id from lead_merges")
    assert merges == [{"lead_id": younger, "into_lead_id": older}]


def test_merge_then_split_gives_the_old_ids_back(world: World) -> None:
    world.sync(a_payload("1", first="Old", phone=ANN))
    world.sync(a_payload("2", first="Young", phone=BOB))
    before = {lead["name"]: lead["id"] for lead in world.leads()}
    world.sync(a_payload("2", first="Young", phone=BOB, mobile=ANN, updated=START + timedelta(hours=1)))
    results = world.sync(a_payload("2", first="Young", phone=BOB, updated=START + timedelta(hours=2)))
    assert results.split == 1
    assert {lead["name"]: lead["id"] for lead in world.leads()} == before
    assert world.select("select * from lead_merges") == []


def test_a_lead_without_contacts_sleeps_and_wakes_up(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    lead_id = world.leads()[0]["id"]
    gone = world.sync(a_payload("1", phone=ANN, archived=True))
    assert gone.skipped_by_reason == {"deleted": 1}
    (lead,) = world.leads()
    assert (lead["id"], lead["crm_inactive_reason"]) == (lead_id, "deleted")
    world.sync(a_payload("1", phone=ANN))
    (lead,) = world.leads()
    assert (lead["id"], lead["crm_inactive_at"], lead["crm_inactive_reason"]) == (lead_id, None, None)


def test_a_lead_that_lost_its_phone_sleeps_with_the_reason(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    world.sync(a_payload("1", phone=None, updated=START + timedelta(hours=1)))
    assert world.leads()[0]["crm_inactive_reason"] == "missing_phone"
    rejections = world.select("select crm_id, reason from staging.rejections")
    assert rejections == [{"crm_id": "1", "reason": "missing_phone"}]
    world.sync(a_payload("1", phone=ANN, updated=START + timedelta(hours=2)))
    assert world.select("select * from staging.rejections") == []


def test_a_crm_merge_keeps_the_lead_although_the_contact_has_a_new_id(world: World) -> None:
    world.sync(a_payload("1", first="Ann", phone=ANN), a_payload("2", first="Anne", phone=BOB))
    kept = {lead["id"] for lead in world.leads()}
    results = world.sync(
        a_payload("3", first="Ann", phone=CY, hs_merged_object_ids="1;2", updated=START + timedelta(hours=1))
    )
    assert results.skipped_by_reason == {"merged_in_crm": 2}
    (lead,) = world.leads()
    assert lead["id"] in kept
    assert (lead["crm_id"], lead["crm_inactive_at"]) == ("3", None)


def test_a_new_owner_name_reaches_leads_whose_contact_did_not_change(world: World) -> None:
    owner = Reference("owner", "7", "Jo Reed", "jo@acme.example")
    world.sync(a_payload("1", phone=ANN, hubspot_owner_id="7"), references=[owner])
    assert (world.leads()[0]["crm_owner"], world.leads()[0]["crm_owner_email"]) == ("Jo Reed", "jo@acme.example")
    results = world.sync(references=[owner._replace(label="Jo Reed-Smith")])
    assert results.updated == 1
    assert world.leads()[0]["crm_owner"] == "Jo Reed-Smith"


def test_fields_come_from_the_most_trusted_contact_that_has_them(world: World) -> None:
    world.connection("trusted", rank=10)
    world.sync(a_payload("1", first="Trusted", phone=ANN), on="trusted")
    world.sync(a_payload("2", first="Other", phone=ANN, company="Acme", notes_last_updated="2026-02-02T00:00:00Z"))
    (lead,) = world.leads()
    assert (lead["name"], lead["company"], lead["crm_id"]) == ("Trusted", "Acme", "1")


def test_a_field_emptied_in_the_crm_becomes_empty(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, company="Acme"))
    world.sync(a_payload("1", phone=ANN, updated=START + timedelta(hours=1)))
    assert world.leads()[0]["company"] is None


def test_what_the_product_owns_is_never_written(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    world.select("update leads set contacted_at = timestamptz '2026-02-02 00:00:00+00' returning id")
    world.sync(a_payload("1", phone=ANN, company="New", updated=START + timedelta(hours=1)))
    assert world.leads()[0]["contacted_at"] is not None


def test_records_set_aside_are_rejections(world: World) -> None:
    results = world.sync(a_payload("1", phone=ANN), {"id": None, "properties": {}, "updatedAt": None})
    assert (results.created, results.skipped_by_reason) == (1, {"unusable_key": 1})
    again = world.sync({"id": None, "properties": {}, "updatedAt": None})
    assert (again.fetched, again.skipped) == (1, 1)


def test_contacts_missing_from_a_complete_pass_are_deleted(world: World) -> None:
    everybody = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(1, 31)]
    world.sync(*everybody)
    results = world.sync(*everybody[:-2], complete=True)
    assert results.skipped_by_reason == {"deleted": 2}
    assert sum(lead["crm_inactive_at"] is not None for lead in world.leads()) == 2


def test_a_crm_that_is_suddenly_empty_removes_nothing(world: World) -> None:
    everybody = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(1, 31)]
    world.sync(*everybody)
    world.sync(complete=True)
    assert all(lead["crm_inactive_at"] is None for lead in world.leads())
    runs = world.select("select status, error_code from sync_runs order by started_at desc")
    assert runs[0] == {"status": "held", "error_code": "mass_removal_held"}
    world.sync(complete=True, force=True)
    assert all(lead["crm_inactive_at"] is not None for lead in world.leads())


def test_a_crash_between_contacts_and_leads_heals_and_is_counted_once(world: World) -> None:
    world.land(a_payload("1", phone=ANN), a_payload("2", phone=BOB))
    world.stage()
    results = world.sync(a_payload("3", phone=CY))
    assert (results.fetched, results.created) == (3, 3)
    assert len(world.leads()) == 3


def test_a_contact_another_connections_sync_matched_is_still_counted_by_its_own(world: World) -> None:
    world.connection("b")
    world.land(a_payload("9", phone=ANN), on="b")
    world.stage(on="b")
    first = world.sync(a_payload("1", phone=ANN))
    second = world.match(on="b")
    assert first.fetched == second.fetched == 1
    assert first.created + second.created == 1
    assert first.merged + second.merged == 1


@pytest.mark.parametrize("strategy", ["append", "rebuild"])
def test_it_is_counted_once_although_the_clock_of_the_other_machine_is_behind(world: World, strategy: str) -> None:
    """The time at which it was matched lay before the one at which it was queued, and it counted as known."""
    world.connection("b")
    first = world.land(a_payload("1", phone=ANN))
    world.stage(sync_id=first)
    world.land(a_payload("9", phone=ANN), on="b")
    world.stage(on="b")
    right, world.clock = world.clock, world.clock - timedelta(minutes=5)
    assert world.match(sync_id=first).created == 1
    world.clock = right
    results = world.match(on="b", strategy=strategy)
    assert (results.merged, results.unchanged) == (1, 0)


def test_a_contact_shown_again_wakes_up_although_the_clock_of_the_other_machine_was_ahead(world: World) -> None:
    everybody = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(5)]
    world.sync(*everybody)
    world.clock += timedelta(hours=1)
    world.sync(*everybody[1:], complete=True)
    world.clock -= timedelta(hours=1)
    results = world.sync(everybody[0])
    assert (results.updated, results.unchanged) == (1, 0)
    assert all(lead["crm_inactive_at"] is None for lead in world.leads())


def test_what_is_read_again_for_a_new_schema_wakes_up_nobody(world: World) -> None:
    """Migrations forget the landings, so that all of them are read once more."""
    everybody = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(5)]
    world.sync(*everybody)
    world.sync(*everybody[1:], complete=True)
    world.select("delete from staging.landings returning 1")
    world.sync(everybody[1])
    assert [lead["name"] for lead in world.leads() if lead["crm_inactive_at"]] == ["P0"]


def test_a_sleeping_lead_says_why_it_sleeps_now(world: World) -> None:
    """It said `deleted` of a contact that was back in the CRM, without a usable phone."""
    world.sync(a_payload("1", phone=ANN))
    world.sync(a_payload("1", phone=ANN, archived=True))
    (before,) = world.leads()
    world.sync(a_payload("1", phone="12", updated=START + timedelta(hours=1)))
    (after,) = world.leads()
    assert (before["crm_inactive_reason"], after["crm_inactive_reason"]) == ("deleted", "phone_too_short")
    assert after["crm_inactive_at"] == before["crm_inactive_at"]
    (change,) = world.difference().leads[0].changes
    assert (change.kind, change.field, change.old_value, change.new_value) == (
        "updated", "crm_inactive_reason", "deleted", "phone_too_short",
    )  # fmt: skip
    kept = fingerprint(world)
    world.rebuild()
    assert fingerprint(world) == kept
    world.sync(a_payload("1", phone=ANN, updated=START + timedelta(hours=2)))
    assert [lead["crm_inactive_reason"] for lead in world.leads()] == [None]


def test_counts_add_up_in_the_books(world: World) -> None:
    world.sync(
        a_payload("1", phone=ANN),
        a_payload("2", phone=ANN),
        a_payload("3", first=None, phone=BOB),
        a_payload("4", phone="12"),
        a_payload("5", phone=CY, archived=True),
    )
    (run,) = world.select("select * from sync_runs")
    parts = run["created"] + run["updated"] + run["unchanged"] + run["merged"] + run["skipped"]
    assert run["fetched"] == parts == 5
    assert (run["created"], run["merged"], run["skipped"]) == (1, 1, 3)


def test_a_purged_contact_whose_owner_was_renamed_is_deleted_all_the_same(world: World) -> None:
    """The rename reads its old payload again, while the complete pass did not show it."""
    owner = Reference("owner", "7", "Jo Reed", "jo@acme.example")
    many = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}", hubspot_owner_id="7") for n in range(1, 41)]
    world.sync(*many, references=[owner])
    results = world.sync(*many[1:], references=[owner._replace(label="Jo Smith")], complete=True)
    assert results.skipped_by_reason == {"deleted": 1}
    assert [lead["crm_owner"] for lead in world.leads()].count("Jo Smith") == 39


def test_contacts_merged_in_the_crm_are_not_counted_as_vanished(world: World) -> None:
    many = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(1, 61)]
    world.sync(*many)
    merged = [
        a_payload(str(100 + n), first=f"P{n}", phone=f"415 320 {1000 + n}", hs_merged_object_ids=f"{n};{n + 1}")
        for n in range(1, 41, 2)
    ]
    results = world.sync(*many[40:], *merged, complete=True)
    assert results.skipped_by_reason == {"merged_in_crm": 40}
    assert world.select("select status from sync_runs order by started_at desc")[0]["status"] == "succeeded"


def test_a_contact_landed_by_a_pass_that_died_and_purged_since_never_becomes_a_lead(world: World) -> None:
    world.land(a_payload("1", phone=ANN))
    world.clock += timedelta(hours=1)
    results = world.sync(a_payload("2", phone=BOB), complete=True)
    assert (results.created, results.skipped_by_reason) == (1, {"deleted": 1})


def test_the_proof_of_a_complete_pass_outlives_a_crash_after_landing(world: World) -> None:
    many = [a_payload(str(n), first=f"P{n}", phone=f"415 320 {1000 + n}") for n in range(1, 41)]
    world.sync(*many)
    world.clock += timedelta(hours=1)
    world.land(*many[1:], complete=True)
    results = world.sync()
    assert results.skipped_by_reason == {"deleted": 1}


def test_the_only_contact_of_a_crm_does_not_vanish_without_a_word(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    world.sync(complete=True)
    assert world.leads()[0]["crm_inactive_at"] is None


def test_merge_then_split_leaves_each_person_when_they_were_contacted(world: World) -> None:
    world.sync(a_payload("1", first="Ann", phone=ANN))
    world.sync(a_payload("2", first="Bob", phone=BOB))
    contacted = "update leads set contacted_at = timestamptz '2026-02-02 00:00:00+00' where name = 'Bob' returning id"
    world.select(contacted)
    world.sync(a_payload("2", first="Bob", phone=BOB, mobile=ANN, updated=START + timedelta(hours=1)))
    (one,) = world.leads()
    assert one["contacted_at"] is not None
    world.sync(a_payload("2", first="Bob", phone=BOB, updated=START + timedelta(hours=2)))
    assert {lead["name"]: lead["contacted_at"] is not None for lead in world.leads()} == {"Ann": False, "Bob": True}


def test_a_rank_that_is_no_number_stops_no_match(world: World) -> None:
    world.connection("odd", rank="high")
    assert world.sync(a_payload("1", phone=ANN), on="odd").created == 1


def test_a_good_record_fetched_after_a_bad_one_wins(world: World) -> None:
    world.land(a_payload("1", phone=ANN, message="x" * (5 << 20)) | {"id": "1"})
    world.land({"id": "1" * 300, "properties": {}, "updatedAt": None})
    world.clock += timedelta(minutes=1)
    results = world.sync(a_payload("1", phone=ANN))
    assert results.created == 1
