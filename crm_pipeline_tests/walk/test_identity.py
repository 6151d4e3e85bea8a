"""Who is one person when a value says nothing, and when somebody says it: on both engines."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from crm_pipeline.domain.identity import Limits
from crm_pipeline.errors import ConfigError
from crm_pipeline.walk import rules
from crm_pipeline_tests.walk.world import START, World, a_payload, fingerprint

OFFICE, ANN, BOB, CY = "+1 212 736 5000", "(415) 320-7788", "+44 7911 123456", "+1 312 555 0143"
LATER, LATEST = START + timedelta(hours=1), START + timedelta(hours=2)
WORKERS = ("Ann", "Bob", "Cy", "Dee", "Eve", "Fay")


def office(count: int, last: str | None = "Lee", **more: Any) -> list[dict[str, Any]]:
    """People with one phone, mostly of one family: strangers join nobody when they are three."""
    people = enumerate(WORKERS[:count])
    return [a_payload(str(1 + n), first=name, last=last, phone=OFFICE, **more) for n, name in people]


def together(world: World) -> set[frozenset[str]]:
    """The CRM ids of each lead's contacts."""
    rows = world.select(
        "select i.lead_id, c.crm_id from staging.identity_map i inner join staging.contacts c "
        "on c.account_id = i.account_id and c.contact_id = i.contact_id where i.is_member "
        "and i.account_id = '{account}'"
    )
    leads: dict[Any, set[str]] = {}
    for row in rows:
        leads.setdefault(row["lead_id"], set()).add(row["crm_id"])
    return {frozenset(members) for members in leads.values()}


def alone(*ids: str) -> set[frozenset[str]]:
    return {frozenset((crm_id,)) for crm_id in ids}


def why(world: World) -> dict[str, tuple[str, str | None]]:
    rows = world.select(
        "select c.crm_id, i.matched_by, i.matched_value from staging.identity_map i "
        "inner join staging.contacts c on c.account_id = i.account_id and c.contact_id = i.contact_id"
    )
    return {row["crm_id"]: (row["matched_by"], row["matched_value"]) for row in rows}


def test_five_names_on_a_phone_are_one_person_and_six_are_six(world: World) -> None:
    world.sync(*office(5))
    assert together(world) == {frozenset("12345")}
    results = world.sync(*office(6))
    assert together(world) == alone(*"123456")
    assert results.split == 4
    world.sync(a_payload("6", first="Fay", phone=ANN, updated=LATER))
    assert together(world) == {frozenset("12345"), frozenset("6")}


def test_three_strangers_on_a_phone_are_three_people(world: World) -> None:
    world.sync(*office(2, last=None))
    assert together(world) == {frozenset("12")}
    world.sync(*office(3, last=None))
    assert together(world) == alone(*"123")
    world.sync(a_payload("3", first="Bob", last="Cy", phone=OFFICE, updated=LATER))
    assert together(world) == {frozenset("123")}


@pytest.mark.parametrize("names", [("Ann Lee", "Lee", "Robert Lee", "A. Lee"), ("Ann Lee", "Ann Leee", "Anne Lee")])
def test_who_shares_a_word_is_no_stranger(world: World, names: tuple[str, ...]) -> None:
    """A family, or typing errors: not one word is in all names, but each has one of another."""
    world.sync(*(a_payload(str(n), first=name, phone=OFFICE) for n, name in enumerate(names)))
    assert len(together(world)) == 1


def test_a_name_that_goes_can_make_strangers_of_those_it_related(world: World) -> None:
    """Bob had a word in common with Ann; nobody else changed."""
    people = ("Ann Smith", "Bob Smith", "Carl Jones", "Dora Jones", "Eve Brown")
    world.sync(*(a_payload(name, first=name, phone=OFFICE) for name in people))
    assert together(world) == {frozenset(people)}
    world.sync(a_payload("Bob Smith", first="Bob Smith", phone=BOB, updated=LATER))
    assert together(world) == alone(*people)
    before = fingerprint(world)
    world.rebuild()
    assert fingerprint(world) == before
    world.sync(a_payload("Dora Jones", first="Carl Smith", phone=OFFICE, updated=LATER))
    assert together(world) == {frozenset(people) - {"Bob Smith"}} | alone("Bob Smith")


def at(number: int, name: str, phone: str, **more: Any) -> dict[str, Any]:
    """A version of a contact; the higher number is newer."""
    return a_payload(name, first=name, last="Lee", phone=phone, updated=START + timedelta(hours=number), **more)


