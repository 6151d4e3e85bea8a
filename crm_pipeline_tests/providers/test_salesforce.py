"""Salesforce: payloads to contacts, refusals to codes, and the requests themselves, as the vendor documents them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import unquote

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.errors import PipelineError, ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Budget, Rate
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.provider import Directory, Page, Payload, Proven, Pull, RawRecord, Reference, References
from crm_pipeline.providers.salesforce import SALESFORCE
from crm_pipeline.sandbox.connections import Connection
from crm_pipeline.sandbox.crm import Card
from crm_pipeline.sandbox.salesforce.api import SalesforceApi
from crm_pipeline.sandbox.salesforce.users import SalesforceUsers
from crm_pipeline.sandbox.server import Sandbox, Seen

T = TypeVar("T")
BASE = "/services/data/v62.0"
QUERY, QUERY_ALL = f"{BASE}/query", f"{BASE}/queryAll"
NOW = datetime(2026, 11, 20, 15, 0, tzinfo=UTC)
UNTIL = "2026-11-20T15:10:00.000Z"

LEAD: Payload = {
    "attributes": {"type": "Lead", "url": f"{BASE}/sobjects/Lead/00QAx000004kTzBMAU"},
    "Id": "00QAx000004kTzBMAU", "FirstName": "Idris", "LastName": "Vane", "Name": "Mr. Idris Vane",
    "Email": "idris@quaymill.example", "Phone": "(020) 7946 0955", "MobilePhone": "+44 7700 900123",
    "Fax": "(020) 7946 0956", "Title": "Buyer", "Company": "Quaymill Ltd", "Status": "Working - Contacted",
    "Rating": None, "LeadSource": "Web", "Country": "United Kingdom",
    "Description": "Asked for the autumn price list.", "OwnerId": "005Ax000001mNoPIAU",
    "Owner": {
        "attributes": {"type": "Name", "url": f"{BASE}/sobjects/User/005Ax000001mNoPIAU"},
        "Name": "Sam O.", "Type": "User", "Email": "sam@acme.example",
    },
    "IsConverted": False, "ConvertedDate": None, "ConvertedContactId": None, "ConvertedAccountId": None,
    "LastActivityDate": "2026-08-18", "CreatedDate": "2026-03-02T07:11:42.000+0000",
    "LastModifiedDate": "2026-08-20T14:00:11.000+0000", "SystemModstamp": "2026-08-20T14:00:11.000+0000",
    "IsDeleted": False, "MasterRecordId": None, "Outreach_Status__c": "Replied",
}  # fmt: skip
CONTACT: Payload = {
    "attributes": {"type": "Contact", "url": f"{BASE}/sobjects/Contact/003Ax00000Bq1ZAIAZ"},
    "Id": "003Ax00000Bq1ZAIAZ", "FirstName": "Marta", "LastName": "Kowal", "Name": "Marta Kowal",
    "Email": "m.kowal@northbay.example", "Phone": "+48 22 555 01 10", "MobilePhone": "+48 601 555 011",
    "HomePhone": "+48 22 555 01 11", "OtherPhone": "+48 22 555 01 12", "AssistantPhone": "+48 22 555 01 13",
    "Fax": "+48 22 555 01 14", "AccountId": "001Ax00000Cc2XYIAZ",
    "Account": {"attributes": {"type": "Account", "url": "x"}, "Name": "Northbay Logistics"},
    "MailingCountry": "Poland", "OwnerId": "005Ax000001mNoPIAU",
    "Owner": {"attributes": {"type": "User", "url": "x"}, "Name": "Sam O.", "Email": "sam@acme.example"},
    "Description": "Met at the fair.", "LastActivityDate": None, "CreatedDate": "2026-03-02T07:11:42.000+0000",
    "SystemModstamp": "2026-08-20T13:58:02.250+0000", "IsDeleted": True, "MasterRecordId": "003Ax00000Bq7QQIAZ",
    "Outreach_Status__c": "Replied", "Journey__c": "2", "Region__c": None,
}  # fmt: skip
NAMES = [
    Reference("owner", "005Ax000001mNoPIAU", "Sam Oyelaran", "sam.o@acme.example"),
    Reference("company", "001Ax00000Cc2XYIAZ", "Northbay Group"),
    Reference("status", "Working - Contacted", "Working"),
    Reference("status", "contact.Outreach_Status__c:Replied", "Has replied"),
    Reference("status", "lead.Outreach_Status__c:Replied", "Answered"),
    Reference("stage", "contact.Journey__c:2", "Customer"),
]


def of_lead(names: References | None = None, **changed: object) -> Contact:
    return SALESFORCE.to_contact(LEAD | changed, names or References(NAMES), "lead")


def of_contact(names: References | None = None, **changed: object) -> Contact:
    return SALESFORCE.to_contact(CONTACT | changed, names or References(NAMES), "contact")


# --- payload to contact


def test_every_field_of_a_recorded_lead_is_found() -> None:
    assert of_lead() == Contact(
        crm_id="00QAx000004kTzBMAU",
        object_type="lead",
        first_name="Idris",
        last_name="Vane",
        phones=(
            PhoneText("(020) 7946 0955", "phone"),
            PhoneText("+44 7700 900123", "mobile"),
            PhoneText("(020) 7946 0956", "fax"),
        ),
        emails=("idris@quaymill.example",),
        company="Quaymill Ltd",
        country="United Kingdom",
        owner_id="005Ax000001mNoPIAU",
        owner_name="Sam Oyelaran",
        owner_email="sam.o@acme.example",
        status_id="Working - Contacted",
        status="Working",
        description="Asked for the autumn price list.",
        last_activity_at=datetime(2026, 8, 18, tzinfo=UTC),
        created_at=datetime(2026, 3, 2, 7, 11, 42, tzinfo=UTC),
        updated_at=datetime(2026, 8, 20, 14, 0, 11, tzinfo=UTC),
    )


def test_every_field_of_a_recorded_contact_is_found() -> None:
    contact = of_contact()
    assert contact == Contact(
        crm_id="003Ax00000Bq1ZAIAZ",
        object_type="contact",
        first_name="Marta",
        last_name="Kowal",
        phones=contact.phones,
        emails=("m.kowal@northbay.example",),
        company="Northbay Group",
        country="Poland",
        owner_id="005Ax000001mNoPIAU",
        owner_name="Sam Oyelaran",
        owner_email="sam.o@acme.example",
        company_id="001Ax00000Cc2XYIAZ",
        description="Met at the fair.",
        created_at=datetime(2026, 3, 2, 7, 11, 42, tzinfo=UTC),
        updated_at=datetime(2026, 8, 20, 13, 58, 2, 250_000, tzinfo=UTC),
        is_deleted=True,
        merged_into=("contact", "003Ax00000Bq7QQIAZ"),
    )


def test_every_own_phone_is_kept_with_its_label_and_the_assistants_is_not() -> None:
    """The assistant is somebody else: with that number two people would become one."""
    assert [(phone.label, phone.text[-2:]) for phone in of_contact().phones] == [
        ("phone", "10"), ("mobile", "11"), ("home", "11"), ("other", "12"), ("fax", "14"),
    ]  # fmt: skip


@pytest.mark.parametrize("empty", [None, "", "  "], ids=["null", "empty", "blank"])
@pytest.mark.parametrize(("payload", "object_type"), [(LEAD, "lead"), (CONTACT, "contact")], ids=["lead", "contact"])
def test_absent_null_and_blank_mean_the_same(payload: Payload, object_type: str, empty: str | None) -> None:
    absent = SALESFORCE.to_contact({"Id": "1"}, References(NAMES), object_type)
    filled = dict.fromkeys(payload, empty) | {"Id": "1"}
    assert SALESFORCE.to_contact(filled, References(NAMES), object_type) == absent
    assert (absent.phones, absent.emails, absent.company, absent.merged_into) == ((), (), None, None)


def test_names_without_a_reference_come_from_the_record_itself() -> None:
    nobody = References()
    assert (of_contact(nobody).company, of_contact(nobody).owner_name) == ("Northbay Logistics", "Sam O.")
    assert (of_lead(nobody).owner_email, of_lead(nobody).status) == ("sam@acme.example", "Working - Contacted")
    assert of_contact(nobody, Account=None, Owner=None).company is None


def test_the_whole_name_stands_in_where_its_parts_are_hidden() -> None:
    assert of_lead(FirstName=None, LastName=None).full_name == "Mr. Idris Vane"


def test_a_person_account_is_no_employer() -> None:
    contact = of_contact(IsPersonAccount=True)
    assert (contact.company, contact.company_id) == (None, None)


def test_a_converted_lead_is_its_contact_and_a_merged_one_its_master() -> None:
    converted = of_lead(IsConverted=True, ConvertedContactId="003Ax00000Bq1ZAIAZ")
    assert (converted.stage, converted.merged_into) == ("Converted", ("contact", "003Ax00000Bq1ZAIAZ"))
    hidden = of_lead(IsConverted=True, ConvertedContactId=None)
    assert (hidden.merged_into, hidden.is_merge_unknown) == (None, True)
    merged = of_lead(IsDeleted=True, MasterRecordId="00QAx000004kTzCMAU", ConvertedContactId="003Ax00000Bq1ZAIAZ")
    assert (merged.is_deleted, merged.merged_into) == (True, ("lead", "00QAx000004kTzCMAU"))


def test_a_field_mapping_decides_and_two_objects_labels_do_not_collide() -> None:
    mapping = {"status": "Outreach_Status__c", "stage": "Journey__c", "description": "Region__c", "company": "Title"}
    names = References(NAMES, mapping)
    contact, lead = of_contact(names), of_lead(names)
    assert (contact.status_id, contact.status) == ("contact.Outreach_Status__c:Replied", "Has replied")
    assert (contact.stage_id, contact.stage) == ("contact.Journey__c:2", "Customer")
    assert (contact.description, contact.company) == (None, "Northbay Group"), "a contact without Title keeps its own"
    assert (lead.status, lead.company, lead.description) == ("Answered", "Buyer", "Asked for the autumn price list.")
    assert of_contact(names, Outreach_Status__c="Other").status == "Other"


def test_a_parent_is_no_field_to_map() -> None:
    names = References(NAMES, {"company": "Account", "description": "Owner", "status": "attributes"})
    contact = of_contact(names)
    assert (contact.company, contact.description, contact.status) == ("Northbay Group", "Met at the fair.", None)


VALUES = st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.lists(st.text(max_size=3))


@given(
    st.dictionaries(st.sampled_from(sorted({*LEAD, *CONTACT} - {"Id"})), VALUES), st.sampled_from(["lead", "contact"])
)
def test_no_value_of_a_field_stops_the_mapper(fields: dict[str, object], object_type: str) -> None:
    """One payload that raises would stop every later sync of its connection."""
    names = References(NAMES, {"status": "Journey__c", "company": "Region__c"})
    contact = SALESFORCE.to_contact({"Id": "1", **fields}, names, object_type)
    assert all(text.strip() for text in contact if isinstance(text, str))


# --- refusals

REFUSALS: list[tuple[int, object, str | None, bool]] = [
    (401, "INVALID_SESSION_ID", "connection_expired", True),
    (401, "INVALID_AUTH_HEADER", "connection_expired", True),
    (401, "INVALID_JWT_FORMAT", "connection_expired", True),
    (403, "API_DISABLED_FOR_ORG", "connection_misconfigured", False),
    (403, "API_CURRENTLY_DISABLED", "connection_misconfigured", False),
    (403, "TXN_SECURITY_METERING_ERROR", "connection_misconfigured", False),
    (403, "INSUFFICIENT_ACCESS", "missing_scope", False),
    (403, "INSUFFICIENT_ACCESS_OR_READONLY", "missing_scope", False),
    (403, "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY", "missing_scope", False),
    (403, "SOMETHING_NEW", "connection_misconfigured", False),
    (403, None, "provider_unavailable", True),
    (403, {"error": "Bad_OAuth_Token"}, "connection_misconfigured", False),
    (400, {"error": "invalid_grant", "error_description": "inactive user"}, "connection_expired", False),
    (400, "INVALID_FIELD", "unexpected_response", False),
    (500, "QUERY_TOO_COMPLICATED", "unexpected_response", False),
    (400, "INVALID_TYPE", "missing_scope", False),
    (400, "MALFORMED_QUERY", "unexpected_response", False),
    (400, "INVALID_QUERY_FILTER_OPERATOR", "unexpected_response", False),
    (400, "INVALID_QUERY_LOCATOR", "unexpected_response", False),
    (400, "QUERY_TIMEOUT", "provider_unavailable", False),
    (500, "QUERY_TIMEOUT", "provider_unavailable", False),
    (400, "OPERATION_TOO_LARGE", "provider_unavailable", False),
    (404, "NOT_FOUND", "unexpected_response", False),
    (420, None, "rate_limited", True),
    (503, "SERVER_UNAVAILABLE", "provider_unavailable", True),
    (503, None, None, False),
    (500, "UNKNOWN_EXCEPTION", None, False),
    (429, None, None, False),
    (414, None, None, False),
    (200, {"records": []}, None, False),
    (200, ["a", "list"], None, False),
]


@pytest.mark.parametrize(("status", "body", "code", "can_retry"), REFUSALS, ids=str)
def test_what_salesforce_means_by_a_refusal(status: int, body: object, code: str | None, can_retry: bool) -> None:
    said = [{"message": "words", "errorCode": body}] if isinstance(body, str) else body
    refusal = SALESFORCE.read_refusal(status, {}, said)
    assert (refusal.code if refusal else None) == code
    assert (refusal.can_retry if refusal else False) is can_retry
    assert refusal is None or not isinstance(body, str) or (body in refusal.message and "words" in refusal.message)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("TotalRequests Limit exceeded.", "daily_limit"),
        ("ConcurrentRequests (Concurrent API Requests) Limit exceeded.", "rate_limited"),
        ("ConcurrentPerOrgLongTxn Limit exceeded. Try again later.", "rate_limited"),
    ],
)
def test_one_error_code_stands_for_the_day_and_for_the_moment(message: str, code: str) -> None:
    body = [{"message": message, "errorCode": "REQUEST_LIMIT_EXCEEDED"}]
    refusal = SALESFORCE.read_refusal(403, {}, body)
    assert refusal is not None
    assert (refusal.code, refusal.can_retry) == (code, code == "rate_limited")


@pytest.mark.parametrize(
    ("header", "budget"),
    [
        ("api-usage=10018/100000", Budget(89_982, 100_000)),
        ("per-app-api-usage=17/250(appName=x); api-usage=18/5000", Budget(4982, 5000)),
        ("per-app-api-usage=17/250(appName=x)", None),
        ("", None),
        ("api-usage=x/y", None),
    ],
)
def test_the_days_calls_are_read_from_a_header(header: str, budget: Budget | None) -> None:
    assert SALESFORCE.read_budget({"sforce-limit-info": header}) == budget


# --- requests, against the sandbox

FAST = {"default": Rate(10_000, 1000)}


@dataclass
class Wire:
    """A sandbox with one account's Salesforce, and the calls of its connection."""

    sandbox: Sandbox
    connection: Connection
    client: NangoClient
    crm: SalesforceApi

    @property
    def org(self) -> Any:
        return self.crm.org

    @property
    def users(self) -> SalesforceUsers:
        return self.crm.users

    def api(self) -> Proxy:
        """As a run has it: a new one."""
        key = self.connection.connection_id
        return self.client.proxy("salesforce", key, rates=FAST, read_refusal=SALESFORCE.read_refusal)

    def fetch(self, pull: Pull) -> list[Page]:
        self.sandbox.journal.clear()
        return list(SALESFORCE.fetch_contacts(self.api(), pull))

    def references(self, pull: Pull) -> tuple[list[Reference], Directory]:
        self.sandbox.journal.clear()
        directory = SALESFORCE.fetch_references(self.api(), pull)
        return [*directory.references, *directory.changed], directory

    def queries(self, path: str = QUERY_ALL) -> list[str]:
        return [unquote(seen.query[2:]) for seen in self.seen(path)]

    def seen(self, path: str) -> list[Seen]:
        return [seen for seen in self.sandbox.journal if seen.path == f"/proxy{path}"]

    def everybody(self) -> set[str]:
        return {str(row.id) for kind in ("Lead", "Contact") for row in self.org.shelves[kind].changed()}


