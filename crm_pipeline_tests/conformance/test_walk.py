"""Every CRM, the whole walk into a store: what people change in the CRM is what changes here, and nothing else.

Each test is a story of several syncs: the first sync of a store costs as much as any, so stories share theirs.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

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


def some_of_each_kind(ground: Ground, count: int) -> list[str]:
    """New people, their object types in turn."""
    types = ground.users.object_types
    kinds = [types[number % len(types)] for number in range(count)]
    return [somebody(ground, f"Ada{n}", f"+1415555010{n}", object_type=kind) for n, kind in enumerate(kinds)]


def test_exactly_what_was_edited_changes(ground: Ground) -> None:
    ids = some_of_each_kind(ground, 4)
    emptied = somebody(ground, "Mo", "+14155550107", email="mo@brandt.example", mobile="+14155550108")
    later(ground)
    before = {crm_id: ground.lead_of(crm_id) for crm_id in ids}
    assert ground.lead_of(emptied)["phone"] == "+14155550108"
    ground.clock.move(HOUR - 60)
    for crm_id in ids[:2]:
        ground.users.edit(crm_id, first="Eve")
    ground.users.edit(emptied, mobile=None)
    new = somebody(ground, "New", "+14155550109")
    result = later(ground, 0)  # an edit of a minute ago is not left for the next hour
    assert result.pass_kind == "window"
    assert (result.results.updated, result.results.created) == (3, 1)
    for crm_id in ids[:2]:
        assert ground.lead_of(crm_id)["name"] == "Eve Brandt"
    for crm_id in ids[2:]:
        assert ground.lead_of(crm_id) == before[crm_id]
    assert ground.lead_of(emptied)["phone"] == "+14155550107"
    assert ground.lead_of(new)["name"] == "New Brandt"

    # what the lists show late is caught by the overlap
    ground.clock.move(HOUR)
    ground.users.set_lag(600)
    ground.users.edit(new, first="Late")
    ground.users.set_lag(0)
    later(ground, 0)
    later(ground, OVERLAP.total_seconds() - 180)
    assert ground.lead_of(new)["name"] == "Late Brandt"


def test_new_names_beside_a_contact_reach_its_lead(ground: Ground) -> None:
    """Of its owner and its company, although the contact did not change."""
    owned, employed = somebody(ground), somebody(ground, "Bo", "+14155550101", company="Brandt Optik")
    later(ground)
    assert ground.lead_of(employed)["company"] == "Brandt Optik"
    later(ground, LONG_SINCE)
    ground.users.rename_owner(owned, "Grace Hopper", "grace@acme.example")
    ground.users.rename_company(employed, "Brandt & Sons")
    result = later(ground)
    assert result.pass_kind == "window"
    lead = ground.lead_of(owned)
    assert (lead["crm_owner"], lead["crm_owner_email"]) == ("Grace Hopper", "grace@acme.example")
    later(ground, EIGHT_DAYS)
    assert ground.lead_of(employed)["company"] == "Brandt & Sons"


def test_who_goes_leaves_and_who_is_restored_returns(ground: Ground) -> None:
    """Deleted and restored, gone for good, and two merged into one."""
    ids, gone = some_of_each_kind(ground, 2), somebody(ground, "Bo", "+14155550104")
    kept, lost = somebody(ground, "Cy", "+14155550105"), somebody(ground, "Dee", "+14155550106")
    later(ground)
    lead_ids = {crm_id: ground.lead_of(crm_id)["id"] for crm_id in ids}
    ground.clock.move(HOUR)
    for crm_id in ids:
        ground.users.delete(crm_id)
    ground.users.purge(gone)
    survivor = ground.users.merge(kept, lost)
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
    assert ground.held()[gone] == "deleted"
    assert survivor in ground.alive()
    assert lost not in ground.alive()
    assert ground.lead_of(survivor)["crm_inactive_at"] is None


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


def test_everybody_comes_once_and_an_empty_crm_takes_no_lead_away(ground: Ground) -> None:
    """An emptied CRM is held until a person decides, or tells each deletion itself; either way the leads are there."""
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


def test_a_sync_that_fails_keeps_what_it_had_and_the_next_one_has_everything(ground: Ground) -> None:
    """At the last page, then at the first it asks for; then the connection itself expires and is made anew."""
    for fault, nth in (("html", max(1, ground.count_pages())), ("unavailable", 1)):
        ground.disturb(fault, nth=nth, times=None)
        ground.clock.move(HOUR)
        failed = ground.sync()
        assert failed.status == "failed"
        assert failed.error is not None
        ground.sandbox.faults.clear()
    later(ground, timedelta(minutes=1).total_seconds())
    assert ground.alive() == ground.truth()
    assert [crm_id for crm_id, state in ground.held().items() if state == "deleted" and crm_id in ground.truth()] == []

    (connection,) = ground.sandbox.book.all()
    ground.sandbox.book.break_connection(connection, "uninstalled")
    ground.clock.move(HOUR)
    expired = ground.sync()
    assert expired.error is not None
    assert expired.error.code == "connection_expired"
    ground.sandbox.book.heal(connection)
    later(ground)
    assert ground.alive() == ground.truth()
