"""HubSpot: payloads to contacts, refusals to codes, and the requests themselves, as the vendor's reference has them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import PhoneText
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Budget, Rate
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.provider import CrmApi, Directory, Page, Payload, Proven, Pull, Reference, References
from crm_pipeline.sandbox.server import Sandbox, Seen
from crm_pipeline_tests.nango.fake_nango import FakeNango, a_client, json_reply, running

LIST, SEARCH = "/crm/v3/objects/contacts", "/crm/v3/objects/contacts/search"
OWNERS, PROPERTIES, BATCH = "/crm/v3/owners", "/crm/v3/properties/contacts", "/crm/v3/objects/contacts/batch/read"
COMPANIES, COMPANY_SEARCH = "/crm/v3/objects/companies/batch/read", "/crm/v3/objects/companies/search"
RECORD_COUNTS = "/crm/v3/limits/records"
PROXY = "/proxy"
STARTED = datetime(2026, 9, 1, 6, 0, tzinfo=UTC)
WATERMARK = datetime(2026, 8, 20, 14, 0, tzinfo=UTC)
WATERMARK_MS = "1787234400000"
WANTED = [
    "hs_object_id", "firstname", "lastname", "email", "hs_additional_emails", "phone", "mobilephone", "jobtitle",
    "company", "associatedcompanyid", "hubspot_owner_id", "hs_lead_status", "lifecyclestage", "message",
    "notes_last_updated", "notes_last_contacted", "hs_last_sales_activity_timestamp", "createdate", "lastmodifieddate",
    "hs_merged_object_ids", "hs_is_contact",
]  # fmt: skip
"""The list of the reference, §4.4."""
RECORDED: Payload = {
    "id": "84012770145",
    "properties": {
        "hs_object_id": "84012770145",
        "firstname": "Marta",
        "lastname": "Kowal",
        "email": "marta.kowal@northbay.example",
        "hs_additional_emails": "mk@old.example;m.kowal@old.example",
        "phone": "+48 22 555 01 10",
        "mobilephone": "+48 601 555 011",
        "jobtitle": "Head of Operations",
        "company": "Northbay Logistics",
        "associatedcompanyid": "19455120031",
        "country": "Poland",
        "hubspot_owner_id": "61190234",
        "hs_lead_status": "ATTEMPTED_TO_CONTACT",
        "lifecyclestage": "salesqualifiedlead",
        "message": "Please call back",
        "notes_last_updated": "2026-08-18T09:20:00Z",
        "notes_last_contacted": "2026-08-17T09:20:00Z",
        "createdate": "2026-03-02T07:11:42.103Z",
        "lastmodifieddate": "2026-08-20T14:03:11.482Z",
        "hs_merged_object_ids": "84011220991;84010008812",
    },
    "createdAt": "2026-03-02T07:11:42.103Z",
    "updatedAt": "2026-08-20T14:03:11.482Z",
    "archived": False,
}
NAMES_LIST = [
    Reference("owner", "61190234", "Jo Reed", "jo@acme.example"),
    Reference("status", "ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
    Reference("stage", "salesqualifiedlead", "Sales Qualified Lead"),
    Reference("stage", "198234567", "Trial"),
]
NAMES = References(NAMES_LIST)
COMPANY = Reference("company", "19455120031", "Northbay Logistics Group")


def recorded(properties: Mapping[str, object] | None = None, **outside: object) -> Payload:
    """The recorded contact with some of it changed."""
    return RECORDED | {"properties": RECORDED["properties"] | dict(properties or {})} | outside


# --- payload to contact


def test_every_field_of_a_recorded_contact_is_found() -> None:
    contact = HUBSPOT.to_contact(RECORDED, NAMES)
    assert contact._asdict() == {
        "crm_id": "84012770145",
        "object_type": "contact",
        "full_name": None,
        "first_name": "Marta",
        "last_name": "Kowal",
        "phones": (PhoneText("+48 22 555 01 10", "phone"), PhoneText("+48 601 555 011", "mobile")),
        "emails": ("marta.kowal@northbay.example", "mk@old.example", "m.kowal@old.example"),
        "company": "Northbay Logistics",
        "country": "Poland",
        "owner_id": "61190234",
        "owner_name": "Jo Reed",
        "owner_email": "jo@acme.example",
        "status_id": "ATTEMPTED_TO_CONTACT",
        "status": "Attempted to Contact",
        "stage_id": "salesqualifiedlead",
        "stage": "Sales Qualified Lead",
        "company_id": "19455120031",
        "description": "Please call back",
        "last_activity_at": datetime(2026, 8, 18, 9, 20, tzinfo=UTC),
        "created_at": datetime(2026, 3, 2, 7, 11, 42, 103_000, tzinfo=UTC),
        "updated_at": datetime(2026, 8, 20, 14, 3, 11, 482_000, tzinfo=UTC),
        "is_deleted": False,
        "merged_into": None,
        "is_merge_unknown": False,
        "is_purged": False,
        "merged_ids": ("84011220991", "84010008812"),
    }


@pytest.mark.parametrize("empty", [None, "", "  "], ids=["null", "empty", "blank"])
def test_absent_null_and_blank_mean_the_same(empty: str | None) -> None:
    """List and batch answer null for what is not filled, other endpoints leave it out."""
    absent = HUBSPOT.to_contact({"id": "1", "properties": {}}, NAMES)
    assert HUBSPOT.to_contact({"id": "1", "properties": dict.fromkeys(RECORDED["properties"], empty)}, NAMES) == absent
    assert (absent.phones, absent.emails, absent.first_name, absent.stage, absent.merged_ids) == (
        (),
        (),
        None,
        None,
        (),
    )


@pytest.mark.parametrize(
    "payload", [{"id": "1"}, {"id": "1", "properties": None}, {"id": 1, "properties": {}}], ids=repr
)
def test_a_contact_without_any_property_is_a_contact(payload: Payload) -> None:
    assert HUBSPOT.to_contact(payload, NAMES).crm_id == "1"


def test_a_custom_stage_is_a_number_and_shown_by_its_label() -> None:
    contact = HUBSPOT.to_contact(recorded({"lifecyclestage": "198234567"}), NAMES)
    assert (contact.stage_id, contact.stage) == ("198234567", "Trial")


def test_a_code_without_a_label_is_shown_as_it_is() -> None:
    contact = HUBSPOT.to_contact(recorded({"lifecyclestage": "198999999", "hs_lead_status": "PARKED"}), NAMES)
    assert (contact.stage, contact.status) == ("198999999", "PARKED")


def test_an_owner_we_cannot_read_is_kept_by_id_only() -> None:
    contact = HUBSPOT.to_contact(recorded({"hubspot_owner_id": "9"}), NAMES)
    assert (contact.owner_id, contact.owner_name, contact.owner_email) == ("9", None, None)


def test_a_status_is_not_labelled_with_a_stage() -> None:
    names = References([Reference("stage", "NEW", "A stage"), Reference("owner", "NEW", "A person")])
    assert HUBSPOT.to_contact(recorded({"hs_lead_status": "NEW"}), names).status == "NEW"


@pytest.mark.parametrize(
    ("text", "ids"),
    [(None, ()), ("", ()), ("7", ("7",)), ("7;8", ("7", "8")), (" 7 ;;8; ", ("7", "8")), ("84012770145;7", ("7",))],
    ids=repr,
)
def test_merged_ids_are_read_from_the_survivor(text: str | None, ids: tuple[str, ...]) -> None:
    """A merge that kept the primary's id lists that id too; nobody is merged into itself."""
    assert HUBSPOT.to_contact(recorded({"hs_merged_object_ids": text}), NAMES).merged_ids == ids