@pytest.fixture
def make() -> Iterator[Callable[[int], Wire]]:
    """Makes a sandbox of so many records."""
    with ExitStack() as opened:

        def open_wire(contacts: int) -> Wire:
            sandbox = Sandbox(contacts=contacts, accounts=())
            connection = sandbox.connect("acme", "salesforce")
            opened.enter_context(sandbox)
            client = opened.enter_context(NangoClient(host=sandbox.url, secret_key=sandbox.secret_key))
            crm = sandbox.crm("salesforce", "acme")
            assert isinstance(crm, SalesforceApi)
            return Wire(sandbox, connection, client, crm)

        yield open_wire


@pytest.fixture
def wire(make: Callable[[int], Wire]) -> Wire:
    return make(120)


def complete(**more: Any) -> Pull:
    return Pull(kind="complete", started_at=datetime.now(UTC), **more)


def window(since: datetime = datetime(2020, 1, 1, tzinfo=UTC), **more: Any) -> Pull:
    return Pull(kind="window", started_at=datetime.now(UTC), since=since, **more)


def records(pages: Iterable[Page]) -> list[RawRecord]:
    return [record for page in pages for record in page.records]


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [str(record.crm_id) for record in records(pages)]


def as_card(contact: Contact, human: int) -> Card:
    return Card(
        object_type=contact.object_type, first=contact.first_name, last=contact.last_name,
        phones=tuple(phone.text for phone in contact.phones), emails=contact.emails, company=contact.company,
        country=contact.country, owner=contact.owner_name, owner_email=contact.owner_email, status=contact.status,
        stage=contact.stage, note=contact.description, human=human,
    )  # fmt: skip


