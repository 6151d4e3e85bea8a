"""Zoho: payloads to contacts, refusals to codes, and the requests themselves, as the vendor's reference has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import PhoneText
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Budget, Rate
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.providers.provider import CrmApi, Directory, Page, Payload, Proven, Pull, Reference, References
from crm_pipeline.providers.zoho import ZOHO
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.sandbox.zoho.api import ZohoApi
from crm_pipeline.sandbox.zoho.desk import ZohoUsers
from crm_pipeline.sandbox.zoho.org import ZohoOrg
from crm_pipeline_tests.sandbox.caller import START, SetClock

LEADS, CONTACTS, ACCOUNTS = "/crm/v8/Leads", "/crm/v8/Contacts", "/crm/v8/Accounts"
FIELDS, USERS, COQL = "/crm/v8/settings/fields", "/crm/v8/users", "/crm/v8/coql"
STARTED = datetime.fromtimestamp(START, UTC)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
OWNER = {"name": "Ines Ortega", "id": "5550001000000000101", "email": "ines@example.org"}
CONTACT: Payload = {
    "id": "5550001000000456789",
    "First_Name": "Mara", "Last_Name": "Lindqvist", "Full_Name": "Mara Lindqvist",
    "Email": "mara@example.com", "Secondary_Email": "ml@example.com",
    "Phone": "+46 8 000 00 00", "Mobile": "+46 70 000 00 00", "Home_Phone": "08 1", "Other_Phone": "08 2",
    "Account_Name": {"name": "Northwind Fjord AB", "id": "5550001000000333444"},
    "Owner": OWNER,
    "Lead_Source": "Web", "Title": "CTO",
    "Description": "Asked for a demo",
    "Mailing_Country": "Sweden",
    "Last_Activity_Time": "2026-08-13T11:02:07+02:00",
    "Created_Time": "2025-11-03T10:12:44+01:00",
    "Modified_Time": "2026-08-14T18:05:10+02:00",
    "Tag": [{"name": "vip", "id": "5550001000000999000", "color_code": "#57B1FD"}],
    "Email_Opt_Out": False, "Record_Status__s": "Available",
}  # fmt: skip
LEAD: Payload = {
    "id": "5550001000000777888", "Full_Name": "Ms. Ada Brandt", "Salutation": "Ms.",
    "First_Name": "Ada", "Last_Name": "Brandt", "Email": "ada@example.com", "Secondary_Email": None,
    "Phone": None, "Mobile": "+49 151 000 00 00", "Owner": OWNER, "Country": "Germany",
    "Company": "Brandt Optik", "Designation": "Owner",
    "Lead_Status": "Attempted to Contact", "Lead_Source": "Cold Call", "Rating": None,
    "Converted__s": False, "Converted_Date_Time": None, "$converted_detail": None,
    "Modified_Time": "2026-08-14T18:05:10+02:00", "Created_Time": "2025-11-03T10:12:44+01:00",
}  # fmt: skip
DELETED: Payload = {
    "id": "5550001000000123456", "display_name": "Lindqvist", "type": "recycle",
    "deleted_time": "2026-08-12T10:15:00+02:00",
    "deleted_by": {"name": "Ines Ortega", "id": "5550001000000000101"},
    "created_by": {"name": "Ines Ortega", "id": "5550001000000000101"},
}  # fmt: skip
NAMES = References(
    [
        Reference("owner", "5550001000000000101", "Ines Falk", "falk@example.org"),
        Reference("company", "5550001000000333444", "Northwind Group"),
        Reference("status", "lead.Lead_Status:Attempted to Contact", "Kontaktversuch"),
        Reference("stage", "lead.Lifecycle:mql", "Marketing qualified"),
        Reference("status", "lead.Lifecycle:mql", "A status"),
        Reference("status", "contact.Contact_Status:Active", "Active customer"),
    ]
)
NOBODY = References()


def mapped(**mapping: str) -> References:
    """What is known beside the records, with a field mapping."""
    found = References(mapping=mapping)
    found._by_kind = NAMES._by_kind
    return found


# --- payload to contact


def test_every_field_of_a_recorded_contact_is_found() -> None:
    assert ZOHO.to_contact(CONTACT, NOBODY, "contact")._asdict() == {
        "crm_id": "5550001000000456789",
        "object_type": "contact",
        "full_name": None,
        "first_name": "Mara",
        "last_name": "Lindqvist",
        "phones": (
            PhoneText("+46 8 000 00 00", "phone"), PhoneText("+46 70 000 00 00", "mobile"), PhoneText("08 1", "home"),
            PhoneText("08 2", "other"),
        ),
        "emails": ("mara@example.com", "ml@example.com"),
        "company": "Northwind Fjord AB",
        "country": "Sweden",
        "owner_id": "5550001000000000101",
        "owner_name": "Ines Ortega",
        "owner_email": "ines@example.org",
        "status_id": None,
        "status": None,
        "stage_id": None,
        "stage": None,
        "company_id": "5550001000000333444",
        "description": "Asked for a demo",
        "last_activity_at": datetime(2026, 8, 13, 9, 2, 7, tzinfo=UTC),
        "created_at": datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC),
        "updated_at": datetime(2026, 8, 14, 16, 5, 10, tzinfo=UTC),
        "is_deleted": False,
        "merged_into": None,
        "is_merge_unknown": False,
        "is_purged": False,
        "merged_ids": (),
    }  # fmt: skip


def test_a_recorded_lead_has_its_own_fields_and_no_salutation_in_its_name() -> None:
    lead = ZOHO.to_contact(LEAD, NAMES, "lead")
    assert (lead.object_type, lead.full_name, lead.first_name, lead.last_name) == ("lead", None, "Ada", "Brandt")
    assert (lead.company, lead.company_id, lead.country) == ("Brandt Optik", None, "Germany")
    assert (lead.status, lead.status_id) == ("Kontaktversuch", "lead.Lead_Status:Attempted to Contact")
    assert (lead.stage, lead.merged_into) == (None, None)
    assert lead.phones == (PhoneText("+49 151 000 00 00", "mobile"),)


def test_names_we_know_come_before_those_a_record_carries() -> None:
    contact = ZOHO.to_contact(CONTACT, NAMES, "contact")
    assert (contact.owner_name, contact.owner_email) == ("Ines Falk", "falk@example.org")
    assert contact.company == "Northwind Group"


def test_a_status_without_a_label_is_shown_as_it_is() -> None:
    assert ZOHO.to_contact(LEAD | {"Lead_Status": "Parked"}, NAMES, "lead").status == "Parked"


@pytest.mark.parametrize("empty", [None, "", "  "], ids=["null", "empty", "blank"])
@pytest.mark.parametrize("object_type", ["lead", "contact"])
def test_absent_null_and_blank_mean_the_same(object_type: str, empty: str | None) -> None:
    absent = ZOHO.to_contact({"id": "1"}, NAMES, object_type)
    payload = dict.fromkeys(CONTACT | LEAD, empty) | {"id": "1"}
    assert ZOHO.to_contact(payload, NAMES, object_type) == absent
    assert (absent.phones, absent.emails, absent.owner_id, absent.status, absent.updated_at) == (
        (),
        (),
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    "contact", [{"id": "5550001000000456789", "name": "Ada"}, "5550001000000456789"], ids=["object", "text"]
)
def test_a_converted_lead_says_which_contact_it_became(contact: object) -> None:
    detail = {"account": None, "contact": contact, "deal": None, "convert_date": "2026-08-14"}
    lead = ZOHO.to_contact(LEAD | {"Converted__s": True, "$converted_detail": detail}, NAMES, "lead")
    assert (lead.merged_into, lead.stage) == (("contact", "5550001000000456789"), "Converted")


@pytest.mark.parametrize("detail", [None, {}, {"contact": None}, {"contact": {}}, "x"], ids=repr)
def test_a_converted_lead_that_keeps_its_contact_back_is_only_converted(detail: object) -> None:
    lead = ZOHO.to_contact(LEAD | {"Converted__s": True, "$converted_detail": detail}, NAMES, "lead")
    assert (lead.merged_into, lead.stage) == (None, "Converted")


@pytest.mark.parametrize(("kind", "purged"), [("recycle", False), ("permanent", True)])
def test_a_deleted_record_is_known_by_its_id_and_has_no_time(kind: str, purged: bool) -> None:
    contact = ZOHO.to_contact(DELETED | {"type": kind}, NAMES, "lead")
    assert (contact.crm_id, contact.object_type) == ("5550001000000123456", "lead")
    assert (contact.is_deleted, contact.is_purged, contact.updated_at) == (True, purged, None)


def test_a_record_without_a_time_of_change_has_that_of_its_making() -> None:
    contact = ZOHO.to_contact(CONTACT | {"Modified_Time": None}, NAMES, "contact")
    assert contact.updated_at == contact.created_at == datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC)


def test_a_mapped_field_is_the_source_with_its_labels() -> None:
    names = mapped(status="Contact_Status", stage="Lifecycle", description="Next_Step", company="Employer")
    payload = CONTACT | {"Contact_Status": "Active", "Next_Step": "Call", "Employer": {"name": "Fjord", "id": "1"}}
    contact = ZOHO.to_contact(payload, names, "contact")
    assert (contact.status, contact.status_id) == ("Active customer", "contact.Contact_Status:Active")
    assert (contact.description, contact.company) == ("Call", "Fjord")
    assert contact.stage is None, "this module has no field of that name"
    lead = ZOHO.to_contact(LEAD | {"Lifecycle": "mql"}, names, "lead")
    assert lead.stage == "Marketing qualified"
    assert lead.status == "Kontaktversuch", "a lead has no such field, so its usual one stays"


@pytest.mark.parametrize(
    ("value", "status"),
    [(None, None), ("", None), (["mql", "sql"], "A status, sql"), ({"name": "Gold", "id": "7"}, "Gold"), (True, "Yes"),
     (7, "7"), ([], None)],
    ids=repr,
)  # fmt: skip
def test_a_mapped_field_may_hold_anything(value: object, status: str | None) -> None:
    assert ZOHO.to_contact(LEAD | {"Lifecycle": value}, mapped(status="Lifecycle"), "lead").status == status


def test_a_mapped_field_that_is_empty_hides_the_usual_one() -> None:
    lead = LEAD | {"Lifecycle": None, "Converted__s": True}
    contact = ZOHO.to_contact(lead, mapped(status="Lifecycle", stage="Lifecycle", company="Lifecycle"), "lead")
    assert (contact.status, contact.stage, contact.company) == (None, None, None)


VALUES = st.none() | st.text(max_size=12) | st.integers() | st.floats() | st.booleans() | st.lists(
    st.text(max_size=3), max_size=3
) | st.dictionaries(st.sampled_from(["id", "name", "email", "contact"]), st.text(max_size=3))  # fmt: skip


@given(st.dictionaries(st.sampled_from(sorted((CONTACT | LEAD).keys() - {"id"})), VALUES), st.booleans())
def test_no_value_of_a_field_stops_the_mapper(values: dict[str, object], is_lead: bool) -> None:
    """One payload that raises would stop every later sync of its connection."""
    payload = {"id": "1", **values}
    contact = ZOHO.to_contact(payload, mapped(status="Rating", company="Tag"), "lead" if is_lead else "contact")
    texts = [value for value in contact if isinstance(value, str)]
    assert all(text.strip() for text in texts)


# --- refusals


def error_body(code: str, message: str = "said so", **details: object) -> dict[str, object]:
    return {"code": code, "details": details, "message": message, "status": "error"}


REFUSALS: list[tuple[int, object, str | None, bool]] = [
    (401, error_body("INVALID_TOKEN"), "connection_expired", True),
    (401, error_body("AUTHENTICATION_FAILURE"), "connection_expired", True),
    (401, error_body("OAUTH_SCOPE_MISMATCH"), "missing_scope", False),
    (401, None, None, False),
    (403, error_body("NO_PERMISSION", permissions=["Crm_Implied_View_Leads"]), "connection_misconfigured", False),
    (403, error_body("NOT_SUPPORTED"), "connection_misconfigured", False),
    (403, None, "provider_unavailable", True),
    (400, error_body("INVALID_MODULE"), "connection_misconfigured", False),
    (400, error_body("INVALID_DATA"), "unexpected_response", False),
    (400, error_body("LIMIT_EXCEEDED", limit=50), "unexpected_response", False),
    (404, error_body("INVALID_URL_PATTERN"), None, False),
    (429, error_body("TOO_MANY_REQUESTS"), "rate_limited", True),
    (429, None, "rate_limited", True),
    (500, error_body("INTERNAL_ERROR"), None, False),
    (502, None, None, False),
    (200, error_body("INVALID_TOKEN"), None, False),
    (200, ["a", "list"], None, False),
    (400, {"code": 7}, None, False),
]


@pytest.mark.parametrize(("status", "body", "code", "can_retry"), REFUSALS, ids=str)
def test_what_zoho_means_by_a_refusal(status: int, body: object, code: str | None, can_retry: bool) -> None:
    refusal = ZOHO.read_refusal(status, {}, body)
    assert (refusal.code if refusal else None) == code
    assert (refusal.can_retry if refusal else False) is can_retry


def test_a_429_waits_ten_seconds_at_least_and_means_the_day_when_no_credits_are_left() -> None:
    def refused(**headers: str) -> tuple[str, float | None]:
        found = ZOHO.read_refusal(429, {name.replace("_", "-"): text for name, text in headers.items()}, {})
        assert found is not None
        return found.code, found.retry_after

    assert refused() == ("rate_limited", 10.0)
    assert refused(retry_after="3") == ("rate_limited", 10.0)
    assert refused(retry_after="45") == ("rate_limited", 45.0)
    assert refused(retry_after="soon", x_api_credits_remaining="20") == ("rate_limited", 10.0)
    assert refused(x_api_credits_remaining="0") == ("daily_limit", None)


def test_only_the_last_credit_tells_of_the_day() -> None:
    assert ZOHO.read_budget({}) is None
    assert ZOHO.read_budget({"x-api-credits-remaining": "2000"}) is None
    assert ZOHO.read_budget({"x-api-credits-remaining": "0"}) == Budget(0, 1)


# --- requests, against the sandbox

Value = TypeVar("Value")
FAST = {"default": Rate(10_000, 1000)}
ONCE = RetryPolicy(attempts=1)


@dataclass
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None


@dataclass
class Wire:
    """A sandbox with one org, and the calls of its connection with what only the CRM gets to see."""

    sandbox: Sandbox
    proxy: Proxy
    clock: SetClock
    calls: list[Call] = field(default_factory=list)
    made: dict[str, Any] = field(default_factory=dict)

    @property
    def org(self) -> ZohoOrg:
        crm = self.sandbox.crm("zoho", "acme")
        assert isinstance(crm, ZohoApi)
        return crm.org

    @property
    def users(self) -> ZohoUsers:
        return ZohoUsers(self.org)

    @property
    def requests(self) -> int:
        return self.proxy.requests

    @property
    def config(self) -> Mapping[str, Any]:
        return self.proxy.config

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        if key not in self.made:
            self.made[key] = make()
        value: Value = self.made[key]
        return value

    def note_budget(self, budget: Budget) -> None:
        self.proxy.note_budget(budget)

    def get(self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
            **more: Any) -> Answer:  # fmt: skip
        self.calls.append(Call("GET", path, dict(query or {}), dict(headers or {})))
        return self.proxy.get(path, query, headers=headers, **more)

    def post(self, path: str, body: object, **more: Any) -> Answer:
        self.calls.append(Call("POST", path, {}, {}, body))
        return self.proxy.post(path, body, **more)

    def fetch(self, pull: Pull) -> list[Page]:
        self.calls.clear()
        self.made.clear()
        return list(ZOHO.fetch_contacts(self, pull))

    def references(self, pull: Pull | None = None) -> Directory:
        self.calls.clear()
        self.made.clear()
        directory = ZOHO.fetch_references(self, pull or complete())
        directory.changed = list(directory.changed)
        return directory

    def asked(self, path: str) -> list[Call]:
        return [call for call in self.calls if call.path == path]

    def live(self) -> list[str]:
        return [str(number) for name in ("Leads", "Contacts") for number in self.org.shelves[name].live]


def opened(contacts: int) -> Iterator[Wire]:
    clock = SetClock()
    with (
        Sandbox(contacts=contacts, accounts=(), clock=clock) as sandbox,
        NangoClient(host=sandbox.url, secret_key=sandbox.secret_key) as client,
    ):
        found = sandbox.connect("acme", "zoho")
        proxy = client.proxy("zoho-crm", found.connection_id, rates=FAST, read_refusal=ZOHO.read_refusal)
        yield Wire(sandbox, proxy, clock)


@pytest.fixture(scope="module")
def first_day() -> Iterator[Wire]:
    """An org of several pages that nobody changes."""
    yield from opened(1300)


@pytest.fixture
def wire() -> Iterator[Wire]:
    """A small org that one test may change as it likes."""
    yield from opened(60)


def complete(**more: Any) -> Pull:
    return Pull(kind="complete", started_at=STARTED, **more)


def window(since: datetime = LONG_AGO, **more: Any) -> Pull:
    return Pull(kind="window", started_at=STARTED, since=since, **more)


def ids_of(pages: Iterable[Page], *, deleted: bool = False) -> list[str]:
    return [str(record.crm_id) for page in pages for record in page.records if record.is_deleted is deleted]


def notes_of(pages: Iterable[Page]) -> list[str]:
    return [note for page in pages for note in page.notes]


def proven_by(pages: Iterable[Page]) -> list[Proven]:
    return [proven for page in pages for proven in page.proven]


def test_a_complete_pass_shows_everybody_once_and_proves_it(first_day: Wire) -> None:
    pages = first_day.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(first_day.live())
    counts = {
        name: orjson.loads(first_day.proxy.get(f"/crm/v8/{name}/actions/count").body)["count"]
        for name in ("Leads", "Contacts")
    }
    assert proven_by(pages) == [Proven("lead", counts["Leads"]), Proven("contact", counts["Contacts"])]
    assert notes_of(pages) == []
    assert {record.object_type for page in pages for record in page.records} == {"lead", "contact"}
    assert all(record.source_updated_at for page in pages for record in page.records)


def test_the_lists_are_asked_for_as_the_reference_says(first_day: Wire) -> None:
    first_day.fetch(complete())
    leads, contacts = first_day.asked(LEADS), first_day.asked(CONTACTS)
    fields = leads[0].query["fields"].split(",")
    assert len(fields) <= 50
    assert {"id", "$converted_detail", "Lead_Status", "Country", "Team_Size", "Languages"} <= set(fields)
    usual = {"per_page": "200", "sort_by": "Modified_Time", "sort_order": "asc", "approved": "both"}
    assert leads[0].query == usual | {"fields": ",".join(fields), "converted": "both"}
    assert contacts[0].query == usual | {"fields": contacts[0].query["fields"]}
    assert {"Account_Name", "Home_Phone", "Mailing_Country", "Contact_Status"} <= set(
        contacts[0].query["fields"].split(",")
    )
    assert "Visits" not in contacts[0].query["fields"], "a list brings no subforms"
    assert len(leads) > 2
    for calls in (leads, contacts):
        for later in calls[1:]:
            assert set(later.query) - set(calls[0].query) == {"page_token"}
            assert later.query.items() >= calls[0].query.items()
    assert all("page" not in call.query and call.headers == {} for call in (*leads, *contacts))


def test_what_is_read_in_which_order(wire: Wire) -> None:
    wire.fetch(complete())
    assert [call.path for call in wire.calls] == [
        FIELDS, f"{LEADS}/actions/count", f"{LEADS}/deleted", LEADS,
        FIELDS, f"{CONTACTS}/actions/count", f"{CONTACTS}/deleted", CONTACTS,
    ]  # fmt: skip
    wire.fetch(window())
    assert [call.path for call in wire.calls] == [
        FIELDS, f"{LEADS}/deleted", LEADS, FIELDS, f"{CONTACTS}/deleted", CONTACTS,
    ]  # fmt: skip


def test_a_window_pass_asks_for_what_was_modified_since(wire: Wire) -> None:
    users, since = wire.users, datetime(2026, 9, 21, 14, 0, 0, 700_000, tzinfo=UTC)
    lead, contact = users.add(object_type="lead", last="Brandt"), users.add(last="Lindqvist")
    pages = wire.fetch(window(since))
    assert ids_of(pages) == [lead, contact]
    assert proven_by(pages) == []
    for path in (LEADS, f"{LEADS}/deleted", CONTACTS, f"{CONTACTS}/deleted"):
        asked = [call.headers for call in wire.asked(path)]
        assert asked == [{"If-Modified-Since": "2026-09-21T13:59:59+00:00"}], "its own second may be out"
    assert ids_of(wire.fetch(window(STARTED))) == [lead, contact], "the very second of a change counts"


def test_nothing_modified_is_no_failure_and_the_deleted_are_still_read(wire: Wire) -> None:
    assert ids_of(wire.fetch(window(STARTED))) == []
    assert [seen.status for seen in wire.sandbox.journal if seen.path.endswith(("Leads", "Contacts"))] == [304, 304]
    assert len(wire.asked(f"{CONTACTS}/deleted")) == 1


def test_an_empty_org_is_proven_empty() -> None:
    for wire in opened(0):
        pages = wire.fetch(complete())
        assert (ids_of(pages), proven_by(pages)) == ([], [Proven("lead", 0), Proven("contact", 0)])


def test_a_pass_goes_on_after_any_page(first_day: Wire) -> None:
    for pull in (complete(), window(datetime(2025, 1, 1, tzinfo=UTC))):
        pages = first_day.fetch(pull)
        assert len(pages) > 5
        for count, page in enumerate(pages, 1):
            rest = first_day.fetch(Pull(kind=pull.kind, started_at=STARTED, since=pull.since, resume=page.resume))
            assert set(ids_of(pages[:count])) | set(ids_of(rest)) == set(ids_of(pages))
            seen = proven_by(pages[:count]) + proven_by(rest)
            assert seen == proven_by(pages), "the count a module began with is kept"
            overlap = set(ids_of(pages[:count])) & set(ids_of(rest))
            assert len(overlap) < 5, "only rows of one second come twice"
            lists = [call for call in first_day.calls if call.path in (LEADS, CONTACTS)]
            assert all("page_token" not in call.query for call in lists[:1]), "a token may have died since"


def test_a_resume_that_nobody_wrote_begins_from_the_start(wire: Wire) -> None:
    for resume in ("", "rubbish", "x|list||", "lead|x||", "lead|list|never|many"):
        assert sorted(ids_of(wire.fetch(complete(resume=resume)))) == sorted(wire.live())


def test_the_deleted_are_brought_by_id_without_a_time(wire: Wire) -> None:
    users = wire.users
    lead, contact = users.add(object_type="lead", last="Brandt"), users.add(last="Lindqvist")
    for one in (lead, contact):
        users.delete(one)
    users.purge(contact)
    for pull in (window(STARTED), complete()):
        pages = wire.fetch(pull)
        gone = {str(one.crm_id): one for page in pages for one in page.records if one.is_deleted}
        assert {crm_id: one.object_type for crm_id, one in gone.items()} == {lead: "lead", contact: "contact"}
        assert all(one.source_updated_at is None for one in gone.values())
        mapped_ = [ZOHO.to_contact(gone[one].payload, NAMES, gone[one].object_type) for one in (lead, contact)]
        assert [(one.is_deleted, one.is_purged) for one in mapped_] == [(True, False), (True, True)]
        assert [call.query for call in wire.asked(f"{LEADS}/deleted")] == [
            {"type": "all", "page": "1", "per_page": "200"}
        ]


def test_a_complete_pass_asks_for_the_deleted_as_far_back_as_the_bin_goes(wire: Wire) -> None:
    """Who was deleted while nothing was read may not be proven absent, and must not be texted."""
    old, lost = wire.users.add(last="Old"), wire.users.add(last="Lost")
    wire.users.delete(old)
    wire.clock.move(40 * 86_400)
    wire.users.delete(lost)
    wire.clock.move(25 * 86_400)
    pages = wire.fetch(Pull(kind="complete", started_at=STARTED + timedelta(days=65)))
    assert lost in ids_of(pages, deleted=True)
    assert old not in ids_of(pages, deleted=True)


def test_a_record_that_is_listed_is_alive_although_the_deletions_still_name_it(wire: Wire) -> None:
    """Nobody documents that a restored record leaves the list of deletions; whoever came last is believed."""
    contact, back = wire.users.add(last="Back"), {"id": "0", "type": "recycle", "deleted_time": STARTED.isoformat()}
    wire.sandbox.faults.add(
        match={"path": "Contacts/deleted"},
        times=None,
        answer={"status": 200, "body": {"data": [back | {"id": contact}], "info": {"more_records": False}}},
    )
    for pull in (window(STARTED), complete()):
        found = [one for page in wire.fetch(pull) for one in page.records if one.crm_id == contact]
        assert [one.is_deleted for one in found] == [True, False]


def test_deletions_from_before_the_time_asked_for_are_left_alone(wire: Wire) -> None:
    """Were the header ignored, every pass would bring all of 120 days."""
    old = {"id": "77", "type": "recycle", "deleted_time": (STARTED - timedelta(hours=3)).isoformat()}
    body = {"data": [old, old | {"id": "78", "deleted_time": STARTED.isoformat()}], "info": {"more_records": False}}
    wire.sandbox.faults.add(match={"path": "Contacts/deleted"}, times=None, answer={"status": 200, "body": body})
    assert ids_of(wire.fetch(window(STARTED)), deleted=True) == ["78"]


def test_a_restored_record_is_shown_by_the_next_complete_pass(wire: Wire) -> None:
    contact = wire.users.add(last="Back")
    wire.users.delete(contact)
    wire.users.restore(contact)
    pages = wire.fetch(complete())
    assert contact in ids_of(pages)
    assert ids_of(pages, deleted=True) == []


def test_a_merge_is_a_change_and_a_deletion(wire: Wire) -> None:
    kept, lost = wire.users.add(last="Kept"), wire.users.add(last="Lost", phone="555 0100")
    wire.users.merge(kept, lost)
    pages = wire.fetch(window(STARTED))
    assert (ids_of(pages), ids_of(pages, deleted=True)) == ([kept], [lost])


def test_a_converted_lead_leads_to_its_contact(wire: Wire) -> None:
    lead = wire.users.add(object_type="lead", last="Brandt")
    contact = wire.users.convert(lead)
    records = {str(one.crm_id): one for page in wire.fetch(window(STARTED)) for one in page.records}
    assert set(records) == {lead, contact}
    assert ZOHO.to_contact(records[lead].payload, NOBODY, "lead").merged_into == ("contact", contact)


def test_a_conversion_that_the_list_keeps_back_is_read_alone(wire: Wire) -> None:
    wire.org.shows_conversion = False
    lead = wire.users.add(object_type="lead", last="Brandt")
    other = wire.users.add(object_type="lead", last="Open")
    contact = wire.users.convert(lead)
    records = {str(one.crm_id): one for page in wire.fetch(window(STARTED)) for one in page.records}
    assert ZOHO.to_contact(records[lead].payload, NOBODY, "lead").merged_into == ("contact", contact)
    assert [call.path for call in wire.calls if call.path == f"{LEADS}/{lead}"] == [f"{LEADS}/{lead}"]
    assert not wire.asked(f"{LEADS}/{other}")


def test_a_conversion_that_could_not_be_read_undoes_none_that_could(
    wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So many leads a pass are read alone; a complete pass must not bring those beyond back to life."""
    wire.org.shows_conversion = False
    monkeypatch.setattr("crm_pipeline.providers.zoho_lists.MOST_SINGLE_READS", 1)
    leads = [wire.users.add(object_type="lead", last="Brandt") for _ in range(3)]
    for lead in leads:
        wire.users.convert(lead)
    pages = wire.fetch(window(STARTED))
    found = {one.crm_id: ZOHO.to_contact(one.payload, NOBODY, "lead") for page in pages for one in page.records}
    assert [found[lead].is_merge_unknown for lead in leads] == [False, True, True]
    assert len(notes_of(pages)) == 1


