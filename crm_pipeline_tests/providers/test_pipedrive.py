"""Pipedrive: payloads to contacts, refusals to codes, and the requests, as the vendor's reference has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.contact import PhoneText
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Answer
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Budget, DayBudget, Rate
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.providers.pipedrive import LAST_ACTIVITY, PIPEDRIVE
from crm_pipeline.providers.provider import NO_MAPPING, Directory, Page, Payload, Proven, Pull, Reference, References
from crm_pipeline.sandbox.pipedrive.account import INTERESTS, LEAD_SOURCE, PIPELINE_STATE
from crm_pipeline.sandbox.pipedrive.api import FAULTS, PipedriveApi
from crm_pipeline.sandbox.server import Sandbox, Seen

PERSONS, ORGANIZATIONS, ACTIVITIES = "/v2/persons", "/v2/organizations", "/v2/activities"
PERSON_FIELDS, USERS = "/v2/personFields", "/v1/users"
NOW = datetime(2026, 9, 21, 14, 0, tzinfo=UTC)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
STATE, BUDGET_FIELD, TOPICS, TEXT = ("0" * 39 + digit for digit in "1234")
"""Keys of custom fields."""
OPTIONAL = "last_activity_id,last_incoming_mail_time,last_outgoing_mail_time"
RECORDED: Payload = {
    "id": 4711,
    "name": "Mara Lindqvist",
    "first_name": "Mara",
    "last_name": "Lindqvist",
    "owner_id": 90210,
    "org_id": 318,
    "add_time": "2025-11-03T09:12:44Z",
    "update_time": "2026-08-14T16:05:10Z",
    "emails": [
        {"value": "mara@example.com", "primary": True, "label": "work"},
        {"value": "mara.private@example.net", "primary": False, "label": "home"},
    ],
    "phones": [{"value": "+46 70 000 00 00", "primary": True, "label": "mobile"}],
    "is_deleted": False,
    "visible_to": 3,
    "label_ids": [12, 13],
    "picture_id": None,
    "last_activity_id": 55301,
    "last_incoming_mail_time": "2026-08-01T10:00:00Z",
    "last_outgoing_mail_time": "2026-08-02T10:00:00Z",
    "postal_address": {"value": "Storgatan 1, Sweden", "country": "Sweden", "locality": "Umeå"},
    "notes": "Prefers e-mail.",
    "job_title": "Buyer",
    "custom_fields": {
        STATE: 41,
        BUDGET_FIELD: {"value": 1200.5, "currency": "EUR"},
        TOPICS: [51, 53],
        TEXT: " free text ",
    },
    LAST_ACTIVITY: {
        "id": 55301, "type": "call", "done": True, "due_date": "2026-08-10", "due_time": "08:30:00",
        "marked_as_done_time": "2026-08-11T09:00:00Z",
    },
}  # fmt: skip
KNOWN = (
    Reference("owner", "90210", "Jo Reed", "jo@acme.example"),
    Reference("company", "318", "Northbay Logistics"),
    Reference("status", "label_ids:12", "Customer"),
    Reference("status", f"{STATE}:41", "Qualified"),
    Reference("stage", f"{STATE}:41", "Qualified stage"),
    Reference("status", f"{TOPICS}:51", "Price list"),
    Reference("status", f"{TOPICS}:53", "Trade fair"),
)
NAMES = References(KNOWN)


def recorded(**changes: object) -> Payload:
    """The recorded person with some of it changed."""
    return RECORDED | changes


def mapped(**mapping: str) -> References:
    return References(KNOWN, mapping)


# --- payload to contact


def test_every_field_of_a_recorded_person_is_found() -> None:
    assert PIPEDRIVE.to_contact(RECORDED, NAMES, "contact")._asdict() == {
        "crm_id": "4711",
        "object_type": "contact",
        "full_name": "Mara Lindqvist",
        "first_name": "Mara",
        "last_name": "Lindqvist",
        "phones": (PhoneText("+46 70 000 00 00", "mobile"),),
        "emails": ("mara@example.com", "mara.private@example.net"),
        "company": "Northbay Logistics",
        "country": "Sweden",
        "owner_id": "90210",
        "owner_name": "Jo Reed",
        "owner_email": "jo@acme.example",
        "status_id": "label_ids:12",
        "status": "Customer",
        "stage_id": None,
        "stage": None,
        "company_id": "318",
        "description": "Prefers e-mail.",
        "last_activity_at": datetime(2026, 8, 11, 9, 0, tzinfo=UTC),
        "created_at": datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC),
        "updated_at": datetime(2026, 8, 14, 16, 5, 10, tzinfo=UTC),
        "is_deleted": False,
        "merged_into": None,
        "is_merge_unknown": False,
        "is_purged": False,
        "merged_ids": (),
    }


@pytest.mark.parametrize("empty", [None, "", "  ", [], {}], ids=repr)
def test_absent_null_and_blank_mean_the_same(empty: object) -> None:
    absent = PIPEDRIVE.to_contact({"id": 4711}, NAMES, "contact")
    assert PIPEDRIVE.to_contact(dict.fromkeys(RECORDED, empty) | {"id": 4711}, NAMES, "contact") == absent
    assert (absent.crm_id, absent.phones, absent.emails, absent.status, absent.company_id) == (
        "4711",
        (),
        (),
        None,
        None,
    )


def test_every_phone_is_kept_with_its_label_and_the_primary_one_comes_first() -> None:
    phones = [
        {"value": "", "primary": True},
        {"value": " 111 ", "primary": False, "label": "Home"},
        {"value": "ask Jo", "primary": True, "label": "work"},
        {"value": "333", "primary": False, "label": None},
        {"value": "444", "label": "Fax"},
    ]
    found = PIPEDRIVE.to_contact(recorded(phones=phones), NAMES, "contact").phones
    assert found == (
        PhoneText("ask Jo", "work"), PhoneText("111", "home"), PhoneText("333", ""), PhoneText("444", "fax"),
    )  # fmt: skip


def test_an_item_with_an_empty_text_is_no_phone_and_no_email() -> None:
    empty = [{"value": "", "primary": True}]
    contact = PIPEDRIVE.to_contact(recorded(phones=empty, emails=empty), NAMES, "contact")
    assert (contact.phones, contact.emails) == ((), ())


def test_the_primary_email_comes_first() -> None:
    emails = [{"value": "b@x.example", "primary": False}, {"value": "a@x.example", "primary": True}]
    assert PIPEDRIVE.to_contact(recorded(emails=emails), NAMES, "contact").emails == ("a@x.example", "b@x.example")


def test_owner_and_organization_we_cannot_read_are_kept_by_id_only() -> None:
    contact = PIPEDRIVE.to_contact(recorded(owner_id=9, org_id=8), NAMES, "contact")
    assert (contact.owner_id, contact.owner_name, contact.owner_email) == ("9", None, None)
    assert (contact.company_id, contact.company) == ("8", None)


@pytest.mark.parametrize(
    ("label_ids", "expected"),
    [
        ([12, 99], ("label_ids:12", "Customer")),
        ([99, 12], ("label_ids:99", "99")),
        ([{"id": 12, "label": "Old name"}], ("label_ids:12", "Customer")),
        ([{"id": 99, "label": "Of the record"}], ("label_ids:99", "Of the record")),
        ([], (None, None)),
    ],
    ids=repr,
)
def test_the_status_is_the_first_label(label_ids: object, expected: tuple[str | None, str | None]) -> None:
    contact = PIPEDRIVE.to_contact(recorded(label_ids=label_ids), NAMES, "contact")
    assert (contact.status_id, contact.status) == expected


MAPPED: list[tuple[dict[str, str], dict[str, object]]] = [
    ({"status": STATE}, {"status_id": f"{STATE}:41", "status": "Qualified", "stage": None}),
    ({"stage": STATE}, {"stage_id": f"{STATE}:41", "stage": "Qualified stage", "status": "Customer"}),
    ({"status": STATE, "stage": "label_ids"}, {"status": "Qualified", "stage_id": "label_ids:12", "stage": "12"}),
    ({"status": TOPICS}, {"status_id": f"{TOPICS}:51", "status": "Price list"}),
    ({"status": TEXT}, {"status_id": None, "status": "free text"}),
    ({"status": "job_title"}, {"status_id": None, "status": "Buyer"}),
    ({"status": "0" * 40}, {"status_id": None, "status": None}),
    ({"description": TOPICS}, {"description": "Price list, Trade fair"}),
    ({"description": BUDGET_FIELD}, {"description": "1200.5 EUR"}),
    ({"description": "job_title"}, {"description": "Buyer"}),
    ({"description": "postal_address"}, {"description": "Storgatan 1, Sweden"}),
    ({"company": TEXT}, {"company": "free text", "company_id": None}),
    ({"company": STATE}, {"company": "Qualified", "company_id": None}),
    ({"company": "org_id"}, {"company": "Northbay Logistics", "company_id": "318"}),
]


@pytest.mark.parametrize(("mapping", "expected"), MAPPED, ids=str)
def test_a_mapped_field_is_the_source_with_the_labels_of_its_options(
    mapping: dict[str, str], expected: dict[str, object]
) -> None:
    contact = PIPEDRIVE.to_contact(RECORDED, mapped(**mapping), "contact")._asdict()
    assert {name: contact[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"value": "2026-01-01", "until": "2026-02-01"}, "2026-01-01 to 2026-02-01"),
        ({"id": 7, "label": "Of the record"}, "Of the record"),
        (0, "0"),
        (12.5, "12.5"),
        ([], None),
        ({}, None),
    ],
    ids=repr,
)
def test_every_type_of_field_can_be_a_description(value: object, shown: str | None) -> None:
    payload = recorded(custom_fields={TEXT: value})
    assert PIPEDRIVE.to_contact(payload, mapped(description=TEXT), "contact").description == shown


ACTIVITY: Payload = RECORDED[LAST_ACTIVITY]
MAIL = datetime(2026, 8, 2, 10, 0, tzinfo=UTC)
LAST: list[tuple[Payload, datetime | None]] = [
    ({LAST_ACTIVITY: ACTIVITY | {"marked_as_done_time": "2026-08-11 09:00:00"}}, datetime(2026, 8, 11, 9, tzinfo=UTC)),
    ({LAST_ACTIVITY: ACTIVITY | {"marked_as_done_time": None}}, datetime(2026, 8, 10, 8, 30, tzinfo=UTC)),
    ({LAST_ACTIVITY: {"due_date": "2026-08-10", "due_time": "08:30"}}, datetime(2026, 8, 10, 8, 30, tzinfo=UTC)),
    ({LAST_ACTIVITY: {"due_date": "2026-08-10", "due_time": None}}, datetime(2026, 8, 10, tzinfo=UTC)),
    ({LAST_ACTIVITY: {"due_date": "2026-08-10", "due_time": "noon"}}, datetime(2026, 8, 10, tzinfo=UTC)),
    ({LAST_ACTIVITY: {}}, MAIL),
    ({LAST_ACTIVITY: None}, MAIL),
    ({LAST_ACTIVITY: None, "last_outgoing_mail_time": None}, datetime(2026, 8, 1, 10, tzinfo=UTC)),
    ({LAST_ACTIVITY: None, "last_outgoing_mail_time": None, "last_incoming_mail_time": None}, None),
]


@pytest.mark.parametrize(("changes", "expected"), LAST, ids=str)
def test_the_last_activity_is_done_or_due_or_the_last_mail(changes: Payload, expected: datetime | None) -> None:
    assert PIPEDRIVE.to_contact(RECORDED | changes, NAMES, "contact").last_activity_at == expected


def test_who_was_never_changed_counts_as_of_the_day_of_creation() -> None:
    contact = PIPEDRIVE.to_contact(recorded(update_time=None), NAMES, "contact")
    assert contact.updated_at == contact.created_at == datetime(2025, 11, 3, 9, 12, 44, tzinfo=UTC)


def test_a_person_shown_as_deleted_is_deleted() -> None:
    assert PIPEDRIVE.to_contact(recorded(is_deleted=True), NAMES, "contact").is_deleted


VALUES = st.recursive(
    st.none() | st.text(max_size=6) | st.integers() | st.floats(allow_nan=False) | st.booleans(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["value", "label", "id", "primary", "country", TEXT, "due_date"]), inner)
    ),
    max_leaves=6,
)
EVERYTHING_MAPPED = mapped(status=TEXT, stage=TOPICS, description=STATE, company=BUDGET_FIELD)


@given(st.dictionaries(st.sampled_from(sorted(RECORDED.keys() - {"id"})), VALUES))
def test_no_value_of_a_field_stops_the_mapper(fields: dict[str, object]) -> None:
    """One payload that raises would stop every later sync of its connection."""
    for references in (NAMES, EVERYTHING_MAPPED):
        contact = PIPEDRIVE.to_contact({"id": 1, **fields}, references, "contact")
        assert all(text.strip() for text in contact if isinstance(text, str))


# --- refusals

SPENT = {"x-daily-ratelimit-token-limit": "30000", "x-daily-ratelimit-token-remaining": "0"}
LEFT = {"x-daily-ratelimit-token-limit": "30000", "x-daily-ratelimit-token-remaining": "12"}
REFUSALS: list[tuple[int, Mapping[str, str], object, str | None, bool]] = [
    (400, {}, {"success": False, "error": "Validation failed"}, None, False),
    (401, {}, {"success": False, "error": "unauthorized access", "errorCode": 401}, None, False),
    (402, {}, {"success": False, "error": "Payment required"}, "connection_misconfigured", False),
    (402, {}, None, "connection_misconfigured", False),
    (403, {}, {"success": False, "error": "Scope and URL mismatch"}, "missing_scope", False),
    (403, {}, {"success": False, "error": "x", "code": "feature_capping_limit"}, "connection_misconfigured", False),
    (403, {}, {"success": False, "error": "You do not have permissions"}, "connection_misconfigured", False),
    (403, {"content-type": "text/html"}, None, "rate_limited", False),
    (404, {}, {"success": False, "error": "Person not found"}, None, False),
    (410, {}, {"success": True}, None, False),
    (429, {}, {"success": False, "error": "request over limit"}, "rate_limited", True),
    (429, LEFT, {"success": False, "error": "request over limit"}, "rate_limited", True),
    (429, SPENT, {"success": False, "error": "request over limit"}, "daily_limit", False),
    (429, {}, None, "rate_limited", True),
    (500, {}, {"success": False, "error": "Internal Server Error", "code": "ERR_UNKNOWN"}, None, False),
    (502, {}, None, None, False),
    (200, {}, {"success": False, "error": "something"}, None, False),
    (200, {}, ["a", "list"], None, False),
]


@pytest.mark.parametrize(("status", "headers", "body", "code", "can_retry"), REFUSALS, ids=str)
def test_what_pipedrive_means_by_a_refusal(
    status: int, headers: Mapping[str, str], body: object, code: str | None, can_retry: bool
) -> None:
    refusal = PIPEDRIVE.read_refusal(status, headers, body)
    assert (refusal.code if refusal else None) == code
    assert (refusal.can_retry if refusal else False) is can_retry


@pytest.mark.parametrize(
    ("reset", "wait"), [("2", 2.0), ("0", 0.0), ("1790000000", None), ("soon", None), ("-1", None)], ids=repr
)
def test_the_reset_is_waited_for_where_it_is_seconds_and_no_epoch(reset: str, wait: float | None) -> None:
    """On an answer that passed through Nango, the header may be Nango's own, whose reset is an epoch."""
    refusal = PIPEDRIVE.read_refusal(429, {"x-ratelimit-reset": reset}, None)
    assert refusal is not None
    assert refusal.retry_after == wait


