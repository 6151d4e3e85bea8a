"""HighLevel's API as the sandbox plays it: paging, filters, the version header, and every refusal of the reference."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from crm_pipeline.sandbox.gohighlevel.api import GOHIGHLEVEL, GoHighLevelApi
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.sandbox.caller import Caller, Got, SetClock

BY_CHANGE = [{"field": "dateUpdated", "direction": "asc"}]
DAY = 86_400


class Location:
    """One account's location, and calls to it through the sandbox's Nango."""

    def __init__(self, sandbox: Sandbox, clock: SetClock) -> None:
        crm = sandbox.crm("gohighlevel", "acme")
        assert isinstance(crm, GoHighLevelApi)
        self.crm, self.clock, self.caller = crm, clock, Caller(sandbox)
        self.id = crm.location.location_id

    def ask(self, method: str, path: str, body: object = None, version: str = "2021-07-28", **query: str) -> Got:
        named = {"Provider_Config_Key": "highlevel"} | ({"Nango_Proxy_Version": version} if version else {})
        return self.caller.crm(method, path, body, query, **named)

    def search(self, **body: object) -> Got:
        return self.ask("POST", "/contacts/search", {"locationId": self.id, "pageLimit": 100} | body)

    def everyone(self, **body: object) -> list[dict[str, Any]]:
        """Every page by rising time of change."""
        found: list[dict[str, Any]] = []
        position: dict[str, object] = {}
        while True:
            page = self.search(**{"sort": BY_CHANGE} | body | position).json["contacts"]
            found += page
            if len(page) < 100:
                return found
            position = {"searchAfter": page[-1]["searchAfter"]}


@pytest.fixture
def location() -> Iterator[Location]:
    clock = SetClock()
    with Sandbox(contacts=320, accounts=(), clock=clock) as sandbox:
        sandbox.connect("acme", "gohighlevel")
        found = Location(sandbox, clock)
        yield found
        found.caller.close()


@pytest.mark.parametrize("order", ["dateUpdated", "dateAdded"])
def test_paging_by_a_time_shows_everybody_once_those_without_it_first(location: Location, order: str) -> None:
    found = location.everyone(sort=[{"field": order, "direction": "asc"}])
    assert sorted(one["id"] for one in found) == sorted(location.crm.location.shelf.live)
    positions = [(value or 0, crm_id) for value, crm_id in (one["searchAfter"] for one in found)]
    assert positions == sorted(positions)
    undated = [one for one in found if order not in one]
    assert bool(undated) is (order == "dateUpdated")
    assert found[: len(undated)] == undated
    assert location.search().json["total"] == len(found)


def test_behind_a_contact_without_a_time_no_page_begins(location: Location) -> None:
    """What stands there in real answers is not documented, so nobody may depend on it."""
    first = location.everyone()[0]
    assert first["searchAfter"] == [None, first["id"]]
    assert location.search(sort=BY_CHANGE, searchAfter=first["searchAfter"]).status == 400


def test_a_range_of_time_is_inclusive_and_leaves_those_without_a_time_out(location: Location) -> None:
    found = location.everyone()
    middle = found[150]
    for bound in (middle["dateUpdated"], middle["searchAfter"][0]):
        window = [{"field": "dateUpdated", "operator": "range", "value": {"gte": bound}}]
        assert [one["id"] for one in location.everyone(filters=window)] == [one["id"] for one in found[150:]]
    before = [{"field": "dateUpdated", "operator": "range", "value": {"lt": middle["dateUpdated"]}}]
    assert all("dateUpdated" in one for one in location.everyone(filters=before))


def test_pages_by_number_end_after_ten_thousand_rows(location: Location) -> None:
    first, second = location.search(page=1, pageLimit=10).json, location.search(page=2, pageLimit=10).json
    assert not {one["id"] for one in first["contacts"]} & {one["id"] for one in second["contacts"]}
    assert location.search(page=101).status == 400
    assert location.search(page=2, searchAfter=[0, "a"]).status == 400


def test_other_filters_and_orders_are_served(location: Location) -> None:
    filters = [
        {
            "group": "OR",
            "filters": [
                {"field": "type", "operator": "eq", "value": "customer"},
                {"field": "tags", "operator": "contains", "value": "demo"},
            ],
        },
        {"field": "email", "operator": "exists"},
    ]
    found = location.search(filters=filters, sort=[{"field": "email", "direction": "desc"}]).json["contacts"]
    assert found
    assert all(one["type"] == "customer" or "demo-requested" in one["tags"] for one in found)
    emails = [one["email"].lower() for one in found]
    assert emails == sorted(emails, reverse=True)


def test_a_contact_looks_as_recorded(location: Location) -> None:
    found = location.everyone()
    assert all(one["contactName"] == (one["contactName"] or "").lower() or one["contactName"] is None for one in found)
    assert {"address", "firstNameLowerCase", "dateAdded", "locationId", "customFields"} <= found[0].keys()
    ways = {repr(one.get("source", "missing")) for one in found}
    assert {"None", "''", "'missing'"} <= ways, "null, empty and missing all occur"
    assert any("opportunities" in one for one in found)
    assert any("opportunities" not in one for one in found)
    labels = [more.get("phoneLabel") for one in found for more in one.get("additionalPhones") or ()]
    assert {"Mobile", "Home", None} <= set(labels)


REFUSED: list[tuple[str, dict[str, object], int, str]] = [
    ("no location", {"locationId": None}, 422, "locationId should not be empty"),
    ("another location", {"locationId": "elsewhere"}, 403, "does not have access to this location"),
    ("no page limit", {"pageLimit": None}, 422, "pageLimit should not be empty"),
    ("too long a page", {"pageLimit": 501}, 422, "pageLimit"),
    ("unknown key", {"limit": 1}, 422, "property limit should not exist"),
    ("unknown field", {"filters": [{"field": "foo", "operator": "eq", "value": "x"}]}, 400, "Invalid field foo"),
    ("range of text", {"filters": [{"field": "email", "operator": "range", "value": {"gte": 1}}]}, 400, "range"),
    ("equal date", {"filters": [{"field": "dateAdded", "operator": "eq", "value": 1}]}, 400, "Invalid operator eq"),
    ("no date", {"filters": [{"field": "dateAdded", "operator": "range", "value": {"gt": "x"}}]}, 400, "Invalid date"),
    ("odd sort", {"sort": [{"field": "phone", "direction": "asc"}]}, 400, "Invalid field phone"),
    ("odd position", {"searchAfter": "abc"}, 422, "searchAfter"),
    ("text search", {"query": "jo"}, 501, "sandbox"),
]


@pytest.mark.parametrize(("body", "status", "words"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_body_it_does_not_know_is_refused(
    location: Location, body: dict[str, object], status: int, words: str
) -> None:
    got = location.search(**body)
    assert got.status == status
    assert words in str(got.json["message"])
    assert isinstance(got.json["message"], list) is (status == 422)


def test_the_version_header_is_required(location: Location) -> None:
    missing = location.ask("GET", "/users/", version="", locationId=location.id)
    assert (missing.status, missing.json["message"]) == (401, "version header was not found.")
    assert location.ask("GET", "/users/", version="2020-01-01", locationId=location.id).status == 400
    assert location.ask("GET", "/users/", version="v3", locationId=location.id).status == 404


def test_users_are_listed_but_for_the_agencys_and_each_is_found_by_id(location: Location) -> None:
    listed = {user["id"] for user in location.ask("GET", "/users/", locationId=location.id).json["users"]}
    owners = {one["assignedTo"] for one in location.everyone() if one.get("assignedTo")}
    answers = {owner: location.ask("GET", f"/users/{owner}").status for owner in owners - listed}
    assert sorted(answers.values()) == [200, 200, 404], "one of the agency, one who left, one whom nobody knows"
    location.crm.act("set", {"users_list_empty": True})
    assert location.ask("GET", "/users/", locationId=location.id).json == {"users": []}
    assert location.ask("GET", "/users/").status == 403


def test_pipelines_custom_fields_location_and_one_contact_are_read(location: Location) -> None:
    pipelines = location.ask("GET", "/opportunities/pipelines", locationId=location.id).json["pipelines"]
    assert all(stage["id"] and stage["name"] for pipeline in pipelines for stage in pipeline["stages"])
    fields = location.ask("GET", f"/locations/{location.id}/customFields", model="contact").json["customFields"]
    assert {"SINGLE_OPTIONS", "LARGE_TEXT", "MONETORY", "FILE_UPLOAD"} <= {one["dataType"] for one in fields}
    assert location.ask("GET", f"/locations/{location.id}/customFields", model="deal").status == 422
    assert location.ask("GET", f"/locations/{location.id}").json["location"]["id"] == location.id
    someone = location.everyone()[-1]
    assert location.ask("GET", f"/contacts/{someone['id']}").json["contact"]["lastActivity"]
    assert location.ask("GET", "/contacts/nobody").status == 400


def test_what_exists_but_is_not_served_says_so_and_the_rest_is_not_found(location: Location) -> None:
    assert location.ask("GET", "/contacts/", locationId=location.id).status == 501
    assert location.ask("POST", "/opportunities/search", {}).status == 501
    assert location.ask("GET", "/nothing").status == 404


def test_an_agencys_token_and_missing_scopes_are_refused_with_the_same_status(location: Location) -> None:
    location.crm.act("set", {"missing_scopes": ["contacts.readonly"]})
    assert (location.search().status, location.search().json["message"]) == (
        401,
        "The token is not authorized for this scope.",
    )
    location.crm.act("set", {"missing_scopes": [], "company_token": True})
    got = location.search()
    assert got.status == 401
    assert "authClass" in got.json["message"]


def test_limits_are_told_always_and_refused_when_switched_on(location: Location) -> None:
    headers = location.search().headers
    assert (headers["x-ratelimit-limit-daily"], headers["x-ratelimit-daily-remaining"]) == ("200000", "199999")
    assert headers["x-ratelimit-interval-milliseconds"] == "10000"
    location.crm.limits = True
    answers = [location.search(pageLimit=1).status for _ in range(101)]
    assert answers == [200] * 100 + [429]
    location.clock.move(10)
    location.crm.act("set", {"daily_limit": 200, "daily_used": 199})
    assert [location.search(pageLimit=1).status for _ in range(2)] == [200, 429]
    location.clock.move(DAY)
    assert location.search(pageLimit=1).status == 200


def test_deleting_restoring_purging_and_merging_show_only_in_who_is_listed(location: Location) -> None:
    users = location.crm.users
    kept, lost, gone = (users.add(first=name, phone=f"+1212{number}000000") for number, name in enumerate("abc", 2))
    users.delete(gone)
    users.merge(kept, lost)
    found = {one["id"]: one for one in location.everyone()}
    assert kept in found
    assert not {lost, gone} & found.keys()
    assert found[kept]["additionalPhones"][-1] == {"phone": "+12123000000"}
    stamp = found[kept]["dateUpdated"]
    location.clock.move(60)
    users.restore(gone)
    users.purge(kept)
    found = {one["id"]: one for one in location.everyone()}
    assert found[gone]["dateUpdated"] == stamp, "a restore does not move the time of change"
    assert kept not in found


def test_a_lagging_index_shows_a_change_later(location: Location) -> None:
    location.crm.users.set_lag(5)
    crm_id = location.crm.users.add(first="New")
    assert crm_id not in {one["id"] for one in location.everyone()}
    location.clock.move(6)
    assert crm_id in {one["id"] for one in location.everyone()}


def test_a_renamed_business_shows_in_its_contacts_without_a_new_time(location: Location) -> None:
    crm_id = location.crm.users.add(first="Jo", company="Old Ltd")
    location.clock.move(60)
    location.crm.users.rename_company(crm_id, "New Ltd")
    found = location.everyone()[-1]
    assert (found["id"], found["businessName"]) == (crm_id, "New Ltd")
    assert location.crm.users.cards()[crm_id].company == "New Ltd"


def test_the_same_seed_gives_the_same_location() -> None:
    one, other = (GOHIGHLEVEL.open("acme", 7, 50, SetClock()).oracle() for _ in range(2))
    assert one == other
    assert one != GOHIGHLEVEL.open("globex", 7, 50, SetClock()).oracle()