def test_what_tells_a_conversion_is_asked_for_although_the_metadata_lacks_it(wire: Wire) -> None:
    for name in ("Converted__s", "Converted_Date_Time"):
        del wire.org.fields["Leads"][name]
    lead = wire.users.add(object_type="lead", last="Brandt")
    wire.users.convert(lead)
    (found,) = [one for page in wire.fetch(window(STARTED)) for one in page.records if one.crm_id == lead]
    assert found.payload["Converted__s"] is True


def test_a_parameter_that_this_org_does_not_know_is_left_out(wire: Wire) -> None:
    """`approved` is documented for the search, and only named for the list."""
    wire.org.knows_approved = False
    assert set(ids_of(wire.fetch(complete()))) <= set(wire.live())
    assert ["approved" in call.query for call in wire.asked(CONTACTS)] == [True, False]


def test_custom_fields_arrive_whatever_their_number() -> None:
    for wire in opened(330):
        wire.users.add_custom_fields(3000)
        pages = wire.fetch(complete())
        payloads = [one.payload for page in pages for one in page.records]
        wanted = {f"Extra_{number}": f"value of Extra_{number}" for number in range(1, 3001)}
        assert all(payload.items() >= wanted.items() for payload in payloads)
        assert all(
            "Lead_Status" in one.payload or "Account_Name" in one.payload for page in pages for one in page.records
        )
        queries = [call.body["select_query"] for call in wire.asked(COQL)]
        assert all(query.partition(" from ")[0].count(",") < 500 for query in queries)
        assert all(query.partition(" in ")[2].count(",") < 100 for query in queries)
        assert [len(call.query["fields"].split(",")) for call in wire.asked(LEADS)] == [50]