def test_what_a_person_can_do_is_said() -> None:
    for status, body, words in (
        (402, None, "subscription"),
        (403, {"error": "Scope and URL mismatch"}, "contacts:read, users:read and activities:read"),
        (403, {"error": "x", "code": "feature_capping_x"}, "plan"),
    ):
        refusal = PIPEDRIVE.read_refusal(status, {}, body)
        assert refusal is not None
        assert words in (refusal.action or "")


@pytest.mark.parametrize(
    ("headers", "budget"),
    [
        (LEFT, Budget(12, 30_000)),
        (SPENT, Budget(0, 30_000)),
        ({}, None),
        ({"x-daily-ratelimit-token-limit": "30000"}, None),
        ({"x-daily-ratelimit-token-limit": "many", "x-daily-ratelimit-token-remaining": "12"}, None),
    ],
    ids=str,
)
def test_the_days_tokens_are_read_from_the_headers(headers: Mapping[str, str], budget: Budget | None) -> None:
    assert PIPEDRIVE.read_budget(headers) == budget


# --- requests, against the sandbox

FAST = {"default": Rate(10_000, 1000)}
IMPATIENT = RetryPolicy(attempts=2, first_wait=0.001, longest_retry_after=1)


@dataclass
class Wire:
    """A sandbox with one company, and the calls of its connection."""

    sandbox: Sandbox
    crm: PipedriveApi
    api: Proxy

    def fetch(self, pull: Pull) -> list[Page]:
        self.sandbox.journal.clear()
        return list(PIPEDRIVE.fetch_contacts(self.api, pull))

    def references(self, mapping: Mapping[str, str] = NO_MAPPING, since: datetime | None = None) -> Directory:
        self.sandbox.journal.clear()
        directory = PIPEDRIVE.fetch_references(self.api, complete(references_since=since, mapping=mapping))
        directory.references += list(directory.changed)
        return directory

    def calls(self, path: str) -> list[Seen]:
        return [seen for seen in self.sandbox.journal if seen.path == f"/proxy{path}"]

    def queries(self, path: str) -> list[dict[str, str]]:
        return [query_of(seen) for seen in self.calls(path)]

    @property
    def live(self) -> list[str]:
        return [str(number) for number in sorted(self.crm.account.persons.live)]