@pytest.mark.parametrize("how", ["removed", "merged"])
def test_an_id_that_went_with_somebody_is_not_given_to_another(world: World, how: str) -> None:
    """The lead that was made for c is d's alone when it is removed, or merged into e's; c is in another by then."""
    if how == "merged":
        world.sync(at(1, "e", BOB))
    world.sync(at(1, "c", ANN))
    world.sync(at(2, "d", ANN))
    (old,) = (lead["id"] for lead in world.leads() if lead["phone"] == "+14153207788")
    world.sync(at(3, "c", ANN, archived=True))
    world.sync(at(4, "c", CY))
    world.sync(at(5, "f", CY))
    if how == "removed":
        world.sync(at(4, "c", CY), at(5, "f", CY), strategy="overwrite", force=True)
    else:
        world.sync(at(6, "d", BOB))
    assert old not in {lead["id"] for lead in world.leads()}
    world.rule("apart", world.contact("c"), world.contact("f"))
    assert old not in {lead["id"] for lead in world.leads()}
    world.sync(at(7, "d", ANN if how == "removed" else BOB))
    assert together(world) == alone("c", "f") | {frozenset("d" if how == "removed" else "de")}
    assert (old in {lead["id"] for lead in world.leads()}) == (how == "removed")


def test_a_preview_names_the_id_that_a_lead_then_has(world: World) -> None:
    """Also where the id made for the contact is another's by now."""
    world.sync(at(1, "c", ANN), at(1, "d", ANN))
    world.sync(at(2, "c", ANN, archived=True))
    back = at(3, "c", CY)
    told = [[(lead.lead_id, lead.kinds) for lead in world.preview(back)[1].leads] for _ in range(2)]
    world.sync(back)
    assert told == [[(lead.lead_id, lead.kinds) for lead in world.difference().leads]] * 2


def test_a_split_takes_only_the_contact_date_that_it_brought(world: World) -> None:
    """The product wrote to 2, then to 3, before all were one; what is left without 2 was still written to."""
    world.sync(*(at(9 - n, str(n), phone) for n, phone in enumerate((ANN, BOB, CY), 1)))
    for name, day in (("2", "05"), ("3", "03")):
        world.select(
            f"update leads set contacted_at = timestamptz '2026-03-{day} 00:00+00' where crm_id = '{name}' returning 1"
        )
    world.rule("together", world.contact("1"), world.contact("2"))
    world.rule("together", world.contact("1"), world.contact("3"))
    world.rule("apart", world.contact("1"), world.contact("2"))
    assert together(world) == {frozenset("13"), frozenset("2")}
    assert None not in {lead["contacted_at"] for lead in world.leads()}


def test_an_initial_relates_nobody(world: World) -> None:
    world.sync(*(a_payload(name, first="J.", last=name, phone=OFFICE) for name in ("Ford", "Hill", "Kim")))
    assert together(world) == alone("Ford", "Hill", "Kim")


def test_the_ids_from_before_the_guard_come_back(world: World) -> None:
    world.sync(*office(5))
    before = {lead["id"] for lead in world.leads()}
    world.sync(*office(6))
    world.sync(*office(6, archived=True)[5:])
    assert before <= {lead["id"] for lead in world.leads()}
    assert together(world) == {frozenset("12345")}


def test_one_name_in_six_spellings_is_one_name(world: World) -> None:
    spellings = ["José Ortiz", "Jose Ortiz", "JOSE ORTIZ", "Ortiz, José", "jose  ortiz", "Ortiz José", "José Ortíz"]
    world.sync(*(a_payload(str(n), first=name, phone=OFFICE) for n, name in enumerate(spellings)))
    assert len(together(world)) == 1


def test_only_accepted_contacts_count(world: World) -> None:
    world.sync(*office(5), a_payload("6", first="Fay", phone=OFFICE, archived=True))
    assert together(world) == {frozenset("12345")}


def test_a_new_name_alone_can_lift_the_guard(world: World) -> None:
    """The phones stay as they are, and nobody else changes."""
    world.sync(*office(6))
    world.sync(a_payload("6", first="Ann", last="Lee", phone=OFFICE, updated=LATER))
    assert together(world) == {frozenset("123456")}


def test_who_has_an_office_phone_is_still_matched_by_their_own(world: World) -> None:
    world.sync(*office(6), a_payload("7", first="Ann", phone=OFFICE, mobile=ANN))
    assert together(world) == alone(*"1234567")
    world.sync(a_payload("1", first="Ann", phone=OFFICE, mobile=ANN, updated=LATER))
    assert together(world) == alone(*"23456") | {frozenset("17")}


def test_another_connections_contacts_count_before_they_are_matched(world: World) -> None:
    world.connection("other")
    world.land(a_payload("9", first="Fay", phone=OFFICE), on="other")
    world.stage(on="other")
    world.sync(*office(5))
    assert together(world) == alone(*"12345", "9")
    assert world.match(on="other").fetched == 1
    assert together(world) == alone(*"12345", "9")