def test_without_the_scope_for_queries_the_first_fifty_fields_arrive_and_a_note(wire: Wire) -> None:
    wire.org.missing_scopes = {"ZohoCRM.coql.READ"}
    wire.users.add_custom_fields(60)
    pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(wire.live())
    assert all("Extra_1" in one.payload and "Extra_60" not in one.payload for page in pages for one in page.records)
    assert [note.split()[0] for note in notes_of(pages)] == ["Leads", "Contacts"]
    assert "OAUTH_SCOPE_MISMATCH" in notes_of(pages)[0]
    assert len(wire.asked(COQL)) == 2


def test_fields_that_an_admin_removed_are_not_asked_for(wire: Wire) -> None:
    for name in ("Secondary_Email", "Rating"):
        del wire.org.fields["Leads"][name]
    assert sorted(ids_of(wire.fetch(complete()))) == sorted(wire.live())
    assert "Rating" not in wire.asked(LEADS)[0].query["fields"]


def test_a_field_that_leads_need_and_the_user_does_not_see_is_told_and_due_later(wire: Wire) -> None:
    """Contacts without a phone are no leads, and nobody would know why; once it is seen, everybody is read again."""
    del wire.org.fields["Contacts"]["Mobile"]
    pages = wire.fetch(window())
    assert notes_of(pages) == ["Fields that the connected user does not see in Contacts: Mobile."]
    assert pages[-1].unread == ("contact.Mobile",)