def a_wire(sandbox: Sandbox, account: str, client: NangoClient) -> Wire:
    connection = sandbox.connect(account, "pipedrive")
    crm = sandbox.crm("pipedrive", account)
    assert isinstance(crm, PipedriveApi)
    api = client.proxy(
        "pipedrive", connection.connection_id, rates=FAST, read_refusal=PIPEDRIVE.read_refusal,
        config=connection.config, day=DayBudget(PIPEDRIVE.read_budget),
    )  # fmt: skip
    return Wire(sandbox, crm, api)


@pytest.fixture(scope="module")
def shared() -> Iterator[Wire]:
    """For tests that change nothing in the company."""
    with Sandbox(contacts=1250, accounts=()) as sandbox, client_of(sandbox) as client:
        yield a_wire(sandbox, "acme", client)


@pytest.fixture
def wire(shared: Wire) -> Iterator[Wire]:
    yield shared
    shared.sandbox.faults.clear()


@pytest.fixture
def small() -> Iterator[Wire]:
    """A small company to change."""
    with Sandbox(contacts=40, accounts=()) as sandbox, client_of(sandbox) as client:
        yield a_wire(sandbox, "acme", client)


def client_of(sandbox: Sandbox, **settings: Any) -> NangoClient:
    return NangoClient(host=sandbox.url, secret_key=sandbox.secret_key, policy=IMPATIENT, **settings)