def test_the_company_is_the_associated_one_and_else_the_text_in_the_contact() -> None:
    """The text is typed by hand and does not follow the company's name."""
    known, nameless = References([COMPANY]), References([COMPANY._replace(label=None)])
    assert HUBSPOT.to_contact(RECORDED, known).company == "Northbay Logistics Group"
    assert HUBSPOT.to_contact(RECORDED, nameless).company == "Northbay Logistics"
    assert HUBSPOT.to_contact(RECORDED, References()).company == "Northbay Logistics"
    alone = HUBSPOT.to_contact(recorded({"associatedcompanyid": None}), known)
    assert (alone.company, alone.company_id) == ("Northbay Logistics", None)
    associated = HUBSPOT.to_contact(recorded({"company": None}), known)
    assert (associated.company, associated.company_id) == ("Northbay Logistics Group", "19455120031")


MAPPING = {"status": "fit", "stage": "journey", "description": "interests", "company": "employer"}
OPTIONS = [
    Reference("status", "1", "Good fit"),
    Reference("stage", "1", "Just looking"),
    Reference("status", "interests=1", "Price list"),
    Reference("status", "interests=2", "Demo"),
    Reference("status", "employer=1", "Northbay"),
]


def test_a_mapped_field_comes_from_its_property_with_the_label_of_its_option() -> None:
    """All four properties have an option of the same value; nobody gets the label of another."""
    mapped = dict.fromkeys(MAPPING.values(), "1")
    contact = HUBSPOT.to_contact(recorded(mapped), References([*NAMES_LIST, *OPTIONS, COMPANY], MAPPING))
    assert (contact.status_id, contact.status, contact.stage_id, contact.stage) == (
        "1",
        "Good fit",
        "1",
        "Just looking",
    )
    assert (contact.description, contact.company, contact.company_id) == ("Price list", "Northbay", None)


def test_a_mapped_text_is_taken_as_it_is_and_an_empty_one_is_nothing() -> None:
    """The usual property does not step in: a form's text is no substitute for what the customer chose."""
    names = References(OPTIONS, {"description": "about", "company": "company", "status": "fit"})
    contact = HUBSPOT.to_contact(recorded({"about": " tall; kind ", "company": " Other "}), names)
    assert (contact.description, contact.company, contact.company_id) == ("tall; kind", "Other", None)
    assert (contact.status, contact.status_id, contact.stage_id) == (None, None, "salesqualifiedlead")
    assert HUBSPOT.to_contact(RECORDED, names).description is None


def test_several_options_of_a_mapped_property_are_each_shown_by_their_label() -> None:
    contact = HUBSPOT.to_contact(recorded({"interests": "1;2;9"}), References(OPTIONS, MAPPING))
    assert contact.description == "Price list; Demo; 9"


def test_every_phone_is_kept_as_it_is_whatever_it_says() -> None:
    contact = HUBSPOT.to_contact(recorded({"phone": " ask Jo ", "mobilephone": "ask Jo"}), NAMES)
    assert contact.phones == (PhoneText("ask Jo", "phone"), PhoneText("ask Jo", "mobile"))


@pytest.mark.parametrize(("outside", "deleted", "purged"), [({}, False, False), ({"archived": True}, True, False),
                         ({"archived": True, "purged": True}, True, True)])  # fmt: skip
def test_the_recycle_bin_is_read(outside: dict[str, bool], deleted: bool, purged: bool) -> None:
    contact = HUBSPOT.to_contact(RECORDED | outside, NAMES)
    assert (contact.is_deleted, contact.is_purged) == (deleted, purged)


@pytest.mark.parametrize("text", ["2026-08-18T09:20:00Z", "2026-08-18T09:20:00.000Z", "1787044800000"])
def test_hubspots_ways_of_writing_a_time(text: str) -> None:
    contact = HUBSPOT.to_contact(recorded({"notes_last_updated": text}), NAMES)
    assert contact.last_activity_at == datetime(2026, 8, 18, 9, 20, tzinfo=UTC)


def test_the_times_of_the_record_are_found_among_the_properties_too() -> None:
    payload = {name: value for name, value in RECORDED.items() if name not in ("createdAt", "updatedAt")}
    contact, whole = HUBSPOT.to_contact(payload, NAMES), HUBSPOT.to_contact(RECORDED, NAMES)
    assert (contact.created_at, contact.updated_at) == (whole.created_at, whole.updated_at)


VALUES = (
    st.none()
    | st.text(max_size=12)
    | st.integers()
    | st.floats()
    | st.booleans()
    | st.lists(st.text(max_size=3), max_size=3)
)


@given(st.dictionaries(st.sampled_from(sorted(RECORDED["properties"])), VALUES))
def test_no_value_of_a_property_stops_the_mapper(properties: dict[str, object]) -> None:
    """One payload that raises would stop every later sync of its connection."""
    contact = HUBSPOT.to_contact({"id": "1", "properties": properties}, NAMES)
    HUBSPOT.to_contact(
        {"id": "1", "properties": properties}, References(OPTIONS, {"status": "company", "company": "phone"})
    )
    texts = [value for value in contact if isinstance(value, str)]
    assert all(text.strip() for text in texts)


# --- refusals

