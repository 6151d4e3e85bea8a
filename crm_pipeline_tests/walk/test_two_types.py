"""What a CRM with two kinds of people brings: leads that become contacts, merges told by the one that is gone, proofs
by kind, companies by id, deletions without a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import SyncHeld
from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.provider import Payload, Proven, Reference, References
from crm_pipeline_tests.walk.world import START, World, a_world

LATER, LATEST = START + timedelta(hours=1), START + timedelta(hours=2)


def plain(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """A payload that says what it means."""
    company = payload.get("company_id")
    return Contact(
        crm_id=payload["id"],
        object_type=object_type,
        full_name=payload.get("name"),
        phones=tuple(PhoneText(text) for text in payload.get("phones", ())),
        company=references.label("company", company),
        company_id=company,
        is_deleted=bool(payload.get("archived")),
        merged_into=tuple(payload["became"]) if payload.get("became") else None,
        is_merge_unknown=bool(payload.get("silent")),
        updated_at=parse_time(payload.get("updatedAt")),
    )


@pytest.fixture
def world(store_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(store_url, tmp_path) as made:
        made.provider = replace(HUBSPOT, to_contact=plain)
        yield made


def someone(crm_id: str, phone: str, *, kind: str = "contact", at: datetime | None = START, **more: Any) -> Payload:
    values = {"id": crm_id, "name": f"Ann {crm_id}", "phones": [phone], "object_type": kind}
    return values | {"updatedAt": at.isoformat() if at else None} | more


def lead(crm_id: str, phone: str, **more: Any) -> Payload:
    return someone(crm_id, phone, kind="lead", **more)


def states(world: World) -> dict[str, tuple[str, str | None]]:
    rows = world.select("select object_type, crm_id, state, reason from staging.contacts")
    return {f"{row['object_type']} {row['crm_id']}": (row["state"], row["reason"]) for row in rows}


ACCEPTED, MERGED, DELETED = ("accepted", None), ("deleted", "merged_in_crm"), ("deleted", "deleted")
ONE, TWO, THREE = "+14153207781", "+14153207782", "+14153207783"


@pytest.mark.parametrize("together", [True, False], ids=["in one sync", "in two syncs"])
def test_a_converted_lead_and_its_contact_are_one_lead_with_the_first_ones_id(world: World, together: bool) -> None:
    world.sync(lead("L1", ONE))
    (before,) = world.leads()
    converted, contact = lead("L1", ONE, at=LATER, became=("contact", "C1")), someone("C1", TWO, at=LATER)
    if together:
        world.sync(converted, contact)
    else:
        world.sync(converted)
        assert states(world) == {"lead L1": ACCEPTED}, "nobody is lost while the contact is unknown"
        world.sync(contact)
    assert states(world) == {"lead L1": MERGED, "contact C1": ACCEPTED}
    (after,) = world.leads()
    assert (after["id"], after["phone"], after["crm_inactive_at"]) == (before["id"], TWO, None)


def test_a_lead_whose_contact_may_not_be_read_stays(world: World) -> None:
    for _ in range(2):
        world.sync(lead("L1", ONE, became=("contact", "C1")))
    assert states(world) == {"lead L1": ACCEPTED}
    assert [row["phone"] for row in world.leads()] == [ONE]


def test_a_lead_whose_contact_was_deleted_does_not_come_back(world: World) -> None:
    world.sync(lead("L1", ONE, became=("contact", "C1")), someone("C1", ONE))
    world.sync(someone("C1", ONE, at=LATER, archived=True))
    world.sync(lead("L1", ONE, at=LATER, became=("contact", "C1")))
    assert states(world) == {"lead L1": MERGED, "contact C1": DELETED}
    assert [row["crm_inactive_at"] is None for row in world.leads()] == [False]


def test_a_chain_of_merges_between_two_syncs_keeps_the_first_lead(world: World) -> None:
    world.sync(someone("1", ONE))
    (before,) = world.leads()
    chain = [someone(str(n), ONE, at=LATER, archived=True, became=("contact", str(n + 1))) for n in range(1, 6)]
    world.sync(*reversed(chain), someone("6", TWO, at=LATER))
    assert states(world) == {**{f"contact {n}": MERGED for n in range(1, 6)}, "contact 6": ACCEPTED}
    (after,) = world.leads()
    assert (after["id"], after["phone"]) == (before["id"], TWO)


def test_a_merge_that_is_taken_back_gives_both_their_own_lead(world: World) -> None:
    """Salesforce undeletes the loser of a merge as a record of its own."""
    world.sync(someone("1", ONE), someone("2", TWO))
    world.sync(someone("1", ONE, at=LATER, archived=True, became=("contact", "2")), someone("2", TWO, at=LATER))
    (merged,) = world.leads()
    world.sync(someone("1", ONE, at=LATEST))
    assert states(world) == {"contact 1": ACCEPTED, "contact 2": ACCEPTED}
    ids = {row["phone"]: row["id"] for row in world.leads()}
    assert set(ids) == {ONE, TWO}
    assert ids[TWO] == merged["id"], "the survivor keeps the lead"


def test_equal_ids_of_two_kinds_are_two_contacts(world: World) -> None:
    world.sync(lead("7", ONE), someone("7", TWO))
    assert states(world) == {"lead 7": ACCEPTED, "contact 7": ACCEPTED}
    assert len(world.leads()) == 2


def test_absence_counts_only_for_the_kind_that_was_shown_whole(world: World) -> None:
    """A profile that may no longer read leads does not delete them."""
    world.sync(*(lead(f"L{n}", f"+1415320{n:04}") for n in range(5)), someone("C1", ONE), someone("C2", TWO))
    world.sync(someone("C1", ONE), complete=(Proven("contact"),))
    found = states(world)
    assert found["contact C2"] == DELETED
    assert [found[f"lead L{n}"] for n in range(5)] == [ACCEPTED] * 5


@pytest.mark.parametrize(("expected", "state"), [(None, DELETED), (1, DELETED), (0, DELETED), (2, ACCEPTED)])
def test_a_pass_that_showed_fewer_than_the_crm_counts_proves_nothing(
    world: World, expected: int | None, state: tuple[str, str | None]
) -> None:
    world.sync(someone("1", ONE), someone("2", TWO))
    world.sync(someone("1", ONE), someone("1", ONE, at=LATER), complete=(Proven("contact", expected),))
    assert states(world)["contact 2"] == state


def test_the_valve_measures_each_kind_by_itself(world: World) -> None:
    """All the contacts gone among many leads is everything gone."""
    world.sync(*(lead(f"L{n}", f"+1415320{n:04}") for n in range(60)), someone("C1", ONE))
    world.clock += timedelta(minutes=1)
    sync_id = world.land(complete=(Proven("contact"),))
    assert isinstance(world.stage(sync_id=sync_id), SyncHeld)
    assert states(world)["contact C1"] == ACCEPTED


def test_a_deletion_without_a_time_wins_over_what_came_before_and_yields_to_what_comes_later(world: World) -> None:
    world.sync(someone("1", ONE, at=LATER))
    world.sync(someone("1", ONE, at=None, archived=True))
    assert states(world)["contact 1"] == DELETED
    world.sync(someone("1", ONE, at=START))
    assert states(world)["contact 1"] == DELETED, "an older version than the one deleted"
    world.sync(someone("1", ONE, at=LATER))
    assert states(world)["contact 1"] == ACCEPTED, "restored without a new time"


def test_a_companys_new_name_reaches_contacts_that_did_not_change(world: World) -> None:
    world.sync(someone("1", ONE, company_id="77"), references=[Reference("company", "77", "Old Ltd")])
    results = world.sync(references=[Reference("company", "77", "New Ltd")])
    assert [row["company"] for row in world.leads()] == ["New Ltd"]
    assert (results.fetched, results.updated) == (1, 1)


def test_a_payload_that_cannot_say_what_a_lead_became_takes_nothing_back(world: World) -> None:
    world.sync(lead("L1", ONE, became=("contact", "C1")), someone("C1", ONE))
    world.sync(lead("L1", ONE, at=LATER, silent=True))
    assert states(world)["lead L1"] == MERGED
    world.sync({"id": "L1", "object_type": "lead", "updatedAt": LATEST.isoformat(), "phones": None})
    assert states(world)["lead L1"] == MERGED, "nor does one that cannot be read"


def test_each_kind_is_weighed_by_itself_although_both_were_shown_whole(world: World) -> None:
    many = [lead(f"L{n}", f"+1415320{n:04}") for n in range(60)]
    world.sync(*many, someone("C1", ONE), someone("C2", TWO))
    world.clock += timedelta(minutes=1)
    sync_id = world.land(*many, complete=(Proven("contact"), Proven("lead")))
    held = world.stage(sync_id=sync_id)
    assert held is not None
    assert "contact" in held.message
    assert [states(world)[f"contact C{n}"] for n in (1, 2)] == [ACCEPTED] * 2


def test_a_hold_of_one_kind_outlasts_a_pass_that_proves_only_the_other(world: World) -> None:
    """It was forgotten, and with it that every sync until then is to be a complete one."""
    many = [lead(f"L{n}", f"+1415320{n:04}") for n in range(30)]
    both, held = (Proven("contact"), Proven("lead")), "select held_at is not null as is_held from crm_connections"
    world.sync(*many, someone("C1", ONE))
    world.sync(someone("C1", ONE), complete=both)
    assert world.select(held) == [{"is_held": True}]
    world.sync(someone("C1", ONE), complete=(Proven("contact"),))
    assert world.select(held) == [{"is_held": True}]
    world.sync(*many, someone("C1", ONE), complete=both)
    assert world.select(held) == [{"is_held": False}]


def test_a_force_does_not_reach_a_kind_that_was_not_shown(world: World) -> None:
    leads = [lead(f"L{n}", f"+1415320{n:04}") for n in range(30)]
    people = [someone(f"C{n}", f"+1415321{n:04}") for n in range(30)]
    both = (Proven("contact"), Proven("lead"))
    world.sync(*leads, *people)
    world.sync(*people, complete=both)
    world.sync(complete=both, force=True)
    assert set(states(world).values()) == {ACCEPTED}
    (run,) = world.select("select status, error_message from sync_runs order by started_at desc limit 1")
    assert run["status"] == "held"
    assert "kind contact: 30 of 30" in run["error_message"]
    assert "kind lead: 30 of 30" in run["error_message"]
    world.sync(complete=both, force=True)
    assert set(states(world).values()) == {DELETED}


def test_contacts_of_the_same_landing_count_as_alive(world: World) -> None:
    """A first pass that shows 800 and a window before it that showed twelve more: 12 of 812 are not too many."""
    world.clock += timedelta(minutes=1)
    world.land(*(someone(f"W{n}", f"+1415321{n:04}") for n in range(12)))
    world.sync(*(someone(f"C{n}", f"+1415320{n:04}") for n in range(300)), complete=True)
    assert sum(state == DELETED for state in states(world).values()) == 12


def test_a_proof_whose_records_were_lost_on_the_way_proves_nothing(world: World) -> None:
    """The tables of a package are loaded one by one, and a machine can die in between."""
    world.sync(someone("1", ONE), someone("2", TWO))
    world.sync(someone("1", ONE, at=LATER), complete=True, landed=2)
    assert states(world)["contact 2"] == ACCEPTED
    world.sync(someone("1", ONE, at=LATER), complete=True, landed=1)
    assert states(world)["contact 2"] == DELETED


def test_a_chain_whose_middle_is_taken_back_ends_there(world: World) -> None:
    world.sync(someone("1", ONE, archived=True, became=("contact", "2")))
    world.sync(someone("2", TWO, archived=True, became=("contact", "3")), someone("3", THREE))
    world.sync(someone("2", TWO, at=LATER))
    rows = world.select("select into_contact_id, told_into_contact_id from staging.contact_merges")
    assert len(rows) == 1
    assert rows[0]["into_contact_id"] == rows[0]["told_into_contact_id"]