def query_of(seen: Seen) -> dict[str, str]:
    pairs = parse_qsl(seen.query, keep_blank_values=True)
    assert len(pairs) == len(dict(pairs)), "a parameter is given once"
    return dict(pairs)


def ids_of(pages: Iterable[Page]) -> list[str]:
    return [str(record.crm_id) for page in pages for record in page.records]


def complete(**more: Any) -> Pull:
    return Pull(kind="complete", started_at=NOW, **more)


def window(since: datetime = LONG_AGO, **more: Any) -> Pull:
    return Pull(kind="window", started_at=NOW, since=since, **more)


def test_a_complete_pass_lists_everybody_once_by_rising_id(wire: Wire) -> None:
    pages = wire.fetch(complete())
    assert ids_of(pages) == wire.live
    assert [len(page.records) for page in pages[:2]] == [500, 500]
    assert {seen.status for seen in wire.sandbox.journal} == {200}


def test_a_complete_pass_proves_its_end_and_nothing_before(wire: Wire) -> None:
    pages = wire.fetch(complete())
    assert [page.proven for page in pages] == [(), (), (Proven("contact"),)]
    assert {page.proven for page in wire.fetch(window())} == {()}


def test_the_complete_list_is_asked_for_as_the_reference_says(wire: Wire) -> None:
    pages = wire.fetch(complete())
    queries = wire.queries(PERSONS)
    first = {"limit": "500", "sort_by": "id", "sort_direction": "asc", "include_fields": OPTIONAL}
    assert queries[0] == first
    cursors = [query.pop("cursor") for query in queries[1:]]
    assert queries == [first] * 3
    assert [page.resume for page in pages] == [*(f"list:{cursor}" for cursor in cursors), "end:"]


def test_the_window_is_asked_for_by_whole_seconds(wire: Wire) -> None:
    """A fraction of a second or an offset is refused with 400."""
    wire.fetch(window(datetime(2026, 6, 29, 14, 15, 16, 999_999, tzinfo=UTC)))
    assert wire.queries(PERSONS)[0] == {
        "limit": "500", "updated_since": "2026-06-29T14:15:16Z", "sort_by": "update_time", "sort_direction": "asc",
        "include_fields": OPTIONAL,
    }  # fmt: skip
    assert {seen.status for seen in wire.sandbox.journal} == {200}


def test_a_window_pass_finds_everybody_who_changed_oldest_first(wire: Wire) -> None:
    rows = [row for row in wire.crm.account.persons.changed() if row.updated_ms]
    assert ids_of(wire.fetch(window())) == [str(row.id) for row in rows]
    since = datetime.fromtimestamp(rows[700].updated_ms / 1000, UTC)
    assert ids_of(wire.fetch(window(since)))[0] == str(rows[700].id)


def test_only_the_complete_pass_shows_who_was_never_changed(wire: Wire) -> None:
    never = {str(row.id) for row in wire.crm.account.persons.live.values() if not row.updated_ms}
    assert never
    assert set(ids_of(wire.fetch(complete()))) - set(ids_of(wire.fetch(window()))) == never


def test_a_record_bears_pipedrives_time_or_the_time_of_creation(wire: Wire) -> None:
    for page in wire.fetch(complete()):
        for record in page.records:
            shown = record.payload["update_time"] or record.payload["add_time"]
            assert record.source_updated_at == datetime.fromisoformat(shown)
            assert (record.object_type, record.is_deleted) == ("contact", False)


