"""Whole calls against a real server: what is sent, what is tried again, and what is said in the end."""

from __future__ import annotations

import json
import traceback
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from crm_pipeline.errors import ConfigError, NangoError, PipelineError, ProviderError
from crm_pipeline.nango.answers import Answer, Refusal
from crm_pipeline.nango.client import NangoClient, Proxy
from crm_pipeline.nango.limits import Rate
from crm_pipeline.nango.retry import RetryPolicy
from crm_pipeline_tests.nango.fake_nango import (
    SECRET,
    FakeClock,
    FakeNango,
    Reply,
    a_bucket,
    a_client,
    json_reply,
    nango_error,
    page,
)

PATH = "/proxy/contacts"
CONNECTION = "/connections/c1"
REFUSED = json_reply({"category": "EXPIRED_AUTHENTICATION", "message": "This token expired"}, 401)
HTML = Reply(200, b"<html><title>Maintenance</title></html>", {"Content-Type": "text/html"})


def a_connection(number: int = 1, **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": number,
        "connection_id": f"c{number}",
        "provider_config_key": "hubspot",
        "provider": "hubspot",
        "errors": [],
        "end_user": None,
        "tags": {"account_id": "acme"},
        "metadata": {},
    }
    return row | changes


def get(nango: FakeNango, clock: FakeClock | None = None, **options: Any) -> Answer:
    with a_client(nango, clock) as client:
        return client.proxy("hubspot", "c1", label="HubSpot of acme").get("/contacts", shape=("results",), **options)


def error_of(nango: FakeNango, clock: FakeClock | None = None) -> PipelineError:
    with pytest.raises(PipelineError) as caught:
        get(nango, clock)
    return caught.value


# What is sent


def test_a_get_carries_the_key_the_connection_and_the_query(nango: FakeNango) -> None:
    get(nango.on(PATH, page(1)), query={"limit": "100", "properties": "phone,email"}, headers={"Version": "2021"})
    (request,) = nango.seen
    assert (request.method, request.target) == ("GET", f"{PATH}?limit=100&properties=phone,email")
    wanted = {
        "authorization": f"Bearer {SECRET}",
        "provider-config-key": "hubspot",
        "connection-id": "c1",
        "nango-proxy-user-agent": "crm-pipeline",
        "nango-proxy-version": "2021",
        "accept-encoding": "gzip",
    }
    assert wanted.items() <= request.headers.items()
    assert not {"retries", "retry-on", "base-url-override", "version"} & request.headers.keys()


def test_a_post_carries_json(nango: FakeNango) -> None:
    with a_client(nango.on("/proxy/search", page(1))) as client:
        client.proxy("hubspot", "c1").post("search", {"limit": 200, "name": "Zoë"})
    (request,) = nango.seen
    assert json.loads(request.body) == {"limit": 200, "name": "Zoë"}
    assert (request.method, request.headers["content-type"]) == ("POST", "application/json")


def test_a_query_is_added_to_the_one_of_a_next_link(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, page(1))) as client:
        client.proxy("hubspot", "c1").get("/contacts?after=5", {"limit": "1"})
    assert nango.seen[0].target == f"{PATH}?after=5&limit=1"


@pytest.mark.parametrize("text", ["${access_token}", "a b&c=d", "50%", "ü", "x\r\nEvil: 1", "#"])
def test_nothing_in_a_query_value_can_be_expanded_or_break_out(nango: FakeNango, text: str) -> None:
    get(nango.on(PATH, page(1)), query={"q": text})
    target = nango.seen[0].target
    assert not set(target) & set("${}# \r\n")
    assert parse_qs(urlsplit(target).query) == {"q": [text]}


def test_a_path_with_a_template_reaches_nango_encoded(nango: FakeNango) -> None:
    nango.on("/proxy/a/%24%7Baccess_token%7D", page(1))
    with a_client(nango) as client:
        client.proxy("hubspot", "c1").get("/a/${access_token}", shape=("results",))
    assert len(nango.seen) == 1


def test_a_path_cannot_climb_out_of_the_proxy(nango: FakeNango) -> None:
    with a_client(nango) as client, pytest.raises(ProviderError, match="dot segments"):
        client.proxy("hubspot", "c1").get("/../connections")
    assert nango.seen == []