def test_a_complete_pass_brings_everybody_once_and_proves_both_objects(wire: Wire) -> None:
    pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(wire.everybody())
    live = {kind: len(wire.org.shelves[kind].live) for kind in ("Contact", "Lead")}
    assert [proven for page in pages for proven in page.proven] == [
        Proven("contact", live["Contact"]),
        Proven("lead", live["Lead"]),
    ]
    assert {seen.status for seen in wire.sandbox.journal} == {200}


def test_what_arrives_is_what_the_org_says_of_its_people(make: Callable[[int], Wire]) -> None:
    wire = make(600)
    references, directory = wire.references(complete())
    names = References(references)
    contacts = {
        r.crm_id: SALESFORCE.to_contact(r.payload, names, r.object_type) for r in records(wire.fetch(complete()))
    }
    cards = wire.users.cards()
    assert {key: as_card(contacts[key], card.human) for key, card in cards.items()} == cards
    assert directory.notes == []
    for contact in contacts.values():
        assert contact.crm_id in cards or contact.is_deleted or contact.merged_into


def test_a_record_knows_its_type_its_stamp_and_whether_it_is_deleted(wire: Wire) -> None:
    gone = wire.users.add(object_type="lead", last="Gone")
    wire.users.delete(gone)
    found = {record.crm_id: record for record in records(wire.fetch(window()))}
    for record in found.values():
        assert record.payload["attributes"]["type"].lower() == record.object_type
        assert record.source_updated_at == datetime.fromisoformat(record.payload["SystemModstamp"])
    assert found[gone].is_deleted


