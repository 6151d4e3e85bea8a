"""Each check finds what it is for, and says nothing of an account where all is well; on both engines."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest

from crm_pipeline.walk.checks import CHECKS, Outcome, check_account, judge_leads, judge_rejections, run_checks
from crm_pipeline.warehouse.statements import sql_folder
from crm_pipeline_tests.walk.world import World, a_payload, a_world

PHONE = "212 736 5001"
BLOCKING = {"leads_sharing_a_phone", "contacts_without_one_lead", "leads_without_a_contact", "phones_not_e164"}


@pytest.fixture(scope="module", params=["duckdb", "postgres"])
def stored(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """People on a store that every test of this module shares: who damages it takes that back."""
    folder = tmp_path_factory.mktemp("checks")
    if request.param == "duckdb":
        url = f"duckdb:///{folder / 'store.duckdb'}"
    else:
        server = request.getfixturevalue("postgres_server")
        url = server.url("checks")
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("create database checks template template0 encoding 'UTF8' locale 'C'")
    with a_world(url, folder) as world:
        come(world)
        yield world


@pytest.fixture
def people(world: World) -> World:
    """The same people, for who goes on from there."""
    return come(world)


def come(world: World) -> World:
    """Ann in two CRMs, Bob, who left, somebody without a phone; and an office that shares a phone."""
    office = [
        a_payload(f"9{n}", first=name, last=name, phone="212 736 5009") for n, name in enumerate(("Cy", "Di", "Ed"))
    ]
    world.sync(a_payload("1", phone=PHONE), a_payload("2", first="Bob", phone="212 736 5002"), a_payload("3"), *office)
    world.sync(a_payload("4", first="Annie", phone=PHONE), on="second")
    world.sync(a_payload("2", first="Bob", phone="212 736 5002", archived=True))
    return world


def outcomes(world: World) -> dict[str, Outcome]:
    return {one.check.name: one for one in run_checks(world.session, "acme", now=world.clock)}


def failing(world: World) -> set[str]:
    return wrong(outcomes(world))


def wrong(found: dict[str, Outcome]) -> set[str]:
    return {name for name, outcome in found.items() if not outcome.passed}


def damage(world: World, statement: str) -> None:
    world.session.execute(statement)  # type: ignore[attr-defined]


class _TakenBack(Exception):
    """Ends a transaction that only looks."""


def damaged(world: World, *statements: str) -> dict[str, Outcome]:
    """What the checks find after the damage, which is then taken back."""
    found: dict[str, Outcome] = {}
    with suppress(_TakenBack), world.session.transaction():
        for statement in statements:
            damage(world, statement)
        found = outcomes(world)
        raise _TakenBack
    return found


def test_a_healthy_account_passes_every_check(stored: World) -> None:
    assert failing(stored) == set()
    assert list(outcomes(stored)) == [check.name for check in CHECKS]
    assert {check.name for check in CHECKS if check.is_blocking} == BLOCKING


NOBODY = "ffffffff-ffff-4fff-8fff-ffffffffffff"
DAMAGES: dict[str, set[str]] = {
    f"update staging.identity_map set lead_id = '{NOBODY}' where matched_by = 'phone'": {
        "leads_sharing_a_phone",
        "contacts_without_one_lead",
    },
    "delete from staging.identity_map where contact_id in "
    "(select contact_id from staging.contacts where crm_id = '90')": {
        "contacts_without_one_lead",
        "leads_without_a_contact",
    },
    "update staging.identity_map set is_member = true": {"contacts_without_one_lead"},
    "update leads set crm_inactive_at = null": {"leads_without_a_contact"},
    "update leads set phone = '0' || substr(phone, 3)": {"phones_not_e164"},
    "update staging.contact_points set value = value || ' ext. 5' where kind = 'phone'": {"phones_not_e164"},
    "update sync_runs set unchanged = unchanged + 1": {"counts_not_adding_up"},
    "update sync_runs set status = 'running', fetched = fetched + 1": set(),
    "update crm_connections set last_synced_at = last_synced_at - interval '4 hours'": {"connections_not_fresh"},
    "update crm_connections set last_synced_at = null, is_active = false, state = 'disconnected'": set(),
}


@pytest.mark.parametrize("statement", DAMAGES)
def test_damage_is_found(stored: World, statement: str) -> None:
    found = damaged(stored, statement)
    assert wrong(found) == DAMAGES[statement]
    for name in DAMAGES[statement]:
        assert found[name].wrong >= len(found[name].examples) > 0
        assert "acme" in found[name].action or not found[name].check.is_blocking


def test_another_account_is_another_matter(stored: World) -> None:
    with suppress(_TakenBack), stored.session.transaction():
        damage(stored, "update leads set phone = 'none'")
        assert [one for one in run_checks(stored.session, "globex", now=stored.clock) if not one.passed] == []
        raise _TakenBack


def test_examples_name_nobody(stored: World) -> None:
    lost = f"update staging.identity_map set lead_id = '{NOBODY}'"
    told = repr([one.as_dict() for one in damaged(stored, "update leads set phone = 'none'", lost).values()])
    assert "contact_id" in told
    assert [secret for secret in ("Ann", "Bob", "736", "@") if secret in told] == []


def test_people_kept_apart_may_share_a_phone(people: World) -> None:
    """Also those who were brought along: the rule names one contact of each lead."""
    people.sync(a_payload("5", first="Ann", phone=PHONE, email="ann@acme.example"), on="third")
    people.rule("apart", people.contact("1"), people.contact("4", on="second"))
    assert len(people.select(f"select * from leads where phone = '+1{PHONE.replace(' ', '')}'")) == 2
    assert failing(people) == set()
    damage(people, "delete from identity_rules")
    assert failing(people) == {"leads_sharing_a_phone"}


def test_a_contact_that_waits_for_its_sync_is_no_mistake(people: World) -> None:
    people.land(a_payload("7", first="Eve", phone=PHONE), a_payload("1", phone="212 736 5009"))
    people.stage()
    assert failing(people) == set()
    people.match()
    assert failing(people) == set()


def history(*leads: int, rejected: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    """Days, the oldest first as people think; the newest first as the store answers."""
    counts = rejected or (0,) * len(leads)
    rows = [
        {"day": date(2026, 3, number + 1), "leads": count, "accepted": count, "rejected": gone}
        for number, (count, gone) in enumerate(zip(leads, counts, strict=True))
    ]
    return rows[::-1]


STEADY = (1000, 1005, 1010, 1008, 1020, 1025, 1030)


@pytest.mark.parametrize(
    ("days", "is_unusual"),
    [
        (history(*STEADY[:3], 10), False),
        (history(*STEADY, 1045), False),
        (history(*STEADY, 700), True),
        (history(*STEADY, 1400), True),
        (history(1000, 600, 1000, 650, 1000, 600, 1000, 580), False),
        (history(10, 10, 10, 10, 10, 10, 10, 30), False),
    ],
    ids=["too early", "as ever", "a third gone", "many more", "as wild as ever", "a few in a small account"],
)
def test_what_is_usual_is_the_account_s_own(days: list[dict[str, Any]], is_unusual: bool) -> None:
    assert judge_leads(days)[0] is is_unusual


def test_a_share_of_rejected_contacts_beyond_the_usual_is_seen() -> None:
    assert judge_rejections(history(*STEADY, 1030, rejected=(100,) * 7 + (130,)))[0] is False
    assert judge_rejections(history(*STEADY, 800, rejected=(100,) * 7 + (330,)))[0] is True


def test_a_day_is_noted_once_and_its_last_word_stands(people: World) -> None:
    for _ in range(2):
        check_account(people.session, "acme", now=people.clock)
    people.clock += timedelta(days=1)
    people.sync(a_payload("8", first="Eve", phone="212 736 5055"))
    check_account(people.session, "acme", now=people.clock)
    rows = people.select("select day, leads, accepted, rejected from account_days order by day")
    assert [(row["leads"], row["accepted"], row["rejected"]) for row in rows] == [(4, 5, 1), (5, 6, 1)]


def test_every_file_says_whether_it_blocks() -> None:
    for check in CHECKS:
        path = sql_folder() / "checks" / f"{check.name}.sql"
        if path.exists():  # the others are judged by the days
            assert ("-- Blocking." in path.read_text(encoding="utf-8")) is check.is_blocking
            assert ("-- A warning." in path.read_text(encoding="utf-8")) is not check.is_blocking
