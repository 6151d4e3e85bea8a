"""HighLevel: payloads to contacts, refusals to codes, and the requests themselves, as the vendor's reference says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Budget, DayBudget, Rate
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.providers.gohighlevel import GOHIGHLEVEL, NO_OWNERS, NO_STAGES
from crm_pipeline.providers.provider import (
    CrmApi,
    Directory,
    Page,
    Payload,
    Proven,
    Pull,
    RawRecord,
    Reference,
    References,
)
from crm_pipeline.sandbox.crm import Card
from crm_pipeline.sandbox.gohighlevel.api import GOHIGHLEVEL as KIND
from crm_pipeline.sandbox.gohighlevel.api import GoHighLevelApi
from crm_pipeline.sandbox.server import Sandbox, Seen
from crm_pipeline_tests.sandbox.caller import START, SetClock

Value = TypeVar("Value")

SEARCH, USERS, PIPELINES = "/contacts/search", "/users/", "/opportunities/pipelines"
LOCATION = "LoC4t1oN1d0000000001"
FIELDS = f"/locations/{LOCATION}/customFields"
NOW = datetime.fromtimestamp(START, UTC)
RECORDED: Payload = {
    "id": "aB3dE5gH7jK9mN1pQ2rS",
    "locationId": LOCATION,
    "firstName": "Mara",
    "lastName": "Lindqvist",
    "contactName": "mara lindqvist",
    "firstNameLowerCase": "mara",
    "lastNameLowerCase": "lindqvist",
    "email": "mara@example.com",
    "phone": "+46700000000",
    "phoneLabel": None,
    "additionalEmails": [{"email": "mara.private@example.net"}],
    "additionalPhones": [{"phone": "+4680000000"}, {"phone": "+46700000001", "phoneLabel": "Mobile"}],
    "companyName": "Northwind Fjord AB",
    "businessId": "6a59d5ac9c11104155404fb9",
    "businessName": "Northwind Fjord",
    "type": "lead",
    "source": "landing page",
    "assignedTo": "uSeR000000000000001",
    "tags": ["demo-requested", "warm"],
    "customFields": [
        {"id": "cF00000000000000001", "value": "Qualified"},
        {"id": "cF00000000000000002", "value": ["Roofing", "Solar"]},
        {"id": "cF00000000000000003", "value": {"f1": {"url": "https://files.example/1.pdf"}}},
        {"id": "cF00000000000000004", "value": 800},
        {"id": "cF00000000000000005", "value": "Wants the price list."},
    ],
    "address": "Kaj 1",
    "city": "Stockholm",
    "country": "SE",
    "timezone": None,
    "dnd": False,
    "opportunities": [
        {"id": "oPp1", "pipelineId": "pL1", "pipelineStageId": "sT1", "status": "open", "monetaryValue": 800},
        {"id": "oPp2", "pipelineId": "pL1", "pipelineStageId": "sT2", "status": "open", "monetaryValue": 800},
        {"id": "oPp3", "pipelineId": "pL1", "pipelineStageId": "sT3", "status": "won", "monetaryValue": 800},
    ],
    "dateAdded": "2025-11-03T09:12:44.120Z",
    "dateUpdated": "2026-08-14T16:05:10.512Z",
    "searchAfter": [1786723510512, "aB3dE5gH7jK9mN1pQ2rS"],
}
REFERENCES = [
    Reference("owner", "uSeR000000000000001", "Jo Reed", "jo@acme.example"),
    Reference("stage", "sT1", "New Lead"),
    Reference("stage", "sT2", "Negotiation"),
    Reference("status", "sT2", "Negotiation"),
]
NAMES = References(REFERENCES)


def mapped(payload: Payload, **mapping: str) -> Contact:
    return GOHIGHLEVEL.to_contact(payload, References(REFERENCES, mapping), "contact")


# --- payload to contact


def test_every_field_of_a_recorded_contact_is_found() -> None:
    contact = GOHIGHLEVEL.to_contact(RECORDED, NAMES, "contact")
    assert (
        contact._asdict()
        == Contact(
            crm_id="aB3dE5gH7jK9mN1pQ2rS",
            object_type="contact",
            first_name="Mara",
            last_name="Lindqvist",
            phones=(
                PhoneText("+46700000000", "phone"),
                PhoneText("+4680000000", "other"),
                PhoneText("+46700000001", "mobile"),
            ),
            emails=("mara@example.com", "mara.private@example.net"),
            company="Northwind Fjord AB",
            country="SE",
            owner_id="uSeR000000000000001",
            owner_name="Jo Reed",
            owner_email="jo@acme.example",
            status_id="lead",
            status="lead",
            stage_id="sT2",
            stage="Negotiation",
            company_id="6a59d5ac9c11104155404fb9",
            created_at=datetime(2025, 11, 3, 9, 12, 44, 120_000, tzinfo=UTC),
            updated_at=datetime(2026, 8, 14, 16, 5, 10, 512_000, tzinfo=UTC),
        )._asdict()
    )


@pytest.mark.parametrize("way", ["missing", None, "", "  "], ids=repr)
def test_missing_null_and_empty_mean_the_same(way: str | None) -> None:
    names = RECORDED.keys() - {"id"}
    payload = {"id": "1"} | ({} if way == "missing" else dict.fromkeys(names, way))
    assert GOHIGHLEVEL.to_contact(payload, NAMES) == Contact(crm_id="1", object_type="contact")


def test_the_lower_cased_name_stands_in_only_for_a_missing_one() -> None:
    only = {"id": "1", "firstName": None, "lastName": "", "contactName": "mara lindqvist"}
    assert GOHIGHLEVEL.to_contact(only, NAMES).full_name == "mara lindqvist"
    assert GOHIGHLEVEL.to_contact(only | {"lastName": "Lindqvist"}, NAMES).full_name is None


def test_the_label_of_a_phone_is_kept_in_lower_case() -> None:
    payload = RECORDED | {"phoneLabel": "Mobile", "additionalPhones": [{"phone": "1", "phoneLabel": "Fax"}]}
    phones = GOHIGHLEVEL.to_contact(payload, NAMES).phones
    assert phones == (PhoneText("+46700000000", "mobile"), PhoneText("1", "fax"))


def test_additional_numbers_and_addresses_may_be_bare_texts() -> None:
    """Their shape is documented nowhere; a number that is not read is a person who cannot be called."""
    payload = {"id": "1", "additionalPhones": ["+46", " ", None], "additionalEmails": ["b@x.example"]}
    contact = GOHIGHLEVEL.to_contact(payload, NAMES)
    assert (contact.phones, contact.emails) == ((PhoneText("+46", "other"),), ("b@x.example",))


def test_a_business_names_the_company_where_no_text_does() -> None:
    assert GOHIGHLEVEL.to_contact(RECORDED | {"companyName": ""}, NAMES).company == "Northwind Fjord"


def test_times_are_read_as_iso_and_as_milliseconds() -> None:
    payload = RECORDED | {"dateUpdated": 1786723510512, "lastActivity": "2026-08-14T16:05:10.512Z"}
    contact = GOHIGHLEVEL.to_contact(payload, NAMES)
    assert contact.updated_at == contact.last_activity_at == datetime(2026, 8, 14, 16, 5, 10, 512_000, tzinfo=UTC)


def test_without_an_open_opportunity_or_its_name_there_is_no_stage() -> None:
    won = [opportunity | {"status": "won"} for opportunity in RECORDED["opportunities"]]
    contact = GOHIGHLEVEL.to_contact(RECORDED | {"opportunities": won}, NAMES)
    assert (contact.stage_id, contact.stage) == (None, None)
    contact = GOHIGHLEVEL.to_contact(RECORDED, References())
    assert (contact.stage_id, contact.stage, contact.owner_id, contact.owner_name) == (
        "sT2",
        None,
        "uSeR000000000000001",
        None,
    )


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("cF00000000000000001", "Qualified"),
        ("cF00000000000000002", "Roofing, Solar"),
        ("cF00000000000000003", None),
        ("cF00000000000000004", "800"),
        ("cF99999999999999999", None),
        ("type", "lead"),
        ("tags", "demo-requested, warm"),
        ("opportunity_status", "open"),
        ("opportunity_stage", "Negotiation"),
    ],
)
def test_a_field_mapping_says_where_status_and_stage_come_from(source: str, text: str | None) -> None:
    contact = mapped(RECORDED, status=source, stage=source)
    assert (contact.status, contact.stage) == (text, text)


def test_a_field_mapping_gives_description_and_company() -> None:
    contact = mapped(RECORDED, description="cF00000000000000005", company="cF00000000000000002")
    assert (contact.description, contact.company) == ("Wants the price list.", "Roofing, Solar")
    assert contact.company_id is None, "the business is not where the name comes from"
    assert (contact.status, contact.stage) == ("lead", "Negotiation"), "the others stay as usual"


def test_the_status_of_a_closed_opportunity_is_that_of_the_newest() -> None:
    closed = [{"status": "lost"}, {"status": "won"}]
    assert mapped(RECORDED | {"opportunities": closed}, status="opportunity_status").status == "won"


VALUES = st.recursive(
    st.none() | st.text(max_size=8) | st.integers() | st.floats() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(RECORDED.keys() - {"id"})), VALUES))
def test_no_value_stops_the_mapper(values: dict[str, object]) -> None:
    """One payload that raises would stop every later sync of its connection."""
    for mapping in ({}, {"status": "opportunity_status", "stage": "cF1", "description": "tags"}):
        contact = GOHIGHLEVEL.to_contact({"id": "1"} | values, References((), mapping), "contact")
        assert all(text.strip() for text in contact if isinstance(text, str))


# --- refusals


def said(message: object) -> dict[str, object]:
    return {"statusCode": 401, "message": message, "error": "Unauthorized", "traceId": "0"}


WRONG_CLASS = "This authClass type is not allowed to access this scope. Please reach out to support."
REFUSALS: list[tuple[int, object, str | None, bool]] = [
    (401, said("version header was not found."), "unexpected_response", False),
    (401, said("Invalid JWT"), "connection_expired", True),
    (401, said("The access token is invalid or has expired."), "connection_expired", True),
    (401, said("The token is not authorized for this scope."), "missing_scope", False),
    (403, said("The token is not authorized for this scope."), "missing_scope", False),
    (401, said("The token's user type mismatch!"), "connection_misconfigured", False),
    (401, said(WRONG_CLASS), "connection_misconfigured", False),
    (403, said(WRONG_CLASS), "connection_misconfigured", False),
    (403, said("The token does not have access to this location."), "connection_misconfigured", False),
    (403, said("Forbidden resource"), "connection_misconfigured", False),
    (401, said("Something new"), None, False),
    (401, said(["Something", "new"]), None, False),
    (401, None, None, False),
    (403, None, "provider_unavailable", True),
    (429, None, "rate_limited", True),
    (429, said("Too Many Requests"), "rate_limited", True),
    (400, said("Invalid field foo"), None, False),
    (404, said("Cannot GET /"), None, False),
    (422, said(["pageLimit should not be empty"]), None, False),
    (500, said("Internal Server Error"), None, False),
    (200, {"message": "The token is not authorized for this scope."}, None, False),
]


@pytest.mark.parametrize(("status", "body", "code", "can_retry"), REFUSALS, ids=str)
def test_what_highlevel_means_by_a_refusal(status: int, body: object, code: str | None, can_retry: bool) -> None:
    """Four refusals share two statuses and no code: the words decide."""
    refusal = GOHIGHLEVEL.read_refusal(status, {}, body)
    assert (refusal.code if refusal else None) == code
    assert (refusal.can_retry if refusal else False) is can_retry


def test_a_refusal_of_the_wrong_token_says_where_to_install() -> None:
    refusal = GOHIGHLEVEL.read_refusal(401, {}, said(WRONG_CLASS))
    assert refusal is not None
    assert "from inside the sub-account (location)" in str(refusal.action)


def test_a_429_waits_one_interval_or_for_the_next_day() -> None:
    burst = GOHIGHLEVEL.read_refusal(429, {"x-ratelimit-interval-milliseconds": "4000"}, None)
    plain = GOHIGHLEVEL.read_refusal(429, {}, None)
    daily = GOHIGHLEVEL.read_refusal(429, {"x-ratelimit-daily-remaining": "0"}, None)
    assert [one and (one.code, one.retry_after) for one in (burst, plain, daily)] == [
        ("rate_limited", 4.0),
        ("rate_limited", 10.0),
        ("daily_limit", None),
    ]


def test_the_daily_budget_is_read_from_headers() -> None:
    headers = {"x-ratelimit-limit-daily": "200000", "x-ratelimit-daily-remaining": "199822"}
    assert GOHIGHLEVEL.read_budget(headers) == Budget(199_822, 200_000)
    assert GOHIGHLEVEL.read_budget({"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "87"}) is None


def test_a_connection_without_a_location_is_refused_with_advice() -> None:
    GOHIGHLEVEL.check_config({"locationId": LOCATION, "companyId": "c"})
    with pytest.raises(ProviderError) as caught:
        GOHIGHLEVEL.check_config({"companyId": "c"})
    assert caught.value.code == "connection_misconfigured"
    assert "from inside the sub-account (location)" in caught.value.action


# --- requests, against the sandbox


@dataclass
class Wire:
    """A sandbox with one location, and the calls of its connection."""

    sandbox: Sandbox
    client: NangoClient
    clock: SetClock

    def proxy(self, day: DayBudget | None = None) -> Proxy:
        found = self.sandbox.book.of_account("acme")[0]
        return self.client.proxy(
            "highlevel",
            found.connection_id,
            rates={"default": Rate(10_000, 1000)},
            read_refusal=GOHIGHLEVEL.read_refusal,
            config=KIND.connection_config("acme", 7),
            day=day,
        )

    @property
    def crm(self) -> GoHighLevelApi:
        crm = self.sandbox.crm("gohighlevel", "acme")
        assert isinstance(crm, GoHighLevelApi)
        return crm

    @property
    def location(self) -> str:
        return self.crm.location.location_id

    def fetch(self, pull: Pull, api: Proxy | None = None) -> list[Page]:
        self.sandbox.journal.clear()
        return list(GOHIGHLEVEL.fetch_contacts(api or self.proxy(), pull))

    def references(self, pull: Pull, api: Proxy | None = None) -> Directory:
        self.sandbox.journal.clear()
        return GOHIGHLEVEL.fetch_references(api or self.proxy(), pull)

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.sandbox.journal if seen.path.startswith("/proxy" + path)]

    def bodies(self) -> list[dict[str, Any]]:
        return [orjson.loads(seen.body) for seen in self.calls(SEARCH)]


@pytest.fixture
def wire() -> Iterator[Wire]:
    clock = SetClock()
    with (
        Sandbox(contacts=330, accounts=(), clock=clock) as sandbox,
        NangoClient(
            host=sandbox.url, secret_key=sandbox.secret_key, policy=RetryPolicy(attempts=2, first_wait=0.01)
        ) as client,
    ):
        sandbox.connect("acme", "gohighlevel")
        yield Wire(sandbox, client, clock)


def complete(**more: Any) -> Pull:
    return Pull(kind="complete", started_at=NOW, **more)


def window(since: datetime, **more: Any) -> Pull:
    return Pull(kind="window", started_at=NOW, since=since, **more)


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [str(record.crm_id) for page in pages for record in page.records]


def test_a_complete_pass_shows_everybody_and_proves_it(wire: Wire) -> None:
    pages = wire.fetch(complete())
    ids = ids_of(pages)
    assert sorted(ids) == sorted(wire.crm.location.shelf.live)
    assert [page.proven for page in pages] == [()] * (len(pages) - 1) + [(Proven("contact", len(ids)),)]
    records = [record for page in pages for record in page.records]
    assert {record.object_type for record in records} == {"contact"}
    undated = [record for record in records if record.source_updated_at is None]
    assert undated, "those without a time of change arrive too"
    assert {seen.status for seen in wire.calls(SEARCH)} == {200}


@pytest.mark.parametrize("kind", ["complete", "window"])
def test_the_search_is_asked_for_as_the_reference_says(wire: Wire, kind: str) -> None:
    since = datetime(2000, 1, 1, tzinfo=UTC)
    pages = wire.fetch(complete() if kind == "complete" else window(since))
    first, *others = wire.bodies()
    usual: dict[str, Any] = {
        "locationId": wire.location,
        "pageLimit": 100,
        "sort": [{"field": "dateAdded" if kind == "complete" else "dateUpdated", "direction": "asc"}],
    }
    if kind == "window":
        gte = {"gte": "2000-01-01T00:00:00.000Z"}
        usual["filters"] = [{"field": "dateUpdated", "operator": "range", "value": gte}]
    assert first == usual
    ends = [page.records[-1].payload["searchAfter"] for page in pages if page.records]
    assert others == [usual | {"searchAfter": end} for end in ends]
    assert {(seen.method, seen.query) for seen in wire.calls(SEARCH)} == {("POST", "")}


def test_contacts_without_a_time_of_change_do_not_stand_in_the_way(wire: Wire) -> None:
    """Where an order by that time puts them, and with what position, nobody documents: here with none to send."""
    wire.crm.location.stamp_all(0)
    assert sorted(ids_of(wire.fetch(complete()))) == sorted(wire.crm.location.shelf.live)
    assert ids_of(wire.fetch(window(NOW))) == []


@pytest.mark.parametrize("words", ["The token does not have access to this location.", "Forbidden resource"])
def test_one_owner_of_another_location_does_not_stop_the_others(wire: Wire, words: str) -> None:
    """A user of the agency, or one who moved to another location: refused by 403, for good."""
    member, *others = [one for one in wire.crm.location.members.values() if not one.is_listed or one.is_deleted]
    answer = {"status": 403, "body": {"statusCode": 403, "message": words, "error": "Forbidden"}}
    wire.sandbox.faults.add(match={"path": f"/users/{member.id}$"}, times=None, answer=answer)
    directory = wire.references(complete(known_owners=frozenset({member.id, *(one.id for one in others)})))
    owners = {one.crm_id for one in directory.references if one.kind == "owner"}
    assert member.id not in owners
    assert {one.id for one in others} <= owners
    assert len(ids_of(wire.fetch(complete()))) == len(wire.crm.location.shelf.live)


def test_a_window_pass_asks_for_what_changed_since_inclusive(wire: Wire) -> None:
    users = wire.crm.users
    before = users.add(first="Before")
    wire.clock.move(60)
    at = users.add(first="At")
    since = datetime.fromtimestamp(wire.clock.now, UTC)
    wire.clock.move(60)
    edited = next(iter(wire.crm.location.shelf.live))
    users.edit(edited, first="Edited")
    pages = wire.fetch(window(since))
    assert ids_of(pages) == [at, edited]
    assert before not in ids_of(pages)
    assert pages[-1].proven == ()
    (body,) = wire.bodies()
    text = since.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert body["filters"] == [{"field": "dateUpdated", "operator": "range", "value": {"gte": text}}]


def test_equal_times_of_change_lose_nobody(wire: Wire) -> None:
    wire.crm.users.stamp_all(int(START * 1000))
    ids = ids_of(wire.fetch(window(NOW)))
    assert sorted(ids) == sorted(wire.crm.location.shelf.live)


@pytest.mark.parametrize("kind", ["complete", "window"])
def test_a_pass_continues_behind_any_page_in_another_process(wire: Wire, kind: str) -> None:
    pull = complete() if kind == "complete" else window(datetime(2000, 1, 1, tzinfo=UTC))
    pages = wire.fetch(pull)
    for place, page in enumerate(pages):
        later = wire.fetch(Pull(kind=kind, started_at=NOW, since=pull.since, resume=page.resume))
        assert ids_of(later) == ids_of(pages[place + 1 :])
        assert later[-1].proven == pages[-1].proven


def test_what_changes_while_paging_is_seen_again_and_nobody_is_missed(wire: Wire) -> None:
    everybody = set(wire.crm.location.shelf.live)
    pages = GOHIGHLEVEL.fetch_contacts(wire.proxy(), complete())
    seen = ids_of([next(pages)])
    wire.crm.users.edit(seen[0], first="Again")
    wire.crm.users.delete(seen[1])
    later = ids_of(pages)
    assert sorted(seen + later) == sorted(everybody), "by the day of creation nobody moves"


def test_deleted_and_merged_contacts_are_absent_and_a_restored_one_is_back(wire: Wire) -> None:
    users = wire.crm.users
    first, second, third = ids_of(wire.fetch(complete()))[:3]
    users.delete(first)
    users.merge(second, third)
    pages = wire.fetch(complete())
    assert not {first, third} & set(ids_of(pages))
    assert pages[-1].proven == (Proven("contact", len(ids_of(pages))),)
    users.restore(first)
    assert first in ids_of(wire.fetch(complete()))


def test_every_contact_arrives_as_its_card_says(wire: Wire) -> None:
    api = wire.proxy()
    directory, pages = wire.references(complete(), api), wire.fetch(complete(), api)
    told = [*directory.references, *(reference for page in pages for reference in page.references)]
    names = References(told)
    contacts = [GOHIGHLEVEL.to_contact(record.payload, names) for page in pages for record in page.records]
    cards = wire.crm.users.cards()
    assert {one.crm_id: as_card(one, cards[one.crm_id].human) for one in contacts} == cards


def as_card(contact: Contact, human: int) -> Card:
    return Card(
        object_type=contact.object_type,
        first=contact.first_name,
        last=contact.last_name,
        phones=tuple(phone.text for phone in contact.phones),
        emails=contact.emails,
        company=contact.company,
        country=contact.country,
        owner=contact.owner_name,
        owner_email=contact.owner_email,
        status=contact.status,
        stage=contact.stage,
        note=contact.description,
        human=human,
    )


def test_the_location_goes_on_every_call_and_so_does_the_version(wire: Wire) -> None:
    """The sandbox refuses a call without them; this says that none was refused."""
    api = wire.proxy()
    wire.fetch(complete(), api)
    assert wire.references(complete(), api).notes == []
    assert {seen.status for seen in wire.sandbox.journal} == {200}
    assert [dict(parse_qsl(seen.query)) for seen in wire.sandbox.journal] == [{"locationId": wire.location}] * 2


def test_three_thousand_custom_fields_arrive_whole(wire: Wire) -> None:
    wire.crm.users.add_custom_fields(3000)
    for crm_id in list(wire.crm.location.shelf.live)[12:]:
        wire.crm.users.purge(crm_id)
    records = [record for page in wire.fetch(complete()) for record in page.records]
    assert len(records) == 12
    assert min(len(record.payload["customFields"]) for record in records) >= 3000
    wanted = str(wire.crm.location.fields[-1]["id"])
    assert mapped(records[0].payload, description=wanted).description == "extra value 2999"


def test_pages_too_large_to_take_are_asked_for_in_smaller_ones(wire: Wire) -> None:
    wire.crm.users.add_custom_fields(200)
    with NangoClient(host=wire.sandbox.url, secret_key=wire.sandbox.secret_key, max_body_bytes=500_000) as small:
        wire.client = small
        pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(wire.crm.location.shelf.live)
    assert {body["pageLimit"] for body in wire.bodies()} == {100, 50, 25}


# --- owners, stages, permissions


def test_owners_are_the_list_and_those_that_contacts_name(wire: Wire) -> None:
    members = wire.crm.location.members.values()
    unlisted = [member.id for member in members if not member.is_listed or member.is_deleted]
    directory = wire.references(complete(known_owners=frozenset([*unlisted, "nobody", "../odd"])))
    owners = {one.crm_id: (one.label, one.email) for one in directory.references if one.kind == "owner"}
    assert owners == {member.id: (f"{member.first} {member.last}".strip(), member.email) for member in members}
    assert len(wire.calls(USERS)) == 1 + len(unlisted) + 1, "an id that is none of HighLevel's is not asked for"


def test_an_empty_list_of_users_is_made_up_for_one_by_one(wire: Wire) -> None:
    wire.crm.act("set", {"users_list_empty": True})
    known = frozenset(wire.crm.location.members)
    owners = {one.crm_id for one in wire.references(complete(known_owners=known)).references if one.kind == "owner"}
    assert owners == known
    api = wire.proxy()
    wire.references(complete(), api)
    pages = wire.fetch(complete(), api)
    assert {reference.crm_id for page in pages for reference in page.references} == known
    assert len(wire.calls(USERS)) == len(known) + 1, "each once, the one that nobody knows too"


def test_owners_known_or_listed_are_not_asked_for_again(wire: Wire) -> None:
    api = wire.proxy()
    listed = {one.crm_id for one in wire.references(complete(), api).references if one.kind == "owner"}
    asked = {seen.path.rpartition("/")[2] for seen in wire.calls(USERS)} if wire.fetch(complete(), api) else set()
    assert asked
    assert not asked & listed
    wire.fetch(complete(known_owners=frozenset(asked)), api)
    assert wire.calls(USERS) == []


def test_a_renamed_owner_is_noticed_without_a_changed_contact(wire: Wire) -> None:
    crm_id = wire.crm.users.add(first="Jo")
    wire.crm.users.rename_owner(crm_id, "Nora Quist", "nora@acme.example")
    labels = {(one.label, one.email) for one in wire.references(complete()).references}
    assert ("Nora Quist", "nora@acme.example") in labels


def test_users_out_of_reach_are_noted_once_and_the_pass_goes_on(wire: Wire) -> None:
    wire.crm.act("set", {"missing_scopes": ["users.readonly"]})
    pages = wire.fetch(complete())
    assert [note for page in pages for note in page.notes] == [NO_OWNERS]
    assert len(wire.calls(USERS)) == 1
    api = wire.proxy()
    directory = wire.references(complete(known_owners=frozenset({"someone"})), api)
    assert directory.notes == [NO_OWNERS]
    assert {one.kind for one in directory.references} == {"stage"}
    assert [page.notes for page in wire.fetch(complete(), api)] == [()] * len(pages)


def test_pipelines_out_of_reach_are_noted(wire: Wire) -> None:
    wire.crm.act("set", {"missing_scopes": ["opportunities.readonly"]})
    directory = wire.references(complete())
    assert directory.notes == [NO_STAGES]
    assert {one.kind for one in directory.references} == {"owner"}


def test_stages_are_read_for_whatever_shows_them(wire: Wire) -> None:
    stages = {stage["id"] for pipeline in wire.crm.location.pipelines for stage in pipeline["stages"]}
    for mapping, kinds in (
        ({}, {"stage"}),
        ({"status": "opportunity_stage"}, {"stage", "status"}),
        ({"status": "opportunity_stage", "stage": "type"}, {"status"}),
        ({"stage": "cF00000000000000001"}, set()),
    ):
        found = [one for one in wire.references(complete(mapping=mapping)).references if one.kind != "owner"]
        assert {(one.kind, one.crm_id) for one in found} == {(kind, stage) for kind in kinds for stage in stages}
        assert len(wire.calls(PIPELINES)) == bool(kinds)


def test_a_mapped_custom_field_that_nobody_knows_is_noted(wire: Wire) -> None:
    known = str(wire.crm.location.fields[0]["id"])
    mapping = {"status": known, "stage": "cF00000000000000001", "description": "tags"}
    notes = ["HighLevel has no field 'cF00000000000000001', so leads carry no stage. Check field_mapping."]
    assert wire.references(complete(mapping=mapping)).notes == notes
    wire.crm.act("set", {"missing_scopes": ["locations/customFields.readonly"]})
    assert wire.references(complete(mapping=mapping)).notes == []


def test_contacts_out_of_reach_end_the_pass_and_name_the_scope(wire: Wire) -> None:
    wire.crm.act("set", {"missing_scopes": ["contacts.readonly"]})
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "missing_scope"
    assert "contacts.readonly" in caught.value.message
    assert len(wire.calls(SEARCH)) == 1


def test_an_agencys_token_is_refused_with_advice(wire: Wire) -> None:
    wire.crm.act("set", {"company_token": True})
    for call in (wire.fetch, wire.references):
        with pytest.raises(ProviderError) as caught:
            call(complete())
        assert caught.value.code == "connection_misconfigured"
        assert "from inside the sub-account (location)" in caught.value.action


def test_a_refused_token_is_renewed_once(wire: Wire) -> None:
    (connection,) = wire.sandbox.book.of_account("acme")
    wire.sandbox.book.break_connection(connection, "expired_token")
    assert len(ids_of(wire.fetch(complete()))) == len(wire.crm.location.shelf.live)


def test_the_day_ends_at_its_share_with_what_was_fetched(wire: Wire) -> None:
    wire.crm.act("set", {"daily_limit": 100, "daily_used": 78})
    pages = GOHIGHLEVEL.fetch_contacts(
        wire.proxy(DayBudget(GOHIGHLEVEL.read_budget)),
        complete(known_owners=frozenset(_owners_of(wire))),
    )
    fetched = [next(pages), next(pages)]
    with pytest.raises(ProviderError) as caught:
        next(pages)
    assert caught.value.code == "daily_limit"
    assert len(ids_of(fetched)) == 200


def _owners_of(wire: Wire) -> set[str]:
    rows = wire.crm.location.shelf.live.values()
    return {row.values["assignedTo"] for row in rows if "assignedTo" in row.values}


# --- paging that does not end by itself, and answers of another shape

Document = dict[str, Any]


@dataclass
class Scripted:
    """Calls answered from a list per path, the last one again and again, or by a function of the call's number."""

    answers: Mapping[str, list[Document] | Callable[[int], Document]]
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    config: Mapping[str, Any] = field(default_factory=lambda: {"locationId": LOCATION})
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        if key not in self.kept:
            self.kept[key] = make()
        kept: Value = self.kept[key]
        return kept

    def note_budget(self, budget: Budget) -> None:
        raise AssertionError("no body tells the budget")

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        return self._answer(path)

    def post(
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        return self._answer(path)

    def _answer(self, path: str) -> Answer:
        script, number = self.answers.get(path, [{}]), self.calls.count(path)
        self.calls.append(path)
        assert len(self.calls) < 200, "this never ends"
        document = script(number) if callable(script) else script[min(number, len(script) - 1)]
        if status := document.get("refused"):
            raise ProviderError("unexpected_response", f"{path} answered {status}", status=status)
        return Answer(200, {}, orjson.dumps(document))


def full_page(*after: object, contacts: int = 100) -> Document:
    items: list[Payload] = [{"id": f"c{number}"} for number in range(contacts)]
    if after and items:
        items[-1]["searchAfter"] = list(after)
    return {"contacts": items, "total": 7}


@pytest.mark.parametrize("period", [1, 2, 7])
def test_pages_that_repeat_are_noticed(period: int) -> None:
    api = Scripted({SEARCH: lambda number: full_page(number % period, "x")})
    with pytest.raises(ProviderError) as caught:
        list(GOHIGHLEVEL.fetch_contacts(api, complete()))
    assert caught.value.code == "pagination_loop"
    assert len(api.calls) <= period + 3


def test_the_vendors_count_is_no_reason_to_stop_or_to_go_on() -> None:
    api = Scripted({SEARCH: [full_page(1, "a"), full_page(2, "b"), full_page(contacts=0)]})
    pages = list(GOHIGHLEVEL.fetch_contacts(api, complete()))
    assert [len(page.records) for page in pages] == [100, 100, 0]
    assert pages[-1].proven == (Proven("contact", 7),)


def test_a_short_page_among_others_is_not_the_end() -> None:
    """What comes behind it would be lost in every pass; only an empty page, or one that holds its total, is the end."""
    sizes = (100, 40, 7)
    pages = [full_page(size, "x", contacts=size) | {"total": 147} for size in sizes]
    api = Scripted({SEARCH: [*pages, full_page(contacts=0) | {"total": 147}]})
    found = list(GOHIGHLEVEL.fetch_contacts(api, complete()))
    assert [len(page.records) for page in found] == [100, 40, 7, 0]
    assert [page.proven for page in found] == [(), (), (), (Proven("contact", 147),)]
    whole = Scripted({SEARCH: [full_page(1, "a", contacts=99) | {"total": 99}]})
    assert [page.proven for page in GOHIGHLEVEL.fetch_contacts(whole, complete())] == [(Proven("contact", 99),)]


@pytest.mark.parametrize(("first", "last"), [(103, 101), (103, 105)])
def test_who_comes_or_goes_while_paging_does_not_spoil_the_proof(first: int, last: int) -> None:
    """In a large location somebody always does, and no deletion would ever be believed."""
    begin, end = full_page(1, "a") | {"total": first}, full_page(contacts=0) | {"total": last}
    pages = list(GOHIGHLEVEL.fetch_contacts(Scripted({SEARCH: [begin, end]}), complete()))
    assert [page.proven for page in pages] == [(), (Proven("contact", min(first, last)),)]
    rest = list(GOHIGHLEVEL.fetch_contacts(Scripted({SEARCH: [end]}), complete(resume=pages[0].resume)))
    assert rest[-1].proven == pages[-1].proven, "also when it goes on in another process"


def test_an_empty_location_is_proven_empty() -> None:
    api = Scripted({SEARCH: [{"contacts": [], "total": 0}]})
    assert [page[2:4] for page in GOHIGHLEVEL.fetch_contacts(api, complete())] == [((), (Proven("contact", 0),))]


@pytest.mark.parametrize("total", [None, "12", True, -1], ids=repr)
def test_an_odd_count_is_no_count(total: object) -> None:
    api = Scripted({SEARCH: [{"contacts": [], "total": total}]})
    (page,) = GOHIGHLEVEL.fetch_contacts(api, complete())
    assert page.proven == (Proven("contact", None),)


def test_a_short_page_without_a_position_is_read_again_after_an_interruption() -> None:
    api = Scripted({SEARCH: [full_page(1, "a"), full_page(contacts=3)]})
    pages = list(GOHIGHLEVEL.fetch_contacts(api, complete()))
    assert pages[0].resume == pages[1].resume


def test_an_owner_is_named_by_whatever_there_is() -> None:
    users = [
        {"id": "u1", "name": "", "firstName": "Jo", "lastName": "Reed", "email": "jo@x.example"},
        {"id": "u2", "name": None, "email": "q@x.example"},
        {"id": "u3"},
    ]
    api = Scripted({USERS: [{"users": users}], PIPELINES: [{"pipelines": []}]})
    owners = [one[1:] for one in GOHIGHLEVEL.fetch_references(api, complete()).references]
    assert owners == [("u1", "Jo Reed", "jo@x.example"), ("u2", "q@x.example", "q@x.example"), ("u3", None, None)]


@pytest.mark.parametrize("status", [400, 404])
def test_a_user_who_was_removed_is_passed_over_and_so_is_a_list_that_is_gone(status: int) -> None:
    api = Scripted(
        {USERS: [{"refused": 404}], f"{USERS}u1": [{"refused": status}], f"{USERS}u2": [{"id": "u2", "name": "Jo"}],
         PIPELINES: [{"pipelines": []}]}
    )  # fmt: skip
    directory = GOHIGHLEVEL.fetch_references(api, complete(known_owners=frozenset({"u1", "u2"})))
    assert directory.references == [Reference("owner", "u2", "Jo")]


@pytest.mark.parametrize("path", [USERS, f"{USERS}u1", PIPELINES])
def test_any_other_trouble_with_names_ends_the_pass(path: str) -> None:
    usual: dict[str, list[Document]] = {
        USERS: [{"users": []}], f"{USERS}u1": [{"id": "u1"}], PIPELINES: [{"pipelines": []}],
    }  # fmt: skip
    api = Scripted(usual | {path: [{"refused": 500}]})
    with pytest.raises(ProviderError):
        GOHIGHLEVEL.fetch_references(api, complete(known_owners=frozenset({"u1"})))


SHAPES: list[tuple[str, Document]] = [
    (SEARCH, {"contacts": "text"}),
    (SEARCH, {"contacts": [None]}),
    (SEARCH, {"contacts": ["text"]}),
    (SEARCH, full_page()),
    (SEARCH, {"contacts": [{"id": "c", "searchAfter": "text"}] * 100}),
    (SEARCH, {"contacts": [{"id": "c", "searchAfter": []}] * 100}),
    (USERS, {"users": [{"name": "no id"}]}),
    (USERS, {"users": {}}),
    (FIELDS, {"customFields": [{"name": "no id"}]}),
    (PIPELINES, {"pipelines": [{"id": "p"}]}),
    (PIPELINES, {"pipelines": [{"id": "p", "stages": [{"name": "no id"}]}]}),
]


@pytest.mark.parametrize(("path", "document"), SHAPES, ids=range(len(SHAPES)))
def test_answers_of_another_shape_are_an_unexpected_response(path: str, document: Document) -> None:
    usual: dict[str, list[Document]] = {
        SEARCH: [full_page(contacts=0)],
        USERS: [{"users": []}],
        PIPELINES: [{"pipelines": []}],
        FIELDS: [{"customFields": [{"id": "cF1"}]}],
    }
    api: CrmApi = Scripted(usual | {path: [document]})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "unexpected_response"


def everything(api: CrmApi) -> None:
    """Every call there is."""
    GOHIGHLEVEL.fetch_references(api, complete(mapping={"status": "cF1"}))
    list(GOHIGHLEVEL.fetch_contacts(api, complete()))


def test_a_page_without_its_list_is_no_empty_page(wire: Wire) -> None:
    """An error told with status 200 must not look like a location without contacts."""
    wire.sandbox.faults.add(match={"path": SEARCH}, times=None, answer="empty_object")
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "unexpected_response"


def test_a_window_pass_without_a_since_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="since"):
        list(GOHIGHLEVEL.fetch_contacts(Scripted({}), Pull(kind="window", started_at=NOW)))