@pytest.mark.parametrize("pull", [complete(), window()], ids=["complete", "window"])
def test_a_pass_goes_on_in_another_process_after_any_page(wire: Wire, pull: Pull) -> None:
    pages = wire.fetch(pull)
    for count, page in enumerate(pages, 1):
        rest = wire.fetch(Pull(kind=pull.kind, started_at=NOW, since=pull.since, resume=page.resume))
        assert set(ids_of(pages[:count])) | set(ids_of(rest)) == set(ids_of(pages))
        assert len(ids_of(rest)) <= len(ids_of(pages[count:])) + 5, "at most the last second is read again"
        assert rest[-1].proven == pages[-1].proven


def test_after_the_last_page_nothing_is_asked_again(wire: Wire) -> None:
    assert wire.fetch(complete(resume="end:")) == [Page([], "end:", proven=(Proven("contact"),))]
    assert not wire.sandbox.journal


def test_a_cursor_that_died_meanwhile_starts_the_list_anew(wire: Wire) -> None:
    pages = wire.fetch(complete(resume="list:bm8gY3Vyc29y"))
    assert ids_of(pages) == wire.live
    assert [seen.status for seen in wire.calls(PERSONS)] == [400, 200, 200, 200]


@pytest.mark.parametrize("status", [404, 410, 422])
def test_however_a_dead_cursor_is_refused_the_list_starts_anew(wire: Wire, status: int) -> None:
    """Else every sync would fail until the interrupted pass is a day old."""
    refusal = {"status": status, "body": {"success": False, "error": "Cursor expired"}}
    wire.sandbox.faults.add(match={"path": f"{PERSONS}$"}, nth=1, times=1, answer=refusal)
    assert ids_of(wire.fetch(complete(resume="list:b2xk"))) == wire.live


def test_a_dead_cursor_that_answers_an_empty_end_proves_nothing() -> None:
    """How long a cursor lives is not documented; believed, such an end would delete everybody behind it."""
    api = Scripted({PERSONS: [person_page(), person_page(1, 2)]})
    pages = list(PIPEDRIVE.fetch_contacts(api, complete(resume="list:old")))
    assert ids_of(pages) == ["1", "2"]
    assert [page.proven for page in pages] == [(Proven("contact"),)]


def test_any_other_refused_request_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": f"{PERSONS}$"}, times=None, answer={"status": 400, "body": {"error": "no"}})
    for pull in (complete(), complete(resume="list:bm8gY3Vyc29y")):
        with pytest.raises(ProviderError) as caught:
            wire.fetch(pull)
        assert (caught.value.code, len(wire.calls(PERSONS))) == ("unexpected_response", 2 if pull.resume else 1)


def test_last_activities_are_landed_with_their_persons(wire: Wire) -> None:
    records = [record for page in wire.fetch(complete()) for record in page.records]
    known = wire.crm.account.activities
    joined = [record.payload for record in records if LAST_ACTIVITY in record.payload]
    asked = {record.payload["last_activity_id"] for record in records} - {None}
    assert {payload["last_activity_id"] for payload in joined} == asked & known.keys()
    assert asked - known.keys(), "some have been deleted since"
    for payload in joined:
        activity = payload[LAST_ACTIVITY]
        assert activity.items() <= known[payload["last_activity_id"]].items()
        contact = PIPEDRIVE.to_contact(payload, NAMES, "contact")
        done = activity["marked_as_done_time"]
        assert contact.last_activity_at is not None
        assert not done or contact.last_activity_at == datetime.fromisoformat(done)


def test_activities_are_asked_for_a_hundred_at_a_time_and_only_those_that_are_named(wire: Wire) -> None:
    wire.fetch(complete())
    queries = wire.queries(ACTIVITIES)
    assert [set(query) for query in queries] == [{"ids", "limit"}] * len(queries)
    asked = [query["ids"].split(",") for query in queries]
    named = {row.values["last_activity_id"] for row in wire.crm.account.persons.live.values()} - {None}
    assert max(map(len, asked)) == 100
    assert {int(key) for keys in asked for key in keys} == named


def test_besides_the_activity_a_payload_is_the_persons_own_record(wire: Wire) -> None:
    for record in wire.fetch(window())[0].records[:50]:
        payload = {name: value for name, value in record.payload.items() if name != LAST_ACTIVITY}
        shown = wire.api.get(f"{PERSONS}/{record.crm_id}", {"include_fields": OPTIONAL}).object()["data"]
        assert payload == shown


def test_activities_out_of_reach_are_noted_once_and_the_persons_still_come(wire: Wire) -> None:
    wire.crm.scopes.discard("activities:read")
    try:
        pages = wire.fetch(complete())
    finally:
        wire.crm.scopes.add("activities:read")
    assert ids_of(pages) == wire.live
    assert [len(page.notes) for page in pages] == [1, 0, 0]
    assert "Activities are not readable" in pages[0].notes[0]
    assert len(wire.calls(ACTIVITIES)) == 1
    assert not any(LAST_ACTIVITY in record.payload for page in pages for record in page.records)


def test_persons_out_of_reach_end_the_pass(wire: Wire) -> None:
    wire.crm.scopes.discard("contacts:read")
    try:
        with pytest.raises(ProviderError) as caught:
            wire.fetch(complete())
    finally:
        wire.crm.scopes.add("contacts:read")
    assert caught.value.code == "missing_scope"
    assert "Developer Hub" in caught.value.action


def test_what_arrives_is_what_people_see(wire: Wire) -> None:
    """Compared with the cards of the sandbox, which know nothing of this mapper."""
    references = References(wire.references().references)
    cards = wire.crm.users.cards()
    for page in wire.fetch(complete()):
        for record in page.records:
            contact, card = PIPEDRIVE.to_contact(record.payload, references, "contact"), cards.pop(str(record.crm_id))
            assert (contact.first_name, contact.last_name) == (card.first, card.last)
            assert (tuple(phone.text for phone in contact.phones), contact.emails) == (card.phones, card.emails)
            assert (contact.company, contact.country) == (card.company, card.country)
            assert (contact.owner_name, contact.owner_email) == (card.owner, card.owner_email)
            assert (contact.status, contact.stage, contact.description) == (card.status, card.stage, card.note)
    assert not cards


