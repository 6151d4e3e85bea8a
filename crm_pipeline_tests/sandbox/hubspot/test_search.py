from __future__ import annotations

from typing import Any

import pytest

from crm_pipeline_tests.sandbox.caller import START, Caller, SetClock, a_sandbox, where


def _ids(answer: Any) -> list[str]:
    return [contact["id"] for contact in answer.json["results"]]


def _modified_since(caller: Caller, since: str, after_id: str = "0", limit: int = 200) -> Any:
    filters = [
        {"propertyName": "lastmodifieddate", "operator": "GTE", "value": since},
        {"propertyName": "hs_object_id", "operator": "GT", "value": after_id},
    ]
    sorts = [{"propertyName": "hs_object_id", "direction": "ASCENDING"}]
    return caller.search(filterGroups=[{"filters": filters}], sorts=sorts, limit=limit, properties=["phone"])


def test_the_keyset_walk_finds_every_live_contact_once() -> None:
    with a_sandbox(450) as caller:
        seen: list[str] = []
        while page := _ids(_modified_since(caller, "1600000000000", seen[-1] if seen else "0", 100)):
            seen += page
        assert list(map(int, seen)) == caller.sandbox.portal("acme").ids()


def test_total_counts_all_matches_of_the_query() -> None:
    with a_sandbox(60) as caller:
        everyone = caller.sandbox.portal("acme").ids()
        answer = _modified_since(caller, "1600000000000", str(everyone[9]), 5).json
        assert (answer["total"], len(answer["results"])) == (len(everyone) - 10, 5)
        assert answer["paging"] == {"next": {"after": "5"}}