def test_a_mapped_field_that_no_module_has_is_told(wire: Wire) -> None:
    directory = wire.references(complete(mapping={"status": "Contact_Status", "company": "Nowhere"}))
    assert len(directory.notes) == 1
    assert "Nowhere" in directory.notes[0]


def test_without_the_scope_for_fields_the_usual_ones_arrive_and_a_note(wire: Wire) -> None:
    wire.org.missing_scopes = {"ZohoCRM.settings.fields.READ"}
    pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(wire.live())
    assert "custom and mapped fields are left out" in notes_of(pages)[0]


@pytest.mark.parametrize("how", ["scope", "permission", "module"])
@pytest.mark.parametrize("module", ["Leads", "Contacts"])
def test_a_module_out_of_reach_is_left_out_with_a_note_and_not_proven(wire: Wire, module: str, how: str) -> None:
    other = {"Leads": "Contacts", "Contacts": "Leads"}[module]
    take_away(wire, how, module)
    pages = wire.fetch(complete())
    assert sorted(ids_of(pages)) == sorted(map(str, wire.org.shelves[other].live))
    assert [one.object_type for one in proven_by(pages)] == [{"Leads": "lead", "Contacts": "contact"}[other]]
    assert any(note.startswith(f"{module} are left out") for note in notes_of(pages))
    assert not wire.asked(f"/crm/v8/{module}")
    assert pages[-1].unread == ({"Leads": "lead", "Contacts": "contact"}[module],)