def test_the_requests_of_a_complete_pass_are_those_of_the_reference(wire: Wire) -> None:
    pull = Pull(kind="complete", started_at=NOW)
    wire.org.stamp_all(1_790_000_000_000)
    wire.fetch(pull)
    assert [seen.path.removeprefix(f"/proxy{BASE}/") for seen in wire.sandbox.journal] == [
        "limits", "sobjects/Contact/describe", "query", "queryAll", "sobjects/Lead/describe", "query", "queryAll",
    ]  # fmt: skip
    assert wire.queries(QUERY) == ["SELECT COUNT() FROM Contact", "SELECT COUNT() FROM Lead"]
    first = wire.queries()[0]
    assert first.partition(" FROM ")[2] == "Contact ORDER BY SystemModstamp ASC, Id ASC LIMIT 2000"
    assert "Account.Name" in first
    assert "MailingAddress" not in first, "a compound; its parts are asked for"


def test_the_requests_of_a_window_pass_begin_at_since_and_have_a_fixed_end(wire: Wire) -> None:
    wire.fetch(Pull(kind="window", started_at=NOW, since=datetime(2026, 4, 1, 8, 30, 0, 250_000, tzinfo=UTC)))
    assert [query.partition(" WHERE ")[2].partition(" ORDER")[0] for query in wire.queries()] == [
        f"SystemModstamp < {UNTIL} AND SystemModstamp >= 2026-04-01T08:30:00.250Z"
    ] * 2
    assert wire.seen(QUERY) == []


def test_each_next_query_goes_on_behind_the_last_row(make: Callable[[int], Wire]) -> None:
    wire = make(4500)
    wire.fetch(complete())
    contacts = [query.partition(" FROM ")[2] for query in wire.queries() if " FROM Contact" in query]
    assert len(contacts) == 2
    assert re.fullmatch(
        r"Contact WHERE SystemModstamp >= (\S+) AND \(SystemModstamp > \1 OR Id > '003\w{15}'\) "
        r"ORDER BY SystemModstamp ASC, Id ASC LIMIT 2000",
        contacts[1],
    )


def test_a_window_pass_brings_what_changed_and_proves_nothing(wire: Wire) -> None:
    since = datetime.now(UTC) - timedelta(minutes=15)
    assert ids_of(wire.fetch(window(since))) == []
    lead, contact, other = (wire.users.add(object_type=kind, last=kind) for kind in ("lead", "contact", "contact"))
    kept, lost = (wire.users.add(last=name) for name in "AB")
    wire.users.delete(other)
    wire.users.merge(kept, lost)
    became = wire.users.convert(lead)
    pages = wire.fetch(window(since))
    found = {r.crm_id: SALESFORCE.to_contact(r.payload, References(), r.object_type) for r in records(pages)}
    assert set(found) == {lead, contact, other, kept, lost, became}
    assert found[other].is_deleted
    assert found[lost].merged_into == ("contact", kept)
    assert found[lead].merged_into == ("contact", became)
    assert not any(page.proven for page in pages)
    wire.users.restore(other)
    again = {r.crm_id: r for r in records(wire.fetch(window(since)))}
    assert not again[other].is_deleted


def test_a_change_made_a_moment_ago_is_seen_though_our_clock_is_behind(wire: Wire) -> None:
    contact = wire.users.add(last="Just now")
    behind = datetime.now(UTC) - timedelta(minutes=5)
    pages = wire.fetch(Pull(kind="window", started_at=behind, since=behind - timedelta(minutes=15)))
    assert ids_of(pages) == [contact]


def test_a_pass_goes_on_after_any_page_with_what_is_left(wire: Wire) -> None:
    wire.org.slow_above = 30
    for pull in (complete(), window()):
        pages = wire.fetch(pull)
        assert len(pages) > 4
        for count, page in enumerate(pages, 1):
            rest = wire.fetch(Pull(kind=pull.kind, started_at=pull.started_at, since=pull.since, resume=page.resume))
            assert ids_of(pages[:count]) + ids_of(rest) == ids_of(pages)
            proven = [proven for page in [*pages[:count], *rest] for proven in page.proven]
            assert [one.object_type for one in proven] == (["contact", "lead"] if pull.kind == "complete" else [])


