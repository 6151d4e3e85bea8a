"""HubSpot: payloads to contacts, refusals to codes, and the requests themselves, as the vendor's reference has them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import PhoneText
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Rate
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.hubspot import HUBSPOT
from crm_pipeline.providers.provider import CrmApi, Directory, Page, Payload, Pull, Reference, References
from crm_pipeline.sandbox.server import Sandbox, Seen
from crm_pipeline_tests.nango.fake_nango import FakeNango, a_client, json_reply, running

LIST, SEARCH = "/crm/v3/objects/contacts", "/crm/v3/objects/contacts/search"
OWNERS, PROPERTIES, BATCH = "/crm/v3/owners", "/crm/v3/properties/contacts", "/crm/v3/objects/contacts/batch/read"
PROXY = "/proxy"
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
NAMES = References(
    [
        Reference("owner", "61190234", "Jo Reed", "jo@acme.example"),
        Reference("status", "ATTEMPTED_TO_CONTACT", "Attempted to Contact"),
        Reference("stage", "salesqualifiedlead", "Sales Qualified Lead"),
        Reference("stage", "198234567", "Trial"),
    ]
)


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
        "company_id": contact.company_id,
        "description": "Please call back",
        "last_activity_at": datetime(2026, 8, 18, 9, 20, tzinfo=UTC),
        "created_at": datetime(2026, 3, 2, 7, 11, 42, 103_000, tzinfo=UTC),
        "updated_at": datetime(2026, 8, 20, 14, 3, 11, 482_000, tzinfo=UTC),
        "is_deleted": False,
        "merged_into": None,
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
    texts = [value for value in contact if isinstance(value, str)]
    assert all(text.strip() for text in texts)


# --- refusals

SCOPES = {"errors": [{"context": {"requiredGranularScopes": ["crm.objects.owners.read", "crm.objects.contacts.read"]}}]}
REFUSALS: list[tuple[int, object, str | None, bool]] = [
    (403, {"category": "MISSING_SCOPES", **SCOPES}, "missing_scope", False),
    (403, {"category": "MISSING_SCOPES"}, "missing_scope", False),
    (403, {"category": "MISSING_SCOPES", "errors": None}, "missing_scope", False),
    (403, {"category": "BANNED", "message": "This account has been suspended."}, "connection_misconfigured", False),
    (403, None, "connection_misconfigured", False),
    (429, {"errorType": "RATE_LIMIT", "policyName": "DAILY"}, "daily_limit", False),
    (429, {"errorType": "RATE_LIMIT", "policyName": "TEN_SECONDLY_ROLLING"}, "rate_limited", True),
    (429, {"errorType": "RATE_LIMIT", "policyName": "SECONDLY"}, "rate_limited", True),
    (429, {"category": "RATE_LIMITS"}, "rate_limited", True),
    (429, None, "rate_limited", True),
    (423, {"category": "LOCKED"}, "provider_unavailable", True),
    (477, {"message": "Migration in progress"}, "provider_unavailable", True),
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

    def references(self) -> Directory:
        self.sandbox.journal.clear()
        return HUBSPOT.fetch_references(self.api)

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
        found = sandbox.book.of_account("acme")[0]
        yield Wire(sandbox, client.proxy("hubspot", found.connection_id, rates=FAST, read_refusal=HUBSPOT.read_refusal))


def query_of(seen: Seen) -> dict[str, str]:
    pairs = parse_qsl(seen.query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs)), "a parameter is given once"
    return dict(pairs)


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [str(record.crm_id) for page in pages for record in page.records]


def complete() -> Pull:
    return Pull(kind="complete")


def window(since: datetime = datetime(2020, 1, 1, tzinfo=UTC), **more: Any) -> Pull:
    return Pull(kind="window", since=since, **more)


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
    assert [page.resume for page in pages[: len(live)]] == [
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
        assert page.resume == f"search:{lasts[-1]}"
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
            rest = wire.fetch(Pull(kind=pull.kind, since=pull.since, resume=page.resume))
            swept = ids_of(pages[-1:])
            assert ids_of(pages[:count]) + ids_of(rest) in (ids_of(pages), ids_of(pages) + swept)


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
    assert (kinds, directory.notes) == ({"owner", "status", "stage"}, [])
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
    owners = [(one.crm_id, one.label, one.email) for one in HUBSPOT.fetch_references(api).references]
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
        assert len(nango.seen) == 8
        for seen in nango.seen:
            assert not {"retries", "retry-on", "base-url-override", "decompress"} & set(seen.headers)
            assert (seen.headers["provider-config-key"], seen.headers["connection-id"]) == ("hubspot", "c0")
            assert seen.headers["authorization"].startswith("Bearer ")
        searches = [seen for seen in nango.seen if seen.target == PROXY + SEARCH]
        assert [seen.headers["content-type"] for seen in searches] == ["application/json"]
        assert [parse_qs(seen.target.partition("?")[2]) for seen in searches] == [{}]


def answer_everything(nango: FakeNango) -> None:
    for path in (LIST, SEARCH, OWNERS, PROPERTIES, BATCH):
        nango.on(PROXY + path, json_reply({"results": [], "total": 0}))


# --- paging that does not end by itself

Document = dict[str, Any]


@dataclass
class Scripted:
    """Calls answered from a list per path, the last one again and again, or by a function of the call's number."""

    answers: dict[str, list[Document] | Callable[[int], Document]]
    calls: list[str] = field(default_factory=list)
    requests: int = 0

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
        bucket: str = "default", shape: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        key = f"{path}?archived" if path == LIST and (query or {}).get("archived") == "true" else path
        return self._answer(key)

    def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, bucket: str = "default",
        shape: tuple[str, ...] = (),
    ) -> Answer:  # fmt: skip
        return self._answer(path)

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
    assert api.calls.count(path) <= 8


def test_an_owner_list_that_repeats_is_noticed() -> None:
    api = Scripted({OWNERS: [{"results": [{"id": "1"}], "paging": {"next": {"after": "x"}}}]})
    with pytest.raises(ProviderError) as caught:
        HUBSPOT.fetch_references(api)
    assert caught.value.code == "pagination_loop"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        (LIST, lambda api: list(HUBSPOT.fetch_contacts(api, complete()))),
        (f"{LIST}?archived", lambda api: list(HUBSPOT.fetch_contacts(api, complete()))),
        (OWNERS, HUBSPOT.fetch_references),
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
    """Every call there is."""
    HUBSPOT.fetch_references(api)
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
        list(HUBSPOT.fetch_contacts(Scripted({}), Pull(kind="window")))


# --- the value itself


def test_it_is_registered_under_its_name_and_stays_below_the_limits() -> None:
    assert PROVIDERS["hubspot"] is HUBSPOT
    assert HUBSPOT.rates["search"].per_second <= 4
    assert HUBSPOT.rates["default"].per_second <= 9


def test_the_link_to_a_record_needs_the_portal() -> None:
    link = HUBSPOT.record_url({"portalId": 33001122}, "contact", "84012770145")
    assert link == "https://app.hubspot.com/contacts/33001122/record/0-1/84012770145"
    assert HUBSPOT.record_url({}, "contact", "84012770145") is None
