"""The sandbox's Salesforce answers as the vendor's documentation and its users' reports say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import orjson
import pytest

from crm_pipeline.sandbox.crm import BadControl, NoSuchRecord
from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.salesforce.api import SALESFORCE, SalesforceApi, open_salesforce
from crm_pipeline.sandbox.salesforce.org import stamp
from crm_pipeline.sandbox.salesforce.schema import record_id
from crm_pipeline_tests.sandbox.caller import START, SetClock

BASE = "/services/data/v62.0"
ORDER = "ORDER BY SystemModstamp ASC, Id ASC"


@dataclass
class Desk:
    """An org, its API and the clock of both."""

    api: SalesforceApi
    clock: SetClock

    @property
    def org(self) -> Any:
        return self.api.org

    def get(self, path: str, session: str = "Bearer a", query: str = "", **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.api.answer(Request("GET", path, query, {"authorization": session, **named}))

    def ask(self, soql: str, path: str = "queryAll", **headers: str) -> Any:
        return orjson.loads(self.get(f"{BASE}/{path}", query=f"q={quote(soql)}", **headers).body)

    def ids(self, soql: str, path: str = "queryAll") -> list[str]:
        return [row["Id"] for row in self.ask(soql, path)["records"]]

    def refusal(self, soql: str) -> tuple[int, str]:
        reply = self.get(f"{BASE}/query", query=f"q={quote(soql)}")
        return reply.status, orjson.loads(reply.body)[0]["errorCode"]


@pytest.fixture
def desk() -> Desk:
    clock = SetClock()
    return Desk(open_salesforce("acme", 7, 60, clock), clock)


def soql_time(text: str) -> str:
    return text.replace("+0000", "Z")


def test_an_id_has_fifteen_characters_and_three_that_tell_their_case() -> None:
    first, second = record_id("Contact", 62**4 + 7), record_id("Contact", 62**4 + 8)
    assert (len(first), first[:5]) == (18, "003Ax")
    assert first < second
    assert (first[-3:][0], record_id("Lead", 0)[-3:]) == ("I", "MAA")


def test_the_first_day_is_the_same_for_the_same_seed_and_has_every_kind_of_record() -> None:
    one, two = (open_salesforce("acme", 7, 2000, SetClock()) for _ in range(2))
    assert one.oracle() == two.oracle()
    rows = [row for kind in ("Lead", "Contact") for row in one.org.shelves[kind].changed()]
    assert len(rows) == 2000
    assert {row.values.get("IsConverted") for row in rows if row.id.startswith("00Q")} == {None, True}
    assert any(row.merged_into for row in rows)
    assert any(str(row.values["OwnerId"]).startswith("00G") for row in rows)
    assert not all(user.values["IsActive"] for user in one.org.shelves["User"].live.values())


def test_a_lead_is_written_with_its_parents_and_a_null_lookup_is_null(desk: Desk) -> None:
    desk.api.users.add(first="Idris", last="Vane", company=None)
    row = desk.ask(f"SELECT Id, Name, Account.Name, Owner.Name, Owner.IsActive FROM Contact {ORDER}")["records"][-1]
    assert row == {
        "attributes": {"type": "Contact", "url": f"{BASE}/sobjects/Contact/{row['Id']}"},
        "Id": row["Id"],
        "Name": "Idris Vane",
        "Account": None,
        "Owner": {
            "attributes": {"type": "User", "url": row["Owner"]["attributes"]["url"]},
            "Name": "Sam Oyelaran",
            "IsActive": True,
        },
    }


@pytest.mark.parametrize(
    "where",
    [
        "(SystemModstamp > {moment} OR (SystemModstamp = {moment} AND Id > '{last}'))",
        "SystemModstamp >= {moment} AND (SystemModstamp > {moment} OR Id > '{last}')",
    ],
)
def test_keyset_pages_show_everybody_once_though_all_share_one_stamp(desk: Desk, where: str) -> None:
    desk.org.stamp_all(1_790_000_000_000)
    everybody = set(desk.ids("SELECT Id FROM Lead"))
    seen: list[str] = []
    condition = ""
    while rows := desk.ask(f"SELECT Id, SystemModstamp FROM Lead {condition} {ORDER} LIMIT 7")["records"]:
        seen += [row["Id"] for row in rows]
        moment, last = soql_time(rows[-1]["SystemModstamp"]), rows[-1]["Id"]
        condition = f"WHERE {where.format(moment=moment, last=last)}"
    assert sorted(seen) == sorted(everybody)
    assert len(seen) == len(set(seen))


def test_an_upper_keyset_bound_ends_where_it_says(desk: Desk) -> None:
    rows = desk.ask(f"SELECT Id, SystemModstamp FROM Contact {ORDER} LIMIT 9")["records"]
    moment, last = soql_time(rows[-1]["SystemModstamp"]), rows[-1]["Id"]
    for bound in (
        f"(SystemModstamp < {moment} OR (SystemModstamp = {moment} AND Id <= '{last}'))",
        f"SystemModstamp <= {moment} AND (SystemModstamp < {moment} OR Id <= '{last}')",
    ):
        assert desk.ids(f"SELECT Id FROM Contact WHERE {bound} {ORDER}") == [row["Id"] for row in rows]


def test_a_query_may_be_too_slow_or_too_complicated(desk: Desk) -> None:
    """An index serves a range; a choice between two conditions is a scan of the object."""
    moment, place = "2026-01-01T00:00:00.000Z", "Id > '003Ax0000000000AAA'"
    desk.org.slow_scan, desk.org.most_fields = 10, 2
    assert desk.refusal(f"SELECT Id FROM Contact WHERE (SystemModstamp > {moment} OR {place})") == (
        400,
        "QUERY_TIMEOUT",
    )
    assert desk.ids(
        f"SELECT Id FROM Contact WHERE SystemModstamp >= {moment} AND (SystemModstamp > {moment} OR {place})"
    )
    assert desk.refusal("SELECT Id, Name, Email FROM Contact") == (400, "QUERY_TOO_COMPLICATED")


def test_milliseconds_are_compared_exactly(desk: Desk) -> None:
    desk.org.stamps_milliseconds = True
    desk.clock.now = START + 0.123
    crm_id = desk.api.users.add(last="Late")
    moment = "2026-09-21T14:13:20.123Z"
    assert stamp(int(desk.clock.now * 1000)) == "2026-09-21T14:13:20.123+0000"
    assert desk.ids(f"SELECT Id FROM Contact WHERE SystemModstamp >= {moment} {ORDER}") == [crm_id]
    assert desk.ids(f"SELECT Id FROM Contact WHERE SystemModstamp > {moment} {ORDER}") == []


def test_deleted_merged_and_purged_rows(desk: Desk) -> None:
    users = desk.api.users
    for object_type in users.object_types:
        kind = object_type.title()
        kept, lost, gone = (users.add(object_type=object_type, last=name, phone="1") for name in "ABC")
        users.merge(kept, lost)
        users.delete(gone)
        fields = "SELECT Id, IsDeleted, MasterRecordId FROM"
        rows = {row["Id"]: row for row in desk.ask(f"{fields} {kind}")["records"]}
        assert (rows[lost]["IsDeleted"], rows[lost]["MasterRecordId"]) == (True, kept)
        assert (rows[gone]["IsDeleted"], rows[gone]["MasterRecordId"]) == (True, None)
        assert not {lost, gone} & set(desk.ids(f"SELECT Id FROM {kind}", "query"))
        users.restore(lost)
        users.purge(gone)
        rows = {row["Id"]: row for row in desk.ask(f"{fields} {kind}")["records"]}
        assert (rows[lost]["IsDeleted"], rows[lost]["MasterRecordId"]) == (False, None)
        assert gone not in rows


def test_a_converted_lead_stays_and_names_its_contact(desk: Desk) -> None:
    users = desk.api.users
    lead = users.add(object_type="lead", first="Idris", last="Vane", company="Quaymill Ltd", phone="1", country="Spain")
    contact = users.convert(lead)
    rows = desk.ask(f"SELECT Id, IsConverted, ConvertedContactId, Status FROM Lead WHERE Id = '{lead}'")["records"]
    assert (rows[0]["IsConverted"], rows[0]["ConvertedContactId"]) == (True, contact)
    card = users.cards()[contact]
    assert (card.first, card.company, card.country) == ("Idris", "Quaymill Ltd", "Spain")
    assert lead not in users.cards()
    with pytest.raises(NoSuchRecord):
        users.convert(lead)


@pytest.mark.parametrize(
    ("soql", "status", "code"),
    [
        ("SELECT Id, Foo__c FROM Lead", 400, "INVALID_FIELD"),
        ("SELECT Id, Owner.IsActive FROM Lead", 400, "INVALID_FIELD"),
        ("SELECT Id, Id FROM Lead", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Robot", 400, "INVALID_TYPE"),
        ("SELECT Id FROM Lead WHERE SystemModstamp > '2026-08-20T14:00:11.000Z'", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE SystemModstamp > 2026-08-20T14:00:11.000", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead WHERE Id > 'abc'", 400, "INVALID_QUERY_FILTER_OPERATOR"),
        ("SELECT Id FROM Lead WHERE Description = 'x'", 400, "INVALID_FIELD"),
        ("SELECT Id FROM Lead WHERE IsDeleted = true AND IsConverted = true OR Name = 'x'", 400, "MALFORMED_QUERY"),
        ("SELECT FROM Lead", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead LIMIT many", 400, "MALFORMED_QUERY"),
        ("SELECT Id FROM Lead; DROP", 400, "MALFORMED_QUERY"),
        ("SELECT FIELDS(ALL) FROM Lead LIMIT 200", 501, "NOT_SERVED"),
        ("SELECT Id FROM Lead ORDER BY Name", 501, "NOT_SERVED"),
        ("SELECT Id FROM Lead LIMIT 5 OFFSET 5", 501, "NOT_SERVED"),
    ],
)
def test_a_query_that_is_not_right_is_refused(desk: Desk, soql: str, status: int, code: str) -> None:
    assert desk.refusal(soql) == (status, code)


def test_names_of_fields_are_taken_in_any_case_and_answered_in_their_own(desk: Desk) -> None:
    row = desk.ask("select id, lastname from contact limit 1")["records"][0]
    assert set(row) == {"attributes", "Id", "LastName"}


def test_counts_are_of_live_rows(desk: Desk) -> None:
    live = len(desk.org.shelves["Contact"].live)
    counted = desk.ask("SELECT COUNT() FROM Contact", "query")
    assert counted == {"totalSize": live, "done": True, "records": []}
    assert desk.ask("SELECT COUNT() FROM Contact")["totalSize"] > live - 1


def test_what_does_not_fit_comes_by_links_that_belong_to_the_session(desk: Desk) -> None:
    desk.org.page_rows = 10
    first = desk.ask(f"SELECT Id FROM Contact {ORDER} LIMIT 25")
    assert (first["totalSize"], first["done"], len(first["records"])) == (25, False, 10)
    second = orjson.loads(desk.get(first["nextRecordsUrl"]).body)
    third = orjson.loads(desk.get(second["nextRecordsUrl"]).body)
    assert (third["done"], len(third["records"]), "nextRecordsUrl" in third) == (True, 5, False)
    link = desk.ask(f"SELECT Id FROM Contact {ORDER} LIMIT 25")["nextRecordsUrl"]
    reply = desk.get(link, session="Bearer b")
    assert (reply.status, orjson.loads(reply.body)[0]["errorCode"]) == (400, "INVALID_QUERY_LOCATOR")


def test_only_ten_queries_stay_open(desk: Desk) -> None:
    desk.org.page_rows = 10
    links = [desk.ask(f"SELECT Id FROM Contact {ORDER} LIMIT 25")["nextRecordsUrl"] for _ in range(11)]
    assert [desk.get(link).status for link in links] == [400] + [200] * 10


def test_a_batch_size_is_honoured_and_a_wrong_one_refused(desk: Desk) -> None:
    for count in range(300):
        desk.api.users.add(last=str(count))
    answer = desk.ask("SELECT Id FROM Contact", Sforce_Query_Options="x", sforce_query_options="batchSize=200")
    assert len(answer["records"]) == 200
    assert (
        desk.get(f"{BASE}/query", query="q=SELECT%20Id%20FROM%20Lead", sforce_query_options="batchSize=5").status == 400
    )


def test_hidden_fields_and_objects_are_in_neither_describe_nor_query(desk: Desk) -> None:
    desk.api.act("set", {"hidden": {"Lead": ["Email"]}, "invisible": ["Contact"]})
    described = orjson.loads(desk.get(f"{BASE}/sobjects/Lead/describe").body)
    assert "Email" not in {field["name"] for field in described["fields"]}
    assert desk.refusal("SELECT Email FROM Lead") == (400, "INVALID_FIELD")
    assert desk.refusal("SELECT Id FROM Contact") == (400, "INVALID_TYPE")
    assert desk.get(f"{BASE}/sobjects/Contact/describe").status == 404


def test_describe_names_types_options_and_custom_fields(desk: Desk) -> None:
    desk.api.users.add_custom_fields(3)
    fields = {field["name"]: field for field in orjson.loads(desk.get(f"{BASE}/sobjects/Lead/describe").body)["fields"]}
    assert {"value": "Open - Not Contacted", "label": "Open", "active": True, "defaultValue": False} in fields[
        "Status"
    ]["picklistValues"]
    assert (fields["Extra_0003__c"]["custom"], fields["SystemModstamp"]["filterable"]) == (True, True)
    assert fields["Address"]["type"] == "address"
    row = desk.ask("SELECT Id, Extra_0003__c FROM Lead LIMIT 1")["records"][0]
    assert row["Extra_0003__c"]


def test_addresses_that_are_too_long_are_refused(desk: Desk) -> None:
    assert desk.get(f"{BASE}/query", query="q=" + "x" * 16_400).status == 414
    assert desk.get(f"{BASE}/query", query="q=" + "x" * 15_000, x_more="y" * 2000).status == 431


@pytest.mark.parametrize(
    ("path", "query", "status"),
    [
        (f"{BASE}/query", "q=SELECT%20Id%20FROM%20Lead&size=5", 400),
        (f"{BASE}/query", "", 400),
        ("/services/data/v99.0/query", "q=SELECT%20Id%20FROM%20Lead", 404),
        (f"{BASE}/nothing", "", 404),
        (f"{BASE}/jobs/query", "", 501),
        (f"{BASE}/sobjects/Lead/deleted/", "", 501),
        (f"{BASE}/query/0r8Ax0000000009AAA-2000", "", 400),
    ],
)
def test_other_paths_and_parameters_are_refused(desk: Desk, path: str, query: str, status: int) -> None:
    reply = desk.get(path, query=query)
    assert reply.status == status
    assert {"message", "errorCode"} == set(orjson.loads(reply.body)[0])


def test_the_daily_limit_is_counted_always_and_enforced_when_switched_on(desk: Desk) -> None:
    desk.org.daily_calls = 3
    reply = desk.get(f"{BASE}/limits")
    assert orjson.loads(reply.body)["DailyApiRequests"] == {"Max": 3, "Remaining": 2}
    assert reply.headers["Sforce-Limit-Info"] == "api-usage=1/3"
    desk.get(f"{BASE}/limits"), desk.get(f"{BASE}/limits")
    assert desk.get(f"{BASE}/limits").status == 200
    desk.api.limits = True
    assert desk.refusal("SELECT Id FROM Lead") == (403, "REQUEST_LIMIT_EXCEEDED")
    desk.clock.move(86_401)
    assert desk.get(f"{BASE}/limits").status == 200


def test_a_change_is_seen_after_the_lag_with_the_stamp_it_had(desk: Desk) -> None:
    desk.api.users.set_lag(60)
    crm_id = desk.api.users.add(last="Slow")
    asked = f"SELECT Id, SystemModstamp FROM Contact WHERE Id = '{crm_id}'"
    assert desk.ask(asked)["records"] == []
    desk.clock.move(61)
    assert desk.ask(asked)["records"][0]["SystemModstamp"] == stamp(int(START * 1000))


def test_a_renamed_owner_or_account_leaves_the_contact_alone(desk: Desk) -> None:
    users = desk.api.users
    crm_id = users.add(last="Still", company="Old Name")
    asked = f"SELECT Id, SystemModstamp, Account.Name, Owner.Name FROM Contact WHERE Id = '{crm_id}'"
    before = desk.ask(asked)["records"][0]
    desk.clock.move(10)
    users.rename_owner(crm_id, "New Owner", "new@acme.example")
    users.rename_company(crm_id, "New Name")
    after = desk.ask(asked)["records"][0]
    assert after["SystemModstamp"] == before["SystemModstamp"]
    assert (after["Account"]["Name"], after["Owner"]["Name"]) == ("New Name", "New Owner")
    assert (users.cards()[crm_id].company, users.cards()[crm_id].owner_email) == ("New Name", "new@acme.example")


def test_control_makes_changes_by_name(desk: Desk) -> None:
    act = desk.api.act
    lead: Any = act("create", {"object": "Lead", "fields": {"LastName": "Vane", "Company": "Quay"}})
    act("edit", {"id": lead["id"], "fields": {"Phone": "1"}})
    contact: Any = act("convert", {"id": lead["id"]})
    act("delete", {"id": contact["id"]})
    act("restore", {"id": contact["id"]})
    assert desk.api.users.cards()[contact["id"]].phones == ("1",)
    for action, body in (("fly", {}), ("set", {"wings": 2}), ("create", {"fields": {"Wings": 2}})):
        with pytest.raises(BadControl):
            act(action, body)


def test_a_token_that_is_not_good_is_refused_in_salesforces_words() -> None:
    reply = SALESFORCE.refuse_token(True)
    assert (reply.status, orjson.loads(reply.body)[0]["errorCode"]) == (401, "INVALID_SESSION_ID")
