from __future__ import annotations

import pytest

from crm_pipeline_tests.sandbox.caller import Caller, a_sandbox

CONTACTS = "/crm/v3/objects/contacts"


def _first(caller: Caller) -> dict[str, object]:
    found: dict[str, object] = caller.contacts(limit=1).json["results"][0]
    return found


def test_the_list_shows_every_live_contact_once_by_rising_id() -> None:
    with a_sandbox(250) as caller:
        ids = [int(contact["id"]) for contact in caller.everyone()]
        assert ids == sorted(set(ids))
        assert ids == caller.sandbox.portal("acme").ids()


def test_a_page_has_ten_by_default_and_names_the_next() -> None:
    with a_sandbox() as caller:
        answer = caller.contacts().json
        following = answer["paging"]["next"]
        assert len(answer["results"]) == 10
        assert int(following["after"]) == int(answer["results"][-1]["id"]) + 1
        assert following["link"].startswith("https://api.hubapi.com/crm/v3/objects/contacts?")
        assert f"after={following['after']}" in following["link"]


def test_the_last_page_has_no_paging_even_when_it_is_full() -> None:
    with a_sandbox(0) as caller:
        for number in range(4):
            caller.sandbox.portal("acme").create({"firstname": str(number)})
        first = caller.contacts(limit=2).json
        last = caller.contacts(limit=2, after=first["paging"]["next"]["after"]).json
        assert len(last["results"]) == 2
        assert "paging" not in last


def test_an_empty_portal_has_an_empty_list() -> None:
    with a_sandbox(0) as caller:
        assert caller.contacts().json == {"results": []}


def test_without_properties_the_six_default_ones_come() -> None:
    with a_sandbox() as caller:
        properties = caller.contacts(limit=1).json["results"][0]["properties"]
        assert sorted(properties) == sorted(
            ["createdate", "email", "firstname", "hs_object_id", "lastmodifieddate", "lastname"]
        )


def test_an_unknown_property_is_left_out_and_an_empty_one_is_null() -> None:
    with a_sandbox(0) as caller:
        caller.sandbox.portal("acme").create({"firstname": "Ada"})
        properties = caller.contacts(properties="firstname,phone,favourite_colour").json["results"][0]["properties"]
        assert properties["firstname"] == "Ada"
        assert properties["phone"] is None
        assert "favourite_colour" not in properties


def test_a_property_defined_later_is_served_from_then_on() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        portal.create({"region": "north"})
        assert "region" not in caller.contacts(properties="region").json["results"][0]["properties"]
        portal.add_property("region", label="Sales region")
        assert caller.contacts(properties="region").json["results"][0]["properties"]["region"] == "north"
        assert caller.crm("GET", "/crm/v3/properties/contacts/region").json["label"] == "Sales region"


def test_every_value_is_text_or_null_and_times_are_utc() -> None:
    with a_sandbox(200) as caller:
        for contact in caller.everyone(properties="phone,hubspot_owner_id,associatedcompanyid,notes_last_updated"):
            assert all(value is None or isinstance(value, str) for value in contact["properties"].values())
            assert contact["createdAt"] == contact["properties"]["createdate"]
            assert contact["updatedAt"] == contact["properties"]["lastmodifieddate"]
            assert contact["createdAt"] <= contact["updatedAt"] < "2026-06-01T00:00:00.000Z"
            assert contact["archived"] is False


@pytest.mark.parametrize(
    "query",
    [
        "limit=101",
        "limit=0",
        "limit=x",
        "after=abc",
        "archived=perhaps",
        "limti=10",
        "properties=phone&properties=email",
        "limit=10&limit=20",
    ],
)
def test_a_wrong_parameter_is_a_validation_error(query: str) -> None:
    with a_sandbox() as caller:
        answer = caller.crm("GET", f"{CONTACTS}?{query}")
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")
        assert answer.json["correlationId"]


def test_what_the_sandbox_cannot_serve_is_said() -> None:
    with a_sandbox() as caller:
        assert caller.contacts(propertiesWithHistory="phone").status == 501