def test_a_place_from_another_version_begins_the_pass_anew(wire: Wire) -> None:
    assert sorted(ids_of(wire.fetch(complete(resume="query:0r8Ax000001")))) == sorted(wire.everybody())


def test_thousands_with_one_stamp_need_no_more_than_a_page_each_two_thousand(make: Callable[[int], Wire]) -> None:
    wire = make(5000)
    wire.users.stamp_all(1_790_000_000_000)
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())
    assert len(wire.queries()) <= 5


def test_stamps_with_milliseconds_lose_nobody(wire: Wire) -> None:
    wire.org.slow_above = 30
    wire.users.stamp_all(1_790_000_000_123)
    pages = wire.fetch(window())
    assert sorted(ids_of(pages)) == sorted(wire.everybody())
    assert ".123Z" in wire.queries()[-1]


def test_a_server_that_gives_less_at_once_is_followed_to_the_end(wire: Wire) -> None:
    wire.org.page_rows = 25
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())
    links = [seen.path for seen in wire.sandbox.journal if "/query/0r8" in seen.path]
    assert len(links) >= 3


@pytest.mark.parametrize("lives", [0, 1])
def test_a_link_that_has_died_is_replaced_by_a_query_behind_the_last_row(wire: Wire, lives: int) -> None:
    """Nango may renew the token between two calls, which ends every open query."""
    wire.org.page_rows, wire.org.locator_lives = 10, lives
    assert sorted(ids_of(wire.fetch(complete()))) == sorted(wire.everybody())
    assert 400 in {seen.status for seen in wire.sandbox.journal}


@dataclass
class Renewing:
    """The calls of a connection whose token Nango renews before the first link is followed."""

    api: Proxy
    renew: Callable[[], object]
    config: Mapping[str, Any] = field(default_factory=dict)
    requests: int = 0

    def once(self, key: str, make: Callable[[], T]) -> T:
        return self.api.once(key, make)

    def note_budget(self, budget: Budget) -> None:
        self.api.note_budget(budget)

    def get(self, path: str, query: Mapping[str, str] | None = None, **more: Any) -> Answer:
        if "/query/0r8" in path and not self.requests:
            self.requests = 1
            self.renew()
        return self.api.get(path, query, **more)

    def post(self, path: str, body: object, **more: Any) -> Answer:
        raise AssertionError("nothing is posted to Salesforce")


def test_a_token_renewed_in_the_middle_of_a_query_costs_no_row(wire: Wire) -> None:
    wire.org.page_rows = 25
    api = Renewing(wire.api(), lambda: wire.sandbox.book.heal(wire.connection))
    wire.sandbox.journal.clear()
    assert sorted(ids_of(SALESFORCE.fetch_contacts(api, window()))) == sorted(wire.everybody())
    assert [seen.status for seen in wire.sandbox.journal].count(400) == 1


def test_a_refused_token_is_renewed_and_the_pass_goes_on(wire: Wire) -> None:
    wire.sandbox.book.break_connection(wire.connection, "expired_token")
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())


def test_a_query_that_takes_too_long_is_made_smaller(wire: Wire) -> None:
    wire.org.slow_above = 300
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())
    asked = [int(query.rpartition(" ")[2]) for query in wire.queries()]
    assert asked[:4] == [2000, 1000, 500, 250]


def test_a_query_that_is_too_slow_however_small_ends_the_pass(wire: Wire) -> None:
    wire.org.slow_above = 1
    with pytest.raises(ProviderError) as caught:
        wire.fetch(window())
    assert caught.value.code == "provider_unavailable"
    assert len(wire.queries()) < 10


def test_a_size_that_was_too_much_is_tried_again_later(make: Callable[[int], Wire]) -> None:
    """A server busy for a minute would make a pass of a million records cost eighty times its calls."""
    wire = make(900)
    wire.org.slow_above = 30
    pages = SALESFORCE.fetch_contacts(wire.api(), window())
    first = next(pages)
    assert len(first.records) == 25
    wire.org.slow_above = None
    assert len(ids_of([first, *pages])) == len(wire.everybody())
    asked = [int(query.rpartition(" ")[2]) for query in wire.queries() if " FROM Contact" in query]
    assert asked[-1] >= 50


def test_no_query_is_a_scan_of_a_large_object(wire: Wire) -> None:
    """An OR alone is served by no index, and runs into the time limit however few rows it asks for."""
    wire.org.slow_above, wire.org.slow_scan = 30, 10
    wire.users.add_custom_fields(600)
    for pull in (complete(), window()):
        assert sorted(ids_of(wire.fetch(pull))) == sorted(wire.everybody())


@pytest.mark.parametrize("code", ["QUERY_TOO_COMPLICATED", "414"])
def test_a_query_of_too_many_fields_is_cut_into_more_parts(wire: Wire, code: str) -> None:
    """Formulas count with all that they are made of, so a query that is short enough may still be too much."""
    wire.users.add_custom_fields(300)
    if code == "414":
        wire.sandbox.faults.add(
            match={"path": "queryAll$", "query": ".{2500}"}, times=None, answer={"status": 414, "body": "<html></html>"}
        )
    else:
        wire.org.most_fields = 100
    found = records(wire.fetch(complete()))
    assert sorted(str(record.crm_id) for record in found) == sorted(wire.everybody())
    for record in found:
        assert record.is_deleted or sum(name.startswith("Extra_") for name in record.payload) == 300


def test_a_query_that_is_too_complicated_however_few_fields_ends_the_pass(wire: Wire) -> None:
    wire.org.most_fields = 5
    with pytest.raises(ProviderError) as caught:
        wire.fetch(window())
    assert "QUERY_TOO_COMPLICATED" in caught.value.message
    assert len(wire.queries()) < 6


