"""Every CRM, the whole walk into a store: what people change in the CRM is what changes here, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_pipeline.ingest.cursor import OVERLAP
from crm_pipeline_tests.conformance.ground import Ground

HOUR, TWO_DAYS, EIGHT_DAYS = 3600.0, 2 * 86_400.0, 8 * 86_400.0
LONG_SINCE = 4 * HOUR
"""So late that the next window does not reach back to what was changed before, and no complete pass is due yet."""


def later(ground: Ground, seconds: float = HOUR, **options: Any) -> Any:
    """The next sync, so much later; it has to succeed."""
    ground.clock.move(seconds)
    result = ground.sync(**options)
    assert result.error is None, result.error.message
    return result


def somebody(ground: Ground, first: str = "Ada", phone: str = "+14155550100", **fields: Any) -> str:
    return ground.users.add(first=first, last="Brandt", phone=phone, **fields)


def test_the_first_sync_brings_everybody_and_the_second_changes_nothing(ground: Ground) -> None:
    first = later(ground)
    assert first.pass_kind == "complete"
    assert ground.alive() == ground.truth()
    assert first.results.fetched == len(ground.held())
    before = ground.everything()
    second = later(ground)
    assert second.pass_kind == "window"
    assert ground.everything() == before
    counts = second.results
    assert (counts.created, counts.merged, counts.updated, counts.split) == (0, 0, 0, 0)
    again = later(ground, full=True)
    assert (again.pass_kind, ground.everything()) == ("complete", before)


def test_exactly_what_was_edited_changes(ground: Ground) -> None:
    ids = [somebody(ground, f"Ada{n}", f"+1415555010{n}", object_type=kind) for n, kind in enumerate(kinds(ground, 4))]
    later(ground)
    before = {crm_id: ground.lead_of(crm_id) for crm_id in ids}
    ground.clock.move(HOUR)
    for crm_id in ids[:2]:
        ground.users.edit(crm_id, first="Eve")
    new = somebody(ground, "New", "+14155550109")
    result = later(ground, 0)
    assert result.results.updated == 2
    assert result.results.created == 1
    for crm_id in ids[:2]:
        assert ground.lead_of(crm_id)["name"] == "Eve Brandt"
    for crm_id in ids[2:]:
        assert ground.lead_of(crm_id) == before[crm_id]
    assert ground.lead_of(new)["name"] == "New Brandt"


def kinds(ground: Ground, count: int) -> list[str]:
    """Object types in turn."""
    types = ground.users.object_types
    return [types[number % len(types)] for number in range(count)]


def test_an_edit_of_a_second_ago_is_not_left_for_the_next_hour(ground: Ground) -> None:
    crm_id = somebody(ground)
    later(ground)
    ground.clock.move(HOUR - 60)
    ground.users.edit(crm_id, first="Eve")
    later(ground, 0)
    assert ground.lead_of(crm_id)["name"] == "Eve Brandt"


def test_a_field_that_was_emptied_becomes_empty(ground: Ground) -> None:
    crm_id = somebody(ground, email="ada@brandt.example", mobile="+14155550101")
    later(ground)
    assert ground.lead_of(crm_id)["phone"] == "+14155550101"
    ground.clock.move(HOUR)
    ground.users.edit(crm_id, mobile=None)
    later(ground, 0)
    assert ground.lead_of(crm_id)["phone"] == "+14155550100"


def test_a_deleted_contact_leaves_and_a_restored_one_returns(ground: Ground) -> None:
    ids = [somebody(ground, f"Ada{n}", f"+1415555010{n}", object_type=kind) for n, kind in enumerate(kinds(ground, 2))]
    later(ground)
    lead_ids = {crm_id: ground.lead_of(crm_id)["id"] for crm_id in ids}
    ground.clock.move(HOUR)
    for crm_id in ids:
        ground.users.delete(crm_id)
    later(ground, 0)
    if ground.provider.deletions == "sweep":
        assert ground.held()[ids[0]] != "deleted", "an absence from a window proves nothing"
        later(ground, TWO_DAYS)
    assert {ground.held()[crm_id] for crm_id in ids} == {"deleted"}
    assert all(ground.lead_of(crm_id)["crm_inactive_at"] for crm_id in ids)
    ground.clock.move(HOUR)
    for crm_id in ids:
        ground.users.restore(crm_id)
    later(ground, EIGHT_DAYS)
    assert ground.alive() == ground.truth()
    assert {crm_id: ground.lead_of(crm_id)["id"] for crm_id in ids} == lead_ids
    assert not any(ground.lead_of(crm_id)["crm_inactive_at"] for crm_id in ids)


def test_a_contact_that_is_gone_for_good_leaves_with_the_next_complete_pass(ground: Ground) -> None:
    ids = [somebody(ground, f"Ada{n}", f"+1415555010{n}", object_type=kind) for n, kind in enumerate(kinds(ground, 2))]
    later(ground)
    ground.clock.move(HOUR)
    for crm_id in ids:
        ground.users.purge(crm_id)
    later(ground, EIGHT_DAYS)
    assert {ground.held()[crm_id] for crm_id in ids} == {"deleted"}
    assert ground.alive() == ground.truth()


def test_a_merge_leaves_one_lead(ground: Ground) -> None:
    kept, lost = somebody(ground), somebody(ground, "Bo", "+14155550101")
    later(ground)
    ground.clock.move(HOUR)
    survivor = ground.users.merge(kept, lost)
    later(ground, 0)
    later(ground, EIGHT_DAYS)
    assert ground.alive() == ground.truth()
    assert survivor in ground.alive()
    assert lost not in ground.alive()
    assert ground.lead_of(survivor)["crm_inactive_at"] is None


def test_an_owners_new_name_reaches_leads_whose_contact_did_not_change(ground: Ground) -> None:
    crm_id = somebody(ground)
    later(ground)
    later(ground, LONG_SINCE)
    ground.users.rename_owner(crm_id, "Grace Hopper", "grace@acme.example")
    result = later(ground)
    assert result.pass_kind == "window"
    lead = ground.lead_of(crm_id)
    assert (lead["crm_owner"], lead["crm_owner_email"]) == ("Grace Hopper", "grace@acme.example")


def test_a_companys_new_name_reaches_leads_whose_contact_did_not_change(ground: Ground) -> None:
    crm_id = somebody(ground, company="Brandt Optik")
    later(ground)
    assert ground.lead_of(crm_id)["company"] == "Brandt Optik"
    ground.clock.move(HOUR)
    ground.users.rename_company(crm_id, "Brandt & Sons")
    later(ground, 0)
    later(ground, EIGHT_DAYS)
    assert ground.lead_of(crm_id)["company"] == "Brandt & Sons"


def test_what_the_lists_show_late_is_caught_by_the_overlap(ground: Ground) -> None:
    crm_id = somebody(ground)
    later(ground)
    ground.clock.move(HOUR)
    ground.users.set_lag(600)
    ground.users.edit(crm_id, first="Eve")
    ground.users.set_lag(0)
    later(ground, 0)
    later(ground, OVERLAP.total_seconds() - 180)
    assert ground.lead_of(crm_id)["name"] == "Eve Brandt"


def test_changes_while_a_pass_is_running_are_here_after_the_next_one(ground: Ground) -> None:
    ids = [somebody(ground, f"Ada{n}", f"+1415555010{n}") for n in range(4)]
    changed: list[str] = []

    def work(count: int) -> None:
        """The first page is here; people go on working."""
        if changed:
            return
        ground.clock.move(1)
        ground.users.edit(ids[0], first="Eve")
        ground.users.delete(ids[1])
        changed.append(ground.users.merge(ids[2], ids[3]))
        changed.append(somebody(ground, "New", "+14155550109"))

    later(ground, on_records=work)
    assert changed
    later(ground)
    later(ground, EIGHT_DAYS)
    assert ground.alive() == ground.truth()
    assert ground.lead_of(ids[0])["name"] == "Eve Brandt"


def test_a_count_that_disagrees_with_the_pages_proves_no_deletion(ground: Ground) -> None:
    """Where the CRM does not count, its proofs name no number, and whoever is purged is gone with the complete pass."""
    crm_id = somebody(ground)
    later(ground)
    ground.users.purge(crm_id)
    for path, patch in ground.habits.counts.items():
        ground.disturb({"patch": patch}, path=path, times=None)
    result = later(ground, EIGHT_DAYS)
    (counted,) = ground.look("select count(expected) from raw.complete_passes")
    assert (counted[0] > 0) == bool(ground.habits.counts)
    absent = ground.alive() - ground.truth()
    assert absent <= ({crm_id} if ground.habits.counts else set()), "unless a feed names it as deleted"
    assert not absent or any("counts" in note for note in result.notes)
    ground.sandbox.faults.clear()
    later(ground, EIGHT_DAYS)
    assert ground.alive() == ground.truth()


def test_an_empty_crm_after_a_full_one_takes_no_lead_away(ground: Ground) -> None:
    """Held until a person decides, or told contact by contact by the CRM itself; either way the leads are there."""
    later(ground)
    (leads,) = ground.look("select count(*) from leads")
    held = ground.alive()
    for crm_id in list(ground.truth()):
        ground.users.purge(crm_id)
    ground.clock.move(EIGHT_DAYS)
    result = ground.sync()
    assert ground.look("select count(*) from leads") == [leads]
    if ground.alive():
        assert result.status == "held"
        assert ground.alive() <= held
        assert ground.sync(force=True).status == "succeeded"
    assert ground.alive() == set()
    assert ground.look("select count(*) from leads where crm_inactive_at is null") == [(0,)]


@pytest.mark.parametrize("fault", ["html", "unavailable"])
def test_a_sync_that_fails_keeps_what_it_had_and_the_next_one_has_everything(ground: Ground, fault: str) -> None:
    nth = max(1, ground.count_pages())
    ground.disturb(fault, nth=nth, times=None)
    ground.clock.move(HOUR)
    failed = ground.sync()
    assert failed.status == "failed"
    assert failed.error is not None
    ground.sandbox.faults.clear()
    later(ground, timedelta(minutes=1).total_seconds())
    assert ground.alive() == ground.truth()
    assert [crm_id for crm_id, state in ground.held().items() if state == "deleted" and crm_id in ground.truth()] == []


def test_an_expired_connection_is_told_and_heals(ground: Ground) -> None:
    later(ground)
    (connection,) = ground.sandbox.book.all()
    ground.sandbox.book.break_connection(connection, "uninstalled")
    ground.clock.move(HOUR)
    failed = ground.sync()
    assert failed.error is not None
    assert failed.error.code == "connection_expired"
    ground.sandbox.book.heal(connection)
    later(ground)
    assert ground.alive() == ground.truth()