@given(st.datetimes(min_value=datetime(2001, 1, 1), max_value=datetime(2100, 1, 1)), st.integers(-14, 14))
def test_the_window_never_begins_later_than_it_should(naive: datetime, hours: int) -> None:
    since = naive.replace(tzinfo=UTC) + timedelta(hours=hours)
    asked: list[Any] = []

    class Listening(Scripted):
        def post(self, path: str, body: Any, **more: Any) -> Answer:
            asked.append(body)
            return Answer(200, {}, b'{"contacts":[]}')

    list(GOHIGHLEVEL.fetch_contacts(Listening({}), window(since)))
    begins = datetime.fromisoformat(asked[0]["filters"][0]["value"]["gte"])
    assert timedelta() <= since - begins < timedelta(milliseconds=1)


# --- the value itself


def test_its_integration_identity_and_pace_are_those_of_the_reference() -> None:
    assert GOHIGHLEVEL.also_named == ("highlevel-white-label",)
    assert (GOHIGHLEVEL.integration, GOHIGHLEVEL.identity, GOHIGHLEVEL.deletions) == (
        "highlevel",
        "locationId",
        "sweep",
    )
    assert GOHIGHLEVEL.rates["default"].per_second < 10
    assert GOHIGHLEVEL.complete_every == timedelta(days=1)


def test_the_link_to_a_record_needs_the_location() -> None:
    link = GOHIGHLEVEL.record_url({"locationId": LOCATION}, "contact", "aB3dE5gH7jK9mN1pQ2rS")
    assert link == f"https://app.gohighlevel.com/v2/location/{LOCATION}/contacts/detail/aB3dE5gH7jK9mN1pQ2rS"
    assert GOHIGHLEVEL.record_url({}, "contact", "aB3dE5gH7jK9mN1pQ2rS") is None


def test_a_record_carries_the_whole_payload() -> None:
    api = Scripted(
        {SEARCH: [{"contacts": [RECORDED], "total": 1}], f"{USERS}uSeR000000000000001": [{"id": "u", "name": "Jo"}]}
    )
    (page,) = GOHIGHLEVEL.fetch_contacts(api, complete())
    changed = datetime(2026, 8, 14, 16, 5, 10, 512_000, tzinfo=UTC)
    assert page.records == [RawRecord(RECORDED["id"], RECORDED, source_updated_at=changed)]
    assert page.references == (Reference("owner", "uSeR000000000000001", "Jo"),)
