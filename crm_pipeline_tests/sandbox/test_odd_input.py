"""Input that no good client sends: refused in the shape of whoever is asked, never a dropped connection."""

from __future__ import annotations

import pytest

from crm_pipeline_tests.sandbox.caller import a_sandbox, where

TEXT = "phone"
CONTACTS = "/crm/v3/objects/contacts"


@pytest.mark.parametrize(
    "body",
    [
        {"sorts": [{"propertyName": [TEXT]}]},
        {"filterGroups": [{"filters": [{"propertyName": [TEXT], "operator": "EQ", "value": "1"}]}]},
        {"filterGroups": [{"filters": [{"propertyName": TEXT, "operator": ["EQ"], "value": "1"}]}]},
        where("hs_object_id", "GT", 5),
        where("hs_object_id", "GT", "abc"),
    ],
)
def test_a_search_with_values_of_the_wrong_type_is_a_validation_error(body: dict[str, object]) -> None:
    with a_sandbox(3) as caller:
        answer = caller.crm("POST", f"{CONTACTS}/search", body)
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")


@pytest.mark.parametrize("value", [["x"], {"a": 1}])
@pytest.mark.parametrize("name", ["firstname", "hs_lead_status"])
def test_a_written_value_that_is_no_text_is_refused(name: str, value: object) -> None:
    with a_sandbox(3) as caller:
        contact = caller.everyone()[0]["id"]
        assert caller.crm("PATCH", f"{CONTACTS}/{contact}", {"properties": {name: value}}).status == 400


def test_null_clears_a_written_property() -> None:
    with a_sandbox(3) as caller:
        contact = caller.everyone()[0]["id"]
        caller.crm("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": "Oslo"}})
        answer = caller.crm("PATCH", f"{CONTACTS}/{contact}", {"properties": {"city": None}})
        assert answer.json["properties"].get("city") is None


@pytest.mark.parametrize(
    "body",
    [
        {"tags": ["x"]},
        {"tags": "x"},
        {"tags": {"1bad": "x"}},
        {"tags": {"account_id": ""}},
        {"tags": {"account_id": 1}},
        {"tags": {f"t{number}": "x" for number in range(11)}},
        {"tags": {"account_id": "a"}, "allowed_integrations": "hubspot"},
        {"tags": {"account_id": "a"}, "allowed_integrations": [["hubspot"]]},
    ],
)
def test_a_connect_session_with_bad_tags_or_integrations_is_an_invalid_body(body: dict[str, object]) -> None:
    with a_sandbox(3) as caller:
        answer = caller.nango("POST", "/connect/sessions", body)
        assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_body")


@pytest.mark.parametrize("tags", [None, ["x"], {"account_id": ["x"]}])
def test_a_connection_keeps_its_tags_when_the_new_ones_are_bad(tags: object) -> None:
    with a_sandbox(3) as caller:
        path = f"/connections/{caller.connection_id}?provider_config_key=hubspot"
        assert caller.nango("PATCH", path, {"tags": tags}).status == 400
        assert caller.nango("GET", path).json["tags"] == {"account_id": "acme"}


@pytest.mark.parametrize(
    "fault",
    [
        {"answer": {"delay": "x"}},
        {"answer": {"status": "x"}},
        {"answer": {"status": True}},
        {"answer": {"headers": ["x"]}},
        {"answer": []},
        {"answer": {}},
        {"answer": "html", "match": []},
        {"answer": "html", "match": {"path": 1}},
        {"answer": "html", "nth": 1.5},
    ],
)
def test_a_fault_that_could_not_be_carried_out_is_refused_when_it_is_planned(fault: dict[str, object]) -> None:
    """Otherwise it fires as nothing, and a test passes for the wrong reason."""
    with a_sandbox(3) as caller:
        assert caller.control("POST", "faults", fault).status == 400
        assert caller.contacts().status == 200


def test_an_unknown_setting_of_a_portal_is_refused() -> None:
    with a_sandbox(3) as caller:
        assert caller.control("POST", "hubspot/acme/set", {"index_lags": 90}).status == 400
        assert caller.control("POST", "hubspot/acme/set", {"index_lag": 90}).status == 200