def test_a_name_that_waits_on_a_phone_two_steps_away_counts(world: World) -> None:
    """1 changes; by 2 it leads to the phone of 9, whom nobody has matched yet and who makes it a phone of many."""
    world.limits = Limits(people_per_phone=1)
    world.connection("other")
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=ANN, mobile=BOB))
    world.land(a_payload("9", first="Bob", phone=BOB), on="other")
    world.stage(on="other")
    world.sync(a_payload("1", phone=ANN, company="Acme", updated=LATER))
    assert together(world) == {frozenset("12"), frozenset("9")}


def test_accounts_do_not_count_each_other(world: World) -> None:
    other = World(world.session, account_id="globex", clock=world.clock)
    other.sync(*office(5)[:3], on="theirs")
    world.sync(*office(6)[3:])
    assert together(other) == {frozenset("123")}
    assert together(world) == {frozenset("456")}


def test_a_function_s_mailbox_joins_nobody(world: World) -> None:
    world.sync(
        a_payload("1", phone=ANN, email="info@acme.example"), a_payload("2", phone=BOB, email="info@acme.example")
    )
    assert together(world) == alone("1", "2")
    assert {lead["email"] for lead in world.leads()} == {"info@acme.example"}


def test_four_names_on_an_email_are_four_people(world: World) -> None:
    phones = ("+14153207788", "+12127365000", "+13125550143", "+16175550177")
    people = [
        a_payload(str(n), first=f"{WORKERS[n]} Lee", phone=phone, email="us@x.example")
        for n, phone in enumerate(phones)
    ]
    world.sync(*people[:3])
    assert len(together(world)) == 1
    world.sync(*people)
    assert together(world) == alone(*"0123")


def test_a_change_among_many_does_not_match_the_office_anew(world: World) -> None:
    world.limits = Limits(people_per_phone=1)
    world.sync(*(a_payload(str(n), first=f"P{n}", phone=OFFICE) for n in range(30)))
    world.sync(a_payload("7", first="Zoe", phone=OFFICE, updated=LATER))
    scope = world.select("select count(*) as n from scope")
    assert scope[0]["n"] == 1


def test_review_lists_what_joins_nobody_and_who_has_it(world: World) -> None:
    more = a_payload("9", phone=CY, email="info@acme.example"), a_payload("8", phone=BOB, email="info@acme.example")
    world.sync(*office(6), *more, a_payload("7", phone=ANN, email="sales@acme.example"))
    rows = world.session.rows("reports/review", account_id="acme", row_limit=None, example_limit=2)
    assert [(row["value"], row["why"], row["names"], row["contacts"], row["leads"], row["crm_id"]) for row in rows] == [
        ("+12127365000", "many_names", 6, 6, 6, "1"),
        ("+12127365000", "many_names", 6, 6, 6, "2"),
        ("info@acme.example", "role_mailbox", 1, 2, 2, "8"),
        ("info@acme.example", "role_mailbox", 1, 2, 2, "9"),
    ]
    assert world.session.rows("reports/review", account_id="nobody", row_limit=None, example_limit=2) == []


# --- why somebody is in a lead


def test_the_reason_is_told_with_the_value(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, email="ann@x.example"), a_payload("2", phone="415-320-7788"))
    world.sync(a_payload("3", phone=BOB, email="ann@x.example"))
    assert why(world) == {
        "1": ("new", None),
        "2": ("phone", "+14153207788"),
        "3": ("email", "ann@x.example"),
    }


def test_a_reason_that_is_no_longer_true_gives_way_to_one_that_is(world: World) -> None:
    world.sync(a_payload("1", phone=ANN, email="ann@x.example"), a_payload("2", phone=ANN, email="ann@x.example"))
    assert why(world)["2"] == ("phone", "+14153207788")
    world.sync(a_payload("2", phone=BOB, email="ann@x.example", updated=LATER))
    assert why(world)["2"] == ("email", "ann@x.example")
    assert len(world.leads()) == 1


# --- what somebody says


def test_together_joins_who_share_nothing_at_once_and_for_good(world: World) -> None:
    world.connection("other")
    world.sync(a_payload("1", phone=ANN))
    world.sync(a_payload("2", phone=BOB), on="other")
    older = world.leads()[0]["id"]
    world.rule("together", world.contact("1"), world.contact("2", on="other"))
    assert [lead["id"] for lead in world.leads()] == [older]
    assert why(world)["2"][0] == "rule"
    world.sync(a_payload("2", phone=CY, updated=LATER), on="other")
    world.match_everybody()
    assert together(world) == {frozenset("12")}