@pytest.mark.parametrize(
    ("how", "code"),
    [("scope", "missing_scope"), ("permission", "connection_misconfigured"), ("module", "connection_misconfigured")],
)
def test_both_modules_out_of_reach_end_the_pass_every_time(wire: Wire, how: str, code: str) -> None:
    """A pass of nothing that counts as done would move the watermark over what it has not seen."""
    for module in ("Leads", "Contacts"):
        take_away(wire, how, module)
    pages: list[Page] = []
    for _ in range(3):
        with pytest.raises(ProviderError) as caught:
            pages.extend(ZOHO.fetch_contacts(wire, complete(resume=pages[-1].resume if pages else None)))
        assert caught.value.code == code
    assert ids_of(pages) == []


def test_a_module_that_is_refused_in_the_middle_is_due_later(first_day: Wire) -> None:
    resume = first_day.fetch(complete())[1].resume
    assert resume.startswith("lead|list|")
    take_away(first_day, "permission", "Leads")
    pages = first_day.fetch(complete(resume=resume))
    first_day.org.forbidden.clear()
    assert [one.object_type for one in proven_by(pages)] == ["contact"]
    assert pages[-1].unread == ("lead",)


def test_what_was_left_out_is_told_after_an_interruption_too(wire: Wire) -> None:
    """Else the pass counts as one that read everything, and what went by in it is not read again."""
    take_away(wire, "scope", "Leads")
    resume = wire.fetch(window())[0].resume
    wire.org.missing_scopes.clear()
    assert wire.fetch(window(resume=resume))[-1].unread == ("lead",)
    assert wire.fetch(window())[-1].unread == ()