def test_a_url_over_eight_kilobytes_is_refused_by_the_edge() -> None:
    with a_sandbox() as caller:
        answer = caller.contacts(properties=",".join(f"custom_{number}" for number in range(900)))
        assert answer.status == 414
        assert answer.headers["content-type"] == "text/html"


def test_the_newer_path_style_is_the_same() -> None:
    with a_sandbox() as caller:
        assert caller.crm("GET", "/crm/objects/2026-03/contacts").json["results"] == caller.contacts().json["results"]


def test_the_archived_list_shows_what_the_other_does_not() -> None:
    with a_sandbox(400) as caller:
        archived, live = caller.everyone(archived="true"), caller.everyone()
        assert len(archived) + len(live) == 400
        assert archived
        assert all(contact["archived"] is True and contact["archivedAt"] for contact in archived)
        assert not {contact["id"] for contact in archived} & {contact["id"] for contact in live}


def test_reading_one_by_id_and_by_email() -> None:
    with a_sandbox(0) as caller:
        number = caller.sandbox.portal("acme").create({"email": "ada@x.example"})
        assert caller.crm("GET", f"{CONTACTS}/{number}").json["id"] == number
        by_email = caller.crm("GET", f"{CONTACTS}/ada%40x.example", query={"idProperty": "email"})
        assert by_email.json["id"] == number
        assert caller.crm("GET", f"{CONTACTS}/1").json["category"] == "OBJECT_NOT_FOUND"


def test_batch_read_tells_the_missing_from_the_found() -> None:
    """HubSpot says 207, which Nango turns into 200."""
    with a_sandbox() as caller:
        known = str(_first(caller)["id"])
        body = {"inputs": [{"id": known}, {"id": "5"}], "properties": ["phone"]}
        answer = caller.crm("POST", f"{CONTACTS}/batch/read", body)
        assert answer.status == 200
        assert [contact["id"] for contact in answer.json["results"]] == [known]
        assert answer.json["numErrors"] == 1
        assert answer.json["errors"][0]["context"] == {"ids": ["5"]}


def test_batch_read_of_archived_ones_needs_to_be_asked_for() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        number = portal.create({"firstname": "Ada"})
        portal.archive(number)
        body = {"inputs": [{"id": number}]}
        assert caller.crm("POST", f"{CONTACTS}/batch/read", body).json["results"] == []
        found = caller.crm("POST", f"{CONTACTS}/batch/read", body, query={"archived": "true"}).json["results"]
        assert [contact["archived"] for contact in found] == [True]


@pytest.mark.parametrize("inputs", [[], [{"id": 5}], "x", [{"id": str(n)} for n in range(101)]])
def test_a_wrong_batch_is_refused(inputs: object) -> None:
    with a_sandbox() as caller:
        assert caller.crm("POST", f"{CONTACTS}/batch/read", {"inputs": inputs}).status == 400


def test_a_merge_makes_a_third_record_and_old_ids_lead_there() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        first, second = portal.create({"phone": "1"}), portal.create({"phone": "2", "email": "b@x.example"})
        body = {"primaryObjectId": first, "objectIdToMerge": second}
        survivor = caller.crm("POST", f"{CONTACTS}/merge", body).json
        assert survivor["id"] not in (first, second)
        assert survivor["properties"]["hs_merged_object_ids"] == f"{first};{second}"
        assert (survivor["properties"]["phone"], survivor["properties"]["email"]) == ("1", "b@x.example")
        assert [contact["id"] for contact in caller.everyone()] == [survivor["id"]]
        assert caller.crm("GET", f"{CONTACTS}/{second}").json["id"] == survivor["id"]


def test_the_older_merge_keeps_the_primarys_id() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        portal.merge_makes_new_id = False
        first, second = portal.create({"phone": "1"}), portal.create({"phone": "2"})
        assert portal.merge(first, second) == first
        contact = caller.contacts(properties="hs_merged_object_ids").json["results"][0]
        assert (contact["id"], contact["properties"]["hs_merged_object_ids"]) == (first, second)