def test_apart_parts_who_share_everything_at_once_and_for_good(world: World) -> None:
    people = [a_payload(n, first=f"P{n}", phone=ANN, email="ann@x.example") for n in "12"]
    world.sync(*people)
    world.rule("apart", world.contact("1"), world.contact("2"))
    assert together(world) == alone("1", "2")
    assert {lead["crm_inactive_at"] for lead in world.leads()} == {None}
    world.sync(a_payload("1", first="P1", phone=ANN, mobile=BOB, updated=LATER))
    world.sync(a_payload("2", first="P2", phone=ANN, mobile=BOB, updated=LATER))
    world.match_everybody()
    assert together(world) == alone("1", "2")


def test_a_rule_is_in_the_changes_and_takes_no_sync(world: World) -> None:
    world.sync(a_payload("1", first="Ann", phone=ANN), a_payload("2", first="Bob", phone=ANN))
    change = world.rule("apart", world.contact("1"), world.contact("2"))
    rows = world.select(f"select kind, lead_id from lead_changes where sync_id = '{change.id}'")
    assert [row["kind"] for row in rows].count("split") == 1
    assert {str(row["lead_id"]) for row in rows} <= {str(row["lead_id"]) for row in change.contacts}
    assert len(world.select("select * from sync_runs")) == 1


def test_a_rule_set_twice_changes_nothing_more(world: World) -> None:
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=ANN))
    world.rule("apart", world.contact("1"), world.contact("2"))
    before = fingerprint(world)
    world.rule("apart", world.contact("2"), world.contact("1"))
    assert fingerprint(world) == before


def test_the_latest_word_on_two_contacts_counts(world: World) -> None:
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=BOB))
    before = {lead["id"] for lead in world.leads()}
    world.rule("together", world.contact("1"), world.contact("2"))
    world.rule("apart", world.contact("1"), world.contact("2"))
    assert together(world) == alone("1", "2")
    assert {lead["id"] for lead in world.leads()} == before


def test_a_split_is_exact_and_permanent(world: World) -> None:
    world.sync(*(a_payload(str(n), first=f"Lee P{n}", phone=ANN) for n in range(1, 5)))
    (lead,) = world.leads()
    with world.session.transaction():
        named = [world.contact("3"), world.contact("4")]
        rules.split_lead(world.session, "acme", str(lead["id"]), named, now=world.clock)
    assert together(world) == {frozenset("12"), frozenset("34")}
    world.sync(a_payload("5", first="Lee P5", phone=ANN))
    assert together(world) == {frozenset("125"), frozenset("34")}
    world.match_everybody()
    assert together(world) == {frozenset("125"), frozenset("34")}


def test_a_contact_between_two_who_stay_apart_goes_by_the_phone(world: World) -> None:
    world.sync(
        a_payload("1", first="One", phone=ANN, email="a@x.example"),
        a_payload("2", first="Two", phone=BOB),
        a_payload("3", first="Three", phone=BOB, email="a@x.example"),
    )
    assert together(world) == {frozenset("123")}
    world.rule("apart", world.contact("1"), world.contact("2"))
    assert together(world) == {frozenset("1"), frozenset("23")}
    assert why(world)["3"] == ("phone", "+447911123456")


def test_activity_does_not_move_a_contact_between_two_who_stay_apart(world: World) -> None:
    people = [a_payload(n, first=f"Lee P{n}", phone=ANN) for n in "123"]
    world.sync(*people)
    world.rule("apart", world.contact("1"), world.contact("2"))
    before = together(world)
    assert before == {frozenset("13"), frozenset("2")}
    for day, crm_id in enumerate(("2", "1", "3", "2")):
        active = f"2026-02-0{day + 1}T00:00:00Z"
        payload = a_payload(crm_id, first=f"Lee P{crm_id}", phone=ANN, notes_last_updated=active, updated=LATER)
        world.sync(payload | {"updatedAt": (LATER + timedelta(hours=day)).isoformat()})
        assert together(world) == before


@pytest.mark.parametrize(("loser", "other"), [("1", "2"), ("2", "1")])
def test_a_rule_follows_its_contact_through_a_merge_in_the_crm(world: World, loser: str, other: str) -> None:
    world.sync(a_payload("1", first="One", phone=ANN), a_payload("2", first="Two", phone=ANN))
    world.rule("apart", world.contact("1"), world.contact("2"))
    world.sync(a_payload("3", first="Three", phone=ANN, updated=LATER, hs_merged_object_ids=loser))
    assert together(world) == alone(other, "3")


