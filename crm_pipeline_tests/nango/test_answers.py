"""What answers mean: one table over everything Nango and a CRM behind it can say."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest

from crm_pipeline.errors import NangoError, PipelineError, ProviderError
from crm_pipeline.nango.answers import Answer, Refusal, check_shape, classify
from crm_pipeline.nango.retry import Failure

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Row:
    """An answer and what it means: whose fault, which code, and what may be tried."""

    name: str
    status: int
    body: object
    fault: type[PipelineError]
    code: str
    can_retry: bool = False
    tries: int | None = None
    retry_after: float | None = None
    refresh: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def own(code: str, message: str = "") -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


GONE = "Failed to get connection"
NOT_RENEWED = "Failed to get connection credentials: the external API returned an error"
EXHAUSTED = "Connection has reached the refresh attempts limit"
HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"
N, P = NangoError, ProviderError

NANGO_ROWS = [
    Row("no authorization", 401, own("missing_auth_header"), N, "nango_unauthorized"),
    Row("bad authorization", 401, own("malformed_auth_header"), N, "nango_unauthorized"),
    Row("key is no uuid", 401, own("invalid_secret_key_format"), N, "nango_unauthorized"),
    Row("key unknown", 401, own("unknown_account"), N, "nango_unauthorized"),
    Row("scope missing", 403, own("forbidden", "missing environment:proxy"), N, "nango_unauthorized"),
    Row("bad headers", 400, own("invalid_headers"), N, "unexpected_response"),
    Row("bad json", 400, own("invalid_json"), N, "unexpected_response"),
    Row("bad content type", 415, own("invalid_content_type"), N, "unexpected_response"),
    Row("bad query", 400, own("invalid_query_params"), N, "unexpected_response"),
    Row("bad path", 400, own("invalid_uri_params"), N, "unexpected_response"),
    Row("bad body", 400, own("invalid_body"), N, "connection_misconfigured"),
    Row("integration unknown", 404, own("unknown_provider_config"), N, "connection_misconfigured"),
    Row("integration unknown, api", 400, own("unknown_provider_config"), N, "connection_misconfigured"),
    Row("connection unknown", 400, own("server_error", GONE), N, "connection_not_found"),
    Row("connection unknown, api", 404, own("not_found"), N, "connection_not_found"),
    Row("connection unknown, delete", 400, own("unknown_connection"), N, "connection_not_found"),
    Row("refresh failed", 400, own("server_error", NOT_RENEWED), N, "nango_unavailable", True, 2, 30.0),
    Row("refresh failed, 500", 500, own("server_error", NOT_RENEWED), N, "nango_unavailable", True, 2, 30.0),
    Row("refresh failed before", 424, own("connection_refresh_backoff"), N, "nango_unavailable", True, 2, 30.0),
    Row(
        "refresh failed before, asks for longer",
        424,
        own("connection_refresh_backoff"),
        N,
        "nango_unavailable",
        True,
        2,
        45.0,
        headers={"retry-after": "45"},
    ),
    Row("refresh exhausted", 424, own("server_error", EXHAUSTED), N, "connection_expired"),
    Row("credentials bad now", 400, own("invalid_credentials", "nope"), N, "nango_unavailable", True, 2, 30.0),
    Row("credentials in cooldown", 424, own("invalid_credentials", "wait"), N, "nango_unavailable", True, 2, 30.0),
    Row("credentials exhausted", 424, own("invalid_credentials", EXHAUSTED), N, "connection_expired"),
    Row("other server error", 400, own("server_error", "Something broke"), N, "nango_unavailable", True, 3),
    Row("connection perhaps unknown", 500, own("server_error", GONE), N, "nango_unavailable", True, 3),
    Row("other server error, 500", 500, own("server_error"), N, "nango_unavailable", True, 3),
    Row("override disabled", 400, own("base_url_override_disabled"), N, "connection_misconfigured"),
    Row(
        "crm host not resolved",
        400,
        own("base_url_override_not_allowed", "This outbound URL is not allowed"),
        P,
        "provider_unavailable",
        True,
    ),
    Row("no api url", 400, own("missing_api_url"), N, "connection_misconfigured"),
    Row("provider unsupported", 400, own("unsupported_provider"), N, "connection_misconfigured"),
    Row("auth unsupported", 400, own("unsupported_auth"), N, "connection_misconfigured"),
    Row("connection not read", 400, own("failed_to_get_connection"), N, "nango_unavailable", True),
    Row("plan cap", 402, own("plan_limit"), N, "nango_unavailable"),
    Row("connections cap", 400, own("resource_capped"), N, "nango_unavailable"),
    Row(
        "nango's rate limit",
        429,
        {"error": {"code": "too_many_request", "method": "GET", "path": "/proxy/x"}},
        N,
        "rate_limited",
        True,
        retry_after=17.0,
        headers={"retry-after": "17"},
    ),
    Row(
        "nango's rate limit, floored to zero",
        429,
        own("too_many_request"),
        N,
        "rate_limited",
        True,
        retry_after=0.0,
        headers={"retry-after": "0"},
    ),
    Row("no instance url", 500, own("generic_error_support"), N, "nango_unavailable", True),
    Row("unexpected, empty", 500, "", N, "nango_unavailable", True),
]

CRM_ROWS = [
    Row(
        "network failure",
        500,
        {"message": "connect ECONNREFUSED 10.0.0.1", "code": "ECONNREFUSED", "method": "get"},
        P,
        "provider_unavailable",
        True,
    ),
    Row("network failure, no code", 500, {"message": "gone", "method": "get"}, P, "provider_unavailable", True),
    Row("token refused", 401, {"category": "EXPIRED_AUTHENTICATION"}, P, "connection_expired", refresh=True),
    Row("token refused, error is text", 401, {"error": "Unauthorized"}, P, "connection_expired", refresh=True),
    Row("token refused, list", 401, [{"errorCode": "INVALID_SESSION_ID"}], P, "connection_expired", refresh=True),
    Row("error object of the crm's own", 404, own("no_such_thing"), P, "unexpected_response"),
    Row("forbidden", 403, {"category": "MISSING_SCOPES"}, P, "missing_scope"),
    Row("not found", 404, {"category": "OBJECT_NOT_FOUND"}, P, "unexpected_response"),
    Row("not found, html", 404, HTML, P, "unexpected_response"),
    Row("bad request", 400, {"category": "VALIDATION_ERROR"}, P, "unexpected_response"),
    Row("payment", 402, {"message": "pay"}, P, "unexpected_response"),
    Row("method", 405, "", P, "unexpected_response"),
    Row("conflict", 409, {"category": "CONFLICT"}, P, "unexpected_response"),
    Row("too long", 414, "", P, "unexpected_response"),
    Row("unprocessable", 422, {"message": "bad field"}, P, "unexpected_response"),
    Row("timeout at the crm", 408, "", P, "provider_unavailable", True),
    Row("too early", 425, "", P, "provider_unavailable", True),
    Row("locked", 423, {"message": "locked"}, P, "provider_unavailable", True, retry_after=2.0),
    Row(
        "being moved",
        477,
        {"message": "migrating"},
        P,
        "provider_unavailable",
        True,
        retry_after=3600.0,
        headers={"retry-after": "3600"},
    ),
    Row("crm's rate limit", 429, {"policyName": "TEN_SECONDLY_ROLLING"}, P, "rate_limited", True),
    Row("crm's rate limit, html", 429, HTML, P, "rate_limited", True),
    Row(
        "crm's rate limit, date",
        429,
        {},
        P,
        "rate_limited",
        True,
        retry_after=60.0,
        headers={"retry-after": "Mon, 04 May 2026 12:01:00 GMT"},
    ),
    *[Row(f"crm {status}", status, HTML, P, "provider_unavailable", True) for status in (500, 502, 503, 504)],
    *[Row(f"edge {status}", status, "", P, "provider_unavailable", True) for status in (502, 521, 522, 523, 524, 530)],
    Row("not implemented", 501, "", P, "unexpected_response"),
    Row("redirect", 302, "", P, "unexpected_response", headers={"location": "http://169.254.169.254/"}),
    Row("not modified", 304, "", P, "unexpected_response"),
]

API_ROWS = [
    Row("no nango there", 404, HTML, N, "unexpected_response"),
    Row("gateway refuses", 401, HTML, N, "nango_unauthorized"),
    Row("gateway forbids", 403, HTML, N, "nango_unauthorized"),
    Row("gateway limits", 429, "", N, "rate_limited", True),
    Row("gateway fails", 502, HTML, N, "nango_unavailable", True),
    Row("empty 500", 500, "", N, "nango_unavailable", True),
    Row("redirect", 301, "", N, "unexpected_response"),
    Row("gateway times out", 408, "", N, "nango_unavailable", True),
]


def as_bytes(body: object) -> bytes:
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()


def check(row: Row, failure: Failure | None) -> None:
    assert failure is not None
    error = failure.error
    assert type(error) is row.fault
    assert error.code == row.code, error.message
    assert (error.can_retry, failure.tries, failure.refresh) == (row.can_retry, row.tries, row.refresh)
    assert error.retry_after == row.retry_after
    assert error.message.startswith(f"a call answered {row.status}: ")
    assert len(error.message) > len(f"a call answered {row.status}: ")


@pytest.mark.parametrize("row", NANGO_ROWS + CRM_ROWS, ids=lambda row: row.name)
def test_an_answer_through_the_proxy(row: Row) -> None:
    check(row, classify(row.status, row.headers, as_bytes(row.body), now=NOW, call="a call"))


@pytest.mark.parametrize("row", API_ROWS + [r for r in NANGO_ROWS if r.fault is N], ids=lambda row: row.name)
def test_an_answer_of_nangos_own_api(row: Row) -> None:
    check(row, classify(row.status, row.headers, as_bytes(row.body), now=NOW, call="a call", through_proxy=False))


@pytest.mark.parametrize("status", [200, 201, 202, 204, 207])
def test_success_is_no_failure_whatever_the_body(status: int) -> None:
    assert classify(status, {}, b"<html>", now=NOW) is None


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"error": {}}', b'{"error": null}', b"\xff\xfe", b"<p>"])
@pytest.mark.parametrize("through_proxy", [True, False])
def test_every_other_answer_is_a_failure_with_a_published_code(body: bytes, through_proxy: bool) -> None:
    for status in (*range(300, 600), 999):
        failure = classify(status, {}, body, now=NOW, through_proxy=through_proxy)
        assert failure is not None
        assert failure.error.action
        assert not (failure.refresh and failure.error.can_retry)


def refuse(code: str, *, can_retry: bool = False, retry_after: float | None = None) -> Refusal:
    return Refusal(code, "as the CRM says", can_retry, retry_after, "do this")


def refused(status: int, refusal: Refusal | None, body: object = None, **headers: str) -> Failure:
    failure = classify(status, headers, as_bytes(body or {"m": 1}), now=NOW, read_refusal=lambda *_: refusal)
    assert failure is not None
    return failure


def test_a_provider_reads_its_crms_errors_first() -> None:
    failure = refused(403, refuse("daily_limit", retry_after=5.0))
    assert isinstance(failure.error, ProviderError)
    assert (failure.error.code, failure.error.action, failure.error.retry_after) == ("daily_limit", "do this", 5.0)
    assert failure.error.message.endswith("answered 403: as the CRM says")


def test_what_a_provider_does_not_know_is_judged_by_status() -> None:
    assert refused(429, None).error.code == "rate_limited"


def test_nangos_own_errors_are_not_shown_to_the_provider() -> None:
    """A 429 of Nango's and one of the CRM's differ in the body alone."""
    assert isinstance(refused(429, refuse("daily_limit"), own("too_many_request")).error, NangoError)


def test_an_expired_token_is_renewed_when_the_provider_sees_hope() -> None:
    assert refused(530, refuse("connection_expired", can_retry=True)).refresh


def test_a_revoked_token_is_not_renewed_when_the_provider_sees_none() -> None:
    failure = refused(401, refuse("connection_expired"))
    assert (failure.refresh, failure.error.can_retry) == (False, False)


def test_the_header_says_how_long_when_the_provider_does_not() -> None:
    failure = classify(
        429, {"retry-after": "9"}, b"{}", now=NOW, read_refusal=lambda *_: refuse("rate_limited", can_retry=True)
    )
    assert failure is not None
    assert failure.error.retry_after == 9.0


def test_the_provider_gets_status_headers_and_the_parsed_body() -> None:
    got: list[object] = []
    classify(418, {"x-a": "b"}, b'{"a": 1}', now=NOW, read_refusal=lambda *heard: got.append(heard))
    classify(418, {}, b"<html>", now=NOW, read_refusal=lambda *heard: got.append(heard))
    assert got == [(418, {"x-a": "b"}, {"a": 1}), (418, {}, None)]


NOT_RECORDS = [
    (b"", "an empty body"),
    (b"  \r\n", "an empty body"),
    (b"<!doctype html><title>Log in</title>", "an HTML or XML page: 'Log in'"),
    (b'{"results": [{"id": "1", "firstname": "Ann', "cut or damaged JSON (42 bytes)"),
    (b"[]", "a JSON list instead of an object"),
    (b'[{"results": []}]', "a JSON list instead of an object"),
    (b"null", "the JSON value null instead of an object"),
    (b"17", "the JSON value 17 instead of an object"),
    (b"{}", "a JSON object without results (its keys: none)"),
    (b'{"rows": []}', "a JSON object without results (its keys: rows)"),
    (b'{"status": "error", "message": "Too busy"}', "(its keys: status, message): Too busy"),
    (b'{"results": []}{"results": []}', "cut or damaged JSON"),
    ('{"results": ["é"]}'.encode("latin-1"), "cut or damaged JSON"),
    ('{"results": []}'.encode("utf-16"), "no JSON"),
    (b"upstream timed out", "no JSON: 'upstream timed out'"),
    (b'{"results": NaN}', "cut or damaged JSON"),
    (b"[" * 100_000, "cut or damaged JSON"),
]


@pytest.mark.parametrize(("body", "said"), NOT_RECORDS)
def test_a_200_that_is_no_page_of_records_is_never_read_as_one(body: bytes, said: str) -> None:
    failure = check_shape(Answer(200, {}, body, "a call"), ("results",))
    assert isinstance(failure, Failure)
    assert (failure.error.code, failure.error.can_retry, failure.tries) == ("unexpected_response", True, 3)
    assert said in failure.error.message


@pytest.mark.parametrize(("body", "said"), NOT_RECORDS)
def test_an_answers_object_says_the_same(body: bytes, said: str) -> None:
    with pytest.raises(ProviderError) as caught:
        Answer(200, {}, body, "a call").object("results")
    assert caught.value.code == "unexpected_response"
    assert said in caught.value.message


def test_a_200_with_the_crms_error_is_read_by_the_provider() -> None:
    answer = Answer(200, {}, b'{"success": false, "error": "limit"}', "a call")
    failure = check_shape(answer, ("data",), read_refusal=lambda *_: refuse("rate_limited", can_retry=True))
    assert isinstance(failure, Failure)
    assert failure.error.code == "rate_limited"


def test_a_good_page_is_parsed_once() -> None:
    answer = check_shape(Answer(200, {}, b'{"results": [1]}'), ("results",))
    assert isinstance(answer, Answer)
    assert answer.object("results") is answer.object("results")


def test_a_checked_answer_still_refuses_other_keys() -> None:
    answer = check_shape(Answer(200, {}, b'{"results": [1]}'), ("results",))
    assert isinstance(answer, Answer)
    with pytest.raises(ProviderError, match="without paging"):
        answer.object("paging")


def test_the_repr_of_an_answer_shows_no_one() -> None:
    assert "Anna" not in repr(check_shape(Answer(200, {"x": "Anna"}, b'{"results": ["Anna"]}', "Anna"), ("results",)))


def test_messages_about_nangos_api_do_not_quote_bodies() -> None:
    """Nango's answers about a connection hold its tokens."""
    body = as_bytes({"error": {"code": "invalid_credentials", "message": "no", "payload": {"access_token": "tok-9"}}})
    failure = classify(400, {}, body, now=NOW, through_proxy=False)
    assert failure is not None
    assert "tok-9" not in failure.error.message
    text = classify(404, {}, b"tok-9 is your token", now=NOW, through_proxy=False)
    assert text is not None
    assert "tok-9" not in text.error.message
    other = check_shape(Answer(200, {}, b'{"credentials": "tok-9"}', "a call"), ("id",), through_proxy=False)
    assert isinstance(other, Failure)
    assert "tok-9" not in other.error.message