SCOPES = {"errors": [{"context": {"requiredGranularScopes": ["crm.objects.owners.read", "crm.objects.contacts.read"]}}]}
REFUSALS: list[tuple[int, object, str | None, bool]] = [
    (403, {"category": "MISSING_SCOPES", **SCOPES}, "missing_scope", False),
    (403, {"category": "MISSING_SCOPES"}, "missing_scope", False),
    (403, {"category": "MISSING_SCOPES", "errors": None}, "missing_scope", False),
    (403, {"category": "BANNED", "message": "This account has been suspended."}, "connection_misconfigured", False),
    (403, None, "provider_unavailable", True),
    (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, "daily_limit", False),
    (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, "rate_limited", True),
    (429, {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}, "rate_limited", True),
    (429, {"category": "RATE_LIMITS"}, "rate_limited", True),
    (429, None, "rate_limited", True),
    (423, {"category": "LOCKED"}, None, False),
    (477, {"message": "Migration in progress"}, None, False),
    (400, {"category": "VALIDATION_ERROR"}, None, False),
    (401, {"category": "EXPIRED_AUTHENTICATION"}, None, False),
    (401, {"category": "INVALID_AUTHENTICATION"}, None, False),
    (404, {"category": "OBJECT_NOT_FOUND"}, None, False),
    (414, None, None, False),
    (500, {"category": "INTERNAL_ERROR"}, None, False),
    (502, None, None, False),
    (530, None, None, False),
    (200, {"status": "error"}, None, False),
    (200, ["a", "list"], None, False),
]


@pytest.mark.parametrize(("status", "body", "code", "can_retry"), REFUSALS, ids=str)
def test_what_hubspot_means_by_a_refusal(status: int, body: object, code: str | None, can_retry: bool) -> None:
    refusal = HUBSPOT.read_refusal(status, {}, body)
    assert (refusal.code if refusal else None) == code
    assert (refusal.can_retry if refusal else False) is can_retry


def test_missing_scopes_are_named() -> None:
    refusal = HUBSPOT.read_refusal(403, {}, {"category": "MISSING_SCOPES", **SCOPES})
    assert refusal is not None
    assert "crm.objects.owners.read, crm.objects.contacts.read" in refusal.message


def test_the_words_of_a_refusal_are_passed_on() -> None:
    refusal = HUBSPOT.read_refusal(403, {}, {"category": "BANNED", "message": "This account has been suspended."})
    assert refusal is not None
    assert "This account has been suspended." in refusal.message


# --- requests, against the sandbox

FAST = {"default": Rate(10_000, 1000), "search": Rate(10_000, 1000)}


@dataclass
class Wire:
    """A sandbox with one account, and the calls of its connection."""

    sandbox: Sandbox
    api: Proxy

    def fetch(self, pull: Pull) -> list[Page]:
        self.sandbox.journal.clear()
        return list(HUBSPOT.fetch_contacts(self.api, pull))

    def references(self, **more: Any) -> Directory:
        self.sandbox.journal.clear()
        directory = HUBSPOT.fetch_references(self.api, window(**more))
        directory.changed = list(directory.changed)
        return directory

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.sandbox.journal if seen.path == PROXY + path]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=450, accounts=("acme",)) as running_sandbox:
        yield running_sandbox


@pytest.fixture
def wire(sandbox: Sandbox) -> Iterator[Wire]:
    sandbox.faults.clear()
    with NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as client:
        yield Wire(sandbox, a_proxy(sandbox, client))


def a_proxy(sandbox: Sandbox, client: NangoClient) -> Proxy:
    found = sandbox.book.of_account("acme")[0]
    return client.proxy("hubspot", found.connection_id, rates=FAST, read_refusal=HUBSPOT.read_refusal)


def query_of(seen: Seen) -> dict[str, str]:
    pairs = parse_qsl(seen.query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs)), "a parameter is given once"
    return dict(pairs)


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [str(record.crm_id) for page in pages for record in page.records]


def references_of(pages: Iterable[Page]) -> list[Reference]:
    return [reference for page in pages for reference in page.references]


def properties_of(pages: Iterable[Page]) -> list[Payload]:
    return [record.payload["properties"] for page in pages for record in page.records if not record.is_deleted]


def complete(**more: Any) -> Pull:
    return Pull(kind="complete", started_at=STARTED, **more)


def window(since: datetime = datetime(2020, 1, 1, tzinfo=UTC), **more: Any) -> Pull:
    return Pull(kind="window", started_at=STARTED, since=since, **more)


@pytest.fixture
def own() -> Iterator[Wire]:
    """A portal that one test may change as it likes."""
    with (
        Sandbox(contacts=130, accounts=("acme",)) as sandbox,
        NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as client,
    ):
        yield Wire(sandbox, a_proxy(sandbox, client))


def test_a_complete_pass_lists_everybody_once_and_the_recycle_bin(wire: Wire) -> None:
    portal = wire.sandbox.portal("acme")
    ids = ids_of(wire.fetch(complete()))
    assert ids == [str(number) for number in [*portal.ids(), *portal.ids(archived=True)]]
    assert {seen.status for seen in wire.sandbox.journal} == {200}


def test_the_list_is_asked_for_as_the_reference_says(wire: Wire) -> None:
    pages = wire.fetch(complete())
    live = [query_of(seen) for seen in wire.calls(LIST) if query_of(seen).get("archived") == "false"]
    assert [set(query) for query in live] == [{"limit", "properties", "archived"}] + [
        {"limit", "properties", "archived", "after"}
    ] * (len(live) - 1)
    assert {query["limit"] for query in live} == {"100"}
    assert {seen.method for seen in wire.calls(LIST)} == {"GET"}
    assert [page.resume.partition("|")[0] for page in pages[: len(live)]] == [
        *(f"list:{query['after']}" for query in live[1:]),
        "archived:",
    ]


def test_properties_are_one_comma_joined_parameter_well_below_the_longest_url(wire: Wire) -> None:
    """Repeated for each name they inflate the URL until HubSpot answers 414."""
    wire.fetch(complete())
    (text,) = {query_of(seen)["properties"] for seen in wire.calls(LIST)}
    assert set(WANTED) <= set(text.split(","))
    assert all(len(seen.path) + len(seen.query) < 2000 for seen in wire.sandbox.journal)


def test_the_recycle_bin_is_swept_in_every_pass(wire: Wire) -> None:
    for pull in (complete(), window()):
        wire.fetch(pull)
        swept = [query_of(seen) for seen in wire.calls(LIST) if query_of(seen).get("archived") == "true"]
        assert [query["limit"] for query in swept] == ["100"]