def test_a_window_finds_what_was_changed_in_it() -> None:
    clock = SetClock()
    with a_sandbox(30, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        edited = str(portal.ids()[3])
        portal.edit(edited, {"phone": "+1 415 555 2671"})
        at = int(START * 1000)
        assert _ids(_modified_since(caller, str(at))) == [edited]
        assert _ids(_modified_since(caller, str(at + 1))) == []
        assert _ids(_modified_since(caller, "2026-09-21T14:13:20.000Z")) == [edited]


def test_an_edit_without_touch_is_not_in_the_window() -> None:
    """Calculated properties change without moving the date."""
    with a_sandbox(30, clock=SetClock()) as caller:
        portal = caller.sandbox.portal("acme")
        portal.edit(portal.ids()[3], {"phone": "1"}, touch=False)
        assert _ids(_modified_since(caller, str(int(START * 1000)))) == []


def test_the_index_lags_as_long_as_it_is_told() -> None:
    clock = SetClock()
    with a_sandbox(0, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        portal.index_lag = 90
        number = portal.create({"firstname": "Ada"})
        assert _ids(caller.search()) == []
        assert [contact["id"] for contact in caller.everyone()] == [number]
        clock.move(90)
        assert _ids(caller.search()) == [number]


def test_while_the_index_lags_search_shows_the_older_version() -> None:
    clock = SetClock()
    with a_sandbox(0, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        number = portal.create({"firstname": "Ada"})
        portal.index_lag = 60
        portal.edit(number, {"firstname": "Bea"})
        assert caller.search().json["results"][0]["properties"]["firstname"] == "Ada"
        portal.index_lag = 0
        portal.edit(number, {"firstname": "Cleo"})
        clock.move(60)
        assert caller.search().json["results"][0]["properties"]["firstname"] == "Cleo"


def test_an_archived_contact_never_appears() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        number = portal.create({"firstname": "Ada"})
        portal.archive(number)
        assert caller.search().json == {"total": 0, "results": []}
        portal.restore(number)
        assert _ids(caller.search()) == [number]


def test_paging_by_offset_ends_at_ten_thousand() -> None:
    with a_sandbox() as caller:
        assert caller.search(after="9800", limit=200).status == 200
        answer = caller.search(after="9801", limit=200)
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")


def test_sorting_by_a_property_in_both_directions() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        for name in ("Cleo", "Ada", "Bea"):
            portal.create({"firstname": name})

        def names(direction: str) -> list[str]:
            answer = caller.search(sorts=[{"propertyName": "firstname", "direction": direction}])
            return [contact["properties"]["firstname"] for contact in answer.json["results"]]

        assert names("ASCENDING") == ["Ada", "Bea", "Cleo"]
        assert names("DESCENDING") == ["Cleo", "Bea", "Ada"]


@pytest.mark.parametrize(
    ("condition", "found"),
    [
        (where("firstname", "EQ", "ada"), "A"),
        (where("firstname", "NEQ", "Ada"), "BC"),
        (where("firstname", "IN", values=["ada", "bea"]), "AB"),
        (where("firstname", "IN", values=["Ada"]), ""),
        (where("firstname", "NOT_IN", values=["ada"]), "BC"),
        (where("hs_lead_status", "IN", values=["OPEN"]), "A"),
        (where("hs_lead_status", "EQ", "open"), ""),
        (where("hs_lead_status", "HAS_PROPERTY"), "AB"),
        (where("hs_lead_status", "NOT_HAS_PROPERTY"), "C"),
        (where("email", "CONTAINS_TOKEN", "*@x.example"), "A"),
        (where("email", "NOT_CONTAINS_TOKEN", "x.example"), "BC"),
        (where("associatedcompanyid", "BETWEEN", "9", highValue="100"), "AB"),
        (where("associatedcompanyid", "LT", "10"), "A"),
        (where("associatedcompanyid", "GTE", "10"), "B"),
        ({"query": "bea"}, "B"),
        ({"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "Bea"}]}, "B"),
    ],
)
def test_operators(condition: dict[str, Any], found: str) -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        ids = {
            portal.create(
                {"firstname": "Ada", "email": "ada@x.example", "hs_lead_status": "OPEN", "associatedcompanyid": "9"}
            ): "A",
            portal.create(
                {"firstname": "Bea", "email": "bea@y.example", "hs_lead_status": "NEW", "associatedcompanyid": "10"}
            ): "B",
            portal.create({"firstname": "Cleo"}): "C",
        }
        assert "".join(sorted(ids[number] for number in _ids(caller.search(**condition)))) == found


def test_groups_are_alternatives_and_filters_add_up() -> None:
    with a_sandbox(0) as caller:
        portal = caller.sandbox.portal("acme")
        a, _, c = (portal.create({"firstname": name, "lastname": "X"}) for name in ("Ada", "Bea", "Cleo"))
        groups = [
            {"filters": [{"propertyName": "firstname", "operator": "EQ", "value": "Ada"}]},
            {
                "filters": [
                    {"propertyName": "firstname", "operator": "EQ", "value": "Cleo"},
                    {"propertyName": "lastname", "operator": "EQ", "value": "X"},
                ]
            },
        ]
        assert _ids(caller.search(filterGroups=groups)) == [a, c]


ONE = {"propertyName": "firstname", "operator": "EQ", "value": "x"}


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": "10"},
        {"after": "x"},
        {"offset": 3},
        {"query": "x" * 3001},
        {"properties": "phone"},
        {"sorts": [{"propertyName": "firstname"}, {"propertyName": "email"}]},
        {"sorts": [{"propertyName": "nonsense", "direction": "ASCENDING"}]},
        {"filterGroups": [{"filters": [ONE]}] * 6},
        {"filterGroups": [{"filters": [ONE] * 7}]},
        {"filterGroups": [{"filters": [ONE] * 5}] * 4},
        {"filterGroups": [{"filters": []}]},
        where("nonsense", "EQ", "x"),
        where("firstname", "LIKE", "x"),
        where("firstname", "EQ"),
        where("firstname", "IN", "x"),
        where("lastmodifieddate", "GTE", "2026-08-20"),
        where("lastmodifieddate", "GTE", 1600000000000),
        where("lastmodifieddate", "GTE", "yesterday"),
        where("hs_object_id", "GT", "NaN"),
        where("hs_object_id", "GT", "²"),
        where("associatedcompanyid", "BETWEEN", "1"),
    ],
)
def test_a_wrong_search_is_a_validation_error(body: dict[str, Any]) -> None:
    with a_sandbox(3) as caller:
        answer = caller.search(**body)
        assert (answer.status, answer.json["category"]) == (400, "VALIDATION_ERROR")


def test_paging_in_the_query_is_refused() -> None:
    """Sent there it is ignored by HubSpot, and a client loops for ever; here it fails at once."""
    with a_sandbox(3) as caller:
        assert caller.crm("POST", "/crm/v3/objects/contacts/search?after=10", {}).status == 400


def test_the_beginning_of_time_as_a_filter_breaks_hubspot() -> None:
    with a_sandbox(3) as caller:
        assert _modified_since(caller, "0").status == 500


def test_more_than_ten_thousand_rows_of_one_moment_can_be_walked() -> None:
    clock = SetClock()
    with a_sandbox(0, clock=clock) as caller:
        portal = caller.sandbox.portal("acme")
        for number in range(10_050):
            portal.create({"firstname": str(number)})
        seen, last = 0, "0"
        while page := _ids(_modified_since(caller, str(int(START * 1000)), last)):
            seen, last = seen + len(page), page[-1]
        assert seen == 10_050
