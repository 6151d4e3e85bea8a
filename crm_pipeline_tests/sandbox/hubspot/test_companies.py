from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline_tests.sandbox.caller import START, Caller, SetClock, a_sandbox, where

BATCH, SEARCH = "/crm/v3/objects/companies/batch/read", "/crm/v3/objects/companies/search"


def _search(caller: Caller, since_ms: float, after_id: str = "0", limit: int = 100) -> Any:
    filters = [
        {"propertyName": "hs_lastmodifieddate", "operator": "GTE", "value": str(int(since_ms))},
        {"propertyName": "hs_object_id", "operator": "GT", "value": after_id},
    ]
    sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    body = {"filterGroups": [{"filters": filters}], "sorts": sorts, "limit": limit, "properties": ["name"]}
    return caller.crm("POST", SEARCH, body).json


def test_the_keyset_walk_finds_every_company_once() -> None:
    with a_sandbox(300) as caller:
        seen: list[str] = []
        while page := [one["id"] for one in _search(caller, 1, seen[-1] if seen else "0", 7)["results"]]:
            seen += page
        assert list(map(int, seen)) == sorted(caller.sandbox.portal("acme").companies)


def test_a_rename_moves_the_date_of_the_company_and_of_no_contact() -> None:
    clock = SetClock()
    with a_sandbox(60, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        number, contacts = min(portal.companies), caller.everyone()
        assert _search(caller, START * 1000)["total"] == 0
        portal.rename_company(number, "Renamed Ltd")
        (found,) = _search(caller, START * 1000)["results"]
        assert (found["id"], found["properties"]["name"]) == (str(number), "Renamed Ltd")
        assert found["updatedAt"] == found["properties"]["hs_lastmodifieddate"] == "2026-09-21T14:13:20.000Z"
        assert found["createdAt"] == "2025-01-02T03:04:05.678Z"
        assert caller.everyone() == contacts


def test_the_index_of_companies_lags_and_reading_by_id_does_not() -> None:
    clock = SetClock()
    with a_sandbox(60, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        number = min(portal.companies)
        portal.index_lag = 90
        portal.rename_company(number, "Renamed Ltd")
        read = caller.crm("POST", BATCH, {"inputs": [{"id": str(number)}], "properties": ["name"]}).json["results"]
        assert read[0]["properties"]["name"] == "Renamed Ltd"
        assert _search(caller, START * 1000)["results"] == []
        clock.move(90)
        assert [one["id"] for one in _search(caller, START * 1000)["results"]] == [str(number)]


@pytest.mark.parametrize(
    "body",
    [
        where("lastmodifieddate", "GTE", "1600000000000"),
        where("hs_lastmodifieddate", "GTE", "2026-08-20"),
        where("hs_lastmodifieddate", "GTE", 1600000000000),
        where("firstname", "EQ", "x"),
        {"sorts": [{"propertyName": "lastmodifieddate", "direction": "ASCENDING"}]},
        {"limit": 201},
        {"offset": 3},
    ],
)
def test_a_wrong_search_for_companies_is_a_validation_error(body: dict[str, Any]) -> None:
    """The date of contacts is unknown to companies, and the other way round."""
    with a_sandbox(3) as caller:
        answer = caller.crm("POST", SEARCH, body)
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")
        assert caller.search(**where("hs_lastmodifieddate", "GTE", "1600000000000")).status == 400


def test_companies_that_are_not_there_are_named_in_the_errors() -> None:
    with a_sandbox(60) as caller:
        number = str(min(caller.sandbox.portal("acme").companies))
        inputs = [{"id": number}, {"id": "5"}, {"id": number}]
        answer = caller.crm("POST", BATCH, {"inputs": inputs, "properties": ["name", "nonsense"]}).json
        assert [one["id"] for one in answer["results"]] == [number]
        assert sorted(answer["results"][0]["properties"]) == [
            "createdate",
            "hs_lastmodifieddate",
            "hs_object_id",
            "name",
        ]
        assert answer["errors"][0]["context"]["ids"] == ["5"]
        assert caller.crm("POST", BATCH, {"inputs": [{"id": "5"}] * 101}).status == 400


def test_companies_and_contacts_share_the_limit_of_searches() -> None:
    with a_sandbox(3, clock=SetClock(), hubspot_limits=True) as caller:
        assert {caller.crm("POST", SEARCH, {}).status for _ in range(4)} == {200}
        assert caller.search().status == 429