@pytest.mark.parametrize("name", ["", "x" * 256, "a\r\nX-Evil: 1", "é"])
def test_a_connection_id_that_no_header_can_carry_is_refused(nango: FakeNango, name: str) -> None:
    with a_client(nango) as client, pytest.raises(ConfigError):
        client.proxy("hubspot", name)


# What comes back


def test_dropped_headers_are_not_missed(nango: FakeNango) -> None:
    """Nango passes next to no header of a buffered 2xx on, and turns 201 into 200."""
    answer = get(nango.on(PATH, page(1, 2)))
    assert answer.object("results") == {"results": [{"id": "1"}, {"id": "2"}]}
    assert "x-hubspot-ratelimit-remaining" not in answer.headers


def test_a_chunked_answer_reads_the_same_and_keeps_its_headers(nango: FakeNango) -> None:
    reply = Reply(207, b'{"results": []}', {"X-HubSpot-RateLimit-Remaining": "9"}, chunked=True)
    answer = get(nango.on(PATH, reply))
    assert (answer.status, answer.object(), answer.headers["x-hubspot-ratelimit-remaining"]) == (
        207,
        {"results": []},
        "9",
    )


def test_an_empty_answer_is_fine_when_no_shape_is_asked_for(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, Reply(204))) as client:
        assert client.proxy("hubspot", "c1").get("/contacts").body == b""


@pytest.mark.parametrize(
    "nonsense",
    [
        HTML,
        Reply(),
        json_reply({}),
        json_reply(None),
        json_reply([]),
        Reply(200, b'{"results": [{"id": "1"}, {"i'),
        Reply(raw=b"HTTP/1.1 200"),
    ],
    ids=["html", "empty", "object", "null", "list", "cut", "cut head"],
)
def test_nonsense_with_200_is_asked_for_twice_more_and_never_read_as_no_contacts(
    nango: FakeNango, nonsense: Reply
) -> None:
    clock = FakeClock()
    error = error_of(nango.on(PATH, nonsense), clock)
    assert (type(error), error.code) == (ProviderError, "unexpected_response")
    assert error.message.startswith("HubSpot of acme: GET /contacts answered 200: ")
    assert error.message.endswith("(tried 3 times)")
    assert len(nango.seen) == 3


@pytest.mark.parametrize("nonsense", [HTML, Reply(200, b'{"results": [')], ids=["html", "cut"])
def test_nonsense_that_passes_is_survived(nango: FakeNango, nonsense: Reply) -> None:
    assert get(nango.on(PATH, nonsense, nonsense, page(1))).object()["results"]


# What is tried again


@pytest.mark.parametrize(
    "broken",
    [
        Reply(500),
        Reply(502, b"<html>bad gateway</html>"),
        Reply(503),
        Reply(504),
        Reply(body=b"x" * 9000, stop_after=4000),
        Reply(body=b"x" * 9000, stop_after=4000, chunked=True),
        Reply(raw=b""),
        nango_error(500, "generic_error_support"),
        nango_error(400, "base_url_override_not_allowed", "This outbound URL is not allowed"),
        json_reply({"message": "connect", "code": "ECONNREFUSED", "method": "get"}, 500),
    ],
    ids=str,
)
@pytest.mark.parametrize("failures", [1, 5])
def test_a_passing_failure_is_survived_up_to_five_times(nango: FakeNango, broken: Reply, failures: int) -> None:
    clock = FakeClock()
    assert get(nango.on(PATH, *[broken] * failures, page(1)), clock).object()["results"]
    assert clock.slept == [1.0, 2.8, 7.84, 21.952, 60.0][:failures]


def test_a_lasting_failure_is_given_up_after_six(nango: FakeNango) -> None:
    error = error_of(nango.on(PATH, Reply(503)))
    assert (error.code, error.can_retry, len(nango.seen)) == ("provider_unavailable", True, 6)