def test_a_rule_waits_for_a_contact_that_cannot_be_a_lead(world: World) -> None:
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=None))
    world.rule("together", world.contact("1"), world.contact("2"))
    assert together(world) == alone("1")
    world.sync(a_payload("2", phone=BOB, updated=LATER))
    assert together(world) == {frozenset("12")}


def test_a_rule_leaves_what_waits_for_a_sync_to_that_sync(world: World) -> None:
    world.connection("other")
    world.land(a_payload("2", phone=BOB), on="other")
    world.stage(on="other")
    world.sync(a_payload("1", phone=ANN))
    world.rule("together", world.contact("1"), world.contact("2", on="other"))
    assert together(world) == {frozenset("12")}
    results = world.match(on="other")
    assert (results.fetched, results.merged) == (1, 1)


def test_merged_then_split_the_lead_of_who_came_later_has_its_id_again(world: World) -> None:
    """2 founded it and left; 3 has carried it since, so nothing derives its id from 3."""
    world.sync(a_payload("1", first="One", phone=ANN))
    world.sync(a_payload("2", first="Two", phone=BOB), a_payload("3", first="Three", phone=BOB))
    world.sync(a_payload("2", first="Two", phone=BOB, archived=True))
    before = {lead["name"]: lead["id"] for lead in world.leads()}
    world.rule("together", world.contact("1"), world.contact("3"))
    world.rule(None, world.contact("1"), world.contact("3"))
    assert {lead["name"]: lead["id"] for lead in world.leads()} == before