def test_a_record_that_moves_while_we_page_is_not_missed(wire: Wire) -> None:
    """It changes hours after the pass began and before we come to it: a complete pass must not take it for gone."""
    wire.org.slow_above = 30
    started = datetime.now(UTC) - timedelta(hours=1)
    pages = SALESFORCE.fetch_contacts(wire.api(), Pull(kind="complete", started_at=started))
    first = next(pages)
    last = wire.org.shelves["Contact"].changed()[-1].id
    assert last not in ids_of([first])
    wire.users.edit(str(last), phone="+1 212 736 5000")
    assert str(last) in ids_of(pages)


def test_three_thousand_custom_fields_land_in_queries_that_fit(wire: Wire) -> None:
    wire.users.add_custom_fields(3000)
    found = records(wire.fetch(complete()))
    assert {str(record.crm_id) for record in found} == wire.everybody()
    for record in found:
        if not record.is_deleted:
            extra = [name for name in record.payload if name.startswith("Extra_")]
            assert len(extra) == 3000
            assert record.payload["Extra_2999__c"].endswith(str(record.crm_id)[9:15])
    assert max(len(seen.path) + len(seen.query) for seen in wire.sandbox.journal) < 8192


def test_further_fields_cost_one_query_a_page(make: Callable[[int], Wire]) -> None:
    """A page that is full is no reason to ask whether there is more of it."""
    wire = make(2000)
    wire.users.add_custom_fields(700)
    wire.org.slow_above = 250
    pages = wire.fetch(window())
    further = [query for query in wire.queries() if "LastName" not in query]
    assert len(pages) > 6
    assert len(further) == len(pages)


def test_fields_of_the_mapping_are_asked_for_and_their_options_labelled(wire: Wire) -> None:
    mapping = {"status": "Outreach_Status__c", "stage": "Journey__c", "description": "Nowhere__c"}
    references, directory = wire.references(complete(mapping=mapping))
    labels = {(one.kind, one.crm_id): one.label for one in references}
    assert labels["status", "contact.Outreach_Status__c:Replied"] == "Has replied"
    assert labels["stage", "contact.Journey__c:2"] == "Customer"
    assert directory.notes == ["The field mapping names what no lead or contact shows: Nowhere__c."]
    wire.fetch(window(mapping=mapping))
    assert all("Outreach_Status__c" in query for query in wire.queries())


# --- permissions


def test_a_field_the_user_may_not_read_is_left_out_and_told(wire: Wire) -> None:
    wire.org.hidden = {"Lead": {"Email", "OwnerId"}, "Contact": {"MobilePhone", "Fax"}}
    pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(wire.everybody())
    assert [note for page in pages for note in page.notes] == [
        "Fields of Contact that the connected user may not read: MobilePhone.",
        "Fields of Lead that the connected user may not read: Email, OwnerId.",
    ]


@pytest.mark.parametrize("kind", ["Lead", "Contact"])
def test_an_object_the_user_may_not_see_is_left_out_and_not_proven(wire: Wire, kind: str) -> None:
    wire.org.invisible = {kind}
    pages = wire.fetch(complete())
    assert kind.lower() not in {record.object_type for record in records(pages)}
    assert [proven.object_type for page in pages for proven in page.proven] == [
        one for one in ("contact", "lead") if one != kind.lower()
    ]
    (note,) = [note for page in pages for note in page.notes]
    assert note.startswith(f"{kind} is left out")


def test_an_object_that_only_its_query_refuses_is_left_out_too(wire: Wire) -> None:
    body = [{"message": "sObject type 'Lead' is not supported.", "errorCode": "INVALID_TYPE"}]
    wire.sandbox.faults.add(
        match={"path": "query", "query": "FROM%20Lead"}, times=None, answer={"status": 400, "body": body}
    )
    pages = wire.fetch(window())
    assert {record.object_type for record in records(pages)} == {"contact"}
    assert len([note for page in pages for note in page.notes]) == 1


def test_what_a_pass_could_not_read_is_told_after_an_interruption_too(wire: Wire) -> None:
    """Else the pass counts as one that read everything, and what went by in it is not read again."""
    wire.org.invisible, wire.org.hidden = {"Contact"}, {"Lead": {"Email"}}
    pages = wire.fetch(window())
    assert [page.unread for page in pages] == [("contact",), ("contact", "lead.Email")]
    rest = wire.fetch(window(resume=pages[0].resume))
    assert rest[-1].unread == ("contact", "lead.Email")
    wire.org.invisible = {"Lead"}
    with pytest.raises(ProviderError) as caught:
        wire.fetch(window(resume=pages[0].resume))
    assert caught.value.code == "missing_scope"
    wire.org.invisible, wire.org.hidden = set(), {}
    assert {page.unread for page in wire.fetch(window())} == {()}


def test_without_any_object_there_is_nothing_to_read(wire: Wire) -> None:
    wire.org.invisible = {"Lead", "Contact"}
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "missing_scope"
    assert "View All" in caught.value.action


def test_a_field_that_only_the_query_refuses_costs_one_more_description(wire: Wire) -> None:
    wire.org.unqueryable = {"Lead.Owner.Email"}
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())
    assert len(wire.seen(f"{BASE}/sobjects/Lead/describe")) == 2
    assert "Owner." not in wire.queries()[-1]


def test_a_field_that_no_query_takes_ends_the_pass(wire: Wire) -> None:
    wire.org.unqueryable = {"Lead.Email"}
    with pytest.raises(ProviderError) as caught:
        wire.fetch(window())
    assert caught.value.code == "unexpected_response"


def test_owners_queues_and_labels_are_read(wire: Wire) -> None:
    references, _ = wire.references(Pull(kind="complete", started_at=NOW))
    by_kind = {(one.kind, one.crm_id): one for one in references}
    for shelf, prefix in (("User", "005"), ("Group", "00G")):
        expected = {str(r.id) for r in wire.org.shelves[shelf].live.values() if r.values.get("Type") != "Regular"}
        assert {key for kind, key in by_kind if kind == "owner" and key.startswith(prefix)} == expected
    assert by_kind["status", "Open - Not Contacted"].label == "Open"
    order = "ORDER BY SystemModstamp ASC, Id ASC LIMIT 2000"
    assert [query.partition(" FROM ")[2] for query in wire.queries(QUERY)] == [
        f"User WHERE SystemModstamp < {UNTIL} {order}",
        f"Group WHERE Type = 'Queue' AND SystemModstamp < {UNTIL} {order}",
        f"Account WHERE SystemModstamp < {UNTIL} {order}",
    ]