@pytest.mark.parametrize(
    ("reply", "kind", "code"),
    [
        (nango_error(401, "unknown_account"), NangoError, "nango_unauthorized"),
        (nango_error(400, "server_error", "Failed to get connection"), NangoError, "connection_not_found"),
        (nango_error(404, "unknown_provider_config"), NangoError, "connection_misconfigured"),
        (nango_error(424, "server_error", "refresh limit reached"), NangoError, "connection_expired"),
        (nango_error(402, "plan_limit"), NangoError, "nango_unavailable"),
        (json_reply({"category": "MISSING_SCOPES"}, 403), ProviderError, "missing_scope"),
        (json_reply({"category": "OBJECT_NOT_FOUND"}, 404), ProviderError, "unexpected_response"),
    ],
)
def test_what_cannot_pass_is_asked_for_once(
    nango: FakeNango, reply: Reply, kind: type[PipelineError], code: str
) -> None:
    error = error_of(nango.on(PATH, reply))
    assert (type(error), error.code, error.can_retry, len(nango.seen)) == (kind, code, False, 1)


@pytest.mark.parametrize(
    ("asked", "slept"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "Mon, 04 May 2026 12:00:20 GMT"}, 20.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "-5"}, 1.0),
        ({"Retry-After": "soon"}, 1.0),
        ({}, 1.0),
        ({"Retry-After": "600"}, 600.0),
    ],
    ids=str,
)
def test_a_rate_limit_is_waited_for_as_asked(nango: FakeNango, asked: dict[str, str], slept: float) -> None:
    clock = FakeClock()
    get(nango.on(PATH, Reply(429, b"{}", asked), page(1)), clock)
    assert clock.slept == [slept]


def test_a_rate_limit_of_a_day_ends_the_run_with_the_advice(nango: FakeNango) -> None:
    clock = FakeClock()
    error = error_of(nango.on(PATH, Reply(429, b"{}", {"Retry-After": "86400"})), clock)
    assert (error.code, error.can_retry, error.retry_after) == ("rate_limited", True, 86_400.0)
    assert (clock.slept, len(nango.seen)) == ([], 1)


def test_a_failed_token_refresh_is_waited_out_once(nango: FakeNango) -> None:
    clock = FakeClock()
    get(nango.on(PATH, nango_error(424, "connection_refresh_backoff"), page(1)), clock)
    assert clock.slept == [30.0]


def test_a_token_refresh_that_fails_on_is_nangos_trouble_for_now(nango: FakeNango) -> None:
    error = error_of(nango.on(PATH, nango_error(424, "connection_refresh_backoff")))
    assert (type(error), error.code, len(nango.seen)) == (NangoError, "nango_unavailable", 2)


def test_waits_of_one_run_are_bounded_over_all_its_calls(nango: FakeNango) -> None:
    clock = FakeClock()
    limited = Reply(429, b"{}", {"Retry-After": "500"})
    with a_client(nango.on(PATH, limited, page(1), limited, page(2)), clock) as client:
        proxy = client.proxy("hubspot", "c1")
        proxy.get("/contacts")
        with pytest.raises(ProviderError, match="answered 429"):
            proxy.get("/contacts")
        assert client.proxy("hubspot", "c1").get("/contacts").object("results")
    assert clock.slept == [500.0]


def test_requests_are_counted_with_their_retries(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, Reply(503), page(1))) as client:
        proxy = client.proxy("hubspot", "c1")
        proxy.get("/contacts")
        assert proxy.requests == 2
        proxy.get("/contacts")
        assert proxy.requests == 3


def test_a_providers_reading_of_errors_is_used(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, json_reply({"policyName": "DAILY"}, 429))) as client:
        proxy = client.proxy(
            "hubspot", "c1", read_refusal=lambda *_: Refusal("daily_limit", "the day's calls are used")
        )
        with pytest.raises(ProviderError, match="the day's calls are used") as caught:
            proxy.get("/contacts")
    assert caught.value.code == "daily_limit"


# The access token


def test_a_refused_token_is_renewed_once_and_the_call_repeated(nango: FakeNango) -> None:
    clock = FakeClock()
    nango.on(PATH, REFUSED, page(1)).on(CONNECTION, json_reply(a_connection(credentials={"access_token": "tok-9"})))
    assert get(nango, clock).object()["results"]
    assert [request.target for request in nango.seen] == [
        PATH,
        f"{CONNECTION}?provider_config_key=hubspot&force_refresh=true",
        PATH,
    ]
    assert clock.slept == []