def take_away(wire: Wire, how: str, module: str) -> None:
    if how == "scope":
        wire.org.missing_scopes.add(f"ZohoCRM.modules.{module.lower()}.READ")
    elif how == "permission":
        wire.org.forbidden.add(module)
    else:
        wire.org.missing_modules.add(module)


@pytest.mark.parametrize("scope", ["ZohoSearch.securesearch.READ", "ZohoCRM.settings.layouts.READ"])
def test_without_the_scopes_of_the_count_nobody_is_proven_absent(wire: Wire, scope: str) -> None:
    """A list that ends early would take everybody behind its end for deleted."""
    wire.org.missing_scopes = {scope}
    pages = wire.fetch(complete())
    assert proven_by(pages) == []
    assert sorted(ids_of(pages)) == sorted(wire.live())
    assert [note.split(" is ")[0] for note in notes_of(pages)] == ["The number of Leads", "The number of Contacts"]


def test_the_scopes_to_give_are_all_that_are_needed() -> None:
    refusal = ZOHO.read_refusal(401, {}, error_body("OAUTH_SCOPE_MISMATCH"))
    assert refusal is not None
    for scope in ("settings.layouts", "settings.fields", "modules", "users", "coql"):
        assert f"ZohoCRM.{scope}.READ" in str(refusal.action)
    assert "ZohoSearch.securesearch.READ" in str(refusal.action)


@pytest.mark.parametrize("is_exclusive", [False, True])
def test_records_of_the_second_at_which_a_pass_goes_on_are_not_lost(wire: Wire, is_exclusive: bool) -> None:
    """Whether If-Modified-Since takes its own second in is not documented, and imports give one to thousands."""
    for number in range(450):
        wire.users.add(last=f"Import {number}")
    wire.org.is_since_exclusive = is_exclusive
    pages = wire.fetch(window(STARTED - timedelta(minutes=15)))
    assert len(ids_of(pages)) == 450
    rest = wire.fetch(window(STARTED - timedelta(minutes=15), resume=pages[-2].resume))
    assert set(ids_of(rest)) == set(ids_of(pages))
    gone = ids_of(pages)
    for one in gone:
        wire.users.delete(one)
    assert set(ids_of(wire.fetch(window(STARTED)), deleted=True)) == set(gone)


def test_a_chain_of_tokens_that_is_worn_out_is_followed_by_another(first_day: Wire) -> None:
    first_day.org.chain_rows = 200
    pages = first_day.fetch(complete())
    first_day.org.chain_rows = 100_000
    assert set(ids_of(pages)) == set(first_day.live())
    starts = [call.headers.get("If-Modified-Since", "") for call in first_day.asked(LEADS)]
    assert len(set(starts)) > 2
    assert starts == sorted(starts)
    assert len(proven_by(pages)) == 2


def test_a_token_that_expires_while_a_page_is_landed_is_replaced(first_day: Wire) -> None:
    seen: list[str] = []
    for page in ZOHO.fetch_contacts(first_day, complete()):
        seen.extend(ids_of([page]))
        first_day.clock.move(86_401)
    first_day.clock.now = START
    assert set(seen) == set(first_day.live())


def test_a_second_that_is_longer_than_a_chain_is_said_plainly(wire: Wire) -> None:
    for number in range(250):
        wire.users.add(last=f"Import {number}")
    wire.org.chain_rows = 200
    with pytest.raises(ProviderError) as caught:
        wire.fetch(window(STARTED))
    assert caught.value.code == "unexpected_response"
    assert "PAGINATION_LIMIT_EXCEEDED" in caught.value.message
    assert "one second" in caught.value.action


def test_more_deletions_than_ten_pages_are_read_from_the_time_reached(wire: Wire) -> None:
    made = [wire.users.add(last=f"Gone {number}") for number in range(2_300)]
    for number, one in enumerate(made):
        wire.clock.move(1 if number % 100 == 0 else 0)
        wire.users.delete(one)
    pages = wire.fetch(window(STARTED))
    assert set(ids_of(pages, deleted=True)) == set(made)
    assert {int(call.query["page"]) for call in wire.asked(f"{CONTACTS}/deleted")} == set(range(1, 11))
    assert notes_of(pages) == []
    wire.org.is_feed_newest_first = True
    pages = wire.fetch(window(STARTED))
    assert len(set(ids_of(pages, deleted=True))) == 2_000
    assert "next complete pass" in notes_of(pages)[0]


# --- references


def test_users_labels_and_companies_are_read(first_day: Wire) -> None:
    directory = first_day.references()
    by_kind: dict[str, list[Reference]] = {}
    for one in (*directory.references, *directory.changed):
        by_kind.setdefault(one.kind, []).append(one)
    assert set(by_kind) == {"owner", "status", "company"}
    assert {one.crm_id for one in by_kind["owner"]} == {str(user.id) for user in first_day.org.users}
    assert by_kind["owner"][0][1:] == ("5550001000000101000", "Ines Ortega", "owner0@acme.example")
    assert Reference("status", "lead.Lead_Status:Not Contacted", "Noch nicht kontaktiert") in by_kind["status"]
    assert len(by_kind["company"]) == len(first_day.org.shelves["Accounts"].live)
    assert directory.notes == []
    assert [call.query["type"] for call in first_day.asked(USERS)] == ["AllUsers", "DeletedUsers"]
    (accounts,) = first_day.asked(ACCOUNTS)
    assert accounts.query == {
        "fields": "id,Account_Name,Modified_Time", "per_page": "200", "sort_by": "Modified_Time", "sort_order": "asc",
    }  # fmt: skip


def test_only_companies_that_changed_are_read_again(wire: Wire) -> None:
    contact = wire.users.add(last="Lindqvist", company="Fjord AB")
    wire.clock.move(60)
    wire.users.rename_company(contact, "Fjord Group")
    since = STARTED + timedelta(seconds=60)
    directory = wire.references(complete(references_since=since))
    assert [one.label for one in directory.changed] == ["Fjord Group"]
    assert wire.asked(ACCOUNTS)[0].headers == {"If-Modified-Since": "2026-09-21T14:14:19+00:00"}
    assert wire.references(complete(references_since=since + timedelta(seconds=2))).changed == []


def test_labels_of_mapped_fields_are_read_by_field_and_module(wire: Wire) -> None:
    pull = complete(mapping={"status": "Contact_Status", "stage": "Lifecycle"})
    labels = {one.crm_id: one for one in wire.references(pull).references if one.kind != "owner"}
    assert labels["contact.Contact_Status:Active"].label == "Active customer"
    assert labels["lead.Lifecycle:Active"] == Reference("stage", "lead.Lifecycle:Active", "Warm")
    assert labels["contact.Lifecycle:Active"].kind == "stage"
    assert labels["lead.Lead_Status:Contacted"].kind == "status", "leads have no Contact_Status, their own stays"


