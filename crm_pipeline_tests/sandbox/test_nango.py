from __future__ import annotations

import pytest

from crm_pipeline_tests.sandbox.caller import Caller, SetClock, a_sandbox

CONTACTS = "/crm/v3/objects/contacts"


def _break(caller: Caller, trouble: str) -> None:
    caller.sandbox.book.break_connection(caller.sandbox.book.of_account("acme")[0], trouble)


def _heal(caller: Caller) -> None:
    caller.sandbox.book.heal(caller.sandbox.book.of_account("acme")[0])


def _errors(caller: Caller) -> list[str]:
    rows = caller.nango("GET", "/connections").json["connections"]
    found = next(row for row in rows if row["connection_id"] == caller.connection_id)
    return [error["type"] for error in found["errors"]]


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (None, "missing_auth_header"),
        ("Basic abc", "malformed_auth_header"),
        ("Bearer ", "malformed_auth_header"),
        ("Bearer secret", "invalid_secret_key_format"),
        ("Bearer 11111111-1111-1111-8111-111111111111", "invalid_secret_key_format"),
        ("Bearer 11111111-1111-4111-8111-111111111111", "unknown_account"),
    ],
)
def test_a_wrong_key_is_refused_in_its_own_way(authorization: str | None, code: str) -> None:
    with a_sandbox(3) as caller:
        headers = {} if authorization is None else {"Authorization": authorization}
        for target in ("/connections", f"/proxy{CONTACTS}"):
            answer = caller.call("GET", target, headers=headers)
            assert answer.status == 401
            assert answer.json["error"]["code"] == code
            assert answer.json["error"]["payload"] == {}


@pytest.mark.parametrize(
    ("scope", "target"),
    [("environment:proxy", f"/proxy{CONTACTS}"), ("environment:connections:list", "/connections")],
)
def test_a_key_without_the_scope_is_forbidden(scope: str, target: str) -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.nango.api.scopes.discard(scope)
        answer = caller.nango("GET", target)
        assert (answer.status, answer.json["error"]["code"]) == (403, "forbidden")


def test_the_two_headers_are_needed() -> None:
    with a_sandbox(3) as caller:
        answer = caller.nango("GET", f"/proxy{CONTACTS}", **{"Connection-Id": "x" * 256})
        assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_headers")
        assert [item["path"] for item in answer.json["error"]["errors"]] == [["connection-id"], ["provider-config-key"]]


def test_an_unknown_integration_is_404_and_an_unknown_connection_400() -> None:
    with a_sandbox(3) as caller:
        answer = caller.crm("GET", CONTACTS, Provider_Config_Key="salesforce")
        assert (answer.status, answer.json["error"]["code"]) == (404, "unknown_provider_config")
        answer = caller.crm("GET", CONTACTS, Connection_Id="nobody")
        assert (answer.status, answer.json["error"]["code"]) == (400, "server_error")
        assert answer.json["error"]["message"] == "Failed to get connection"


def test_a_good_buffered_answer_is_200_and_loses_the_crms_headers() -> None:
    with a_sandbox(3) as caller:
        answer = caller.contacts()
        assert answer.status == 200
        assert set(answer.headers) == {"content-type", "content-length"}


def test_a_chunked_answer_keeps_status_and_headers() -> None:
    with a_sandbox(3) as caller:
        caller.sandbox.faults.add(answer={"chunked": True}, times=None)
        answer = caller.crm("POST", CONTACTS, {"properties": {"firstname": "Ada"}})
        assert answer.status == 201
        assert answer.headers["x-hubspot-ratelimit-max"] == "110"


def test_an_error_answer_keeps_the_crms_headers() -> None:
    with a_sandbox(3) as caller:
        answer = caller.crm("GET", "/crm/v3/objects/contacts/1")
        assert answer.status == 404
        assert "x-hubspot-ratelimit-max" in answer.headers
        assert "x-hubspot-correlation-id" in answer.headers


def test_no_rate_limit_headers_while_nangos_limit_is_off() -> None:
    with a_sandbox(3) as caller:
        assert not [name for name in caller.nango("GET", "/connections").headers if name.startswith("x-ratelimit")]


def test_nangos_limit_counts_every_call_of_the_account() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock, nango_limit=3) as caller:
        assert caller.nango("GET", "/connections").headers["x-ratelimit-remaining"] == "2"
        assert caller.contacts().headers["x-ratelimit-limit"] == "3"
        other = caller.sandbox.book.of_account("globex")[0].connection_id
        assert caller.crm("GET", CONTACTS, Connection_Id=other).headers["x-ratelimit-remaining"] == "0"
        clock.move(30.5)
        refused = caller.contacts()
        assert (refused.status, refused.json["error"]["code"]) == (429, "too_many_request")
        assert refused.json["error"]["path"] == f"/proxy{CONTACTS}"
        assert refused.headers["retry-after"] == "29"
        clock.move(29.5)
        assert caller.contacts().status == 200


