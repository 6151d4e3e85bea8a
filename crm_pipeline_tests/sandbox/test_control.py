from __future__ import annotations

import pytest

from crm_pipeline_tests.sandbox.caller import a_sandbox


def test_another_process_can_change_the_crm() -> None:
    with a_sandbox(0) as caller:
        made = caller.control("POST", "hubspot/acme/create", {"properties": {"firstname": "Ada"}}).json["id"]
        other = caller.control("POST", "hubspot/acme/create", {"properties": {"firstname": "Bea"}}).json["id"]
        caller.control("POST", "hubspot/acme/edit", {"id": made, "properties": {"phone": "1", "firstname": None}})
        assert caller.contacts(properties="phone,firstname").json["results"][0]["properties"]["phone"] == "1"
        caller.control("POST", "hubspot/acme/archive", {"id": made})
        assert [contact["id"] for contact in caller.everyone(archived="true")] == [made]
        caller.control("POST", "hubspot/acme/restore", {"id": made})
        survivor = caller.control("POST", "hubspot/acme/merge", {"primary": made, "other": other}).json["id"]
        assert [contact["id"] for contact in caller.everyone()] == [survivor]
        caller.control("POST", "hubspot/acme/purge", {"id": survivor})
        assert caller.everyone() == caller.everyone(archived="true") == []


def test_the_oracle_is_complete() -> None:
    with a_sandbox(60) as caller:
        truth = caller.control("GET", "oracle/acme").json["contacts"]
        assert [contact["id"] for contact in truth] == [contact["id"] for contact in caller.everyone()]
        assert caller.control("GET", "oracle/acme/hubspot").json["contacts"] == truth
        listed = caller.everyone(properties=",".join(truth[0]["properties"]))
        assert listed[0]["properties"] == truth[0]["properties"]


def test_a_portals_switches() -> None:
    with a_sandbox(0) as caller:
        caller.control("POST", "hubspot/acme/set", {"index_lag": 5, "merge_makes_new_id": False})
        portal = caller.sandbox.portal("acme")
        assert (portal.index_lag, portal.merge_makes_new_id) == (5, False)
        caller.control("POST", "hubspot/acme/set", {"add_property": {"name": "score", "kind": "number"}})
        assert portal.types["score"] == "number"


def test_faults_over_http() -> None:
    with a_sandbox(3) as caller:
        made = caller.control("POST", "faults", {"match": {"account": "acme"}, "nth": 2, "answer": "unavailable"}).json
        assert [caller.contacts().status for _ in range(3)] == [200, 503, 200]
        assert caller.control("GET", "faults").json["faults"] == [made | {"seen": 3, "hits": 1}]
        assert caller.control("DELETE", f"faults/{made['id']}").status == 200
        assert caller.control("DELETE", f"faults/{made['id']}").status == 404
        caller.control("POST", "faults", {"answer": {"status": 502, "body": ""}, "times": None})
        assert caller.contacts().status == 502
        caller.control("DELETE", "faults")
        assert caller.contacts().status == 200


def test_the_journal_tells_what_nango_was_asked() -> None:
    with a_sandbox(3) as caller:
        caller.contacts(limit=2)
        caller.search(limit=1)
        listed, searched = caller.control("GET", "journal").json["requests"]
        assert (listed["method"], listed["path"], listed["query"]) == (
            "GET",
            "/proxy/crm/v3/objects/contacts",
            "limit=2",
        )
        assert (listed["account"], listed["status"], listed["fault"]) == ("acme", 200, None)
        assert searched["body"] == '{"limit":1}'
        assert caller.sandbox.secret_key not in str(listed)
        caller.control("DELETE", "journal")
        assert caller.control("GET", "journal").json == {"requests": []}


def test_a_connection_is_broken_and_healed() -> None:
    with a_sandbox(3) as caller:
        caller.control("POST", "connections/acme/break", {"trouble": "exhausted"})
        assert caller.contacts().status == 424
        troubles = {row["account"]: row["trouble"] for row in caller.control("GET", "connections").json["connections"]}
        assert troubles == {"acme": "exhausted", "globex": None}
        caller.control("POST", "connections/acme/heal")
        assert caller.contacts().status == 200


def test_a_new_account_gets_a_crm_of_its_own() -> None:
    with a_sandbox(3) as caller:
        made = caller.control("POST", "accounts/initech").json["connection_id"]
        assert len(caller.crm("GET", "/crm/v3/objects/contacts", Connection_Id=made).json["results"]) == 3


def test_a_second_connection_of_an_account_leads_to_the_same_crm() -> None:
    with a_sandbox(3) as caller:
        made = caller.control("POST", "accounts/acme").json["connection_id"]
        assert made != caller.connection_id
        same = caller.crm("GET", "/crm/v3/objects/contacts", Connection_Id=made)
        assert same.json == caller.contacts().json


def test_limits_and_scopes_are_switched() -> None:
    with a_sandbox(3) as caller:
        caller.control("POST", "set", {"nango_limit": 1})
        assert [caller.contacts().status for _ in range(2)] == [200, 429]
        caller.control("POST", "set", {"nango_limit": None, "hubspot_limits": True})
        assert [caller.search().status for _ in range(5)] == [200, 200, 200, 200, 429]
        caller.control("POST", "set", {"scopes": []})
        assert caller.contacts().status == 403


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "nothing", None, 404),
        ("POST", "hubspot/nobody/create", {"properties": {}}, 404),
        ("POST", "hubspot/acme/create", {}, 404),
        ("POST", "hubspot/acme/destroy", {}, 400),
        ("POST", "hubspot/acme/edit", {"id": "1", "properties": {}}, 404),
        ("POST", "zoho/acme/edit", {}, 404),
        ("POST", "connections/acme/break", {"trouble": "flood"}, 400),
        ("POST", "connections/nobody/break", {}, 404),
        ("POST", "faults", {"answer": "nonsense"}, 400),
        ("POST", "faults", {}, 400),
        ("POST", "set", {"nonsense": 1}, 400),
        ("POST", "set", b"{", 400),
        ("POST", "set", b"[]", 400),
    ],
)
def test_nonsense_is_refused_with_a_reason(method: str, path: str, body: object, status: int) -> None:
    with a_sandbox(0) as caller:
        answer = caller.control(method, path, body)
        assert answer.status == status
        assert answer.json["error"]
