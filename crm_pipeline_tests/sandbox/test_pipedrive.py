"""The sandbox's Pipedrive answers as the vendor's reference says, and refuses what the vendor refuses."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import orjson
import pytest

from crm_pipeline.sandbox.crm import BadControl, NoSuchRecord
from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.pipedrive.account import INTERESTS, LEAD_SOURCE
from crm_pipeline.sandbox.pipedrive.api import PipedriveApi, open_pipedrive
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.sandbox.caller import SetClock

SEED, CONTACTS = 7, 1200


class Company:
    """A company on its first day and the clock it lives by."""

    def __init__(self, contacts: int = CONTACTS) -> None:
        self.clock = SetClock()
        self.api: PipedriveApi = open_pipedrive("acme", SEED, contacts, self.clock)
        self.users = self.api.users

    def reply(self, path: str, **query: object) -> Reply:
        return self.api.answer(Request("GET", f"/api{path}", urlencode(query)))

    def get(self, path: str, **query: object) -> Any:
        reply = self.reply(path, **query)
        assert reply.status == 200, reply.body
        return orjson.loads(reply.body)

    def pages(self, path: str = "/v2/persons", **query: object) -> Iterator[list[dict[str, Any]]]:
        cursor: dict[str, str] = {}
        while True:
            answer = self.get(path, **query, **cursor)
            yield answer["data"]
            following = answer["additional_data"]["next_cursor"]
            if following is None:
                return
            cursor = {"cursor": following}

    def everyone(self, path: str = "/v2/persons", **query: object) -> list[dict[str, Any]]:
        return [row for page in self.pages(path, **{"limit": 500, **query}) for row in page]


@pytest.fixture(scope="module")
def shared() -> Company:
    """For tests that change nothing."""
    return Company()


@pytest.fixture
def company() -> Company:
    return Company(60)


def ids(rows: list[dict[str, Any]]) -> list[int]:
    return [row["id"] for row in rows]


# --- lists


def test_the_list_shows_every_live_person_once_by_rising_id(shared: Company) -> None:
    pages = list(shared.pages(limit=500))
    found = [key for page in pages for key in ids(page)]
    assert found == sorted(shared.api.account.persons.live)
    assert [len(page) for page in pages[:2]] == [500, 500]
    assert len(found) < CONTACTS, "some are deleted"


def test_a_page_has_a_hundred_rows_where_nobody_asks_for_more(shared: Company) -> None:
    assert len(shared.get("/v2/persons")["data"]) == 100


def test_a_cursor_is_a_keyset_so_that_pages_stay_while_people_come_and_go(company: Company) -> None:
    first = company.get("/v2/persons", limit=20)
    company.users.delete(str(first["data"][0]["id"]))
    company.users.add(first="New")
    rest = company.get("/v2/persons", limit=500, cursor=first["additional_data"]["next_cursor"])
    assert ids(rest["data"]) == [
        key for key in sorted(company.api.account.persons.live) if key > first["data"][-1]["id"]
    ]


def test_the_cursor_is_base64_of_the_last_rows_place(shared: Company) -> None:
    answer = shared.get("/v2/persons", limit=3)
    text = answer["additional_data"]["next_cursor"]
    last = answer["data"][-1]["id"]
    keyset = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    assert keyset == {"field": "id", "fieldValue": last, "sortDirection": "asc", "id": last}


@pytest.mark.parametrize("field", ["update_time", "add_time"])
@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_the_list_sorts_by_time_in_both_directions(shared: Company, field: str, direction: str) -> None:
    rows = shared.everyone(sort_by=field, sort_direction=direction)
    keys = [(row[field] or "", row["id"]) for row in rows]
    assert keys == sorted(keys, reverse=direction == "desc")
    assert len(rows) == len(shared.api.account.persons.live)


def test_the_window_holds_its_first_second_and_not_its_last(shared: Company) -> None:
    rows = shared.everyone(sort_by="update_time")
    since, until = rows[300]["update_time"], rows[600]["update_time"]
    expected = sorted(row["id"] for row in rows if row["update_time"] and since <= row["update_time"] < until)
    found = shared.everyone(updated_since=since, updated_until=until)
    assert ids(found) == expected
    assert rows[300]["id"] in expected
    assert rows[600]["id"] not in expected


def test_persons_that_were_never_changed_have_no_time_of_change_and_no_filter_shows_them(shared: Company) -> None:
    never = {row["id"] for row in shared.everyone() if row["update_time"] is None}
    assert never
    assert not never & set(ids(shared.everyone(updated_since="2000-01-01T00:00:00Z")))
    assert not never & set(ids(shared.everyone(updated_until="2100-01-01T00:00:00Z")))


def test_a_person_has_the_fields_of_the_reference(shared: Company) -> None:
    person = shared.get("/v2/persons", limit=1, include_fields="last_activity_id,notes_count")["data"][0]
    assert set(person) == {
        "id", "name", "first_name", "last_name", "owner_id", "org_id", "add_time", "update_time", "emails", "phones",
        "is_deleted", "visible_to", "label_ids", "picture_id", "last_activity_id", "notes_count", "postal_address",
        "notes", "im", "birthday", "job_title", "custom_fields",
    }  # fmt: skip
    assert shared.get(f"/v2/persons/{person['id']}")["data"]["id"] == person["id"]


def test_without_contact_sync_its_fields_do_not_exist(company: Company) -> None:
    company.api.act("set", {"contact_sync": False})
    assert not {"postal_address", "notes", "im", "birthday", "job_title"} & set(company.everyone()[0])
    assert {card.country for card in company.users.cards().values()} == {None}


def test_people_without_a_phone_have_no_item_or_an_empty_one(shared: Company) -> None:
    without = [row["phones"] for row in shared.everyone() if not any(item["value"] for item in row["phones"])]
    assert {len(phones) for phones in without} == {0, 1}


def test_custom_fields_can_be_chosen_and_options_and_labels_be_written_out(shared: Company) -> None:
    chosen = {"custom_fields": f"{LEAD_SOURCE},{INTERESTS}", "include_option_labels": "true", "include_labels": "true"}
    rows = shared.everyone(**chosen)
    assert {tuple(row["custom_fields"]) for row in rows} == {(LEAD_SOURCE, INTERESTS)}
    assert {"id": 31, "label": "Inbound"} in [row["custom_fields"][LEAD_SOURCE] for row in rows]
    assert [{"id": 51, "label": "Price list"}, {"id": 53, "label": "Trade fair"}] in [
        row["custom_fields"][INTERESTS] for row in rows
    ]
    assert [{"id": 13, "label": "Hot lead"}] in [row["labels"] for row in rows]


def test_three_thousand_custom_fields_are_filled_in_everybody(company: Company) -> None:
    company.users.add_custom_fields(3000)
    rows = company.get("/v2/persons", limit=2)["data"]
    assert all(len(row["custom_fields"]) == 3006 for row in rows)
    assert rows[0]["custom_fields"]["00000007" * 5] == "value 7"
    assert len(company.everyone("/v2/personFields")) == len(company.api.account.fields)


def test_persons_can_be_asked_for_by_id_owner_and_organization(shared: Company) -> None:
    rows = shared.everyone()
    wanted = ids(rows)[5:9]
    assert ids(shared.everyone(ids=",".join(map(str, wanted)))) == wanted
    assert ids(shared.everyone(ids="1")) == []
    for field in ("owner_id", "org_id"):
        value = next(row[field] for row in rows if row[field])
        assert ids(shared.everyone(**{field: value})) == [row["id"] for row in rows if row[field] == value]


def test_users_come_whole_with_those_who_left(shared: Company) -> None:
    users = shared.get("/v1/users")["data"]
    assert [user["active_flag"] for user in users] == [True] * 5 + [False]
    assert {row["owner_id"] for row in shared.everyone()} == {user["id"] for user in users}
    assert shared.get("/v1/users/me")["data"]["company_domain"] == "acme"


def test_organizations_carry_the_names_of_companies(shared: Company) -> None:
    names = {row["id"]: row["name"] for row in shared.everyone("/v2/organizations")}
    assert {row["org_id"] for row in shared.everyone() if row["org_id"]} == set(names)


def test_activities_are_found_by_id_and_deleted_ones_are_not(shared: Company) -> None:
    wanted = [row["last_activity_id"] for row in shared.everyone(include_fields="last_activity_id")]
    wanted = [key for key in wanted if key][:100]
    found = shared.get("/v2/activities", ids=",".join(map(str, wanted)))["data"]
    assert 80 <= len(found) < 100
    assert {"done", "due_date", "due_time", "marked_as_done_time", "person_id"} <= set(found[0])


def test_person_fields_name_the_options(shared: Company) -> None:
    fields = {field["field_code"]: field for field in shared.everyone("/v2/personFields", limit=7)}
    assert {one["id"]: one["label"] for one in fields["label_ids"]["options"]}[12] == "Customer"
    assert fields[LEAD_SOURCE]["is_custom_field"]
    assert fields["name"]["options"] is None


# --- refusals

REFUSED: list[tuple[str, dict[str, object], int]] = [
    ("/v2/persons", {"page": 1}, 400),
    ("/v2/persons", {"limit": 501}, 400),
    ("/v2/persons", {"limit": 0}, 400),
    ("/v2/persons", {"limit": "ten"}, 400),
    ("/v2/persons", {"cursor": "%%%"}, 400),
    ("/v2/persons", {"cursor": "e30"}, 400),
    ("/v2/persons", {"cursor": base64.urlsafe_b64encode(b'{"field":"id","fieldValue":7,"id":7}').decode()}, 400),
    ("/v2/persons", {"sort_by": "name"}, 400),
    ("/v2/persons", {"sort_direction": "ASC"}, 400),
    ("/v2/persons", {"updated_since": "2026-08-14T15:55:10.123Z"}, 400),
    ("/v2/persons", {"updated_since": "2026-08-14 15:55:10"}, 400),
    ("/v2/persons", {"updated_since": "2026-02-30T00:00:00Z"}, 400),
    ("/v2/persons", {"include_labels": "1"}, 400),
    ("/v2/persons", {"include_labels": "True"}, 400),
    ("/v2/persons", {"include_fields": "last_activity"}, 400),
    ("/v2/persons", {"include_fields": "marketing_status"}, 400),
    ("/v2/persons", {"custom_fields": "name"}, 400),
    ("/v2/persons", {"custom_fields": ",".join([LEAD_SOURCE] * 16)}, 400),
    ("/v2/persons", {"ids": ",".join(map(str, range(101)))}, 400),
    ("/v2/persons", {"ids": "1,x"}, 400),
    ("/v2/persons", {"owner_id": "me"}, 400),
    ("/v2/persons", {"filter_id": 3}, 501),
    ("/v2/persons/999999", {}, 404),
    ("/v2/activities", {"ids": ",".join(map(str, range(101)))}, 400),
    ("/v2/activities", {"done": "true"}, 501),
    ("/v1/users", {"limit": 10}, 400),
    ("/v1/persons", {}, 404),
    ("/v1/recents", {}, 501),
    ("/v2/deals", {}, 501),
    ("/v3/persons", {}, 404),
]  # fmt: skip


@pytest.mark.parametrize(("path", "query", "status"), REFUSED, ids=lambda value: str(value)[:60])
def test_what_pipedrive_would_refuse_is_refused(
    shared: Company, path: str, query: dict[str, object], status: int
) -> None:
    reply = shared.reply(path, **query)
    body = orjson.loads(reply.body)
    assert (reply.status, body["success"], body["data"]) == (status, False, None)
    assert body["error"]


def test_a_parameter_given_twice_is_refused(shared: Company) -> None:
    assert shared.api.answer(Request("GET", "/api/v2/persons", "limit=5&limit=6")).status == 400


def test_a_cursor_of_another_order_is_refused(shared: Company) -> None:
    cursor = shared.get("/v2/persons", limit=3)["additional_data"]["next_cursor"]
    assert shared.reply("/v2/persons", cursor=cursor, sort_by="update_time").status == 400


def test_nothing_is_written_through_the_api(shared: Company) -> None:
    assert shared.api.answer(Request("POST", "/api/v2/persons")).status == 501


def test_a_scope_the_app_lacks_is_refused_with_pipedrives_words(company: Company) -> None:
    company.api.act("set", {"scopes": ["base", "contacts:read"]})
    reply = company.reply("/v1/users")
    assert (reply.status, orjson.loads(reply.body)["error"]) == (403, "Scope and URL mismatch")
    assert company.reply("/v1/users/me").status == 200
    assert company.reply("/v2/persons").status == 200


def test_eighty_calls_in_two_seconds_are_allowed_and_no_more(company: Company) -> None:
    company.api.limits = True
    assert {company.reply("/v2/persons", limit=1).status for _ in range(80)} == {200}
    reply = company.reply("/v2/persons", limit=1)
    assert (reply.status, reply.headers["x-ratelimit-reset"]) == (429, "2")
    assert "Retry-After" not in reply.headers
    company.clock.move(2)
    assert company.reply("/v2/persons", limit=1).status == 200


def test_the_days_tokens_are_counted_told_and_new_at_midnight(company: Company) -> None:
    company.api.limits = True
    company.api.act("set", {"daily_tokens": 45})
    left = [
        (reply.status, reply.headers["x-daily-ratelimit-token-remaining"])
        for reply in (company.reply(path) for path in ("/v2/persons", "/v1/users", "/v2/persons", "/v2/persons"))
    ]
    assert left == [(200, "35"), (200, "15"), (200, "5"), (429, "0")]
    company.clock.move(86_400)
    assert company.reply("/v2/persons").status == 200


# --- what people do


def test_the_same_seed_gives_the_same_company() -> None:
    one, other = Company(50), Company(50)
    assert one.everyone() == other.everyone()
    assert one.api.oracle() == other.api.oracle()


def test_a_deleted_person_is_shown_nowhere_until_it_is_restored(company: Company) -> None:
    crm_id = company.users.add(first="Ann", phone="+1 415 555 2671")
    company.clock.move(60)
    company.users.delete(crm_id)
    assert int(crm_id) not in ids(company.everyone())
    assert company.reply(f"/v2/persons/{crm_id}").status == 404
    company.users.restore(crm_id)
    found = company.get(f"/v2/persons/{crm_id}")["data"]
    assert found["update_time"] > found["add_time"]
    company.users.purge(crm_id)
    with pytest.raises(NoSuchRecord):
        company.users.restore(crm_id)


def test_of_a_merge_the_survivor_keeps_both_numbers_and_the_loser_vanishes(company: Company) -> None:
    kept = company.users.add(first="Ann", phone="+1 415 555 2671", email="a@x.example")
    lost = company.users.add(first="Anna", phone="+1 415 555 2672", email="a@x.example", company="North")
    company.clock.move(5)
    assert company.users.merge(kept, lost) == kept
    person = company.get(f"/v2/persons/{kept}")["data"]
    assert [item["value"] for item in person["phones"]] == ["+1 415 555 2671", "+1 415 555 2672"]
    assert [item["primary"] for item in person["phones"]] == [True, False]
    assert [item["value"] for item in person["emails"]] == ["a@x.example"]
    assert person["org_id"] is not None
    assert person["update_time"] > person["add_time"]
    assert company.reply(f"/v2/persons/{lost}").status == 404


def test_an_edit_in_shared_words_reaches_pipedrives_fields(company: Company) -> None:
    crm_id = company.users.add(
        first="Ann", last="Lee", phone="+1 415 555 2671", mobile="+1 415 555 2672", email="a@x.example",
        company="North", country="Canada", note="Call back",
    )  # fmt: skip
    company.users.edit(crm_id, last="Ray", phone=None, note=None)
    person, card = company.get(f"/v2/persons/{crm_id}")["data"], company.users.cards()[crm_id]
    assert (person["name"], person["postal_address"]["country"], person["notes"]) == ("Ann Ray", "Canada", None)
    assert person["phones"] == [{"value": "+1 415 555 2672", "primary": True, "label": "mobile"}]
    assert (card.first, card.last, card.phones) == ("Ann", "Ray", ("+1 415 555 2672",))
    assert (card.company, card.status, card.stage) == ("North", "Customer", None)


def test_an_edit_without_a_touch_leaves_the_time_of_change(company: Company) -> None:
    crm_id = company.users.add(first="Ann")
    company.clock.move(60)
    company.users.edit(crm_id, touch=False, first="Anna")
    person = company.get(f"/v2/persons/{crm_id}")["data"]
    assert (person["first_name"], person["update_time"]) == ("Anna", person["add_time"])


def test_new_names_of_owner_and_company_leave_the_person_alone(company: Company) -> None:
    crm_id = company.users.add(first="Ann", company="North")
    before = company.get(f"/v2/persons/{crm_id}")
    company.clock.move(60)
    company.users.rename_owner(crm_id, "New Name", "new@acme.example")
    company.users.rename_company(crm_id, "South")
    card = company.users.cards()[crm_id]
    assert (card.owner, card.owner_email, card.company) == ("New Name", "new@acme.example", "South")
    assert company.get(f"/v2/persons/{crm_id}") == before
    changed = company.everyone("/v2/organizations", updated_since="2026-09-21T13:34:00Z")
    assert [row["name"] for row in changed] == ["South"]


def test_everybody_who_is_added_is_another_human(company: Company) -> None:
    added = [company.users.add(first="Ann") for _ in range(6)]
    cards = company.users.cards()
    assert len({cards[crm_id].human for crm_id in added}) == 6
    assert {cards[crm_id].status for crm_id in added} == {"Customer", "Hot lead", "Warm lead", "Cold lead"}


def test_lists_see_a_change_after_the_lag(company: Company) -> None:
    company.users.set_lag(30)
    crm_id = int(company.users.add(first="Late"))
    assert crm_id not in ids(company.everyone())
    company.clock.move(31)
    assert crm_id in ids(company.everyone())


def test_a_stamp_on_everybody_is_kept_to_the_second(company: Company) -> None:
    company.users.stamp_all(1_790_000_000_999)
    assert {row["update_time"] for row in company.everyone()} == {"2026-09-21T14:13:20Z"}


def test_the_control_route_takes_pipedrives_own_names(company: Company) -> None:
    act = company.api.act
    made: Any = act("create", {"fields": {"name": "Ann Lee", "label_ids": [13]}})
    assert company.get(f"/v2/persons/{made['id']}")["data"]["last_name"] == "Lee"
    act("edit", {"id": made["id"], "fields": {"custom_fields": {LEAD_SOURCE: 33}}})
    assert company.get(f"/v2/persons/{made['id']}")["data"]["custom_fields"][LEAD_SOURCE] == 33
    for action, body in (("fly", {}), ("edit", {"id": made["id"], "fields": {"phone": "1"}}), ("set", {"moon": 1})):
        with pytest.raises(BadControl):
            act(action, body)


def test_nango_puts_the_base_path_in_front() -> None:
    with Sandbox(contacts=20, accounts=()) as sandbox:
        connection = sandbox.connect("acme", "pipedrive")
        assert connection.config == {"api_domain": "https://acme.pipedrive.com"}
        headers = {
            "authorization": f"Bearer {sandbox.secret_key}", "connection-id": connection.connection_id,
            "provider-config-key": "pipedrive",
        }  # fmt: skip
        reply, _ = sandbox.answer(Request("GET", "/proxy/v2/persons", "limit=5", headers))
        assert (reply.status, len(orjson.loads(reply.body)["data"])) == (200, 5)
        assert reply.headers["x-ratelimit-limit"] == "80", "Pipedrive's answers are chunked, so Nango passes headers on"