def test_a_deleted_person_is_absent_and_a_restored_one_is_a_change(small: Wire) -> None:
    crm_id = small.crm.users.add(first="Ann")
    small.crm.users.delete(crm_id)
    assert crm_id not in ids_of(small.fetch(complete()))
    before = datetime.now(UTC).replace(microsecond=0)
    assert ids_of(small.fetch(window(before))) == []
    small.crm.users.restore(crm_id)
    assert ids_of(small.fetch(window(before))) == [crm_id]


def test_of_a_merge_the_survivor_is_a_change_and_the_loser_is_absent(small: Wire) -> None:
    kept, lost = small.crm.users.add(first="Ann", phone="1"), small.crm.users.add(first="Ann", phone="2")
    before = datetime.now(UTC).replace(microsecond=0)
    small.crm.users.merge(kept, lost)
    (page,) = small.fetch(window(before))
    contact = PIPEDRIVE.to_contact(page.records[-1].payload, NAMES, "contact")
    assert (contact.crm_id, [phone.text for phone in contact.phones]) == (kept, ["1", "2"])
    assert lost not in ids_of(small.fetch(complete()))


def test_equal_times_of_change_end_and_lose_nobody() -> None:
    """Everybody in one second: the cursor, not the second, leads on."""
    with Sandbox(contacts=1100, accounts=()) as sandbox, client_of(sandbox) as client:
        other = a_wire(sandbox, "acme", client)
        other.crm.users.stamp_all(1_789_000_000_000)
        pages = other.fetch(window(datetime.fromtimestamp(1_789_000_000, UTC)))
        assert ids_of(pages) == other.live
        assert len(pages) == 3
        rest = other.fetch(window(resume=pages[0].resume))
        assert ids_of(rest) == other.live


def test_three_thousand_custom_fields_land_and_too_large_pages_are_halved(small: Wire) -> None:
    small.crm.users.add_custom_fields(3000)
    with client_of(small.sandbox, max_body_bytes=3 * 2**20) as client:
        connection = small.sandbox.book.of_account("acme")[0]
        small.api = client.proxy("pipedrive", connection.connection_id, rates=FAST)
        pages = small.fetch(complete())
    assert ids_of(pages) == small.live
    assert {len(record.payload["custom_fields"]) >= 3000 for page in pages for record in page.records} == {True}
    limits = [int(query["limit"]) for query in small.queries(PERSONS)]
    assert limits[:2] == [500, 250]
    assert limits[-1] < 40


def test_of_very_many_custom_fields_only_the_filled_ones_land() -> None:
    fields = {f"{number:040x}": None for number in range(200)} | {TEXT: "kept"}
    api = Scripted({PERSONS: [person_page(1, custom_fields=fields), person_page(2, custom_fields={TEXT: None})]})
    few, many = (next(iter(PIPEDRIVE.fetch_contacts(api, complete()))).records[0].payload for _ in range(2))
    assert few["custom_fields"] == {TEXT: "kept"}
    assert many["custom_fields"] == {TEXT: None}


def test_the_day_ends_at_four_fifths_and_what_was_fetched_is_kept(small: Wire) -> None:
    small.crm.limits = True
    small.crm.act("set", {"daily_tokens": 20})
    pages = PIPEDRIVE.fetch_contacts(small.api, complete())
    with pytest.raises(ProviderError) as caught:
        list(pages) + list(PIPEDRIVE.fetch_contacts(small.api, complete()))
    assert caught.value.code == "daily_limit"
    assert len(small.calls(PERSONS)) == 1


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("rate_limited", "rate_limited"), ("daily_limit", "daily_limit"), ("missing_scope", "missing_scope"),
        ("forbidden", "connection_misconfigured"), ("unpaid", "connection_misconfigured"), ("blocked", "rate_limited"),
        ("server_error", "provider_unavailable"), ("invalid_token", "connection_expired"),
    ],
)  # fmt: skip
def test_pipedrives_own_words_come_out_as_our_codes(wire: Wire, fault: str, code: str) -> None:
    answer = FAULTS[fault]
    headers = {name: "0" if name == "x-ratelimit-reset" else value for name, value in answer.headers.items()}
    wire.sandbox.faults.add(
        match={"path": f"{PERSONS}$"}, times=None,
        answer={"status": answer.status, "body": answer.body, "headers": headers},
    )  # fmt: skip
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == code


# --- references


def test_owners_come_in_one_call_with_those_who_left(wire: Wire) -> None:
    directory = wire.references()
    assert wire.queries(USERS) == [{}]
    owners = {one.crm_id: (one.label, one.email) for one in directory.references if one.kind == "owner"}
    assert owners == {str(user.id): (user.name, user.email) for user in wire.crm.account.users}


def test_labels_are_those_of_label_ids_and_of_mapped_fields(wire: Wire) -> None:
    def labels(kind: str, **mapping: str) -> dict[str, str | None]:
        return {one.crm_id: one.label for one in wire.references(mapping).references if one.kind == kind}

    assert labels("status") == {
        "label_ids:12": "Customer",
        "label_ids:13": "Hot lead",
        "label_ids:14": "Warm lead",
        "label_ids:15": "Cold lead",
    }
    assert labels("stage") == {}
    assert set(labels("status", status=PIPELINE_STATE)) == {f"{PIPELINE_STATE}:{option}" for option in (41, 42, 43)}
    assert labels("stage", stage=PIPELINE_STATE)[f"{PIPELINE_STATE}:41"] == "Qualified"
    both = labels("status", stage=LEAD_SOURCE, status=LEAD_SOURCE, description=INTERESTS)
    assert both[f"{LEAD_SOURCE}:33"] == "Référence"
    assert both[f"{INTERESTS}:52"] == "Demo"
    assert set(labels("stage", stage=LEAD_SOURCE, status=LEAD_SOURCE)) == {f"{LEAD_SOURCE}:{n}" for n in (31, 32, 33)}


