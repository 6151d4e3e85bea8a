"""Every CRM, pages alone: what a pass brings, in which order of calls, and where it can be cut and disturbed."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from crm_pipeline.domain.contact import Contact
from crm_pipeline.errors import PipelineError
from crm_pipeline.providers.provider import References
from crm_pipeline.sandbox.crm import Card
from crm_pipeline_tests.conformance.ground import (
    HASTY,
    NEVER,
    Ground,
    a_ground,
    alive,
    contacts,
    lives,
    newest,
    records_of,
)

MOST_PATHS, PACED_CALLS = 12, 300
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


def test_a_window_pass_proves_nothing(well: Ground) -> None:
    for since in (LONG_AGO, well.now):
        assert not any(page.proven for page in well.fetch(well.pull("window", since=since)))


def test_a_window_in_which_nothing_changed_costs_fewer_calls_than_everything(well: Ground) -> None:
    """A pass that reads everything and keeps what is new passes every other test, and costs the same each hour."""
    well.fetch(well.pull())
    complete = len(well.calls())
    well.sandbox.journal.clear()
    assert alive(well, well.fetch(well.pull("window", since=well.now))) == set()
    assert len(well.calls()) < complete


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


def test_a_contact_says_when_it_was_made_and_changed(small: Ground) -> None:
    """The newest of two CRMs is believed, so a time that is lost on the way lets an old value win."""
    pages = small.fetch(small.pull())
    times = {key: record.source_updated_at for key, record in lives(small, pages).items()}
    for crm_id, contact in contacts(small, pages).items():
        assert contact.created_at is not None
        assert contact.updated_at == times[crm_id]
        assert contact.updated_at is None or contact.created_at <= contact.updated_at


def test_the_connection_names_the_crm_account_and_leads_to_the_record(small: Ground) -> None:
    config, provider = small.sandbox.book.all()[0].config, small.provider
    provider.check_config(config)
    assert provider.identity is None or config[provider.identity], "another account's CRM would not be noticed"
    for crm_id, card in small.users.cards().items():
        url = provider.record_url(config, card.object_type, crm_id)
        assert url is None or (url.startswith("https://") and crm_id in url)
        assert "None" not in (provider.record_url({}, card.object_type, crm_id) or "")


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
        (label,) = [phone.label for phone in contact.phones if phone.text == "+14155550101"]
        assert "mobile" in label.lower()


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
            assert len(rest) <= len(pages) - count + 1, "it goes on, and does not begin anew"
            if kind == "complete":
                proven = [one.object_type for page in pages[:count] + rest for one in page.proven]
                assert set(proven) == set(well.users.object_types)


@pytest.mark.long
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


def fault_of(well: Ground, fault: str) -> tuple[Any, set[str]]:
    """The answer, in the CRM's own words where it has some, and the codes it may end with; a CRM without a daily limit
    only throttles."""
    preset, codes = FAULTS[fault]
    own = well.habits.faults
    if preset == "daily_limit" and preset not in own:
        return fault_of(well, "rate limit")
    return (own[preset], codes) if isinstance(preset, str) and preset in OWN else (preset, codes)


@pytest.mark.parametrize(("fault", "place"), list(itertools.product(FAULTS, PLACES)), ids=lambda part: str(part))
def test_a_fault_loses_nothing_and_deletes_nobody(well: Ground, fault: str, place: str) -> None:
    """It ends the pass with its code; the next run goes on after the last page that came, and has everybody."""
    answer, codes = fault_of(well, fault)
    truth, started_at = well.truth(), well.now
    nth = {"first": 1, "middle": (well.count_pages() + 1) // 2, "last": well.count_pages()}[place]
    disturbed = well.disturb(answer, nth=nth)
    pages, error = well.pages_until_error(well.pull(started_at=started_at))
    if error is not None:
        assert error.code in codes, error.message
        assert error.message
        assert error.action
        assert disturbed.hits <= HASTY.attempts, "only the client tries again"
        assert place != "last" or any(page.records for page in pages), "what came before is kept"
        for kind in {one.object_type for page in pages for one in page.proven}:
            of_kind = {crm_id for crm_id, card in well.users.cards().items() if card.object_type == kind}
            assert of_kind <= alive(well, pages), "only what was shown whole is proven"
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
    well.fetch(well.pull())
    usual = len(well.calls())
    for answer in ("unavailable", "html", "reset", well.habits.faults["rate_limited"]):
        well.sandbox.faults.clear()
        well.sandbox.journal.clear()
        well.disturb(answer, nth=1, times=1)
        assert alive(well, well.fetch(well.pull())) == well.truth()
        assert len(well.calls()) == usual + 1


def test_a_token_that_is_refused_once_is_renewed(well: Ground) -> None:
    well.disturb(well.habits.faults["invalid_token"], nth=2, times=1)
    assert alive(well, well.fetch(well.pull())) == well.truth()


def test_a_count_that_is_too_low_ends_no_pass_early(well: Ground) -> None:
    for path, patch in well.habits.counts.items():
        well.disturb({"patch": lowered(patch)}, path=path, times=None)
    assert alive(well, well.fetch(well.pull())) == well.truth()


def lowered(patch: Any) -> Any:
    """The patch of a count with one in place of a large number."""
    if isinstance(patch, Mapping):
        return {key: lowered(value) for key, value in patch.items()}
    if isinstance(patch, list):
        return [lowered(value) for value in patch]
    return 1 if isinstance(patch, int) and patch > 5_000 else patch


def test_the_crm_is_asked_for_its_count_only_in_a_complete_pass(well: Ground) -> None:
    for path in well.habits.counts:
        counted = well.disturb("html", nth=NEVER, path=path)
        well.fetch(well.pull("window", since=well.now - timedelta(minutes=15)))
        assert counted.seen <= 1


@pytest.mark.parametrize("part", ["contacts", "references"])
def test_whatever_call_fails_the_pass_says_so(well: Ground, part: str) -> None:
    """Not only the pages: owners, labels, companies, counts, deletions, and whatever else is asked for."""
    assert all_of(well, part) is None
    for path in well.paths()[:MOST_PATHS]:
        well.sandbox.faults.clear()
        well.disturb(well.habits.faults["server_error"], path=path, times=None)
        error = all_of(well, part)
        assert error is not None, path
        assert error.code == "provider_unavailable", path


def all_of(ground: Ground, part: str) -> PipelineError | None:
    """Fetch all contacts or all references; the error that ended it."""
    if part == "contacts":
        return ground.pages_until_error(ground.pull())[1]
    try:
        ground.references()
    except PipelineError as error:
        return error
    return None


def test_names_that_may_not_be_read_are_told(well: Ground) -> None:
    """Contacts without their owners, labels or companies are worth having, if somebody is told why."""
    well.references()
    for path in well.paths()[:MOST_PATHS]:
        well.sandbox.faults.clear()
        well.disturb(well.habits.faults["missing_scope"], path=path, times=None)
        with suppress(PipelineError):  # which tells it too
            directory = well.provider.fetch_references(well.proxy(), well.pull())
            deque(directory.changed, maxlen=0)
            notes = [*directory.notes, *(note for page in well.fetch(well.pull()) for note in page.notes)]
            assert notes, path


@pytest.mark.parametrize("junk", ["text", {"a": 1}, 7, ["text"], [None], [[]]], ids=repr)
def test_a_page_whose_list_holds_something_else_is_no_page(well: Ground, junk: Any) -> None:
    well.disturb({"patch": {well.habits.list_key: junk}}, times=None)
    pages, error = well.pages_until_error(well.pull())
    assert error is not None
    assert error.code == "unexpected_response"
    assert not any(page.proven for page in pages)


def test_its_own_pace_stays_below_the_crms_limit(name: str) -> None:
    with a_ground(name, 20, is_paced=True) as ground:
        while len(ground.calls()) < PACED_CALLS:
            ground.references(ground.fetch(ground.pull()))
            ground.fetch(ground.pull("window", since=LONG_AGO))
        assert 429 not in ground.calls()


def test_a_payload_with_nothing_but_its_id_is_a_contact(small: Ground) -> None:
    for record in newest(small.fetch(small.pull())).values():
        bare = {key: value if value == record.crm_id else None for key, value in record.payload.items()}
        for payload in (bare, {key: value for key, value in bare.items() if value is not None}):
            contact = small.provider.to_contact(payload, References(), record.object_type)
            assert contact.crm_id == str(record.crm_id)
            assert (contact.phones, contact.emails) == ((), ())