def test_a_token_refused_again_means_the_connection_is_expired(nango: FakeNango) -> None:
    error = error_of(nango.on(PATH, REFUSED).on(CONNECTION, json_reply(a_connection())))
    assert (error.code, error.can_retry) == ("connection_expired", False)
    assert (len(nango.to(PATH)), len(nango.to(CONNECTION))) == (2, 1)


@pytest.mark.parametrize(
    "answer",
    [
        nango_error(403, "forbidden"),
        nango_error(400, "invalid_credentials", "refresh failed"),
        nango_error(424, "invalid_credentials", "refresh failed lately"),
        nango_error(424, "invalid_credentials", "refresh limit reached"),
    ],
    ids=["no scope", "failed", "cooldown", "exhausted"],
)
def test_a_token_that_cannot_be_renewed_means_the_connection_is_expired(nango: FakeNango, answer: Reply) -> None:
    clock = FakeClock()
    error = error_of(nango.on(PATH, REFUSED).on(CONNECTION, answer), clock)
    assert (error.code, error.can_retry) == ("connection_expired", False)
    assert (len(nango.to(PATH)), len(nango.to(CONNECTION)), clock.slept) == (1, 1, [])


def test_nango_failing_during_a_renewal_does_not_condemn_the_connection(nango: FakeNango) -> None:
    error = error_of(nango.on(PATH, REFUSED).on(CONNECTION, Reply(503)))
    assert (error.code, len(nango.to(CONNECTION))) == ("nango_unavailable", 6)


def test_a_renewal_survives_a_failure_of_nangos(nango: FakeNango) -> None:
    nango.on(PATH, REFUSED, page(1)).on(CONNECTION, Reply(503), json_reply(a_connection()))
    assert get(nango).object()["results"]


def test_a_revoked_connection_is_not_renewed(nango: FakeNango) -> None:
    with a_client(nango.on(PATH, REFUSED)) as client:
        proxy = client.proxy("hubspot", "c1", read_refusal=lambda *_: Refusal("connection_expired", "uninstalled"))
        with pytest.raises(ProviderError, match="uninstalled"):
            proxy.get("/contacts")
    assert len(nango.seen) == 1


def test_a_token_may_expire_again_later_in_a_run(nango: FakeNango) -> None:
    nango.on(PATH, REFUSED, page(1), REFUSED, page(2)).on(CONNECTION, json_reply(a_connection()))
    with a_client(nango) as client:
        proxy = client.proxy("hubspot", "c1")
        assert [proxy.get("/contacts").object()["results"] for _ in range(2)] == [[{"id": "1"}], [{"id": "2"}]]


# Pacing


def test_a_bucket_paces_its_own_calls_only(nango: FakeNango) -> None:
    clock = FakeClock()
    with a_client(nango.on(PATH, page(1)), clock) as client:
        proxy = client.proxy("hubspot", "c1", rates={"search": Rate(2.0, 1)})
        for bucket in ("default", "search", "default", "search", "search"):
            proxy.get("/contacts", bucket=bucket)
    assert clock.slept == [0.5, 0.5]


def test_proxies_of_one_connection_share_a_bucket_and_others_do_not(nango: FakeNango) -> None:
    clock, rates = FakeClock(), {"default": Rate(2.0, 1)}
    with a_client(nango.on(PATH, page(1)), clock) as client:
        client.proxy("hubspot", "c1", rates=rates).get("/contacts")
        client.proxy("hubspot", "c2", rates=rates).get("/contacts")
        assert clock.slept == []
        client.proxy("hubspot", "c1", rates=rates).get("/contacts")
    assert clock.slept == [0.5]


def test_the_budget_paces_everything(nango: FakeNango) -> None:
    clock = FakeClock()
    nango.on(PATH, page(1)).on("/connections", json_reply({"connections": []}))
    with a_client(nango, clock, budget=a_bucket(clock, per_second=2.0)) as client:
        client.list_connections()
        client.proxy("hubspot", "c1").get("/contacts")
        client.proxy("hubspot", "c2").get("/contacts")
    assert clock.slept == [0.5, 0.5]