def test_chained_merges_keep_every_id() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        a, b, c = (portal.create({"firstname": name}) for name in "abc")
        middle = portal.merge(a, b)
        last = portal.merge(middle, c)
        ids = caller.contacts(properties="hs_merged_object_ids").json["results"][0]["properties"][
            "hs_merged_object_ids"
        ]
        assert set(ids.split(";")) == {a, b, c, middle}
        assert caller.crm("GET", f"{CONTACTS}/{a}").json["id"] == last


def test_some_contacts_were_merged_before_the_first_day() -> None:
    with a_sandbox(2000) as caller:
        merged = [
            contact["properties"]["hs_merged_object_ids"]
            for contact in caller.everyone(properties="hs_merged_object_ids")
            if contact["properties"]["hs_merged_object_ids"]
        ]
        assert merged
        assert caller.crm("GET", f"{CONTACTS}/{merged[0].split(';')[0]}").status == 200


def test_writing_a_status_moves_the_modified_date() -> None:
    with a_sandbox() as caller:
        before = _first(caller)
        answer = caller.crm("PATCH", f"{CONTACTS}/{before['id']}", {"properties": {"hs_lead_status": "CONNECTED"}})
        assert answer.json["properties"]["hs_lead_status"] == "CONNECTED"
        assert answer.json["updatedAt"] > str(before["updatedAt"])


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"hs_lead_status": "MAYBE"}, "INVALID_OPTION"),
        ({"colour": "red"}, "PROPERTY_DOESNT_EXIST"),
        ({"createdate": "1"}, "READ_ONLY_VALUE"),
    ],
)
def test_a_wrong_write_names_its_code(properties: dict[str, str], code: str) -> None:
    with a_sandbox() as caller:
        answer = caller.crm("PATCH", f"{CONTACTS}/{_first(caller)['id']}", {"properties": properties})
        assert (answer.status, answer.json["errors"][0]["code"]) == (400, code)


def test_a_second_contact_with_an_email_conflicts() -> None:
    with a_sandbox(0) as caller:
        body = {"properties": {"email": "ada@x.example"}}
        assert caller.crm("POST", CONTACTS, body).status == 200  # HubSpot's 201, as Nango passes it on
        again = caller.crm("POST", CONTACTS, body)
        assert (again.status, again.json["category"]) == (409, "CONFLICT")


def test_batch_update_does_not_follow_merged_ids() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        old, other = portal.create({"phone": "1"}), portal.create({"phone": "2"})
        new = portal.merge(old, other)
        inputs = [{"id": number, "properties": {"hs_lead_status": "OPEN"}} for number in (old, new)]
        answer = caller.crm("POST", f"{CONTACTS}/batch/update", {"inputs": inputs}).json
        assert [contact["id"] for contact in answer["results"]] == [new]
        assert answer["errors"][0]["context"]["ids"] == [old]


def test_a_privacy_deletion_leaves_neither_list() -> None:
    with a_sandbox(0) as caller:
        number = caller.sandbox.portal("acme").create({"email": "ada@x.example"})
        answer = caller.crm("POST", f"{CONTACTS}/gdpr-delete", {"objectId": "ada@x.example", "idProperty": "email"})
        assert (answer.status, answer.body) == (204, b"")
        assert caller.everyone() == caller.everyone(archived="true") == []
        assert caller.crm("GET", f"{CONTACTS}/{number}").status == 404


def test_deleting_archives() -> None:
    with a_sandbox() as caller:
        number = _first(caller)["id"]
        assert caller.crm("DELETE", f"{CONTACTS}/{number}").status == 204
        assert number in [contact["id"] for contact in caller.everyone(archived="true")]


def test_a_body_that_is_not_json_is_refused() -> None:
    with a_sandbox() as caller:
        answer = caller.crm("POST", f"{CONTACTS}/search", b"{")
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")


def test_an_unknown_path_and_a_wrong_method_are_refused() -> None:
    with a_sandbox() as caller:
        assert caller.crm("GET", "/crm/v3/objects/deals").status == 404
        assert caller.crm("PUT", CONTACTS, {}).status == 405
