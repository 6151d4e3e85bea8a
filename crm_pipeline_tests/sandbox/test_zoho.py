"""The made-up Zoho CRM answers as Zoho's documentation says, and refuses what Zoho refuses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from crm_pipeline.sandbox.crm import BadControl, NoSuchRecord
from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.sandbox.zoho.api import ZOHO, ZohoApi
from crm_pipeline_tests.sandbox.caller import START, Caller, SetClock

LEADS, CONTACTS = "/crm/v8/Leads", "/crm/v8/Contacts"
BY_CHANGE = {"fields": "Last_Name,Modified_Time", "sort_by": "Modified_Time", "sort_order": "asc"}
EVERY_LEAD = {"converted": "both", "approved": "both"}


@dataclass
class Zoho:
    """One org on its first day, asked without a server."""

    api: ZohoApi
    clock: SetClock

    def get(self, path: str, query: Mapping[str, Any] | None = None, since: str | None = None) -> Reply:
        headers = {"if-modified-since": since} if since else {}
        return self.api.answer(Request("GET", path, urlencode(query or {}), headers))

    def json(self, path: str, query: Mapping[str, Any] | None = None, since: str | None = None) -> Any:
        reply = self.get(path, query, since)
        assert reply.status == 200, reply.body
        return orjson.loads(reply.body)

    def code(self, path: str, query: Mapping[str, Any] | None = None, since: str | None = None) -> tuple[int, str]:
        reply = self.get(path, query, since)
        return reply.status, orjson.loads(reply.body)["code"]

    def coql(self, query: str) -> Reply:
        body = orjson.dumps({"select_query": query})
        return self.api.answer(Request("POST", "/crm/v8/coql", "", {"content-type": "application/json"}, body))

    def pages(self, path: str, query: Mapping[str, Any], since: str | None = None) -> Iterator[list[dict[str, Any]]]:
        token: dict[str, str] = {}
        while True:
            answer = self.json(path, {**query, **token}, since)
            yield answer["data"]
            if not answer["info"]["more_records"]:
                return
            token = {"page_token": answer["info"]["next_page_token"]}


@pytest.fixture
def zoho() -> Zoho:
    clock = SetClock()
    api = ZOHO.open("acme", 7, 600, clock)
    assert isinstance(api, ZohoApi)
    return Zoho(api, clock)


def test_the_first_day_is_the_same_for_the_same_seed_and_has_everything(zoho: Zoho) -> None:
    again = ZOHO.open("acme", 7, 600, SetClock())
    assert again.oracle() == zoho.api.oracle()
    shelves = zoho.api.org.shelves
    held = [row for name in ("Leads", "Contacts") for row in (*shelves[name].live.values(), *shelves[name].bin.values(),
                                                              *shelves[name].purged.values())]  # fmt: skip
    assert len(held) == 600
    assert all(len(str(row.id)) == 19 for row in held)
    cards = zoho.api.users.cards()
    assert {card.object_type for card in cards.values()} == {"lead", "contact"}
    converted = [one for one in zoho.api.oracle() if one.get("$converted_detail")]
    assert converted
    assert all(one["$converted_detail"]["contact"]["id"] in cards for one in converted)
    assert not {one["id"] for one in converted} & cards.keys()


def test_a_chain_of_page_tokens_shows_everybody_once_by_rising_time(zoho: Zoho) -> None:
    pages = list(zoho.pages(LEADS, {**BY_CHANGE, **EVERY_LEAD, "per_page": 50}))
    rows = [row for page in pages for row in page]
    assert {int(row["id"]) for row in rows} == zoho.api.org.shelves["Leads"].live.keys()
    assert len(rows) == len({row["id"] for row in rows})
    assert [len(page) for page in pages[:-1]] == [50] * (len(pages) - 1)
    assert set(rows[0]) == {"id", "Last_Name", "Modified_Time"}
    assert {row["Modified_Time"][-6:] for row in rows} == {"+02:00", "+01:00"}


def test_converted_and_unapproved_leads_are_hidden_unless_asked_for(zoho: Zoho) -> None:
    def shown(**more: str) -> int:
        return sum(map(len, zoho.pages(LEADS, {"fields": "id", **more})))

    live = len(zoho.api.org.shelves["Leads"].live)
    converted = sum("$converted_detail" in row.values for row in zoho.api.org.shelves["Leads"].live.values())
    assert converted > 0
    assert shown(**EVERY_LEAD) == live
    assert shown(converted="true", approved="both") == converted
    assert shown() < live - converted + 1
    assert zoho.json(f"{LEADS}/actions/count") == {"count": shown()}


def test_nothing_is_204_and_nothing_modified_is_304(zoho: Zoho) -> None:
    assert zoho.get(LEADS, BY_CHANGE, "2026-09-01T00:00:00+00:00").status == 304
    for shelf in zoho.api.org.shelves.values():
        for number in list(shelf.live):
            shelf.purge(number, now_ms=0)
    assert (zoho.get(LEADS, BY_CHANGE).status, zoho.get(LEADS, BY_CHANGE).body) == (204, b"")
    assert zoho.get(f"{LEADS}/deleted", None).status == 204


def test_both_pass_through_nango_unchanged() -> None:
    with Sandbox(contacts=0, accounts=("acme",), clock=SetClock()) as sandbox:
        connection = sandbox.connect("acme", "zoho")
        caller = Caller(sandbox)
        address = {"Connection-Id": connection.connection_id, "Provider-Config-Key": "zoho-crm"}
        since = {"Nango-Proxy-If-Modified-Since": "2026-01-01T00:00:00Z"}
        target = f"/proxy{LEADS}?{urlencode(BY_CHANGE)}"
        assert caller.nango("GET", target, None, None, **address).status == 204
        assert caller.nango("GET", target, None, None, **address, **since).status == 304
        caller.close()


def test_if_modified_since_takes_its_own_second_in(zoho: Zoho) -> None:
    lead = zoho.api.users.add(object_type="lead", last="Brandt")
    assert [row["id"] for row in zoho.json(LEADS, BY_CHANGE, "2026-09-21T14:13:20+00:00")["data"]] == [lead]
    assert [row["id"] for row in zoho.json(LEADS, BY_CHANGE, "2026-09-21T16:13:20+02:00")["data"]] == [lead]
    assert zoho.get(LEADS, BY_CHANGE, "2026-09-21T14:13:21+00:00").status == 304
    assert START == 1_790_000_000


REFUSED: list[tuple[str, dict[str, Any], tuple[int, str]]] = [
    (LEADS, {}, (400, "REQUIRED_PARAM_MISSING")),
    (LEADS, {"fields": ",".join(["Email"] * 51)}, (400, "LIMIT_EXCEEDED")),
    (LEADS, {"fields": "Shoe_Size"}, (400, "INVALID_DATA")),
    (LEADS, {"fields": "id", "per_page": 201}, (400, "INVALID_DATA")),
    (LEADS, {"fields": "id", "sort_by": "Email"}, (400, "INVALID_DATA")),
    (LEADS, {"fields": "id", "colour": "red"}, (400, "INVALID_DATA")),
    (LEADS, {"fields": "id", "page_token": "rubbish"}, (400, "INVALID_DATA")),
    (LEADS, {"fields": "id", "page": 2, "page_token": "x"}, (400, "AMBIGUITY_DURING_PROCESSING")),
    (LEADS, {"fields": "id", "page": 11}, (400, "DISCRETE_PAGINATION_LIMIT_EXCEEDED")),
    (LEADS, {"fields": "id", "cvid": 7}, (501, "NOT_SERVED")),
    (CONTACTS, {"fields": "id", "converted": "both"}, (400, "INVALID_DATA")),
    ("/crm/v8/Cases", {"fields": "id"}, (400, "INVALID_MODULE")),
    ("/crm/v8/settings/fields", {}, (400, "REQUIRED_PARAM_MISSING")),
    ("/crm/v8/settings/modules", {}, (501, "NOT_SERVED")),
    (f"{LEADS}/search", {"criteria": "x"}, (501, "NOT_SERVED")),
    (f"{LEADS}/7", {}, (400, "INVALID_DATA")),
    ("/crm/v2/Leads", {"fields": "id"}, (404, "INVALID_URL_PATTERN")),
]


@pytest.mark.parametrize(("path", "query", "answer"), REFUSED, ids=str)
def test_what_is_wrong_is_refused_in_zohos_words(
    zoho: Zoho, path: str, query: dict[str, Any], answer: tuple[int, str]
) -> None:
    assert zoho.code(path, query) == answer


def test_a_since_without_an_offset_is_refused(zoho: Zoho) -> None:
    assert zoho.code(LEADS, BY_CHANGE, "2026-09-01T00:00:00") == (400, "INVALID_DATA")


def test_a_page_token_is_bound_to_its_request_to_a_day_and_to_a_number_of_rows(zoho: Zoho) -> None:
    query = {**BY_CHANGE, "per_page": 20}
    token = {"page_token": zoho.json(CONTACTS, query)["info"]["next_page_token"]}
    assert zoho.code(CONTACTS, {**query, **token, "per_page": 10}) == (400, "TOKEN_BOUND_DATA_MISMATCH")
    assert zoho.code(CONTACTS, {**query, **token}, "2020-01-01T00:00:00Z") == (400, "TOKEN_BOUND_DATA_MISMATCH")
    zoho.api.org.chain_rows = 20
    assert zoho.code(CONTACTS, {**query, **token}) == (400, "PAGINATION_LIMIT_EXCEEDED")
    zoho.api.org.chain_rows = 100
    zoho.clock.move(86_401)
    assert zoho.code(CONTACTS, {**query, **token}) == (400, "EXPIRED_VALUE")


def test_the_deleted_are_listed_with_how_and_restored_ones_no_more(zoho: Zoho) -> None:
    users, since = zoho.api.users, "2026-09-21T14:13:20Z"
    gone, purged, back = (users.add(last=name) for name in ("Gone", "Purged", "Back"))
    for one in (gone, purged, back):
        users.delete(one)
    users.purge(purged)
    users.restore(back)
    answer = zoho.json(f"{CONTACTS}/deleted", {"type": "all"}, since)
    assert [(row["id"], row["type"], row["display_name"]) for row in answer["data"]] == [
        (gone, "recycle", "Gone"), (purged, "permanent", "Purged"),
    ]  # fmt: skip
    assert answer["data"][0]["deleted_time"] == "2026-09-21T16:13:20+02:00"
    assert answer["info"] == {"per_page": 200, "count": 2, "page": 1, "more_records": False}
    zoho.clock.move(61 * 86_400)
    (first, *_) = zoho.json(f"{CONTACTS}/deleted", {"type": "permanent"}, since)["data"]
    assert first["id"] == gone, "the recycle bin empties itself after 60 days"
    assert zoho.get(f"{CONTACTS}/deleted", {"type": "recycle"}, since).status == 204


def test_a_restore_leaves_the_time_of_change(zoho: Zoho) -> None:
    contact = zoho.api.users.add(last="Back")
    zoho.api.users.delete(contact)
    zoho.clock.move(3600)
    zoho.api.users.restore(contact)
    assert zoho.get(CONTACTS, BY_CHANGE, "2026-09-21T14:30:00Z").status == 304
    assert zoho.json(CONTACTS, BY_CHANGE, "2026-09-21T14:00:00Z")["data"][0]["id"] == contact


def test_a_merge_fills_the_master_and_deletes_the_other_without_a_link(zoho: Zoho) -> None:
    users = zoho.api.users
    kept, lost = users.add(last="Kept"), users.add(last="Lost", phone="555 0100")
    assert users.merge(kept, lost) == kept
    assert users.cards()[kept].phones == ("555 0100",)
    (row,) = zoho.json(f"{CONTACTS}/deleted", {}, "2026-09-21T14:13:20Z")["data"]
    assert row["id"] == lost
    assert kept not in str(row)
    with pytest.raises(BadControl):
        users.merge(kept, users.add(object_type="lead", last="A lead"))


def test_a_converted_lead_names_its_contact_in_the_list_or_only_alone(zoho: Zoho) -> None:
    lead = zoho.api.users.add(object_type="lead", last="Brandt", company="Brandt Optik", country="Germany")
    contact = zoho.api.users.convert(lead)
    query = {"fields": "Converted__s,$converted_detail", "converted": "true", "sort_by": "Modified_Time"}
    (row,) = [one for one in zoho.json(LEADS, query)["data"] if one["id"] == lead]
    assert (row["Converted__s"], row["$converted_detail"]["contact"]) == (True, {"id": contact})
    zoho.api.org.shows_conversion = False
    assert "$converted_detail" not in zoho.json(LEADS, query)["data"][0]
    alone = zoho.json(f"{LEADS}/{lead}")["data"][0]
    assert alone["$converted_detail"]["contact"]["id"] == contact
    cards = zoho.api.users.cards()
    assert lead not in cards
    assert (cards[contact].last, cards[contact].company, cards[contact].country) == (
        "Brandt",
        "Brandt Optik",
        "Germany",
    )
    with pytest.raises(NoSuchRecord):
        zoho.api.users.convert(lead)


def test_names_of_owners_and_accounts_change_without_the_record_changing(zoho: Zoho) -> None:
    contact = zoho.api.users.add(last="Lindqvist", company="Fjord AB")
    query = {**BY_CHANGE, "fields": "Owner,Account_Name,Modified_Time"}
    (before,) = zoho.json(CONTACTS, query, "2026-09-21T14:00:00Z")["data"]
    zoho.clock.move(60)
    zoho.api.users.rename_owner(contact, "Ines Falk", "falk@x.example")
    zoho.api.users.rename_company(contact, "Fjord Group")
    (after,) = zoho.json(CONTACTS, query, "2026-09-21T14:00:00Z")["data"]
    assert after["Owner"] == before["Owner"] | {"name": "Ines Falk", "email": "falk@x.example"}
    assert (before["Account_Name"]["name"], after["Account_Name"]["name"]) == ("Fjord AB", "Fjord Group")
    assert after["Modified_Time"] == before["Modified_Time"]
    accounts = zoho.json("/crm/v8/Accounts", {**BY_CHANGE, "fields": "Account_Name"}, "2026-09-21T14:14:20Z")["data"]
    assert [one["Account_Name"] for one in accounts] == ["Fjord Group"]


def test_users_that_were_deleted_are_a_list_of_their_own(zoho: Zoho) -> None:
    everybody = zoho.json("/crm/v8/users", {"type": "AllUsers", "page": 1, "per_page": 200})
    assert {user["status"] for user in everybody["users"]} == {"active", "disabled"}
    assert [user["full_name"] for user in zoho.json("/crm/v8/users", {"type": "DeletedUsers"})["users"]] == ["Novak"]


def test_the_query_language_reads_fields_by_ids_and_nothing_else(zoho: Zoho) -> None:
    zoho.api.users.add_custom_fields(510)
    first, second = (zoho.api.users.add(last=name) for name in ("One", "Two"))
    answer = orjson.loads(
        zoho.coql(f"select id, Extra_1, Owner from Contacts where id in ('{first}', '{second}')").body
    )
    owner = {"id": str(zoho.api.org.users[0].id)}
    assert answer["data"][0] == {"id": first, "Extra_1": "value of Extra_1", "Owner": owner}
    assert answer["info"] == {"count": 2, "more_records": False}
    assert zoho.coql("select id from Contacts where id in ('5550001999999999999')").status == 204
    too_many = ", ".join(f"Extra_{number}" for number in range(1, 502))
    assert orjson.loads(zoho.coql(f"select {too_many} from Contacts where id in ('{first}')").body)["code"] == (
        "LIMIT_EXCEEDED"
    )
    many_ids = ", ".join([f"'{first}'"] * 101)
    assert zoho.coql(f"select id from Contacts where id in ({many_ids})").status == 400
    assert zoho.coql(f"select id, Nothing from Contacts where id in ('{first}')").status == 400
    assert zoho.coql("select id from Contacts where Email is not null").status == 501


def test_scopes_modules_and_permissions_can_be_taken_away(zoho: Zoho) -> None:
    org, query = zoho.api.org, {"fields": "id"}
    org.missing_scopes = {"ZohoCRM.modules.leads.READ", "ZohoCRM.coql.READ"}
    org.forbidden = {"Contacts"}
    assert zoho.code(LEADS, query) == (401, "OAUTH_SCOPE_MISMATCH")
    assert zoho.code(f"{LEADS}/deleted") == (401, "OAUTH_SCOPE_MISMATCH")
    assert zoho.code(CONTACTS, query) == (403, "NO_PERMISSION")
    assert zoho.coql("select id from Leads where id in ('5550001999999999999')").status == 401
    org.missing_modules = {"Accounts"}
    assert zoho.code("/crm/v8/Accounts", query) == (400, "INVALID_MODULE")
    assert zoho.code("/crm/v8/settings/fields", {"module": "Accounts"}) == (400, "INVALID_MODULE")


def test_credits_are_counted_when_limits_are_on(zoho: Zoho) -> None:
    zoho.api.limits, zoho.api.org.credits = True, 4
    left = [zoho.get(LEADS, {"fields": "id"}).headers.get("X-API-CREDITS-REMAINING") for _ in range(4)]
    assert left == [None, "2", "1", "0"], "told only from half the credits on"
    assert zoho.code(LEADS, {"fields": "id"}) == (429, "TOO_MANY_REQUESTS")
    zoho.clock.move(86_401)
    assert zoho.get(LEADS, {"fields": "id"}).status == 200


def test_changes_can_be_made_by_control(zoho: Zoho) -> None:
    api = zoho.api
    made: Any = api.act("create", {"module": "Leads", "fields": {"Last_Name": "Brandt", "Company": "Optik"}})
    api.act("edit", {"id": made["id"], "fields": {"Phone": "555"}})
    assert api.users.cards()[made["id"]].phones == ("555",)
    became: Any = api.act("convert", {"id": made["id"]})
    api.act("delete", {"id": became["contact"]})
    api.act("restore", {"id": became["contact"]})
    api.act("purge", {"id": became["contact"]})
    assert became["contact"] not in api.users.cards()
    api.act("set", {"missing_scopes": ["ZohoCRM.users.READ"], "lag": 5})
    assert zoho.code("/crm/v8/users") == (401, "OAUTH_SCOPE_MISMATCH")
    for action, body in (("set", {"colour": 1}), ("fly", {}), ("edit", {"id": became["contact"], "fields": {}})):
        with pytest.raises((BadControl, NoSuchRecord)):
            api.act(action, body)
    with pytest.raises(BadControl):
        api.act("create", {"module": "Leads", "fields": {"Shoe_Size": 7}})


def test_a_lag_hides_changes_from_the_list_for_a_while(zoho: Zoho) -> None:
    zoho.api.users.set_lag(30)
    zoho.api.users.add(last="Late")
    assert zoho.get(CONTACTS, BY_CHANGE, "2026-09-21T14:00:00Z").status == 304
    zoho.clock.move(31)
    assert zoho.json(CONTACTS, BY_CHANGE, "2026-09-21T14:00:00Z")["info"]["count"] == 1
