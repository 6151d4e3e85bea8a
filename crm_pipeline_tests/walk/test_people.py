"""People who come back, people who meet, and contacts that nobody can read: each an accident that happened once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from crm_pipeline_tests.walk.world import START, World, a_payload

ANN, BOB = "(415) 320-7788", "+44 7911 123456"


@pytest.mark.parametrize("properties", [["a list"], "a text", 7], ids=str)
def test_a_payload_the_mapper_cannot_read_is_a_rejection(world: World, properties: object) -> None:
    """It landed, so every later sync meets it again, and no contact of the connection would move on."""
    odd = a_payload("2") | {"properties": properties}
    results = world.sync(a_payload("1", phone=ANN), odd)
    assert (results.created, results.skipped) == (1, 1)
    again = world.sync(odd, a_payload("3", phone=BOB))
    assert (again.created, again.skipped) == (1, 1)


def test_a_contact_that_returns_does_not_take_the_lead_from_who_carried_it_on(world: World) -> None:
    """1 founded the lead and was archived; 2 has carried it since, with its texts. 1 comes back as somebody else."""
    world.sync(a_payload("1", first="Founder", phone=ANN), a_payload("2", first="Heir", phone=ANN))
    world.sync(a_payload("1", first="Founder", phone=ANN, archived=True))
    (carried,) = world.leads()
    assert carried["name"] == "Heir"
    world.sync(a_payload("1", first="Founder", phone=BOB, updated=START + timedelta(hours=1)))
    assert {lead["name"]: lead["id"] for lead in world.leads()}["Heir"] == carried["id"]


def test_a_lead_that_came_into_being_is_counted_once(world: World) -> None:
    """2 leaves the lead it shared with 1 and meets 3, who is new and more trusted: one more lead, one in the books."""
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=ANN))
    before = len(world.leads())
    results = world.sync(
        a_payload("2", phone=BOB, updated=START + timedelta(hours=1)),
        a_payload("3", phone=BOB, notes_last_updated="2026-02-02T00:00:00Z"),
    )
    assert len(world.leads()) - before == results.created + results.split == 1