def test_the_search_body_is_exactly_that_of_the_reference(wire: Wire) -> None:
    wire.fetch(window(WATERMARK))
    (seen,) = wire.calls(SEARCH)
    assert (seen.method, seen.query) == ("POST", "")
    body = orjson.loads(seen.body)
    assert set(WANTED) <= set(body.pop("properties"))
    assert body == {
        "filterGroups": [
            {
                "filters": [
                    {"propertyName": "lastmodifieddate", "operator": "GTE", "value": WATERMARK_MS},
                    {"propertyName": "hs_object_id", "operator": "GT", "value": "0"},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "limit": 200,
    }


def test_each_next_search_differs_by_the_last_id_alone(wire: Wire) -> None:
    pages = wire.fetch(window())
    bodies = [orjson.loads(seen.body) for seen in wire.calls(SEARCH)]
    lasts = ["0"]
    for body, page in zip(bodies, pages, strict=False):
        found = body["filterGroups"][0]["filters"][1].pop("value")
        assert found == lasts[-1]
        lasts.append(str(page.records[-1].crm_id))
        assert page.resume.partition("|")[0] == f"search:{lasts[-1]}"
    assert len(bodies) == 3
    assert all(body == bodies[0] for body in bodies)
    assert "after" not in bodies[0]


def test_a_window_pass_finds_everybody_who_changed_once(wire: Wire) -> None:
    portal = wire.sandbox.portal("acme")
    expected = [str(number) for number in [*portal.ids(), *portal.ids(archived=True)]]
    assert ids_of(wire.fetch(window())) == expected


def test_a_pass_goes_on_where_it_was_cut(wire: Wire) -> None:
    for pull in (complete(), window()):
        pages = wire.fetch(pull)
        for count, page in enumerate(pages, 1):
            rest = wire.fetch(replace(pull, resume=page.resume))
            landed = ids_of(pages[:count]) + ids_of(rest)
            assert landed[: len(ids_of(pages))] == ids_of(pages)
            assert set(landed) == set(ids_of(pages)), "the recycle bin may come twice"
            assert rest[-1].proven == pages[-1].proven
            names = set(references_of(pages[:count])) | set(references_of(rest))
            assert names == set(references_of(pages)), "companies that waited for a hundred are not forgotten"


def test_what_we_hold_as_archived_is_not_brought_again(wire: Wire) -> None:
    known = dict.fromkeys(map(str, wire.sandbox.portal("acme").ids(archived=True)))
    pages = wire.fetch(window(WATERMARK, known_archived=known))
    assert ids_of(pages) == []
    assert wire.calls(BATCH) == []


def test_who_left_the_recycle_bin_is_asked_for_by_id(wire: Wire) -> None:
    portal = wire.sandbox.portal("acme")
    restored, purged = portal.create({"firstname": "Re"}), portal.create({"firstname": "Pu"})
    portal.archive(restored)
    portal.restore(restored)
    portal.purge(purged)
    known = dict.fromkeys([restored, purged, *map(str, portal.ids(archived=True))], WATERMARK)
    pages = wire.fetch(window(datetime(2030, 1, 1, tzinfo=UTC), known_archived=known))
    found = {str(record.crm_id): record for page in pages for record in page.records}
    assert set(found) == {restored, purged}
    assert not found[restored].is_deleted
    assert found[purged].is_deleted
    assert HUBSPOT.to_contact(found[purged].payload, NAMES).is_purged
    (seen,) = wire.calls(BATCH)
    body = orjson.loads(seen.body)
    assert body["inputs"] == [{"id": crm_id} for crm_id in sorted([restored, purged])]
    assert set(WANTED) <= set(body["properties"])
    portal.purge(restored)


def test_ids_are_asked_for_a_hundred_at_a_time(wire: Wire) -> None:
    ids = [*map(str, wire.sandbox.portal("acme").ids(archived=True)), *(str(number) for number in range(1, 251))]
    pages = wire.fetch(window(WATERMARK, known_archived=dict.fromkeys(ids)))
    assert len(ids_of(pages)) == 250
    assert [len(orjson.loads(seen.body)["inputs"]) for seen in wire.calls(BATCH)] == [100, 100, 50]


def test_a_purge_bears_the_last_time_we_know_of_the_contact(wire: Wire) -> None:
    """Ours would win over what the next fetch brings, should the purge have been a mistake."""
    ids = map(str, wire.sandbox.portal("acme").ids(archived=True))
    pages = wire.fetch(window(WATERMARK, known_archived=dict.fromkeys([*ids, "5"], WATERMARK)))
    (purged,) = [record for page in pages for record in page.records]
    assert (purged.crm_id, purged.is_deleted, purged.source_updated_at) == ("5", True, WATERMARK)
    contact = HUBSPOT.to_contact(purged.payload, NAMES)
    assert (contact.is_purged, contact.updated_at) == (True, WATERMARK)


def test_owners_are_read_twice_and_the_labels_once(wire: Wire) -> None:
    directory = wire.references()
    owners = [query_of(seen) for seen in wire.calls(OWNERS)]
    assert owners == [{"limit": "100", "archived": "false"}, {"limit": "100", "archived": "true"}]
    (properties,) = wire.calls(PROPERTIES)
    assert properties.method == "GET"
    kinds = {reference.kind for reference in directory.references}
    assert (kinds, directory.notes, directory.changed) == ({"owner", "status", "stage"}, [], [])
    stages = {one.crm_id: one.label for one in directory.references if one.kind == "stage"}
    assert stages["198234567"] == "Trial"
    assert {one.crm_id for one in directory.references if one.kind == "owner"} == {
        str(owner.id) for owner in wire.sandbox.portal("acme").owners
    }


def test_an_owner_without_a_name_goes_by_the_address_and_one_without_both_by_nothing() -> None:
    people = [
        {"id": "1", "firstName": "Jo", "lastName": "", "email": "jo@x.example"},
        {"id": "2", "firstName": "", "lastName": None, "email": "q@x.example"},
        {"id": 3},
    ]
    api = Scripted({OWNERS: [{"results": people}, {"results": []}], PROPERTIES: [{"results": []}]})
    owners = [(one.crm_id, one.label, one.email) for one in HUBSPOT.fetch_references(api, complete()).references]
    assert owners == [("1", "Jo", "jo@x.example"), ("2", "q@x.example", "q@x.example"), ("3", None, None)]


def test_owners_out_of_reach_are_noted_and_the_labels_still_read(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": "/crm/v3/owners"}, times=None, answer="missing_scopes")
    directory = wire.references()
    assert {one.kind for one in directory.references} == {"status", "stage"}
    assert "crm.objects.owners.read" in directory.notes[0]
    assert len(wire.calls(OWNERS)) == 1


def test_any_other_trouble_with_owners_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": "/crm/v3/owners"}, times=None, answer="banned")
    with pytest.raises(ProviderError) as caught:
        wire.references()
    assert caught.value.code == "connection_misconfigured"


def test_nothing_but_the_headers_that_pass_is_sent_and_never_a_retry_of_nangos() -> None:
    with running() as nango, a_client(nango) as client:
        answer_everything(nango)
        api = client.proxy("hubspot", "c0", read_refusal=HUBSPOT.read_refusal)
        everything(api)
        assert len(nango.seen) == 10
        for seen in nango.seen:
            assert not {"retries", "retry-on", "base-url-override", "decompress"} & set(seen.headers)
            assert (seen.headers["provider-config-key"], seen.headers["connection-id"]) == ("hubspot", "c0")
            assert seen.headers["authorization"].startswith("Bearer ")
        searches = [seen for seen in nango.seen if seen.target.partition("?")[0].endswith("/search")]
        assert [seen.headers["content-type"] for seen in searches] == ["application/json"] * 2
        assert [parse_qs(seen.target.partition("?")[2]) for seen in searches] == [{}, {}]


def answer_everything(nango: FakeNango) -> None:
    for path in (LIST, SEARCH, OWNERS, PROPERTIES, BATCH, COMPANIES, COMPANY_SEARCH, RECORD_COUNTS):
        nango.on(PROXY + path, json_reply({"results": [], "total": 0}))


# --- paging that does not end by itself

Document = dict[str, Any]
Value = TypeVar("Value")


@dataclass
class Scripted:
    """Calls answered from a list per path, the last one again and again, or by a function of the call's number."""

    answers: dict[str, list[Document] | Callable[[int], Document]]
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    by_body: dict[str, Callable[[Any], Document]] = field(default_factory=dict)
    bodies: list[tuple[str, Any]] = field(default_factory=list)

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        if key not in self.kept:
            self.kept[key] = make()
        found: Value = self.kept[key]
        return found

    def note_budget(self, budget: Budget) -> None:
        raise AssertionError("HubSpot says nothing of a budget in its bodies")

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
        bucket: str = "default", shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        key = f"{path}?archived" if path == LIST and (query or {}).get("archived") == "true" else path
        return self._answer(key)

    def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, bucket: str = "default",
        shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        self.bodies.append((path, body))
        return Answer(200, {}, orjson.dumps(self.by_body[path](body))) if path in self.by_body else self._answer(path)

    def _answer(self, key: str) -> Answer:
        script, number = self.answers.get(key, [{"results": []}]), self.calls.count(key)
        self.calls.append(key)
        assert len(self.calls) < 200, "this never ends"
        document = script(number) if callable(script) else script[min(number, len(script) - 1)]
        return Answer(200, {}, orjson.dumps(document))


def list_page(*ids: int, after: str | None = None) -> Document:
    paging = {"paging": {"next": {"after": after}}} if after else {}
    return {"results": [{"id": str(number), "properties": {}} for number in ids], **paging}


def search_page(*ids: int, total: int = 10_000) -> Document:
    return {"total": total, "results": [{"id": str(number), "properties": {}} for number in ids]}


def loop_of(period: int) -> Callable[[int], Document]:
    return lambda number: list_page(number % period + 1, after=f"token{number % period}")


LOOPS: dict[str, tuple[str, Pull, Callable[[int], Document]]] = {
    f"{name}, period {period}": (path, pull, loop_of(period))
    for (name, path, pull), period in itertools.product(
        [("list", LIST, complete()), ("recycle bin", f"{LIST}?archived", window())], [1, 2, 7]
    )
}
LOOPS["search, same page"] = (SEARCH, window(), lambda _: search_page(7, 8, 9))
LOOPS["search, period 2"] = (SEARCH, window(), lambda number: search_page(7 + number % 2))
LOOPS["search, period 7"] = (SEARCH, window(), lambda number: search_page(7 + number % 7))


@pytest.mark.parametrize(("path", "pull", "script"), LOOPS.values(), ids=LOOPS)
def test_pages_that_repeat_are_noticed(path: str, pull: Pull, script: Callable[[int], Document]) -> None:
    api = Scripted({path: script})
    with pytest.raises(ProviderError) as caught:
        list(HUBSPOT.fetch_contacts(api, pull))
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(path) <= 10


def test_an_owner_list_that_repeats_is_noticed() -> None:
    api = Scripted({OWNERS: [{"results": [{"id": "1"}], "paging": {"next": {"after": "x"}}}]})
    with pytest.raises(ProviderError) as caught:
        HUBSPOT.fetch_references(api, complete())
    assert caught.value.code == "pagination_loop"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (LIST, lambda api: list(HUBSPOT.fetch_contacts(api, complete()))),
        (f"{LIST}?archived", lambda api: list(HUBSPOT.fetch_contacts(api, complete()))),
        (OWNERS, lambda api: HUBSPOT.fetch_references(api, complete())),
    ],
    ids=["list", "recycle bin", "owners"],
)
def test_empty_pages_that_promise_another_end_after_ten(path: str, call: Callable[[CrmApi], object]) -> None:
    api = Scripted({path: lambda number: list_page(after=f"token{number}")})
    with pytest.raises(ProviderError) as caught:
        call(api)
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(path) == 10


def test_a_few_empty_pages_among_others_are_no_loop() -> None:
    pages = [list_page(after=str(n)) if n % 9 else list_page(n + 1, after=str(n)) for n in range(30)] + [list_page(99)]
    api = Scripted({LIST: pages})
    assert ids_of(HUBSPOT.fetch_contacts(api, complete())) == ["1", "10", "19", "28", "99"]


def test_a_page_that_comes_twice_by_accident_is_no_loop() -> None:
    api = Scripted({LIST: [list_page(1, after="2"), list_page(1, after="2"), list_page(2)]})
    assert ids_of(HUBSPOT.fetch_contacts(api, complete())) == ["1", "1", "2"]


def test_an_empty_search_page_is_the_end_and_a_short_one_is_not() -> None:
    """The index may give short pages; only an empty one, or one that holds its own total, is the end."""
    api = Scripted(
        {SEARCH: [search_page(1, 2, total=5), search_page(4, total=3), search_page(9, total=2), search_page(total=0)]}
    )
    assert ids_of(HUBSPOT.fetch_contacts(api, window())) == ["1", "2", "4", "9"]
    assert api.calls.count(SEARCH) == 4


def test_a_short_page_that_holds_its_total_saves_the_empty_one() -> None:
    api = Scripted({SEARCH: [search_page(1, 2, total=2)]})
    assert ids_of(HUBSPOT.fetch_contacts(api, window())) == ["1", "2"]
    assert api.calls.count(SEARCH) == 1


@pytest.mark.parametrize(
    "paging", [None, {}, {"next": None}, {"next": {}}, {"next": {"after": None}}, {"next": {"after": ""}}], ids=repr
)
def test_every_way_of_saying_that_there_is_no_next_page(paging: object) -> None:
    api = Scripted({LIST: [list_page(1) | {"paging": paging}]})
    assert ids_of(HUBSPOT.fetch_contacts(api, complete())) == ["1"]


def test_ids_are_compared_as_numbers() -> None:
    """As text, 9 comes after 10, and the keyset would go back for ever."""
    api = Scripted({SEARCH: [search_page(9, 10), search_page(total=0)]})
    pages = list(HUBSPOT.fetch_contacts(api, window()))
    assert pages[0].resume == "search:10"


def test_a_search_that_answers_no_number_as_id_is_refused() -> None:
    api = Scripted({SEARCH: [{"total": 1, "results": [{"id": "abc"}]}]})
    with pytest.raises(ProviderError) as caught:
        list(HUBSPOT.fetch_contacts(api, window()))
    assert caught.value.code == "unexpected_response"


def everything(api: CrmApi) -> None:
    """Every call there is, the names of companies in contacts aside."""
    list(HUBSPOT.fetch_references(api, window(references_since=WATERMARK)).changed)
    for pull in (complete(), window(known_archived={"5": WATERMARK})):
        list(HUBSPOT.fetch_contacts(api, pull))


SHAPES: list[tuple[str, object]] = [
    (LIST, {"error": "oops"}),
    (LIST, "text"),
    (LIST, ["text"]),
    (LIST, [None]),
    (SEARCH, "text"),
    (SEARCH, [7]),
    (f"{LIST}?archived", [["nested"]]),
    (BATCH, "text"),
    (OWNERS, [None]),
    (OWNERS, [{"email": "jo@x.example"}]),
    (COMPANY_SEARCH, [7]),
    (COMPANY_SEARCH, [{"id": "x"}]),
    (PROPERTIES, [None]),
    (PROPERTIES, [{"name": "lifecyclestage", "options": [{"label": "no value"}]}]),
]


@pytest.mark.parametrize(("path", "results"), SHAPES, ids=str)
def test_results_of_another_shape_are_an_unexpected_response(path: str, results: object) -> None:
    api = Scripted({path: [{"results": results}]})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "unexpected_response"


def test_a_window_pass_without_a_since_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="since"):
        list(HUBSPOT.fetch_contacts(Scripted({}), Pull(kind="window", started_at=STARTED)))


# --- companies


def test_companies_are_asked_for_once_a_run_and_a_hundred_at_a_time() -> None:
    """Of 250 contacts in 230 companies; the last ones come at the end of the pass."""
    contacts = [(number, {"associatedcompanyid": str(number % 230 + 1)}) for number in range(250)]
    pages = [contacts[:90], contacts[90:180], contacts[180:]]
    api = Scripted({
        LIST: [
            {"results": [{"id": str(n), "properties": p} for n, p in page], "paging": {"next": {"after": str(at)}}}
            for at, page in enumerate(pages[:-1])
        ] + [{"results": [{"id": str(n), "properties": p} for n, p in pages[-1]]}],
        COMPANIES: lambda number: {"results": [{"id": str(number), "properties": {"name": f"Company {number}"}}]},
    })  # fmt: skip
    found = list(HUBSPOT.fetch_contacts(api, complete()))
    asked = [[one["id"] for one in body["inputs"]] for path, body in api.bodies if path == COMPANIES]
    assert [len(ids) for ids in asked] == [100, 100, 30]
    assert sorted(map(int, itertools.chain(*asked))) == list(range(1, 231))
    assert {tuple(body["properties"]) for path, body in api.bodies if path == COMPANIES} == {("name",)}
    assert [len(page.references) for page in found] == [0, 1, 1, 0, 1]
    assert found[1].references == (Reference("company", "0", "Company 0"),)


def test_the_names_of_companies_come_with_the_contacts(wire: Wire) -> None:
    portal = wire.sandbox.portal("acme")
    for pull in (complete(), window()):
        pages = wire.fetch(pull)
        named = {one.crm_id: one.label for one in references_of(pages)}
        held = {record.properties.get("associatedcompanyid") for record in portal.live.values()} - {None}
        assert named.keys() == held
        assert all(portal.companies[int(crm_id)].properties["name"] == name for crm_id, name in named.items())
        assert {one.kind for one in references_of(pages)} == {"company"}


@pytest.mark.parametrize("number", ["", " ", "x1", "²", None, ["1"], {"a": 1}], ids=repr)
def test_what_is_no_company_id_is_not_asked_for(number: object) -> None:
    """One bad id would have the whole batch refused."""
    contact = {"id": "1", "properties": {"associatedcompanyid": number}}
    api = Scripted({LIST: [{"results": [contact, {"id": "2", "properties": None}, {"id": "3", "properties": []}]}]})
    assert ids_of(HUBSPOT.fetch_contacts(api, complete())) == ["1", "2", "3"]
    assert COMPANIES not in api.calls


def test_companies_that_hubspot_does_not_find_are_left_out(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    crm_id = portal.create({"firstname": "Ada", "company": "As typed", "associatedcompanyid": "5"})
    pages = own.fetch(window(WATERMARK))
    assert ids_of(pages)[0] == crm_id
    assert references_of(pages) == []
    assert len(own.calls(COMPANIES)) == 1


def test_companies_out_of_reach_are_noted_once_and_the_text_stays(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": "/objects/companies/"}, times=None, answer="missing_scopes")
    pages = wire.fetch(complete())
    (note,) = [note for page in pages for note in page.notes]
    assert "Companies are not readable" in note
    assert references_of(pages) == []
    assert len(wire.calls(COMPANIES)) == 1
    assert pages[-1].proven
    assert wire.references(references_since=WATERMARK).changed == []


def test_any_other_trouble_with_companies_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": "/objects/companies/"}, times=None, answer="banned")
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "connection_misconfigured"
    with pytest.raises(ProviderError):
        wire.references(references_since=WATERMARK)


def test_changed_companies_are_searched_by_their_own_date_from_where_we_hold_them(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    assert own.references().changed == []
    assert own.calls(COMPANY_SEARCH) == []
    number = next(iter(portal.companies))
    portal.rename_company(number, "Renamed Ltd")
    assert own.references(references_since=WATERMARK).changed == [Reference("company", str(number), "Renamed Ltd")]
    (seen,) = own.calls(COMPANY_SEARCH)
    assert orjson.loads(seen.body) == {
        "filterGroups": [
            {
                "filters": [
                    {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": WATERMARK_MS},
                    {"propertyName": "hs_object_id", "operator": "GT", "value": "0"},
                ]
            }
        ],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": ["name"],
        "limit": 200,
    }


def test_a_company_search_that_repeats_is_noticed() -> None:
    api = Scripted({COMPANY_SEARCH: [search_page(7, 8)]})
    with pytest.raises(ProviderError) as caught:
        list(HUBSPOT.fetch_references(api, window(references_since=WATERMARK)).changed)
    assert caught.value.code == "pagination_loop"


def test_a_contact_back_from_the_recycle_bin_brings_its_company_and_one_in_it_does_not(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    number = portal.create_company("Back Ltd")
    crm_id = portal.create({"firstname": "Ada", "associatedcompanyid": number})
    portal.archive(crm_id)
    assert references_of(own.fetch(window(datetime(2030, 1, 1, tzinfo=UTC)))) == []
    known = dict.fromkeys(map(str, portal.ids(archived=True)))
    portal.restore(crm_id)
    pages = own.fetch(window(datetime(2030, 1, 1, tzinfo=UTC), known_archived=known))
    assert references_of(pages) == [Reference("company", number, "Back Ltd")]


# --- custom properties and mapping


def test_custom_properties_are_asked_for_and_land(own: Wire) -> None:
    own.sandbox.crm("hubspot", "acme").users.add_custom_fields(3)
    wanted = {f"custom_field_{number:04d}": f"value of custom_field_{number:04d}" for number in (1, 2, 3)}
    for pull in (complete(), window()):
        found = properties_of(own.fetch(pull))
        assert found
        assert all(wanted.items() <= properties.items() for properties in found)
    assert own.calls(BATCH) == []


@pytest.mark.parametrize("kind", ["complete", "window"])
def test_three_thousand_custom_properties_land_however_long_their_names_are(own: Wire, kind: str) -> None:
    """In the address they would be refused with 414."""
    own.sandbox.crm("hubspot", "acme").users.add_custom_fields(3_000)
    portal = own.sandbox.portal("acme")
    pages = own.fetch(complete() if kind == "complete" else window())
    expected = [str(number) for number in [*portal.ids(), *portal.ids(archived=True)]]
    assert ids_of(pages) == expected
    live = properties_of(pages)
    assert len(live) == len(portal.ids())
    assert all(sum(name.startswith("custom_field_") for name in properties) == 3_000 for properties in live)
    assert len(own.calls(BATCH)) == (2 if kind == "complete" else 0)
    assert {seen.status for seen in own.sandbox.journal} == {200}


def test_empty_custom_properties_are_dropped_and_empty_known_ones_stay(own: Wire) -> None:
    """A null for each of thousands in each contact is a store full of nothing."""
    portal = own.sandbox.portal("acme")
    for number in range(400):
        portal.add_property(f"never_filled_{number:03d}")
    crm_id = portal.create({"firstname": "Ada", "never_filled_007": "after all"})
    for pull in (complete(), window()):
        pages = own.fetch(pull)
        (found,) = [one for one in properties_of(pages) if one["hs_object_id"] == crm_id]
        assert {name for name in found if name.startswith("never")} == {"never_filled_007"}
        assert set(WANTED) <= set(found)
        assert found["lastname"] is None


def test_pages_too_large_to_read_are_asked_for_in_smaller_ones() -> None:
    """Thousands of properties, filled with long texts, in two hundred contacts."""

    def by_limit(body: Any) -> Document:
        limit = len(body["inputs"]) if "inputs" in body else body["limit"]
        if limit > 50:
            raise ProviderError("unexpected_response", "the body is too large", body="too_large")
        ids = [one["id"] for one in body.get("inputs", [])]
        return {"results": [{"id": number, "properties": {}} for number in ids]} if ids else search_page(1, 2, total=2)

    custom = {"results": [{"name": f"a_property_with_a_long_name_{n}", "hubspotDefined": False} for n in range(200)]}
    scripted: dict[str, Any] = {
        PROPERTIES: [custom],
        LIST: lambda number: list_page(*range(1, 101 if number < 1 else 51)),
    }
    api = Scripted(scripted, by_body={BATCH: by_limit, SEARCH: by_limit})
    assert len(ids_of(HUBSPOT.fetch_contacts(api, complete()))) == 50
    assert ids_of(HUBSPOT.fetch_contacts(api, window())) == ["1", "2"]
    assert [body["limit"] for path, body in api.bodies if path == SEARCH] == [200, 100, 50]
    left = dict.fromkeys(map(str, range(1, 121)))
    assert len(ids_of(HUBSPOT.fetch_contacts(api, window(resume="archived:", known_archived=left)))) == 120


def test_a_contact_that_a_batch_leaves_out_still_lands() -> None:
    """A batch may fail in part, also with 200 behind Nango; whoever is missing would be taken for deleted."""
    custom = {"results": [{"name": f"a_property_with_a_long_name_{n}", "hubspotDefined": False} for n in range(200)]}

    def partly(body: Any) -> Document:
        errors = [{"status": "error", "category": "INTERNAL_ERROR", "context": {"ids": ["2"]}}]
        return {"results": [{"id": "1", "properties": {"mine": "x"}}], "numErrors": 1, "errors": errors}

    api = Scripted({PROPERTIES: [custom], LIST: [list_page(1, 2)]}, by_body={BATCH: partly})
    (first, second) = [record for page in HUBSPOT.fetch_contacts(api, complete()) for record in page.records]
    assert (first.crm_id, first.payload["properties"], second.crm_id) == ("1", {"mine": "x"}, "2")


@pytest.mark.parametrize(("category", "purged"), [("OBJECT_NOT_FOUND", True), ("INTERNAL_ERROR", False), (None, False)])
def test_only_who_is_not_found_is_gone_for_good(category: str | None, purged: bool) -> None:
    """Whoever a failing batch leaves out may have been restored; the next pass asks again."""
    batch: Document = {"results": [], "numErrors": 1, "errors": [{"category": category, "context": {"ids": ["5"]}}]}
    api = Scripted({}, by_body={BATCH: lambda _: batch})
    found = ids_of(HUBSPOT.fetch_contacts(api, window(known_archived={"5": WATERMARK})))
    assert found == (["5"] if purged else [])


@pytest.mark.parametrize("paging", ["text", [7], {"next": "text"}, {"next": [7]}], ids=repr)
def test_odd_paging_is_no_bug_of_ours(paging: object) -> None:
    api = Scripted({LIST: [list_page(1) | {"paging": paging}]})
    assert ids_of(HUBSPOT.fetch_contacts(api, complete())) == ["1"]


def test_the_list_of_properties_is_read_once_a_run(own: Wire) -> None:
    own.sandbox.journal.clear()
    HUBSPOT.fetch_references(own.api, complete())
    list(HUBSPOT.fetch_contacts(own.api, complete()))
    assert len(own.calls(PROPERTIES)) == 1


def test_a_property_without_the_mark_of_hubspot_is_a_custom_one() -> None:
    api = Scripted({PROPERTIES: [{"results": [{"name": "mine"}, {"name": "theirs", "hubspotDefined": True}]}]})
    list(HUBSPOT.fetch_contacts(api, window()))
    (names,) = [body["properties"] for path, body in api.bodies if path == SEARCH]
    assert "mine" in names
    assert "theirs" not in names


def test_mapped_properties_are_asked_for_even_when_they_are_hubspots_own(own: Wire) -> None:
    mapping = {"description": "website", "company": "city"}
    portal = own.sandbox.portal("acme")
    crm_id = portal.create({"website": "ada.example", "city": "Oslo", "message": "a form"})
    for pull in (complete(mapping=mapping), window(mapping=mapping)):
        pages = own.fetch(pull)
        (record,) = [record for page in pages for record in page.records if record.crm_id == crm_id]
        contact = HUBSPOT.to_contact(record.payload, References((), mapping))
        assert (contact.description, contact.company) == ("ada.example", "Oslo")


def test_a_contact_back_from_the_recycle_bin_brings_its_custom_and_mapped_properties(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    portal.add_property("favourite")
    crm_id = portal.create({"firstname": "Ada", "favourite": "tea", "city": "Oslo"})
    pull = window(datetime(2030, 1, 1, tzinfo=UTC), known_archived={crm_id: None}, mapping={"company": "city"})
    (found,) = [one for one in properties_of(own.fetch(pull)) if one["hs_object_id"] == crm_id]
    assert (found["favourite"], found["city"]) == ("tea", "Oslo")


def test_the_options_of_mapped_properties_are_read_and_do_not_mix(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    for name in MAPPING.values():
        portal.add_property(name, "enumeration", options={"1": f"{name} one"})
    portal.create(dict.fromkeys(MAPPING.values(), "1"))
    directory = own.references(mapping=MAPPING)
    contact = HUBSPOT.to_contact(
        {"id": "1", "properties": dict.fromkeys(MAPPING.values(), "1")}, References(directory.references, MAPPING)
    )
    assert (contact.status, contact.stage) == ("fit one", "journey one")
    assert (contact.description, contact.company) == ("interests one", "employer one")
    assert {one.crm_id for one in directory.references if one.kind == "stage"} == {"1"}


def test_status_and_stage_may_come_from_one_property(own: Wire) -> None:
    own.sandbox.portal("acme").add_property("fit", "enumeration", options={"1": "Good"})
    directory = own.references(mapping={"status": "fit", "stage": "fit"})
    found = {one.kind: one.label for one in directory.references if one.kind != "owner"}
    assert found == {"status": "Good", "stage": "Good"}


def test_a_mapped_property_that_hubspot_does_not_have_is_told(wire: Wire) -> None:
    """HubSpot would leave it out without a word, and the leads would be empty there for no visible reason."""
    directory = wire.references(mapping={"status": "no_such_thing", "company": "city"})
    assert [note for note in directory.notes if "'no_such_thing'" in note] == directory.notes
    assert len(directory.notes) == 1


# --- all together


def test_every_contact_arrives_as_people_see_it_in_hubspot(own: Wire) -> None:
    """The truth is told by the sandbox, by rules of its own."""
    users = own.sandbox.crm("hubspot", "acme").users
    crm_id = users.add(first="Ada", last="Lovelace", phone="1", mobile="2", company="Engines Ltd", note="Call back")
    users.rename_owner(crm_id, "", "queue@acme.example")
    users.rename_company(crm_id, "Engines Group")
    known = References([*own.references().references, *references_of(own.fetch(complete()))])
    records = [record for page in own.fetch(complete()) for record in page.records if not record.is_deleted]
    cards = users.cards()
    assert {str(record.crm_id) for record in records} == cards.keys()
    for record in records:
        card, contact = cards[str(record.crm_id)], HUBSPOT.to_contact(record.payload, known)
        assert [phone.text for phone in contact.phones] == list(card.phones)
        assert contact.emails == card.emails
        assert (contact.first_name, contact.last_name) == (card.first, card.last)
        assert (contact.company, contact.country, contact.description) == (card.company, card.country, card.note)
        assert (contact.owner_name, contact.owner_email) == (card.owner, card.owner_email)
        assert (contact.status, contact.stage) == (card.status, card.stage)


# --- proof that a complete pass saw everybody


def test_a_complete_pass_proves_itself_by_hubspots_count_without_the_recycle_bin(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    for number in portal.ids()[:3]:
        portal.archive(number)
    known = dict.fromkeys(map(str, portal.ids(archived=True)[:2]))
    pages = own.fetch(complete(known_archived=known))
    expected = len(portal.ids()) - len(portal.ids(archived=True))
    assert [page.proven for page in pages[:-1]] == [()] * (len(pages) - 1)
    assert pages[-1].proven == (Proven("contact", expected),)


def test_a_contact_back_from_the_recycle_bin_is_counted_as_live(own: Wire) -> None:
    portal = own.sandbox.portal("acme")
    back = str(portal.ids()[0])
    known = dict.fromkeys([back, *map(str, portal.ids(archived=True))])
    (proven,) = own.fetch(complete(known_archived=known))[-1].proven
    assert proven.expected == len(portal.ids()) - len(portal.ids(archived=True))


@pytest.mark.parametrize("answer", ["missing_scopes", "banned", {"status": 404}, {"status": 200, "body": []},
                         {"status": 200, "body": {}}, {"status": 200, "body": {"hubspotDefinedObjectTypes": 7}}],
                         ids=str)  # fmt: skip
def test_without_a_count_the_pass_still_proves_itself(wire: Wire, answer: Any) -> None:
    wire.sandbox.faults.add(match={"path": "/limits/records"}, times=None, answer=answer)
    assert wire.fetch(complete())[-1].proven == (Proven("contact", None),)


def test_a_count_that_a_gateway_refuses_is_no_count() -> None:
    def refuse(_: int) -> Document:
        raise ProviderError("provider_unavailable", "a gateway before HubSpot refused the call", status=403)

    *_, last = HUBSPOT.fetch_contacts(Scripted({RECORD_COUNTS: refuse}), complete())
    assert last.proven == (Proven("contact", None),)


def test_a_count_that_fails_for_the_moment_ends_the_pass_without_a_proof(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": "/limits/records"}, times=None, answer="daily_limit")
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "daily_limit"


def test_a_window_pass_proves_nothing_and_asks_for_no_count(wire: Wire) -> None:
    assert [proven for page in wire.fetch(window()) for proven in page.proven] == []
    assert wire.calls(RECORD_COUNTS) == []


# --- the value itself


def test_it_is_registered_under_its_name_and_stays_below_the_limits() -> None:
    assert PROVIDERS["hubspot"] is HUBSPOT
    assert HUBSPOT.rates["search"].per_second <= 4
    assert HUBSPOT.rates["default"].per_second <= 9


def test_the_link_to_a_record_needs_the_portal() -> None:
    link = HUBSPOT.record_url({"portalId": 33001122}, "contact", "84012770145")
    assert link == "https://app.hubspot.com/contacts/33001122/record/0-1/84012770145"
    assert HUBSPOT.record_url({}, "contact", "84012770145") is None
