from __future__ import annotations

import pytest

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.hubspot.first_day import new_portal
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal
from crm_pipeline_tests.sandbox.caller import START, SetClock


def a_portal(contacts: int = 0, clock: SetClock | None = None) -> HubSpotPortal:
    return new_portal("acme", seed=7, contacts=contacts, clock=clock or SetClock())


def test_a_new_portal_is_the_same_for_the_same_seed() -> None:
    assert a_portal(300).oracle() == a_portal(300).oracle()


def test_a_bigger_portal_keeps_ids_rising() -> None:
    ids = a_portal(3000).ids()
    assert ids == sorted(set(ids))


def test_an_id_is_never_given_twice() -> None:
    """A purged contact's id must not come back as somebody else."""
    portal = a_portal(5)
    number = portal.create({"firstname": "Ada"})
    portal.purge(number)
    assert portal.create({"firstname": "Bea"}) != number


def test_an_edit_stamps_the_clock_and_none_clears() -> None:
    clock = SetClock()
    portal = a_portal(clock=clock)
    number = portal.create({"firstname": "Ada", "phone": "1"})
    clock.move(60)
    portal.edit(number, {"phone": None})
    contact = portal.oracle()[0]
    assert "phone" not in contact["properties"]
    assert contact["updatedAt"] > contact["createdAt"]


def test_a_restore_need_not_touch_the_modified_date() -> None:
    clock = SetClock()
    portal = a_portal(clock=clock)
    number = portal.create({"firstname": "Ada"})
    before = portal.oracle()
    clock.move(60)
    portal.archive(number)
    assert portal.oracle() == []
    portal.restore(number)
    assert portal.oracle() == before
    portal.archive(number)
    portal.restore(number, touch=True)
    assert portal.oracle()[0]["updatedAt"] > before[0]["updatedAt"]


def test_an_archived_contact_can_be_purged() -> None:
    portal = a_portal()
    number = portal.create({"firstname": "Ada"})
    portal.archive(number)
    portal.purge(number)
    assert portal.ids(archived=True) == []


@pytest.mark.parametrize("change", ["edit", "archive", "restore", "purge"])
def test_changing_nobody_is_an_error(change: str) -> None:
    portal = a_portal(3)
    arguments: tuple[object, ...] = ("1", {}) if change == "edit" else ("1",)
    with pytest.raises(NoSuchRecord):
        getattr(portal, change)(*arguments)


def test_a_contact_cannot_be_merged_with_itself() -> None:
    portal = a_portal()
    number = portal.create({"firstname": "Ada"})
    with pytest.raises(NoSuchRecord):
        portal.merge(number, number)


def test_an_email_is_free_again_after_its_contact_left() -> None:
    portal = a_portal()
    number = portal.create({"email": "Ada@x.example"})
    assert portal.find_email("ada@x.example") is not None
    portal.edit(number, {"email": "new@x.example"})
    assert portal.find_email("ada@x.example") is None
    portal.archive(number)
    assert portal.find_email("new@x.example") is None


def test_records_of_one_human_share_the_key_of_the_truth() -> None:
    humans = [contact["human"] for contact in a_portal(1000).oracle()]
    assert 0.85 < len(set(humans)) / len(humans) < 0.95


def test_everything_generated_lies_before_the_first_day() -> None:
    last = max(contact["updatedAt"] for contact in a_portal(1000).oracle())
    assert last < "2026-06-01T00:00:00.000Z"
    assert START * 1000 > 1_780_272_000_000