@pytest.mark.parametrize(
    ("limited", "others_wait"),
    [(nango_error(429, "too_many_request", Retry_After="40"), True), (Reply(429, b"", {"Retry-After": "40"}), False)],
)
def test_nangos_limit_holds_every_connection_and_a_crms_does_not(
    nango: FakeNango, limited: Reply, others_wait: bool
) -> None:
    clock = FakeClock()
    budget = a_bucket(clock, per_second=1000.0, burst=1000)
    with a_client(nango.on(PATH, limited), clock, budget=budget, policy=RetryPolicy(attempts=1)) as client:
        with pytest.raises(PipelineError):
            client.proxy("hubspot", "c1").get("/contacts")
        nango.on("/proxy/other", page(1))
        client.proxy("hubspot", "c2").get("/other")
    assert (sum(clock.slept) >= 40) == others_wait


# Nango's own API


def test_connections_are_listed_over_pages_without_repeats(nango: FakeNango) -> None:
    """A connection made between two pages moves the others down, so one of them comes twice."""
    first = [a_connection(number) for number in range(1000, 0, -1)]
    second = [a_connection(1), a_connection(2000), a_connection(2001, tags={})]
    pages = [json_reply({"connections": rows}) for rows in (first, second)]
    with a_client(nango.on("/connections", *pages, *pages)) as client:
        found = client.list_connections()
    assert len(found) == 1002
    assert len({connection.id for connection in found}) == 1002
    assert [connection.account_id for connection in found[-2:]] == ["acme", None]
    assert [request.target for request in nango.seen[:2]] == [
        "/connections?limit=1000&page=0",
        "/connections?limit=1000&page=1",
    ]


def test_a_connection_hidden_by_a_removal_between_pages_is_found(nango: FakeNango) -> None:
    rows = [a_connection(number) for number in range(1, 1003)]
    replies = [rows[:1000], rows[1001:], rows[:1000], rows[1000:]]
    with a_client(nango.on("/connections", *(json_reply({"connections": part}) for part in replies))) as client:
        assert 1001 in {connection.id for connection in client.list_connections()}


def test_one_connection_id_under_two_integrations_is_two_connections(nango: FakeNango) -> None:
    rows = [a_connection(1), a_connection(2, connection_id="c1", provider_config_key="hubspot-eu")]
    with a_client(nango.on("/connections", json_reply({"connections": rows}))) as client:
        assert [found.nango_integration for found in client.list_connections()] == ["hubspot", "hubspot-eu"]
    assert len(nango.seen) == 1


def test_a_list_of_connections_that_never_ends_is_given_up(nango: FakeNango) -> None:
    rows = [a_connection(number) for number in range(1000)]
    with (
        a_client(nango.on("/connections", json_reply({"connections": rows}))) as client,
        pytest.raises(NangoError, match="repeats itself"),
    ):
        client.list_connections()
    assert len(nango.seen) == 2


@pytest.mark.parametrize("body", [{"connections": {}}, {"connections": [{}]}, {"rows": []}, []])
def test_a_list_that_is_none_is_never_read_as_no_connections(nango: FakeNango, body: object) -> None:
    with a_client(nango.on("/connections", json_reply(body))) as client, pytest.raises(NangoError) as caught:
        client.list_connections()
    assert caught.value.code == "unexpected_response"


def test_a_connection_is_read_with_its_configuration_and_without_side_effect(nango: FakeNango) -> None:
    row = a_connection(connection_config={"portalId": 7}, created_at="2026-01-02T03:04:05.000+00:00")
    with a_client(nango.on("/connections/c%2F1", json_reply(row))) as client:
        connection = client.read_connection("hubspot", "c/1")
    assert connection.connection_config == {"portalId": 7}
    assert connection.created_at is not None
    assert nango.seen[0].target == "/connections/c%2F1?provider_config_key=hubspot"


