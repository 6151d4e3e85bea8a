from __future__ import annotations

import re
from urllib.parse import urlencode, urlsplit

import pytest

from crm_pipeline_tests.sandbox.caller import Caller, Got, SetClock, a_sandbox

BASIC = {"environment:proxy", "environment:connections:list", "environment:connections:read"}


def _rows(caller: Caller, query: str = "") -> list[dict[str, object]]:
    found: list[dict[str, object]] = caller.nango("GET", f"/connections{query}").json["connections"]
    return found


def _one(caller: Caller, query: str = "") -> str:
    return f"/connections/{caller.connection_id}?provider_config_key=hubspot{query}"


def test_the_list_is_newest_first_and_shows_tags_and_metadata() -> None:
    with a_sandbox(3) as caller:
        rows = _rows(caller)
        assert [row["tags"] for row in rows] == [{"account_id": "globex"}, {"account_id": "acme"}]
        row = rows[1]
        assert row["connection_id"] == caller.connection_id
        assert (row["provider"], row["provider_config_key"], row["errors"], row["end_user"]) == (
            "hubspot",
            "hubspot",
            [],
            None,
        )
        assert row["metadata"] == {"crm_pipeline": {"requests_per_second": 5000}}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+00:00", str(row["created"]))
        assert not {"credentials", "connection_config"} & row.keys()


@pytest.mark.parametrize(
    ("query", "accounts"),
    [
        ("?tags[account_id]=acme", ["acme"]),
        ("?tags%5Baccount_id%5D=acme", ["acme"]),
        ("?tags[account_id]=acme&tags[plan]=x", []),
        ("?integrationId=hubspot,zoho", ["globex", "acme"]),
        ("?integrationId=zoho", []),
        ("?limit=1", ["globex"]),
        ("?limit=1&page=1", ["acme"]),
        ("?limit=1&page=2", []),
        ("?endUserId=x", []),
    ],
)
def test_the_lists_filters_and_pages(query: str, accounts: list[str]) -> None:
    with a_sandbox(3) as caller:
        assert [row["tags"] for row in _rows(caller, query)] == [{"account_id": account} for account in accounts]


@pytest.mark.parametrize("query", ["?limit=2001", "?limit=0", "?page=-1", "?pages=1", "?limit=1&limit=2"])
def test_a_wrong_query_is_400(query: str) -> None:
    with a_sandbox(3) as caller:
        answer = caller.nango("GET", f"/connections{query}")
        assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_query_params")
        assert answer.json["error"]["errors"][0]["path"]


def test_one_connection_has_its_config_and_with_the_scope_its_token() -> None:
    with a_sandbox(3) as caller:
        connection = caller.nango("GET", _one(caller)).json
        assert connection["connection_config"].keys() == {"portalId"}
        assert connection["credentials"]["type"] == "OAUTH2"
        assert "created" not in connection
        assert connection["created_at"]


def test_without_the_credentials_scope_reading_has_no_side_effect() -> None:
    with a_sandbox(3, scopes=BASIC) as caller:
        caller.sandbox.book.break_connection(caller.sandbox.book.of_account("acme")[0], "refresh")
        connection = caller.nango("GET", _one(caller)).json
        assert connection["credentials"] == {}
        assert [error["type"] for error in connection["errors"]] == ["auth"]
        assert caller.contacts().status == 400  # not 424: reading tried no refresh
        refused = caller.nango("GET", _one(caller, "&force_refresh=true"))
        assert (refused.status, refused.json["error"]["code"]) == (403, "forbidden")


def test_with_the_credentials_scope_reading_a_broken_connection_fails_as_its_refresh_does() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock) as caller:
        caller.sandbox.book.break_connection(caller.sandbox.book.of_account("acme")[0], "refresh")
        assert caller.nango("GET", _one(caller)).status == 400
        assert caller.nango("GET", _one(caller)).status == 424
        assert caller.nango("GET", _one(caller, "&force_refresh=true")).status == 400


def test_unknown_ones() -> None:
    with a_sandbox(3) as caller:
        answers = [
            caller.nango("GET", f"/connections/{caller.connection_id}"),
            caller.nango("GET", f"/connections/{caller.connection_id}?provider_config_key=zoho"),
            caller.nango("GET", "/connections/nobody?provider_config_key=hubspot"),
            caller.nango("DELETE", "/connections/nobody?provider_config_key=hubspot"),
            caller.nango("GET", "/nothing"),
        ]
        assert [(answer.status, answer.json["error"]["code"]) for answer in answers] == [
            (400, "invalid_query_params"),
            (400, "unknown_provider_config"),
            (404, "not_found"),
            (400, "unknown_connection"),
            (404, "not_found"),
        ]