def test_a_mapped_field_is_asked_for_before_the_other_custom_ones(wire: Wire) -> None:
    wire.users.add_custom_fields(100)
    pages = wire.fetch(complete(mapping={"description": "Extra_99", "company": "Nowhere"}))
    assert "Extra_99" in wire.asked(LEADS)[0].query["fields"].split(",")
    assert "Nowhere" not in wire.asked(LEADS)[0].query["fields"]
    contact = ZOHO.to_contact(pages[0].records[0].payload, mapped(description="Extra_99"), "lead")
    assert contact.description == "value of Extra_99"


def test_everybody_arrives_as_their_card_says(first_day: Wire) -> None:
    directory = first_day.references()
    references = References([*directory.references, *directory.changed])
    pages = first_day.fetch(complete())
    contacts = [ZOHO.to_contact(one.payload, references, one.object_type) for page in pages for one in page.records]
    cards = first_day.users.cards()
    arrived = {contact.crm_id: contact for contact in contacts if contact.merged_into is None}
    assert arrived.keys() == cards.keys()
    for crm_id, card in cards.items():
        one = arrived[crm_id]
        assert (one.object_type, one.first_name, one.last_name) == (card.object_type, card.first, card.last)
        assert tuple(phone.text for phone in one.phones) == card.phones
        assert (one.emails, one.company, one.country) == (card.emails, card.company, card.country)
        assert (one.owner_name, one.owner_email) == (card.owner, card.owner_email)
        assert (one.status, one.stage, one.description) == (card.status, card.stage, card.note)


def test_a_renamed_owner_reaches_records_that_did_not_change(wire: Wire) -> None:
    contact = wire.users.add(last="Lindqvist")
    (record,) = [one for page in wire.fetch(window(STARTED)) for one in page.records]
    wire.users.rename_owner(contact, "Ines Falk", "falk@x.example")
    named = ZOHO.to_contact(record.payload, References(wire.references().references), "contact")
    assert (named.owner_name, named.owner_email) == ("Ines Falk", "falk@x.example")


@pytest.mark.parametrize(
    ("scope", "note", "kinds"),
    [
        ("users", "Users are not readable", {"status", "company"}),
        ("settings.fields", "Labels of Leads", {"owner", "company"}),
        ("modules.accounts", "Accounts are not readable", {"owner", "status"}),
    ],
)
def test_references_out_of_reach_are_noted(wire: Wire, scope: str, note: str, kinds: set[str]) -> None:
    wire.org.missing_scopes = {f"ZohoCRM.{scope}.READ"}
    directory = wire.references()
    assert {one.kind for one in (*directory.references, *directory.changed)} == kinds
    assert any(said.startswith(note) for said in directory.notes)


def test_any_other_trouble_with_references_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(
        match={"path": "users$"}, times=None, answer={"status": 401, "body": error_body("INVALID_TOKEN")}
    )
    with pytest.raises(ProviderError) as caught:
        wire.references()
    assert caught.value.code == "connection_expired"


def test_a_missing_scope_is_never_answered_with_a_new_token(wire: Wire) -> None:
    wire.org.missing_scopes = {"ZohoCRM.modules.leads.READ", "ZohoCRM.modules.contacts.READ"}
    with pytest.raises(ProviderError):
        wire.fetch(complete())
    assert not [seen for seen in wire.sandbox.journal if "connections" in seen.path]


def test_a_token_that_ran_out_is_renewed_once(wire: Wire) -> None:
    book = wire.sandbox.book
    book.break_connection(book.of_account("acme")[0], "expired_token")
    assert sorted(ids_of(wire.fetch(complete()))) == sorted(wire.live())
    assert len([seen for seen in wire.sandbox.journal if "connections" in seen.path]) == 1


# --- paging that does not end by itself, and answers of another shape

Document = dict[str, Any]
NO_FIELDS: Document = {"fields": [{"api_name": "Last_Name"}, {"api_name": "Modified_Time"}]}
NOTHING_DELETED: Document = {"data": [], "info": {"more_records": False}}


@dataclass
class Scripted:
    """Calls answered from a list per path, the last one again and again, or by a function of the call's number."""

    answers: dict[str, list[Document] | Callable[[int], Document]]
    calls: list[str] = field(default_factory=list)
    since: list[str | None] = field(default_factory=list)
    requests: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        return make()

    def note_budget(self, budget: Budget) -> None:
        raise AssertionError

    def get(self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
            **_: Any) -> Answer:  # fmt: skip
        if path == LEADS:
            self.since.append((headers or {}).get("If-Modified-Since"))
        return self._answer(path)

    def post(self, path: str, body: object, **_: Any) -> Answer:
        return self._answer(path)

    def _answer(self, path: str) -> Answer:
        usual = NO_FIELDS if path == FIELDS else {"count": 1} if path.endswith("count") else NOTHING_DELETED
        script, number = self.answers.get(path, [usual]), self.calls.count(path)
        self.calls.append(path)
        assert len(self.calls) < 2000, "this never ends"
        document = script(number) if callable(script) else script[min(number, len(script) - 1)]
        return Answer(200, {}, orjson.dumps(document))


def list_page(*rows: Payload, token: str | None = None) -> Document:
    info = {"count": len(rows), "more_records": token is not None, "next_page_token": token}
    return {"data": list(rows), "info": info}


def row(number: int, second: int | None = 0) -> Payload:
    moment = None if second is None else (STARTED + timedelta(seconds=second)).isoformat()
    return {"id": str(number), "Modified_Time": moment}


@pytest.mark.parametrize("period", [1, 2, 7])
def test_pages_that_repeat_are_noticed(period: int) -> None:
    api = Scripted({LEADS: lambda number: list_page(row(number % period), token=f"token{number % period}")})
    with pytest.raises(ProviderError) as caught:
        list(ZOHO.fetch_contacts(api, complete()))
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(LEADS) <= period + 3


def test_empty_pages_that_promise_another_end_after_ten() -> None:
    api = Scripted({LEADS: lambda number: list_page(token=f"token{number}")})
    with pytest.raises(ProviderError) as caught:
        list(ZOHO.fetch_contacts(api, complete()))
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(LEADS) == 10


def test_users_that_repeat_are_noticed() -> None:
    api = Scripted({USERS: [{"users": [{"id": "1"}], "info": {"more_records": True}}]})
    with pytest.raises(ProviderError) as caught:
        ZOHO.fetch_references(api, complete())
    assert caught.value.code == "pagination_loop"


def test_deletions_that_repeat_end_with_a_note() -> None:
    api = Scripted({f"{LEADS}/deleted": [{"data": [DELETED], "info": {"more_records": True}}]})
    pages = list(ZOHO.fetch_contacts(api, window(datetime(2026, 8, 1, tzinfo=UTC))))
    assert len([note for note in notes_of(pages) if "More Leads were deleted" in note]) == 1
    assert api.calls.count(f"{LEADS}/deleted") == 20