def test_users_are_read_as_far_as_they_changed(wire: Wire) -> None:
    """An org's customers may be its users too, by the million; to read them all each hour would use up its day."""
    since = datetime.now(UTC) - timedelta(minutes=5)
    contact = wire.users.add(last="Vane")
    wire.users.rename_owner(contact, "Grace Hopper", "grace@acme.example")
    references, _ = wire.references(window(since, references_since=since))
    assert [one[2:] for one in references if one.kind == "owner"] == [("Grace Hopper", "grace@acme.example")]


def test_companies_are_read_by_time_of_change_and_as_they_are_wanted(wire: Wire) -> None:
    since = datetime.now(UTC) - timedelta(minutes=5)
    contact = wire.users.add(last="Vane", company="Quaymill")
    wire.users.rename_company(contact, "Quaymill & Sons")
    references, _ = wire.references(window(since, references_since=since))
    assert [one.label for one in references if one.kind == "company"] == ["Quaymill & Sons"]
    everything, _ = wire.references(complete())
    assert len([one for one in everything if one.kind == "company"]) == len(wire.org.shelves["Account"].live)
    wire.org.page_rows, wire.org.locator_lives = 3, 0
    again, _ = wire.references(complete())
    assert sorted(again) == sorted(everything)


@pytest.mark.parametrize(
    ("kind", "missing"),
    [("User", "owner"), ("Group", None), ("Account", "company")],
    ids=["users", "queues", "accounts"],
)
def test_references_out_of_reach_are_told_and_the_others_read(wire: Wire, kind: str, missing: str | None) -> None:
    wire.org.invisible = {kind}
    references, directory = wire.references(complete())
    (note,) = directory.notes
    assert kind in note
    kinds = {one.kind for one in references if not (missing == "owner" and one.crm_id.startswith("00G"))}
    assert kinds == {"owner", "status", "company"} - {missing}


def test_owners_whose_addresses_are_hidden_keep_their_names(wire: Wire) -> None:
    wire.org.hidden = {"User": {"Email"}}
    references, directory = wire.references(complete())
    users = [one for one in references if one.crm_id.startswith("005")]
    assert users
    assert all(one.label and one.email is None for one in users)
    assert len(directory.notes) == 1


def test_any_other_trouble_with_references_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(
        match={"path": "query"}, times=None, answer={"status": 403, "body": _said("API_DISABLED_FOR_ORG")}
    )
    with pytest.raises(ProviderError) as caught:
        wire.references(complete())
    assert caught.value.code == "connection_misconfigured"


def test_a_description_is_asked_for_once_in_a_run(wire: Wire) -> None:
    api = wire.api()
    SALESFORCE.fetch_references(api, complete())
    list(SALESFORCE.fetch_contacts(api, complete()))
    assert len(wire.seen(f"{BASE}/sobjects/Lead/describe")) == 1


# --- the day's calls


def test_the_days_calls_are_asked_for_once_and_stop_us_at_four_fifths(wire: Wire) -> None:
    wire.fetch(complete())
    assert len(wire.seen(f"{BASE}/limits")) == 1
    wire.org.daily_calls = 10
    with pytest.raises(PipelineError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "daily_limit"


def test_the_days_calls_are_known_before_a_million_names_are_read(make: Callable[[int], Wire]) -> None:
    wire = make(900)
    wire.org.slow_above, wire.org.daily_calls = 30, 16
    with pytest.raises(PipelineError) as caught:
        wire.references(complete())
    assert caught.value.code == "daily_limit"
    assert len(wire.queries(QUERY)) < 25


def test_the_days_calls_are_asked_for_again_in_a_long_pass(
    make: Callable[[int], Wire], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nango drops the header that tells them, and others use the same budget meanwhile."""
    wire = make(300)
    monkeypatch.setattr("crm_pipeline.providers.salesforce.CALLS_UNWATCHED", 5)
    wire.org.slow_above = 30
    pages = SALESFORCE.fetch_contacts(wire.api(), window())
    next(pages)
    wire.org.daily_calls = 10
    with pytest.raises(PipelineError) as caught:
        list(pages)
    assert caught.value.code == "daily_limit"


@pytest.mark.parametrize(
    "answer", [(403, "INSUFFICIENT_ACCESS"), (403, "FUNCTIONALITY_NOT_ENABLED"), (404, "NOT_FOUND")]
)
def test_a_user_who_may_not_see_the_limits_syncs_without(wire: Wire, answer: tuple[int, str]) -> None:
    status, code = answer
    wire.sandbox.faults.add(match={"path": "/limits$"}, times=None, answer={"status": status, "body": _said(code)})
    assert sorted(ids_of(wire.fetch(window()))) == sorted(wire.everybody())


def test_an_org_whose_day_is_used_up_says_so_at_once(wire: Wire) -> None:
    wire.crm.limits, wire.org.daily_calls = True, 0
    with pytest.raises(PipelineError) as caught:
        wire.fetch(window())
    assert caught.value.code == "daily_limit"


# --- answers that make no sense


def _said(code: str) -> list[dict[str, str]]:
    return [{"message": "words", "errorCode": code}]


Document = Any


@dataclass
class Scripted:
    """Calls answered by a function of the query's text and the number of calls so far."""

    script: Callable[[str, int], Document]
    config: Mapping[str, Any] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    kept: dict[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], T]) -> T:
        if key not in self.kept:
            self.kept[key] = make()
        made: T = self.kept[key]
        return made

    def note_budget(self, budget: Budget) -> None:
        raise AssertionError("nobody said anything of a budget")

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
        bucket: str = "default", shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        if path.endswith("limits"):
            return Answer(200, {}, b"{}")
        if path.endswith("describe"):
            fields = [{"name": name, "type": "string"} for name in ("Id", "SystemModstamp", "IsDeleted", "LastName")]
            return Answer(200, {}, orjson.dumps({"fields": fields}))
        self.calls.append((query or {}).get("q", path))
        assert len(self.calls) < 100, "this never ends"
        return Answer(200, {}, orjson.dumps(self.script(self.calls[-1], len(self.calls))))

    def post(self, path: str, body: object, **more: Any) -> Answer:
        raise AssertionError("nothing is posted to Salesforce")