def test_a_deleted_connection_is_gone_for_the_proxy_too() -> None:
    with a_sandbox(3) as caller:
        assert caller.nango("DELETE", _one(caller)).json == {"success": True}
        assert [row["tags"] for row in _rows(caller)] == [{"account_id": "globex"}]
        assert caller.contacts().json["error"]["message"] == "Failed to get connection"


def test_metadata_is_replaced_by_post_and_merged_by_patch() -> None:
    with a_sandbox(3) as caller:
        body = {"connection_id": caller.connection_id, "provider_config_key": "hubspot", "metadata": {"a": {"b": 1}}}
        assert caller.nango("POST", "/connections/metadata", body).status == 201
        assert caller.nango("PATCH", "/connections/metadata", body | {"metadata": {"c": 2}}).status == 200
        assert caller.nango("GET", _one(caller)).json["metadata"] == {"a": {"b": 1}, "c": 2}
        body["connection_id"] = [caller.connection_id, "nobody"]
        refused = caller.nango("POST", "/connections/metadata", body | {"metadata": {}})
        assert (refused.status, refused.json["error"]["code"]) == (404, "unknown_connection")
        assert caller.nango("GET", _one(caller)).json["metadata"] == {"a": {"b": 1}, "c": 2}


def test_tags_are_replaced_as_a_whole() -> None:
    with a_sandbox(3) as caller:
        assert caller.nango("PATCH", _one(caller), {"tags": {"Plan": "gold"}}).json == {"success": True}
        assert caller.nango("GET", _one(caller)).json["tags"] == {"plan": "gold"}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"{}", "text/plain", 415, "invalid_content_type"),
        (b"{}", "application/json", 400, "invalid_body"),
        (b'{"tags":{"a":"b"},"allowed_integrations":["nothing"]}', "application/json", 400, "invalid_body"),
    ],
)
def test_a_wrong_connect_session_is_refused(body: bytes, content_type: str, status: int, code: str) -> None:
    with a_sandbox(3) as caller:
        answer = caller.nango("POST", "/connect/sessions", body, **{"Content-Type": content_type})
        assert (answer.status, answer.json["error"]["code"]) == (status, code)


def test_a_connect_session_ends_in_a_tagged_connection() -> None:
    with a_sandbox(3) as caller:
        body = {"tags": {"account_id": "initech"}, "allowed_integrations": ["hubspot"]}
        answer = caller.nango("POST", "/connect/sessions", body)
        assert answer.status == 201
        data = answer.json["data"]
        assert re.fullmatch(r"nango_connect_session_[0-9a-f]{64}", data["token"])
        link = urlsplit(data["connect_link"])
        page = caller.call("GET", f"{link.path}?{link.query}")
        assert (page.status, b"<strong>initech</strong>" in page.body) == (200, True)
        assert "initech" not in str(_rows(caller)), "to look at the page is not to consent"
        assert _answer(caller, data["token"], "authorize").status == 200
        newest = _rows(caller)[0]
        assert newest["tags"] == {"account_id": "initech"}
        found = caller.crm("GET", "/crm/v3/objects/contacts", Connection_Id=str(newest["connection_id"]))
        assert len(found.json["results"]) == 3
        assert caller.call("GET", f"{link.path}?{link.query}").status == 404  # a session works once
        assert _answer(caller, data["token"], "authorize").status == 404


def test_who_refuses_connects_nothing() -> None:
    with a_sandbox(3) as caller:
        body = {"tags": {"account_id": "<b>initech</b>"}, "allowed_integrations": ["hubspot"]}
        data = caller.nango("POST", "/connect/sessions", body).json["data"]
        page = caller.call("GET", f"/sandbox/connect?session_token={data['token']}")
        assert b"<b>" not in page.body
        assert b"Nothing was connected" in _answer(caller, data["token"], "refuse").body
        assert len(_rows(caller)) == 2


def test_a_connection_that_is_made_anew_keeps_its_id_and_is_well_again() -> None:
    with a_sandbox(3) as caller:
        caller.control("POST", "connections/acme/break", {"trouble": "exhausted"})
        body = {"connection_id": caller.connection_id, "integration_id": "hubspot"}
        data = caller.nango("POST", "/connect/sessions/reconnect", body).json["data"]
        _answer(caller, data["token"], "authorize")
        row = next(row for row in _rows(caller) if row["connection_id"] == caller.connection_id)
        assert row["errors"] == []
        assert caller.contacts().status == 200
        unknown = caller.nango("POST", "/connect/sessions/reconnect", body | {"connection_id": "other"})
        assert (unknown.status, unknown.json["error"]["code"]) == (400, "invalid_body")


def _answer(caller: Caller, token: str, answer: str) -> Got:
    """What a person does on the page behind the link."""
    form = urlencode({"session_token": token, "answer": answer}).encode()
    return caller.call("POST", "/sandbox/connect", form, {"Content-Type": "application/x-www-form-urlencoded"})
