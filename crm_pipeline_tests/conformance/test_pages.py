"""Every CRM, pages alone: what a pass brings, in which order of calls, and where it can be cut and disturbed."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_pipeline.domain.contact import Contact
from crm_pipeline.sandbox.crm import Card
from crm_pipeline_tests.conformance.ground import (
    NEVER,
    Ground,
    a_ground,
    alive,
    contacts,
    lives,
    newest,
    records_of,
)

LONG_AGO = datetime(2015, 1, 1, tzinfo=UTC)
REFUSED = {*range(400, 404), *range(405, 600)}
"""What a CRM answers to a call it does not understand; 404 is also its word for an owner who is gone."""


# --- what a pass brings


def test_a_complete_pass_brings_every_live_contact(well: Ground) -> None:
    pages = well.fetch(well.pull())
    assert alive(well, pages) == well.truth()
    assert not set(well.calls()) & REFUSED, "the CRM understood every call"


def test_a_complete_pass_proves_every_kind_once(well: Ground) -> None:
    pages = well.fetch(well.pull())
    proven = [one for page in pages for one in page.proven]
    assert sorted(one.object_type for one in proven) == sorted(well.users.object_types)
    for one in proven:
        live = [r for r in newest(pages).values() if r.object_type == one.object_type and not r.is_deleted]
        assert one.expected is None or one.expected <= len(live)


def test_every_record_has_a_key_a_kind_and_a_place_to_go_on(well: Ground) -> None:
    for page in well.fetch(well.pull()):
        assert page.resume
        for record in page.records:
            assert record.crm_id
            assert record.object_type in well.users.object_types
            assert record.source_updated_at is None or record.source_updated_at.tzinfo is not None


def test_a_window_pass_over_all_time_brings_everybody_with_a_time_of_change(well: Ground) -> None:
    pages = well.fetch(well.pull("window", since=LONG_AGO))
    missing = well.truth() - alive(well, pages)
    untimed = {key for key, record in newest(well.fetch(well.pull())).items() if record.source_updated_at is None}
    assert len(missing) <= max(5, len(untimed)), "a CRM may hide from a window who was never changed, and only those"
    assert alive(well, pages) <= well.truth()
    assert not set(well.calls()) & REFUSED


def test_a_window_pass_brings_the_edge_and_nobody_older(name: str) -> None:
    with a_ground(name, 40) as ground:
        ground.clock.move(3600)
        since = ground.now
        crm_id = ground.users.add(first="Edge", last="Case", phone="+14155550100")
        ground.clock.move(600)
        pages = ground.fetch(ground.pull("window", since=since))
        assert alive(ground, pages) == {crm_id}


def test_an_empty_crm_is_a_complete_pass_of_nobody(name: str) -> None:
    with a_ground(name, 0) as ground:
        pages = ground.fetch(ground.pull())
        assert list(records_of(pages)) == []
        assert {one.object_type for page in pages for one in page.proven} == set(ground.users.object_types)
        assert list(records_of(ground.fetch(ground.pull("window", since=ground.now)))) == []


def test_one_contact_is_one_record(name: str) -> None:
    with a_ground(name, 0) as ground:
        crm_id = ground.users.add(first="Only", last="One", phone="+14155550100")
        assert alive(ground, ground.fetch(ground.pull())) == {crm_id}


def test_a_contact_without_any_field_arrives(name: str) -> None:
    with a_ground(name, 0) as ground:
        crm_id = ground.users.add()
        assert contacts(ground, ground.fetch(ground.pull())).keys() == {crm_id}


# --- what a contact says


def told(contact: Contact) -> dict[str, Any]:
    """A mapped contact in the words of a card."""
    return {
        "object_type": contact.object_type,
        "name": contact.full_name or " ".join(filter(None, (contact.first_name, contact.last_name))),
        "phones": tuple(phone.text for phone in contact.phones),
        "emails": contact.emails,
        "company": contact.company,
        "country": contact.country,
        "owner": contact.owner_name,
        "owner_email": contact.owner_email,
        "status": contact.status,
        "stage": contact.stage,
        "note": contact.description,
    }


def said(card: Card) -> dict[str, Any]:
    names = ("object_type", "phones", "emails", "company", "country", "owner", "owner_email", "status", "stage", "note")
    name = " ".join(part.strip() for part in (card.first, card.last) if part and part.strip())
    return {"name": name} | {key: getattr(card, key) for key in names}


def test_every_field_of_every_contact_arrives(small: Ground) -> None:
    cards, found = small.users.cards(), contacts(small, small.fetch(small.pull()))
    assert found.keys() == cards.keys()
    for crm_id, contact in found.items():
        assert told(contact) == said(cards[crm_id]), crm_id


def test_the_ten_fields_are_filled_somewhere(small: Ground) -> None:
    """A field that is empty in every contact proves nothing."""
    found = list(contacts(small, small.fetch(small.pull())).values())
    for field in ("phones", "emails", "company", "owner_name", "owner_email", "updated_at"):
        assert any(getattr(contact, field) for contact in found), field


def test_both_phones_of_a_contact_arrive_and_the_mobile_says_so(name: str) -> None:
    with a_ground(name, 0) as ground:
        crm_id = ground.users.add(first="Two", last="Phones", phone="+14155550100", mobile="+14155550101")
        contact = contacts(ground, ground.fetch(ground.pull()))[crm_id]
        assert {phone.text for phone in contact.phones} == {"+14155550100", "+14155550101"}


def test_three_thousand_custom_fields_land_in_the_payload(name: str) -> None:
    with a_ground(name, 6) as ground:
        ground.users.add_custom_fields(3000)
        ground.sandbox.journal.clear()
        pages = ground.fetch(ground.pull())
        assert alive(ground, pages) == ground.truth()
        for record in lives(ground, pages).values():
            assert leaves(record.payload) >= 3000, record.crm_id
        assert not set(ground.calls()) & REFUSED


def leaves(value: Any) -> int:
    """How many values that are not empty a payload holds."""
    if isinstance(value, dict):
        return sum(map(leaves, value.values()))
    if isinstance(value, list):
        return sum(map(leaves, value))
    return value not in (None, "")


# --- paging


def test_a_pass_goes_on_after_any_page_in_another_process(well: Ground) -> None:
    for kind, since in (("complete", None), ("window", LONG_AGO)):
        started_at = well.now
        pages = well.fetch(well.pull(kind, since=since, started_at=started_at))
        whole = alive(well, pages)
        for count in {1, len(pages) // 2, max(1, len(pages) - 1)}:
            resume = pages[count - 1].resume
            rest = well.fetch(well.pull(kind, since=since, started_at=started_at, resume=resume))
            assert alive(well, pages[:count] + rest) == whole, f"{kind}, after page {count} of {len(pages)}"
            if kind == "complete":
                proven = [one.object_type for page in pages[:count] + rest for one in page.proven]
                assert set(proven) == set(well.users.object_types)


@pytest.mark.parametrize("kind", ["complete", "window"])
def test_twenty_five_thousand_contacts_of_one_moment_all_arrive(name: str, kind: str) -> None:
    with a_ground(name, 25_000) as ground:
        moment = int(ground.clock() * 1000) // 1000 * 1000
        ground.users.stamp_all(moment)
        ground.clock.move(120)
        since = datetime.fromtimestamp(moment / 1000, UTC)
        pages = ground.fetch(ground.pull(kind, since=since if kind == "window" else None))
        live = len(ground.truth())
        assert len(alive(ground, pages)) == live
        per_call = ground.habits.page_limit
        around = len(ground.users.object_types) * 8 + 12
        companies = 2 * live // 100
        assert len(ground.calls()) <= 2 * live / per_call + around + companies


def test_a_page_that_comes_twice_changes_nothing(well: Ground) -> None:
    truth = well.truth()
    for nth in (2, max(2, well.count_pages() - 1)):
        well.sandbox.faults.clear()
        well.disturb({"again": True}, nth=nth, times=1)
        pages, error = well.pages_until_error(well.pull())
        if error is not None:
            assert error.code in ("pagination_loop", "unexpected_response")
            pages += well.fetch(well.pull(resume=pages[-1].resume))
        assert alive(well, pages) == truth


@pytest.mark.parametrize("kind", ["complete", "window"])
def test_the_same_page_for_ever_is_noticed(well: Ground, kind: str) -> None:
    well.disturb({"again": True}, nth=2, times=None)
    pages, error = well.pages_until_error(well.pull(kind, since=LONG_AGO))
    assert error is not None
    assert error.code in ("pagination_loop", "unexpected_response")
    assert len(well.calls()) < 60
    assert not any(page.proven for page in pages) or len(well.users.object_types) > 1


# --- faults

FAULTS: dict[str, tuple[Any, set[str]]] = {
    "html": ("html", {"unexpected_response"}),
    "empty": ("empty", {"unexpected_response"}),
    "null": ("null", {"unexpected_response"}),
    "empty object": ("empty_object", {"unexpected_response"}),
    "error object": ("error_object", {"unexpected_response"}),
    "a list": ({"status": 200, "body": []}, {"unexpected_response"}),
    "cut": ({"cut_json": 20}, {"unexpected_response"}),
    "redirect": ("redirect", {"unexpected_response"}),
    "two documents": ({"status": 200, "body": "{}{}"}, {"unexpected_response"}),
    "reset": ({"reset": True, "cut_at": 10}, {"provider_unavailable"}),
    "500": ({"status": 500, "body": "<html>oops</html>"}, {"provider_unavailable"}),
    "502": ("bad_gateway", {"provider_unavailable"}),
    "503": ("unavailable", {"provider_unavailable"}),
    "504": ("gateway_timeout", {"provider_unavailable"}),
    "404": ({"status": 404, "body": {"message": "not found"}}, {"unexpected_response", "connection_misconfigured"}),
    "Nango failed": ("nango_error", {"nango_unavailable"}),
    "Nango's plan": ("nango_plan_limit", {"nango_unavailable"}),
    "Nango's limit": ("nango_rate_limit", {"rate_limited"}),
    "no network behind Nango": ("nango_network", {"provider_unavailable"}),
    "rate limit": ("rate_limited", {"rate_limited"}),
    "daily limit": ("daily_limit", {"daily_limit"}),
    "scope": ("missing_scope", {"missing_scope", "connection_misconfigured"}),
    "forbidden": ("forbidden", {"missing_scope", "connection_misconfigured"}),
    "token": ("invalid_token", {"connection_expired"}),
    "server error": ("server_error", {"provider_unavailable"}),
}
OWN = ("rate_limited", "daily_limit", "missing_scope", "forbidden", "invalid_token", "server_error")
PLACES = ("first", "middle", "last")


@pytest.mark.parametrize(("fault", "place"), list(itertools.product(FAULTS, PLACES)), ids=lambda part: str(part))
def test_a_fault_loses_nothing_and_deletes_nobody(well: Ground, fault: str, place: str) -> None:
    """It ends the pass with its code; the next run goes on after the last page that came, and has everybody."""
    preset, codes = FAULTS[fault]
    answer = well.habits.faults.get(preset) if isinstance(preset, str) and preset in OWN else preset
    if answer is None:
        pytest.skip(f"{well.provider.title} has no {fault}")
    truth, started_at = well.truth(), well.now
    nth = {"first": 1, "middle": (well.count_pages() + 1) // 2, "last": well.count_pages()}[place]
    well.disturb(answer, nth=nth)
    pages, error = well.pages_until_error(well.pull(started_at=started_at))
    if error is not None:
        assert error.code in codes, error.message
        assert error.message
        assert error.action
    else:
        kinds = {one.object_type for page in pages for one in page.proven}
        notes = [note for page in pages for note in page.notes]
        assert "missing_scope" in codes, "only an object that may not be read can be left out"
        assert kinds < set(well.users.object_types)
        assert notes
    assert not {record.crm_id for record in records_of(pages) if record.is_deleted} & truth
    well.sandbox.faults.clear()
    resume = pages[-1].resume if pages and "missing_scope" not in codes else None
    rest = well.fetch(well.pull(started_at=started_at, resume=resume))
    assert alive(well, pages + rest) == truth
    assert {one.object_type for page in pages + rest for one in page.proven} == set(well.users.object_types)


def test_a_passing_fault_costs_one_more_call_and_nothing_else(well: Ground) -> None:
    for answer in ("unavailable", "html", "reset", well.habits.faults["rate_limited"]):
        well.sandbox.faults.clear()
        well.disturb(answer, nth=1, times=1)
        assert alive(well, well.fetch(well.pull())) == well.truth()


def test_a_token_that_is_refused_once_is_renewed(well: Ground) -> None:
    well.disturb(well.habits.faults["invalid_token"], nth=2, times=1)
    assert alive(well, well.fetch(well.pull())) == well.truth()


def test_the_crm_is_asked_for_its_count_only_in_a_complete_pass(well: Ground) -> None:
    for path in well.habits.counts:
        counted = well.disturb("html", nth=NEVER, path=path)
        well.fetch(well.pull("window", since=well.now - timedelta(minutes=15)))
        assert counted.seen <= 1