def test_a_mapped_option_reaches_the_contact_by_its_label(wire: Wire) -> None:
    mapping = {"status": PIPELINE_STATE, "description": INTERESTS}
    references = References(wire.references(mapping).references, mapping)
    contacts = [
        PIPEDRIVE.to_contact(record.payload, references, "contact")
        for page in wire.fetch(complete())
        for record in page.records
    ]
    assert {contact.status for contact in contacts} == {None, "Qualified", "Nurturing", "Disqualified"}
    assert {contact.description for contact in contacts} == {None, "Price list, Trade fair"}


def test_a_mapped_field_that_pipedrive_does_not_have_is_told(wire: Wire) -> None:
    mapping = {"status": "0" * 40, "stage": PIPELINE_STATE, "description": "job_title", "company": "org_id"}
    (note,) = wire.references(mapping).notes
    assert repr("0" * 40) in note
    assert "carry no status" in note
    assert wire.references().notes == []


def test_organizations_are_read_whole_once_and_then_by_time_of_change(small: Wire) -> None:
    crm_id = small.crm.users.add(first="Ann", company="North")
    everything = small.references().references
    assert {one.label for one in everything if one.kind == "company"} == {
        row.values["name"] for row in small.crm.account.organizations.live.values()
    }
    assert small.queries(ORGANIZATIONS) == [{"limit": "500", "sort_by": "id", "sort_direction": "asc"}]
    since = datetime.now(UTC)
    small.crm.users.rename_company(crm_id, "South")
    changed = [one.label for one in small.references(since=since).references if one.kind == "company"]
    assert changed == ["South"]
    assert small.queries(ORGANIZATIONS) == [
        {
            "limit": "500", "updated_since": since.strftime("%Y-%m-%dT%H:%M:%SZ"), "sort_by": "update_time",
            "sort_direction": "asc",
        }
    ]  # fmt: skip


def test_organizations_are_asked_for_only_when_they_are_wanted(wire: Wire) -> None:
    wire.sandbox.journal.clear()
    PIPEDRIVE.fetch_references(wire.api, complete())
    assert wire.calls(ORGANIZATIONS) == []


def test_new_names_reach_a_contact_that_did_not_change(small: Wire) -> None:
    crm_id = small.crm.users.add(first="Ann", company="North")
    small.crm.users.rename_owner(crm_id, "New Name", "new@acme.example")
    small.crm.users.rename_company(crm_id, "South")
    references = References(small.references().references)
    payload = small.api.get(f"{PERSONS}/{crm_id}").object()["data"]
    contact = PIPEDRIVE.to_contact(payload, references, "contact")
    assert (contact.owner_name, contact.owner_email, contact.company) == ("New Name", "new@acme.example", "South")


def test_owners_out_of_reach_are_noted_and_the_rest_is_read(wire: Wire) -> None:
    wire.crm.scopes.discard("users:read")
    try:
        directory = wire.references()
    finally:
        wire.crm.scopes.add("users:read")
    assert {one.kind for one in directory.references} == {"status", "company"}
    (note,) = directory.notes
    assert "Owners are not readable" in note


def test_labels_and_organizations_out_of_reach_are_noted(wire: Wire) -> None:
    wire.crm.scopes.discard("contacts:read")
    try:
        directory = wire.references()
    finally:
        wire.crm.scopes.add("contacts:read")
    assert {one.kind for one in directory.references} == {"owner"}
    assert [note.split()[0] for note in directory.notes] == ["Labels", "Organizations"]


def test_any_other_trouble_with_references_ends_the_pass(wire: Wire) -> None:
    wire.sandbox.faults.add(match={"path": USERS}, times=None, answer={"status": 402, "body": ""})
    with pytest.raises(ProviderError) as caught:
        wire.references()
    assert caught.value.code == "connection_misconfigured"


# --- lists that do not end by themselves, and answers of another shape

Document = dict[str, Any]
Value = TypeVar("Value")