@pytest.mark.parametrize(
    ("reply", "code"),
    [
        (nango_error(404, "not_found"), "connection_not_found"),
        (nango_error(400, "unknown_provider_config"), "connection_misconfigured"),
        (nango_error(424, "invalid_credentials", "refresh limit reached"), "connection_expired"),
        (nango_error(400, "invalid_credentials", "nope"), "nango_unavailable"),
        (nango_error(401, "unknown_account"), "nango_unauthorized"),
        (HTML, "unexpected_response"),
    ],
)
def test_reading_a_connection_fails_by_name(nango: FakeNango, reply: Reply, code: str) -> None:
    with a_client(nango.on(CONNECTION, reply)) as client, pytest.raises(NangoError) as caught:
        client.read_connection("hubspot", "c1")
    assert caught.value.code == code


def test_a_connect_session_is_bound_to_the_account_and_kept_out_of_sight(nango: FakeNango) -> None:
    session = {
        "token": "nango_connect_session_1",
        "connect_link": "https://c/?t=1",
        "expires_at": "2026-01-02T03:34:05.000Z",
    }
    with a_client(nango.on("/connect/sessions", json_reply({"data": session}, 201))) as client:
        made = client.create_connect_session(account_id="acme", integration="hubspot")
    assert json.loads(nango.seen[0].body) == {"tags": {"account_id": "acme"}, "allowed_integrations": ["hubspot"]}
    assert (made.token, made.connect_link, made.expires_at.hour) == (session["token"], session["connect_link"], 3)
    assert "session_1" not in repr(made)


def test_a_connection_is_made_anew_under_its_id_where_nango_still_holds_it(nango: FakeNango) -> None:
    session = {"token": "t", "connect_link": "https://c/?t=1", "expires_at": "2026-01-02T03:34:05.000Z"}
    path = "/connect/sessions/reconnect"
    asked = {"account_id": "acme", "integration": "hubspot", "nango_connection_id": "c1"}
    with a_client(nango.on(path, json_reply({"data": session}, 201))) as client:
        made = client.create_reconnect_session(**asked)
    assert made is not None
    assert made.connect_link == "https://c/?t=1"
    assert json.loads(nango.seen[0].body) == {
        "connection_id": "c1", "integration_id": "hubspot", "tags": {"account_id": "acme"},
    }  # fmt: skip


def test_a_connection_that_nango_does_not_hold_cannot_be_made_anew(nango: FakeNango) -> None:
    nango.on("/connect/sessions/reconnect", nango_error(400, "invalid_body"))
    with a_client(nango) as client:
        asked = {"account_id": "acme", "integration": "hubspot", "nango_connection_id": "c1"}
        assert client.create_reconnect_session(**asked) is None


def test_an_accounts_connections_are_found_by_their_tag(nango: FakeNango) -> None:
    row = {"id": 1, "connection_id": "c1", "provider_config_key": "hubspot", "tags": {"account_id": "a&b=ü"}}
    with a_client(nango.on("/connections", json_reply({"connections": [row]}))) as client:
        (found,) = client.find_connections(account_id="a&b=ü")
        client.find_connections(nango_connection_id="c&1")
    assert found.account_id == "a&b=ü"
    assert nango.seen[0].target.endswith("&page=0&tags%5Baccount_id%5D=a%26b%3D%C3%BC")
    assert nango.seen[1].target.endswith("&page=0&connectionId=c%261")


@pytest.mark.parametrize("data", [None, {}, {"token": "t", "connect_link": "l", "expires_at": "later"}])
def test_a_connect_session_that_is_none_is_refused(nango: FakeNango, data: object) -> None:
    nango.on("/connect/sessions", json_reply({"data": data}, 201))
    with a_client(nango) as client, pytest.raises(NangoError) as caught:
        client.create_connect_session(account_id="acme", integration="hubspot")
    assert caught.value.code == "unexpected_response"


def test_a_connect_session_for_an_unknown_integration_is_a_setting_to_fix(nango: FakeNango) -> None:
    nango.on("/connect/sessions", nango_error(400, "invalid_body", "Integration does not exist"))
    with a_client(nango) as client, pytest.raises(NangoError, match="does not exist") as caught:
        client.create_connect_session(account_id="acme", integration="nope")
    assert caught.value.code == "connection_misconfigured"