def row(number: int, stamp: str = "2026-08-20T14:00:11.000+0000") -> Payload:
    return {"Id": f"003Ax{number:010d}AAA", "SystemModstamp": stamp}


def full_page(first: int) -> Document:
    return {"totalSize": 2000, "done": True, "records": [row(first + place) for place in range(2000)]}


NONSENSE: dict[str, tuple[Document, str]] = {
    "no link although not done": ({"done": False, "records": [row(1)]}, "unexpected_response"),
    "a link that is no text": ({"done": False, "records": [row(1)], "nextRecordsUrl": 7}, "unexpected_response"),
    "rows that are no objects": ({"done": True, "records": ["x"]}, "unexpected_response"),
    "records that are no list": ({"done": True, "records": {"x": 1}}, "unexpected_response"),
    "rows of another object": (
        {"done": True, "records": [row(1) | {"attributes": {"type": "Lead"}}]},
        "unexpected_response",
    ),
    "an id that is none": ({"done": True, "records": [{**row(1), "Id": "x' OR Id > '"}]}, "unexpected_response"),
    "a stamp that is none": ({"done": True, "records": [row(1, "yesterday")]}, "unexpected_response"),
    "the same link again": ({"done": False, "records": [], "nextRecordsUrl": "/services/data/x"}, "pagination_loop"),
    "the same full page again": (full_page(1), "pagination_loop"),
}


@pytest.mark.parametrize(("document", "code"), NONSENSE.values(), ids=NONSENSE)
def test_an_answer_that_makes_no_sense_ends_the_pass(document: Document, code: str) -> None:
    api = Scripted(lambda soql, number: document)
    with pytest.raises(ProviderError) as caught:
        list(SALESFORCE.fetch_contacts(api, window()))
    assert caught.value.code == code
    assert len(api.calls) <= 8


def test_an_answer_that_comes_once_more_is_not_taken_for_the_end() -> None:
    """It ends where the one before did, and is short because it was the last part of it."""
    short = {"done": True, "records": [row(1999)]}
    answers = {1: full_page(0), 2: short, 3: {"done": True, "records": [row(2500)]}}
    api = Scripted(lambda soql, number: answers.get(number, {"done": True, "records": []}))
    assert ids_of(SALESFORCE.fetch_contacts(api, window()))[-1] == row(2500)["Id"]


def test_full_pages_that_repeat_after_some_are_noticed() -> None:
    api = Scripted(lambda soql, number: full_page(2000 * (number % 7)))
    with pytest.raises(ProviderError) as caught:
        list(SALESFORCE.fetch_contacts(api, window()))
    assert caught.value.code == "pagination_loop"
    assert len(api.calls) <= 12


def test_users_that_repeat_are_noticed() -> None:
    api = Scripted(lambda soql, number: full_page(1))
    with pytest.raises(ProviderError) as caught:
        list(SALESFORCE.fetch_references(api, window()).changed)
    assert caught.value.code == "pagination_loop"


def test_a_count_that_is_no_number_is_refused() -> None:
    api = Scripted(lambda soql, number: {"totalSize": "many"})
    with pytest.raises(ProviderError) as caught:
        list(SALESFORCE.fetch_contacts(api, complete()))
    assert caught.value.code == "unexpected_response"


@pytest.mark.parametrize("path", ["sobjects/Contact/describe", "query", "queryAll"])
def test_an_answer_without_what_was_asked_for_is_nothing_to_go_on(wire: Wire, path: str) -> None:
    wire.sandbox.faults.add(
        match={"path": f"/{path}$"}, times=None, answer={"status": 400, "body": [{"message": "no"}]}
    )
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "unexpected_response"


def test_an_org_without_anybody_proves_that_there_is_nobody(make: Callable[[int], Wire]) -> None:
    pages = make(0).fetch(complete())
    assert [(page.records, page.proven) for page in pages] == [
        ([], (Proven("contact", 0),)),
        ([], (Proven("lead", 0),)),
    ]


def test_a_window_pass_without_a_since_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="since"):
        list(SALESFORCE.fetch_contacts(Scripted(lambda *_: {}), Pull(kind="window", started_at=NOW)))


# --- the value itself


def test_a_connection_without_the_orgs_address_cannot_work() -> None:
    SALESFORCE.check_config({"instance_url": "https://acme.my.salesforce.com"})
    for config in ({}, {"instance_url": None}, {"instance_url": "acme"}):
        with pytest.raises(PipelineError) as caught:
            SALESFORCE.check_config(config)
        assert caught.value.code == "connection_misconfigured"


def test_the_link_to_a_record_leads_to_lightning() -> None:
    config = {"instance_url": "https://acme.my.salesforce.com/"}
    link = SALESFORCE.record_url(config, "lead", "00QAx000004kTzBMAU")
    assert link == "https://acme.my.salesforce.com/lightning/r/Lead/00QAx000004kTzBMAU/view"
    assert SALESFORCE.record_url({}, "contact", "003") is None


def test_it_is_registered_under_its_name() -> None:
    assert PROVIDERS["salesforce"] is SALESFORCE


def test_its_names_at_nango_and_how_it_tells_of_deletions() -> None:
    assert (SALESFORCE.integration, SALESFORCE.also_named) == ("salesforce", ("salesforce-sandbox",))
    assert (SALESFORCE.identity, SALESFORCE.deletions) == ("instance_url", "feed")