def test_a_limit_header_of_the_crm_hides_nangos_on_an_error() -> None:
    with a_sandbox(3, nango_limit=200) as caller:
        caller.sandbox.faults.add(answer={"status": 429, "body": {}, "headers": {"X-RateLimit-Remaining": "5"}})
        assert caller.contacts().headers["x-ratelimit-remaining"] == "5"
        caller.sandbox.faults.add(answer={"status": 200, "body": {}, "headers": {"X-RateLimit-Remaining": "5"}})
        assert caller.contacts().headers["x-ratelimit-remaining"] == "198"


def test_only_prefixed_headers_reach_the_crm() -> None:
    with a_sandbox(3) as caller:
        body = {"limit": 1}
        plain = caller.crm("POST", f"{CONTACTS}/search", body, Content_Type="application/json")
        assert plain.status == 200
        other = caller.crm("POST", f"{CONTACTS}/search", body, Nango_Proxy_Content_Type="text/plain")
        assert other.status == 415
        taken = caller.contacts()
        assert taken.status == 200
        stolen = caller.crm("GET", CONTACTS, Nango_Proxy_Authorization="Bearer mine")
        assert (stolen.status, stolen.json["category"]) == (401, "INVALID_AUTHENTICATION")


def test_bare_integers_above_two_to_the_53_lose_their_last_digits() -> None:
    with a_sandbox(3) as caller:
        fault = caller.sandbox.faults.add(match={"body": "9007199254740992"}, answer="html")
        caller.crm("POST", f"{CONTACTS}/search", b'{"limit":9007199254740993}')
        assert fault.hits == 1


def test_a_form_becomes_json() -> None:
    with a_sandbox(3) as caller:
        fault = caller.sandbox.faults.add(match={"body": '"limit":"1"'}, answer="html")
        caller.crm("POST", f"{CONTACTS}/search", b"limit=1", Content_Type="application/x-www-form-urlencoded")
        assert fault.hits == 1


def test_a_template_in_the_address_does_not_become_a_token() -> None:
    with a_sandbox(3) as caller:
        target = f"/proxy{CONTACTS}/${{access_token}}"
        headers = {"Connection-Id": caller.connection_id, "Provider-Config-Key": "hubspot"}
        answer = caller.nango("GET", target, None, None, **headers)
        assert answer.status == 404
        assert b"sandbox-" not in answer.body
        assert "sandbox-" not in caller.sandbox.journal[-1].path


def test_a_failing_refresh_is_400_then_424_for_thirty_seconds() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock) as caller:
        _break(caller, "refresh")
        first = caller.contacts()
        assert (first.status, first.json["error"]["code"]) == (400, "server_error")
        assert first.json["error"]["message"].startswith("Failed to get connection credentials")
        second = caller.contacts()
        assert (second.status, second.json["error"]["code"]) == (424, "connection_refresh_backoff")
        clock.move(30)
        assert caller.contacts().status == 400
        assert _errors(caller) == ["auth"]


def test_an_exhausted_connection_is_424_until_it_is_healed() -> None:
    clock = SetClock()
    with a_sandbox(3, clock=clock) as caller:
        _break(caller, "exhausted")
        for _ in range(2):
            answer = caller.contacts()
            assert (answer.status, answer.json["error"]["code"]) == (424, "server_error")
            assert "refresh limit" in answer.json["error"]["message"]
            clock.move(3600)
        assert _errors(caller) == ["auth"]
        _heal(caller)
        assert (caller.contacts().status, _errors(caller)) == (200, [])


def test_an_expired_token_is_the_crms_401_until_a_forced_refresh() -> None:
    with a_sandbox(3) as caller:
        _break(caller, "expired_token")
        for _ in range(2):
            answer = caller.contacts()
            assert (answer.status, answer.json["category"]) == (401, "EXPIRED_AUTHENTICATION")
        assert _errors(caller) == []
        target = f"/connections/{caller.connection_id}?provider_config_key=hubspot"
        assert caller.nango("GET", target).status == 200
        assert caller.contacts().status == 401
        assert caller.nango("GET", f"{target}&force_refresh=true").status == 200
        assert caller.contacts().status == 200


def test_an_uninstalled_app_is_401_and_cannot_be_refreshed() -> None:
    with a_sandbox(3) as caller:
        _break(caller, "uninstalled")
        answer = caller.contacts()
        assert (answer.status, answer.json["category"]) == (401, "INVALID_AUTHENTICATION")
        assert _errors(caller) == []
        target = f"/connections/{caller.connection_id}?provider_config_key=hubspot&force_refresh=true"
        refused = caller.nango("GET", target)
        assert (refused.status, refused.json["error"]["code"]) == (400, "invalid_credentials")
        assert refused.json["error"]["payload"]["connection"]["credentials"] == {}
        assert _errors(caller) == ["auth"]


def test_a_broken_connection_leaves_the_others_alone() -> None:
    with a_sandbox(3) as caller:
        _break(caller, "exhausted")
        other = caller.sandbox.book.of_account("globex")[0].connection_id
        assert caller.crm("GET", CONTACTS, Connection_Id=other).status == 200


def test_each_connection_leads_to_its_own_portal() -> None:
    with a_sandbox(30) as caller:
        other = caller.sandbox.book.of_account("globex")[0].connection_id
        theirs = caller.crm("GET", CONTACTS, query={"limit": 100}, Connection_Id=other).json["results"]
        assert theirs != caller.contacts(limit=100).json["results"]