def test_a_chain_is_left_before_the_vendor_ends_it() -> None:
    """90,000 rows are 450 pages; the vendor stops after 100,000."""
    rows = [[row(200 * page + place, page) for place in range(200)] for page in range(451)]
    api = Scripted({LEADS: lambda number: list_page(*rows[number], token=f"t{number}" if number < 450 else None)})
    records = [one for page in ZOHO.fetch_contacts(api, complete()) for one in page.records]
    assert len(records) == 451 * 200
    assert api.since[449:] == [None, (STARTED + timedelta(seconds=448)).isoformat()]


def test_records_without_a_time_of_change_break_nothing() -> None:
    leads = [
        list_page(row(1, None), row(2, None), token="a"),
        list_page(row(3, None) | {"Created_Time": "2026-01-02T00:00:00+02:00"}, row(4, 4), token="b"),
        list_page(row(5, None)),
    ]
    api = Scripted({LEADS: list(leads)})
    pages = list(ZOHO.fetch_contacts(api, complete()))
    assert ids_of(pages) == ["1", "2", "3", "4", "5"]
    times = [one.source_updated_at for page in pages for one in page.records]
    assert times == [None, None, datetime(2026, 1, 1, 22, tzinfo=UTC), STARTED + timedelta(seconds=4), None]
    assert pages[0].resume.startswith("lead|list||1|")


def test_a_field_that_the_list_does_not_take_is_left_out() -> None:
    """Whether `$converted_detail` may be named in a list is not documented."""

    class Picky(Scripted):
        def get(self, path: str, query: Mapping[str, str] | None = None, **more: Any) -> Answer:
            if path == LEADS and "$converted_detail" in (query or {})["fields"]:
                self.calls.append(path)
                raise ProviderError(
                    "unexpected_response",
                    "Zoho answered INVALID_DATA (bad field, api_name $converted_detail).",
                    status=400,
                    reason="INVALID_DATA",
                )
            return super().get(path, query, **more)

    api = Picky({LEADS: [list_page(row(1) | {"Converted__s": True})], f"{LEADS}/1": [{"data": [LEAD | {"id": "1"}]}]})
    assert ids_of(ZOHO.fetch_contacts(api, complete())) == ["1"]
    assert api.calls.count(f"{LEADS}/1") == 1


def test_more_records_without_a_token_are_not_the_end() -> None:
    page = list_page(row(1)) | {"info": {"more_records": True, "next_page_token": None}}
    with pytest.raises(ProviderError) as caught:
        list(ZOHO.fetch_contacts(Scripted({LEADS: [page]}), complete()))
    assert caught.value.code == "unexpected_response"


def everything(api: CrmApi) -> None:
    """Every call there is."""
    list(ZOHO.fetch_references(api, complete()).changed)
    list(ZOHO.fetch_contacts(api, complete()))


SHAPES: list[tuple[str, Document]] = [
    (LEADS, {"data": "text", "info": {}}),
    (LEADS, {"data": [None], "info": {}}),
    (LEADS, {"data": [], "info": []}),
    (CONTACTS, {"data": {}, "info": {}}),
    (f"{LEADS}/deleted", {"data": [7], "info": {}}),
    (f"{LEADS}/deleted", {"data": [DELETED], "info": None}),
    (FIELDS, {"fields": [{"field_label": "no name"}]}),
    (FIELDS, {"fields": {}}),
    (USERS, {"users": [{"email": "no id"}], "info": {}}),
    (USERS, {"users": [{"id": "1"}], "info": 7}),
    (ACCOUNTS, {"data": 7, "info": {}}),
]


@pytest.mark.parametrize(("path", "document"), SHAPES, ids=str)
def test_answers_of_another_shape_are_an_unexpected_response(path: str, document: Document) -> None:
    users: Document = {"users": [], "info": {}}
    api = Scripted({USERS: [users], path: [document]})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "unexpected_response"


@pytest.mark.parametrize("body", ["", "{}", "null", error_body("INTERNAL_ERROR"), "<html></html>"], ids=str)
def test_a_200_that_is_no_page_is_never_nobody(wire: Wire, body: object) -> None:
    wire.sandbox.faults.add(match={"path": "Leads$"}, times=1, answer={"status": 200, "body": body})
    with pytest.raises(ProviderError) as caught:
        ZOHO.fetch_contacts(Impatient(wire), complete()).__next__()
    assert caught.value.code == "unexpected_response"


class Impatient(Wire):
    """Tries nothing twice."""

    def __init__(self, wire: Wire) -> None:
        client = NangoClient(host=wire.sandbox.url, secret_key=wire.sandbox.secret_key, policy=ONCE)
        found = wire.sandbox.book.of_account("acme")[0]
        proxy = client.proxy("zoho-crm", found.connection_id, rates=FAST, read_refusal=ZOHO.read_refusal)
        super().__init__(wire.sandbox, proxy, wire.clock)


def test_a_304_to_a_complete_pass_is_never_nobody(wire: Wire) -> None:
    """Nobody asked since when, so it says nothing of who is there."""
    wire.sandbox.faults.add(match={"path": "Leads$"}, times=1, answer={"status": 304})
    with pytest.raises(ProviderError):
        wire.fetch(complete())


def test_a_window_pass_without_a_since_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="since"):
        list(ZOHO.fetch_contacts(Scripted({}), Pull(kind="window", started_at=STARTED)))


# --- the value itself


def test_a_connection_without_a_region_cannot_work() -> None:
    for config in ({"extension": "eu"}, {"api_domain": "https://www.zohoapis.eu"}):
        ZOHO.check_config(config)
    with pytest.raises(ProviderError) as caught:
        ZOHO.check_config({"accounts-server": "https://accounts.zoho.eu"})
    assert (caught.value.code, "extension" in caught.value.action) == ("connection_misconfigured", True)


@pytest.mark.parametrize(
    ("config", "link"),
    [
        ({"extension": "eu"}, "https://crm.zoho.eu/crm/tab/Leads/7"),
        ({"extension": "com", "api_domain": "https://www.zohoapis.eu"}, "https://crm.zoho.com/crm/tab/Leads/7"),
        ({"api_domain": "https://www.zohoapis.com.au"}, "https://crm.zoho.com.au/crm/tab/Leads/7"),
        ({"api_domain": "https://www.zohoapis.ca"}, "https://crm.zohocloud.ca/crm/tab/Leads/7"),
        ({"api_domain": "https://sandbox.zohoapis.eu"}, None),
        ({"extension": "eu/evil"}, None),
        ({}, None),
    ],
    ids=str,
)
def test_the_link_to_a_record_is_in_its_region(config: dict[str, str], link: str | None) -> None:
    assert ZOHO.record_url(config, "lead", "7") == link


def test_the_link_to_a_contact_is_another_tab() -> None:
    assert ZOHO.record_url({"extension": "eu"}, "contact", "7") == "https://crm.zoho.eu/crm/tab/Contacts/7"