def ids(world: World) -> dict[str, Any]:
    return {lead["name"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()}


def note_contact(world: World, name: str) -> None:
    world.select(f"update leads set contacted_at = timestamp '2026-02-02 00:00:00' where name = '{name}' returning 1")


def carried_on_and_a_better_crm(world: World) -> None:
    """1 founded a lead and left, 2 carries it and was contacted; whoever comes from `best` is trusted more."""
    world.connection("best", rank=10)
    world.sync(a_payload("1", first="One", phone=ANN), a_payload("2", first="Two", phone=ANN))
    world.sync(a_payload("1", first="One", phone=ANN, archived=True))
    note_contact(world, "Two")


@pytest.mark.parametrize("leaves_meanwhile", [False, True])
def test_merged_then_split_whoever_is_trusted_more_does_not_take_the_older_lead(
    world: World, leaves_meanwhile: bool
) -> None:
    carried_on_and_a_better_crm(world)
    three = a_payload("3", first="Three", phone=BOB)
    world.sync(three, on="best")
    before = ids(world)
    world.rule("together", world.contact("2"), world.contact("3", on="best"))
    assert [(lead["name"], lead["id"]) for lead in world.leads()] == [("Three", before["Two"][0])]
    if leaves_meanwhile:
        world.sync(a_payload("3", first="Three", phone=BOB, archived=True, updated=LATER), on="best")
        world.sync(three | {"updatedAt": LATEST.isoformat()}, on="best")
    world.rule(None, world.contact("2"), world.contact("3", on="best"))
    assert ids(world) == before


def test_who_came_with_a_merged_lead_does_not_take_the_other_when_its_own_has_moved_on(world: World) -> None:
    """3 and 4 come together, and 3, by whom their lead was known, goes on to 9: 4 has no lead to go back to."""
    carried_on_and_a_better_crm(world)
    world.sync(a_payload("9", first="Nine", phone=CY))
    world.sync(a_payload("3", first="Three", phone=BOB), a_payload("4", first="Four", phone=BOB), on="best")
    before = ids(world)
    world.rule("together", world.contact("2"), world.contact("4", on="best"))
    world.sync(a_payload("3", first="Three", phone=CY, updated=LATER), on="best")
    world.rule(None, world.contact("2"), world.contact("4", on="best"))
    assert ids(world)["Two"] == before["Two"]
    assert ids(world)["Four"][1] is None


def test_a_lead_goes_back_to_whom_it_was_made_for_and_not_to_who_was_its_best_contact(world: World) -> None:
    world.connection("best", rank=10)
    world.sync(a_payload("0", first="Zoe", phone=CY))
    world.sync(a_payload("1", first="One", phone=ANN))
    note_contact(world, "One")
    world.sync(a_payload("3", first="Three", phone=BOB), on="best")
    before = ids(world)
    zoe, one, three = world.contact("0"), world.contact("1"), world.contact("3", on="best")
    world.rule("together", one, three)
    world.rule("together", zoe, one)
    world.rule(None, one, three)
    assert ids(world)["Three"] == before["Three"]
    world.rule(None, zoe, one)
    assert ids(world) == before


def test_who_moved_on_before_a_merge_takes_nobody_elses_lead_along(world: World) -> None:
    """1 was one with 2, who was contacted, and counts as contacted since."""
    for number, (name, phone) in enumerate((("Zoe", ANN), ("Lee One", BOB), ("Lee Two", CY))):
        world.sync(a_payload(str(number), first=name, phone=phone))
    note_contact(world, "Lee Two")
    before = ids(world)
    world.sync(a_payload("1", first="Lee One", phone=ANN, updated=LATER))
    world.sync(a_payload("1", first="Lee One", phone=CY, updated=LATEST))
    world.rule("together", world.contact("0"), world.contact("2"))
    world.sync(a_payload("1", first="Lee One", phone=BOB, updated=LATEST + timedelta(hours=1)))
    assert ids(world)["Lee One"] == (before["Lee One"][0], before["Lee Two"][1])
    world.rule(None, world.contact("0"), world.contact("2"))
    assert ids(world) == before | {"Lee One": (before["Lee One"][0], before["Lee Two"][1])}


def test_of_two_merged_leads_the_one_that_was_merged_last_comes_back(world: World) -> None:
    """1 was merged into 0 and moved on to 2, whose lead is younger than the one 1 once had."""
    world.sync(a_payload("0", first="Zoe", phone=ANN))
    world.sync(a_payload("1", first="Lee One", phone=BOB))
    world.sync(a_payload("2", first="Lee Two", phone=CY))
    world.sync(a_payload("1", first="Lee One", phone=ANN, updated=LATER))
    world.sync(a_payload("1", first="Lee One", phone=CY, updated=LATEST))
    assert together(world) == {frozenset("0"), frozenset("12")}
    before = {lead["name"]: lead["id"] for lead in world.leads()}
    world.rule("together", world.contact("0"), world.contact("2"))
    world.rule(None, world.contact("0"), world.contact("2"))
    assert {lead["name"]: lead["id"] for lead in world.leads()} == before


@pytest.mark.parametrize("other_is_older", [True, False])
def test_who_goes_over_to_another_lead_leaves_its_own_to_those_who_stay(world: World, other_is_older: bool) -> None:
    """1 founded a lead with 2, which was contacted, and then has the phone of 3: nobody's lead ends, none is new."""
    syncs = [
        [a_payload("3", first="Three", phone=BOB)],
        [a_payload("1", first="Lee One", phone=ANN), a_payload("2", first="Lee Two", phone=ANN)],
    ]
    for payloads in syncs if other_is_older else syncs[::-1]:
        world.sync(*payloads)
    note_contact(world, "Lee One")
    leads = {lead["phone"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()}
    results = world.sync(a_payload("1", first="Lee One", phone=BOB, updated=LATER))
    assert together(world) == {frozenset("13"), frozenset("2")}
    assert {lead["phone"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()} == leads
    assert (results.split, world.select("select * from lead_merges")) == (0, [])
    world.sync(a_payload("1", first="Lee One", phone=ANN, updated=LATEST))
    assert together(world) == {frozenset("12"), frozenset("3")}
    assert {lead["phone"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()} == leads


def write_to(world: World, name: str) -> None:
    """The product writes to a lead now."""
    now = world.clock.isoformat()
    world.select(f"update leads set contacted_at = timestamptz '{now}' where name = '{name}' returning 1")


def test_what_was_written_to_two_while_they_were_one_counts_for_both(world: World) -> None:
    world.sync(a_payload("1", first="One", phone=ANN))
    world.sync(a_payload("2", first="Two", phone=BOB))
    world.rule("together", world.contact("1"), world.contact("2"))
    write_to(world, "One")
    world.rule(None, world.contact("1"), world.contact("2"))
    dates = {contacted_at for _, contacted_at in ids(world).values()}
    assert len(ids(world)) == 2
    assert len(dates) == 1
    assert None not in dates


@pytest.mark.parametrize("phone", [BOB, CY], ids=["over to another", "alone"])
def test_who_leaves_a_lead_counts_as_written_to_if_it_was_in_it_then(world: World, phone: str) -> None:
    """2 was, 4 came later: neither lead forgets, and nobody is contacted who was not."""
    world.sync(a_payload("3", first="Three", phone=BOB))
    world.sync(a_payload("1", first="Lee One", phone=ANN), a_payload("2", first="Lee Two", phone=ANN))
    (name,) = ids(world).keys() - {"Three"}
    write_to(world, name)
    world.sync(a_payload("4", first="Lee Four", phone=ANN))
    world.sync(
        a_payload("2", first="Lee Two", phone=phone, updated=LATER),
        a_payload("4", first="Lee Four", phone="+1 617 555 0177", updated=LATER),
    )
    written_to = {lead["phone"] for lead in world.leads() if lead["contacted_at"]}
    assert together(world) == {frozenset("1"), frozenset("4")} | ({frozenset("23")} if phone == BOB else alone(*"23"))
    assert written_to == {"+14153207788", "+447911123456" if phone == BOB else "+13125550143"}


def test_who_was_merged_and_is_left_behind_has_its_own_lead_again(world: World) -> None:
    """1 and 2 are one for a while, then 1 goes on to 3: its lead goes with it, and comes home with it."""
    for number, (name, phone) in enumerate((("Lee One", ANN), ("Lee Two", BOB), ("Lee Three", CY)), 1):
        world.sync(a_payload(str(number), first=name, phone=phone))
    note_contact(world, "Lee One")
    before = ids(world)
    for hour, phone in enumerate((BOB, CY), 1):
        world.sync(a_payload("1", first="Lee One", phone=phone, updated=START + timedelta(hours=hour)))
    assert together(world) == {frozenset("13"), frozenset("2")}
    assert ids(world)["Lee Two"] == before["Lee Two"]
    world.sync(a_payload("1", first="Lee One", phone=ANN, updated=START + timedelta(hours=3)))
    assert ids(world) == before


@pytest.mark.parametrize("on_the_way", [ANN, "+1 617 555 0177"], ids=["to whom it was made for", "to somebody else"])
def test_the_id_and_the_date_follow_who_carried_a_lead_and_come_home_with_it(world: World, on_the_way: str) -> None:
    """1 founded a lead and went over to 4, 2 carries it: to 3, on to 4 and 1 or to 5, and home."""
    world.sync(a_payload("3", first="Lee Three", phone=BOB), a_payload("4", first="Lee Four", phone=ANN))
    world.sync(a_payload("5", first="Lee Five", phone="+1 617 555 0177"))
    world.sync(a_payload("1", first="Lee One", phone=CY))
    world.sync(a_payload("2", first="Lee Two", phone=CY))
    note_contact(world, next(lead["name"] for lead in world.leads() if lead["phone"] == "+13125550143"))
    world.sync(a_payload("1", first="Lee One", phone=ANN, updated=LATER))
    before = {lead["phone"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()}
    for hour, phone in enumerate((BOB, on_the_way, CY), 2):
        world.sync(a_payload("2", first="Lee Two", phone=phone, updated=START + timedelta(hours=hour)))
        own = next(lead for lead in world.leads() if lead["phone"] == phone_of(world, "2"))
        assert own["contacted_at"] == before["+13125550143"][1]
    after = {lead["phone"]: (lead["id"], lead["contacted_at"]) for lead in world.leads()}
    assert {phone: lead_id for phone, (lead_id, _) in after.items()} == {phone: i for phone, (i, _) in before.items()}
    assert after["+13125550143"] == before["+13125550143"]


def phone_of(world: World, crm_id: str) -> str:
    (row,) = world.select(f"select phone from staging.contacts where crm_id = '{crm_id}'")
    return str(row["phone"])


@pytest.mark.parametrize("noted", ["Two", "Three"])
def test_a_chain_of_merges_is_taken_back_date_by_date(world: World, noted: str) -> None:
    for number, (name, phone) in enumerate((("One", ANN), ("Two", BOB), ("Three", CY)), 1):
        world.sync(a_payload(str(number), first=name, phone=phone))
    note_contact(world, noted)
    one, two, three = (world.contact(crm_id) for crm_id in "123")
    stages = [ids(world)]
    for pair in ((two, three), (one, two)):
        world.rule("together", *pair)
        stages.append(ids(world))
    for pair, stage in (((one, two), stages[1]), ((two, three), stages[0])):
        world.rule(None, *pair)
        assert ids(world) == stage


def test_who_comes_back_to_whom_it_was_merged_with_has_the_older_lead_again(world: World) -> None:
    """2 and 3 are one by a rule, in the lead of 2; another tears 2 out of it, and 3 has its own back meanwhile."""
    for number, (name, phone) in enumerate((("One", ANN), ("Two", BOB), ("Three", CY)), 1):
        world.sync(a_payload(str(number), first=name, phone=phone))
    one, two, three = (world.contact(crm_id) for crm_id in "123")
    world.rule("apart", one, three)
    world.rule("together", two, three)
    note_contact(world, "Two")
    before = ids(world)
    world.rule("together", one, two)
    assert together(world) == {frozenset("12"), frozenset("3")}
    world.rule(None, one, two)
    assert ids(world) == before


def test_who_a_rule_tears_out_of_its_lead_finds_it_again_when_the_rule_is_taken_back(world: World) -> None:
    """3 was made a lead for and 2 came to it; 2 may not be with 1, and stays alone when a rule puts 3 there."""
    world.sync(a_payload("1", first="One", phone=ANN))
    world.sync(a_payload("3", first="Lee Three", phone=BOB))
    world.sync(a_payload("2", first="Lee Two", phone=BOB))
    world.rule("apart", world.contact("1"), world.contact("2"))
    note_contact(world, next(name for name in ids(world) if name != "One"))
    before = ids(world)
    world.rule("together", world.contact("1"), world.contact("3"))
    assert together(world) == {frozenset("13"), frozenset("2")}
    assert {lead["id"] for lead in world.leads()} == {lead_id for lead_id, _ in before.values()}
    world.rule(None, world.contact("1"), world.contact("3"))
    assert ids(world) == before


@pytest.mark.parametrize("is_awake", [True, False], ids=["one is away", "both are away"])
def test_a_split_of_who_is_away_is_exact_too(world: World, is_awake: bool) -> None:
    """1 and 2 were one lead, made for 1, when a person says they never are: each comes back to its own."""
    one, two = a_payload("1", first="One", phone=ANN), a_payload("2", first="Two", phone=BOB)
    world.sync(one)
    world.sync(two)
    note_contact(world, "Two")
    before = ids(world)
    world.rule("together", world.contact("1"), world.contact("2"))
    world.sync(one | {"archived": True}, *([] if is_awake else [two | {"archived": True}]))
    world.rule("apart", world.contact("1"), world.contact("2"))
    if not is_awake:
        world.sync(two | {"updatedAt": LATER.isoformat()})
    assert ids(world)["Two"] == (before["One"][0], before["Two"][1]), "as long as nobody else has a claim on it"
    world.sync(one | {"updatedAt": LATEST.isoformat()})
    assert ids(world) == before


def test_an_old_id_leads_to_where_its_contact_went(world: World) -> None:
    """Three leads become one, and two of them fall off it together: the younger one's id goes with them."""
    for number, phone in enumerate((ANN, BOB, CY)):
        world.sync(a_payload(str(number), first=f"P{number}", phone=phone))
    one, two, three = (lead["id"] for lead in world.leads())
    world.rule("together", world.contact("0"), world.contact("1"))
    world.rule("together", world.contact("1"), world.contact("2"))
    assert [lead["id"] for lead in world.leads()] == [one]
    world.rule("apart", world.contact("0"), world.contact("1"))
    assert [lead["id"] for lead in world.leads()] == [one, two]
    assert world.select("select lead_id, into_lead_id from lead_merges") == [{"lead_id": three, "into_lead_id": two}]


@pytest.mark.parametrize("text", ["hubspot:9", "9", "zoho:1", "5f0c1c3a-1c2e-5d0c-9a6e-7d3b6f1f2b11", "hubspot:", ""])
def test_a_contact_that_is_not_there_is_refused(world: World, text: str) -> None:
    world.sync(a_payload("1", phone=ANN))
    with pytest.raises(ConfigError, match="no contact"):
        rules.find_contact(world.session, "acme", text)


def test_a_contact_is_found_by_either_id_and_never_in_another_account(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    for text in ("hubspot:1", world.contact("1"), world.contact("1").replace("-", "")):
        assert rules.find_contact(world.session, "acme", text) == world.contact("1")
    with pytest.raises(ConfigError):
        rules.find_contact(world.session, "globex", world.contact("1"))


def test_an_id_that_two_connections_have_is_asked_back(world: World) -> None:
    world.sync(a_payload("1", phone=ANN))
    world.sync(a_payload("1", phone=BOB), on="other")
    with pytest.raises(ConfigError, match="is 2 contacts") as refused:
        rules.find_contact(world.session, "acme", "hubspot:1")
    assert world.contact("1") in refused.value.action


def test_nonsense_is_refused_and_nothing_is_written(world: World) -> None:
    world.sync(a_payload("1", phone=ANN), a_payload("2", phone=ANN), a_payload("3", phone=CY))
    lead_id = str(next(lead["id"] for lead in world.leads() if lead["phone"] == "+14153207788"))
    one, two, three = (world.contact(crm_id) for crm_id in "123")
    before = fingerprint(world)
    with pytest.raises(ConfigError, match="two contacts"):
        rules.pair(one, one)
    for named in ([three], [one, two], [one, three]):
        with pytest.raises(ConfigError), world.session.transaction():
            rules.split_lead(world.session, "acme", lead_id, named, now=world.clock)
    with pytest.raises(ConfigError, match="no rule"):
        world.rule(None, one, two)
    assert world.select("select * from identity_rules") == []
    assert fingerprint(world) == before