@dataclass
class Scripted:
    """Calls answered from a list per path, the last one again and again, or by a function of the call's number."""

    answers: dict[str, list[Document] | Callable[[int], Document]]
    calls: list[str] = field(default_factory=list)
    requests: int = 0
    config: Mapping[str, Any] = field(default_factory=dict)

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        return make()

    def note_budget(self, budget: Budget) -> None:
        pass

    def get(
        self, path: str, query: Mapping[str, str] | None = None, *, headers: Mapping[str, str] | None = None,
        bucket: str = "default", shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        script, number = self.answers.get(path, [{"data": []}]), self.calls.count(path)
        self.calls.append(path)
        assert len(self.calls) < 200, "this never ends"
        document = script(number) if callable(script) else script[min(number, len(script) - 1)]
        return Answer(200, {}, orjson.dumps(document))

    def post(
        self, path: str, body: object, *, headers: Mapping[str, str] | None = None, bucket: str = "default",
        shape: tuple[str, ...] = (), nothing: tuple[int, ...] = (),
    ) -> Answer:  # fmt: skip
        raise AssertionError("nothing is posted to Pipedrive")


def a_page(*rows: Document, cursor: str | None = None) -> Document:
    return {"success": True, "data": list(rows), "additional_data": {"next_cursor": cursor}}


def person_page(*numbers: int, cursor: str | None = None, **fields: object) -> Document:
    return a_page(*({"id": number, **fields} for number in numbers), cursor=cursor)


def everything(api: Scripted) -> None:
    """Every list there is."""
    directory = PIPEDRIVE.fetch_references(api, complete())
    list(directory.changed)
    for pull in (complete(), window()):
        list(PIPEDRIVE.fetch_contacts(api, pull))


@pytest.mark.parametrize("path", [PERSONS, ORGANIZATIONS, PERSON_FIELDS])
@pytest.mark.parametrize("period", [1, 2, 7])
def test_pages_that_repeat_are_noticed(path: str, period: int) -> None:
    api = Scripted({path: lambda number: person_page(number % period, cursor=f"token{number % period}")})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(path) <= period + 3


@pytest.mark.parametrize("path", [PERSONS, ORGANIZATIONS, PERSON_FIELDS])
def test_empty_pages_that_promise_another_end_after_ten(path: str) -> None:
    api = Scripted({path: lambda number: person_page(cursor=f"token{number}")})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "pagination_loop"
    assert api.calls.count(path) == 10


@pytest.mark.parametrize("more", [None, {}, {"next_cursor": None}, {"next_cursor": ""}, []], ids=repr)
def test_every_way_of_saying_that_there_is_no_next_page(more: object) -> None:
    api = Scripted({PERSONS: [{"data": [{"id": 1}], "additional_data": more}]})
    assert ids_of(PIPEDRIVE.fetch_contacts(api, complete())) == ["1"]


def test_a_person_shown_as_deleted_is_passed_on_as_deleted() -> None:
    api = Scripted({PERSONS: [person_page(1, is_deleted=True, update_time="2026-08-14T16:05:10Z")]})
    (page,) = PIPEDRIVE.fetch_contacts(api, complete())
    (record,) = page.records
    assert (record.is_deleted, record.source_updated_at) == (True, datetime(2026, 8, 14, 16, 5, 10, tzinfo=UTC))


def test_a_window_page_without_any_time_stays_where_it_was() -> None:
    api = Scripted({PERSONS: [person_page(1)]})
    (page,) = PIPEDRIVE.fetch_contacts(api, window(NOW))
    assert page.resume == "window:2026-09-21T14:00:00Z"


def test_an_owner_without_a_name_goes_by_the_address_and_one_without_both_by_nothing() -> None:
    users: list[Document] = [
        {"id": 1, "name": "Jo", "email": None},
        {"id": 2, "name": " ", "email": "q@x.example"},
        {"id": 3},
    ]
    owners = PIPEDRIVE.fetch_references(Scripted({USERS: [a_page(*users)]}), complete()).references
    assert [(one.crm_id, one.label, one.email) for one in owners] == [
        ("1", "Jo", None), ("2", "q@x.example", "q@x.example"), ("3", None, None),
    ]  # fmt: skip


SHAPES: list[tuple[str, object]] = [
    (PERSONS, None),
    (PERSONS, "text"),
    (PERSONS, {"1": {}}),
    (PERSONS, [None]),
    (ACTIVITIES, None),
    (ACTIVITIES, ["text"]),
    (ORGANIZATIONS, None),
    (USERS, None),
    (USERS, [{"name": "no id"}]),
    (PERSON_FIELDS, [7]),
    (PERSON_FIELDS, [{"field_code": "label_ids", "options": [{"label": "no id"}]}]),
    (PERSON_FIELDS, [{"field_code": "label_ids", "options": "text"}]),
]


@pytest.mark.parametrize(("path", "data"), SHAPES, ids=str)
def test_data_of_another_shape_is_an_unexpected_response(path: str, data: object) -> None:
    api = Scripted({PERSONS: [person_page(1, last_activity_id=7)], path: [{"data": data}]})
    with pytest.raises(ProviderError) as caught:
        everything(api)
    assert caught.value.code == "unexpected_response"


@pytest.mark.parametrize("body", ["{}", "null", {"success": False, "error": "oops"}, "<html></html>", ""], ids=repr)
def test_a_page_without_its_list_is_never_an_empty_company(wire: Wire, body: object) -> None:
    wire.sandbox.faults.add(match={"path": f"{PERSONS}$"}, times=None, answer={"status": 200, "body": body})
    with pytest.raises(ProviderError) as caught:
        wire.fetch(complete())
    assert caught.value.code == "unexpected_response"


def test_a_window_pass_without_a_since_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="since"):
        list(PIPEDRIVE.fetch_contacts(Scripted({}), Pull(kind="window", started_at=NOW)))


# --- the value itself


def test_it_is_registered_under_its_name_and_stays_below_the_limit_of_the_smallest_plan() -> None:
    assert PROVIDERS["pipedrive"] is PIPEDRIVE
    assert PIPEDRIVE.rates["default"].burst + 2 * PIPEDRIVE.rates["default"].per_second <= 80
    assert (PIPEDRIVE.identity, PIPEDRIVE.deletions) == ("api_domain", "sweep")


def test_the_link_to_a_person_needs_the_companys_host() -> None:
    config = {"api_domain": "https://acme.pipedrive.com/"}
    assert PIPEDRIVE.record_url(config, "contact", "4711") == "https://acme.pipedrive.com/person/4711"
    assert PIPEDRIVE.record_url({}, "contact", "4711") is None


def test_a_connection_without_the_companys_host_cannot_work() -> None:
    PIPEDRIVE.check_config({"api_domain": "https://acme.pipedrive.com"})
    for config in ({}, {"api_domain": None}, {"api_domain": ""}, {"api_domain": "acme"}):
        with pytest.raises(ProviderError) as caught:
            PIPEDRIVE.check_config(config)
        assert caught.value.code == "connection_misconfigured"
        assert "Connect it again" in caught.value.action