@pytest.mark.parametrize("reply", [json_reply({"success": True}), nango_error(400, "unknown_connection")])
def test_deleting_a_connection_leaves_none_whether_it_was_there_or_not(nango: FakeNango, reply: Reply) -> None:
    with a_client(nango.on(CONNECTION, reply)) as client:
        client.delete_connection("hubspot", "c1")
    assert [(request.method, request.target) for request in nango.seen] == [
        ("DELETE", f"{CONNECTION}?provider_config_key=hubspot")
    ]


def test_a_delete_that_is_refused_is_told(nango: FakeNango) -> None:
    with a_client(nango.on(CONNECTION, nango_error(403, "forbidden"))) as client, pytest.raises(NangoError) as caught:
        client.delete_connection("hubspot", "c1")
    assert caught.value.code == "nango_unauthorized"


# Secrets


def everything_about(error: BaseException) -> str:
    parts = ["".join(traceback.format_exception(error))]
    if isinstance(error, PipelineError):
        parts += [error.message, error.action, repr(error), repr(error.facts)]
    return "\n".join(parts)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500, f"debug: Authorization Bearer {SECRET}".encode()),
        json_reply({"message": f"key {SECRET} and ya29.a0AfH6SMBx-tok9-Zq81hs7dhs61 of ann@example.com"}, 400),
        nango_error(401, "unknown_account", f"no account for {SECRET}"),
        nango_error(400, "server_error", f"Failed to get connection credentials {{refresh_token: {SECRET}}}"),
        Reply(200, f"<p>{SECRET} ann@example.com +1 415 555 2671</p>".encode()),
        json_reply({SECRET: 1, "message": f"Bearer {SECRET}"}),
        Reply(302, SECRET.encode(), {"Location": f"https://x.example/?key={SECRET}"}),
        Reply(body=f"{SECRET}".encode() * 100, stop_after=50),
        json_reply({"category": "EXPIRED_AUTHENTICATION", "message": SECRET}, 401),
    ],
    ids=range(9),
)
def test_no_secret_and_no_person_in_anything_an_error_shows(nango: FakeNango, reply: Reply) -> None:
    nango.on(PATH, reply).on(CONNECTION, json_reply(a_connection(credentials={"access_token": "tok-9"})))
    shown = everything_about(error_of(nango))
    for secret in (SECRET, "ann@example.com", "555 2671", "ya29", "tok-9"):
        assert secret not in shown


def test_nothing_prints_the_key(nango: FakeNango) -> None:
    with a_client(nango) as client:
        proxy: Proxy = client.proxy("hubspot", "c1")
        shown = repr(client) + repr(proxy) + str(client) + repr(vars(proxy))
    assert isinstance(client, NangoClient)
    assert SECRET not in shown


# Nango's own budget


@pytest.mark.parametrize(("limit", "least", "most"), [("200", 5.0, 8.0), ("0", 0, 0), ("many", 0, 0), ("", 0, 0)])
def test_nangos_budget_is_learnt_from_its_answers(nango: FakeNango, limit: str, least: float, most: float) -> None:
    """200 calls a minute are 3 a second at 90 %, and twenty may be made at once; no word of it means no limit."""
    reply = json_reply({"results": []}, X_RateLimit_Limit=limit) if limit else json_reply({"results": []})
    nango.on(PATH, *[reply] * 40)
    clock = FakeClock()
    with a_client(nango, clock) as client:
        proxy = client.proxy("hubspot", "c1")
        for _ in range(40):
            proxy.get("/contacts", shape=("results",))
    assert least <= sum(clock.slept) <= most


def test_a_limit_of_the_crm_is_not_taken_for_nangos(nango: FakeNango) -> None:
    """An error answer carries the CRM's headers, `X-RateLimit-Limit` among them."""
    nango.on(PATH, json_reply({"message": "busy"}, 503, X_RateLimit_Limit="5"), *[page(1)] * 20)
    clock = FakeClock()
    with a_client(nango, clock) as client:
        proxy = client.proxy("hubspot", "c1")
        for _ in range(20):
            proxy.get("/contacts", shape=("results",))
    assert len(clock.slept) == 1
