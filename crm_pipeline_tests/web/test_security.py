"""Who is answered: forged secrets are refused alike, other sites and other computers are not answered."""

from __future__ import annotations

import hashlib
import hmac
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Secret, Settings
from crm_pipeline.web.refusals import Refusal
from crm_pipeline.web.security import (
    COOKIE,
    LARGEST_BODY,
    MOST_WRONG,
    Access,
    WrongSecrets,
    next_page,
    require_loopback,
    require_same_origin,
)
from crm_pipeline.web.serving import refuse_unguarded
from crm_pipeline_tests.web.serving import Api, Got, served, settings_of

TOKEN, CRON, KEYS = (
    "token-of-the-tests-123456",
    "cron-secret-of-the-tests-1234567890",
    "old-signing-key,new-signing-key",
)
EVENT = b'{"type":"sync","from":"nango"}'
STATUS = "/api/crm/status?account_id=acme"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    settings = settings_of(
        tmp_path, {}, CRM_API_TOKEN=TOKEN, CRON_SECRET=CRON, NANGO_WEBHOOK_SIGNING_KEY=KEYS
    )  # fmt: skip
    with served(settings) as running:
        yield running


def signed(body: bytes, key: str) -> str:
    return hmac.new(key.encode(), body, hashlib.sha256).hexdigest()


BEARERS = (
    None, "", "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Bearer {TOKEN.upper()}",
    f"Basic {TOKEN}", TOKEN, f"bearer{TOKEN}", "Bearer null", "Bearer undefined", f"Bearer {CRON}", "Bearer é",
    f'Bearer "{TOKEN}"', "Bearer " + "a" * 5000, "Bearer 0",
)  # fmt: skip
CRONS = (
    None, "", "Bearer ", f"Bearer {CRON[:-1]}", f"Bearer {CRON}{CRON}", f"Bearer {TOKEN}", f"Basic {CRON}", CRON,
    "Bearer undefined", "Bearer " + "0" * 32,
)  # fmt: skip
SIGNATURES = (
    None, "", "0" * 64, signed(EVENT, "other"), signed(EVENT + b" ", "new-signing-key"), signed(b"", "new-signing-key"),
    hashlib.sha256(b"new-signing-key" + EVENT).hexdigest(), signed(EVENT, KEYS), "sha256=" + signed(EVENT, "old"),
    signed(EVENT, "new-signing-key")[:-1], "é" * 64, signed(EVENT, ""), TOKEN,
)  # fmt: skip


def test_forty_forged_or_missing_secrets_are_refused_alike(api: Api) -> None:
    def answers() -> Iterator[Got]:
        for bearer in BEARERS:
            yield api.get(STATUS, Authorization=_latin(bearer))
        for bearer in CRONS:
            yield api.get("/api/cron/sync-crm", Authorization=_latin(bearer))
        for signature in SIGNATURES:
            yield api.post(
                "/api/webhooks/nango", EVENT, Authorization=None, X_Nango_Hmac_Sha256=_latin(signature)
            )  # fmt: skip

    found = list(answers())
    assert len(found) >= 40
    assert {answer.status for answer in found} == {401}
    assert len({answer.body for answer in found}) == 1
    assert {answer.headers["www-authenticate"] for answer in found} == {"Bearer"}
    assert found[0].error["code"] == "unauthorized"


def test_the_right_ones_are_not(api: Api) -> None:
    assert api.get(STATUS).status == 200
    assert api.get("/api/cron/sync-crm", Authorization=f"Bearer {CRON}").status == 200
    for key in KEYS.split(","):
        sent = {"X_Nango_Hmac_Sha256": signed(EVENT, key), "Authorization": None}
        assert api.post("/api/webhooks/nango", EVENT, **sent).status == 202


def test_an_endpoint_without_its_secret_is_shut_as_to_a_wrong_one(tmp_path: Path) -> None:
    with served(settings_of(tmp_path, {})) as api:
        for bearer in (None, "Bearer ", "Bearer None", "Bearer " + "0" * 32):
            assert api.get("/api/cron/sync-crm", Authorization=bearer).error["code"] == "unauthorized"
        for key in ("", "None"):
            sent = {"X_Nango_Hmac_Sha256": signed(EVENT, key)}
            assert api.post("/api/webhooks/nango", EVENT, **sent).error["code"] == "unauthorized"


def test_too_many_wrong_secrets_are_not_looked_at_and_the_right_one_is(api: Api) -> None:
    statuses = [api.get(STATUS, Authorization="Bearer wrong").status for _ in range(MOST_WRONG + 3)]
    assert statuses == [401] * MOST_WRONG + [429] * 3
    limited = api.get(STATUS, Authorization="Bearer wrong")
    assert (limited.error["code"], 0 < int(limited.headers["retry-after"]) <= 60) == ("too_many_requests", True)
    assert api.get(STATUS).status == 200


def test_the_count_of_wrong_secrets_is_by_address_and_forgets() -> None:
    now = [0.0]
    wrong = WrongSecrets(lambda: now[0])
    assert [wrong.count("a") for _ in range(MOST_WRONG)] == [0] * MOST_WRONG
    assert wrong.count("a") == 60
    assert wrong.count("b") == 0
    now[0] = 60.0
    assert wrong.count("a") == 0


@pytest.mark.parametrize("target", ["/", "/docs", "/openapi.json", "/api/leads?account_id=a", "/nothing", "/api/x"])
def test_nothing_is_answered_without_the_token_whether_it_is_there_or_not(api: Api, target: str) -> None:
    assert api.get(target, Authorization=None).status == 401


def test_a_person_is_led_to_the_login_and_back(api: Api) -> None:
    answer = api.get("/docs?x=1", Authorization=None, Accept="text/html")
    assert (answer.status, answer.headers["location"]) == (303, "/login?next=/docs%3Fx%3D1")
    assert next_page("/docs?x=1") == "/docs?x=1"
    for elsewhere in (
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "javascript:alert(1)",
        "",
        "/a\r\nb",
        "//[",
    ):
        assert next_page(elsewhere) == "/"
    assert api.get("/login?next=//%5B", Authorization=None).status == 200
    form = api.post("/accounts/acme/refresh", b"", Authorization=None, Accept="text/html")
    assert form.headers["location"] == "/login?next=/", "it is not sent again"


@pytest.mark.parametrize(
    "target", ["/accounts/a%252Fb/leads", "/accounts/a%253Fb%2520%25C3%25BC", "/accounts/a?q=%ff&x=/"]
)
def test_the_login_leads_to_the_address_as_it_was_written(api: Api, target: str) -> None:
    """An account's name with a slash is written twice; written once, it would be another address."""
    asked = api.get(target, Authorization=None, Accept="text/html").headers["location"]
    body = f"token={TOKEN}&next={asked.partition('=')[2]}".encode()
    form = "application/x-www-form-urlencoded"
    assert api.post("/login", body, Authorization=None, Content_Type=form).headers["location"] == target


def test_bytes_that_are_no_text_are_no_mistake_of_ours(api: Api) -> None:
    with socket.create_connection(("127.0.0.1", api.port), 10) as line:
        line.sendall(b"GET /docs?\xff HTTP/1.1\r\nHost: [\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        answer = line.recv(4096)
    assert answer.split()[1] in (b"303", b"400"), answer


def test_a_person_who_is_refused_is_shown_a_page_and_a_program_the_envelope(api: Api, tmp_path: Path) -> None:
    large = b" " * (LARGEST_BODY + 1)
    page = api.post("/connect", large, Accept="text/html,*/*;q=0.8")
    assert (page.status, page.headers["content-type"]) == (413, "text/html; charset=utf-8")
    assert b"<h1>The body is larger than 1 MB.</h1>" in page.body
    assert api.post("/api/crm/sync", large, Accept="text/html").error["code"] == "request_too_large"
    with served(settings_of(tmp_path, {})) as open_api:
        for headers in ({"Host": "evil.example"}, {"Origin": "https://evil.example"}):
            page = open_api.post("/accounts/acme/refresh", b"", Accept="text/html", **headers)
            assert (page.status, page.headers["content-type"]) == (403, "text/html; charset=utf-8")
            assert page.headers["cache-control"] == "no-store"
            assert open_api.post("/accounts/acme/refresh", b"", **headers).error["code"] == "forbidden"


def logged_in(api: Api) -> str:
    """The cookie of somebody who typed the token."""
    form = "application/x-www-form-urlencoded"
    answer = api.post("/login", f"token={TOKEN}".encode(), Authorization=None, Content_Type=form)
    return answer.headers["set-cookie"].split(";")[0]


def test_a_password_of_a_proxy_before_us_does_not_end_a_session(api: Api) -> None:
    basic = {"Authorization": "Basic dXNlcjpwYXNz"}
    assert api.get(STATUS, **basic).status == 401
    assert api.get(STATUS, **basic, Cookie=logged_in(api)).status == 200
    answer = api.post(
        "/api/crm/sync", {"account_id": "a"}, **basic, Cookie=logged_in(api), Origin="https://evil.example"
    )
    assert answer.status == 403, "a browser sends both for another site too"


def test_a_session_that_was_logged_out_of_is_over_for_every_copy_of_it(api: Api) -> None:
    one, other = logged_in(api), logged_in(api)
    assert api.post("/logout", b"", Authorization=None, Cookie=one).headers["location"] == "/login"
    assert api.get(STATUS, Authorization=None, Cookie=one).status == 401
    assert api.get(STATUS, Authorization=None, Cookie=other).status == 200


@pytest.mark.parametrize("target", ["/docs", "/openapi.json", STATUS, "/nothing", "/static/docs.css", "/healthz"])
def test_every_answer_says_what_a_browser_may_do_with_it(api: Api, target: str) -> None:
    headers = api.get(target).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert "server" not in headers or headers["server"] != "crm-pipeline"
    if target not in ("/static/docs.css",):
        assert headers["cache-control"] == "no-store"


def asking(method: str = "GET", peer: str = "127.0.0.1", **headers: str) -> Request:
    """A request as the server makes it; header names with `_` for `-`."""
    named = {"host": "127.0.0.1:8000"} | {name.replace("_", "-"): value for name, value in headers.items()}
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in named.items() if value != "-"]
    scope = {
        "type": "http", "method": method, "path": "/api/crm/status", "query_string": b"", "headers": raw,
        "client": (peer, 50000), "scheme": "http", "server": ("127.0.0.1", 8000),
    }  # fmt: skip
    return Request(scope)


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "localhost:8000", "[::1]:8000", "127.9.9.9"])
def test_this_computer_is_answered_without_a_token(host: str) -> None:
    require_loopback(asking(host=host))
    require_loopback(asking(host=host, peer="::1"))


@pytest.mark.parametrize(
    "request_", [
        asking(peer="10.0.0.7"),
        asking(peer="203.0.113.9", host="localhost"),
        asking(host="evil.example"),  # a name that was pointed to this computer, after its page was loaded
        asking(host="localhost.evil.example"), asking(host="127.0.0.1.evil.example:8000"), asking(host=""),
        asking(host="-"), asking(host="evil.example:127.0.0.1"), asking(host="0.0.0.0"),
        asking(x_forwarded_for="203.0.113.9"), asking(x_forwarded_proto="https"),
        asking(forwarded="for=203.0.113.9"), asking(x_real_ip="203.0.113.9"),
        asking(via="1.1 proxy"),
    ],
)  # fmt: skip
def test_nobody_else_is(request_: Request) -> None:
    with pytest.raises(Refusal) as caught:
        require_loopback(request_)
    assert (caught.value.status, caught.value.code) == (403, "forbidden")


def test_nobody_else_is_whatever_is_asked_for(tmp_path: Path) -> None:
    with served(settings_of(tmp_path, {})) as api:
        assert api.get(STATUS).status == 200
        for target in (STATUS, "/docs", "/nothing", "/static/docs.css", "/healthz", "/login"):
            assert api.get(target, Host="evil.example").error["code"] == "forbidden"


@pytest.mark.parametrize(
    ("headers", "is_ours"), [
        ({}, True),
        ({"origin": "http://127.0.0.1:8000"}, True),
        ({"origin": "http://127.0.0.1:8000", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "http://127.0.0.1:9000"}, False),
        ({"origin": "null"}, False),
        ({"origin": "http://["}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": "http://127.0.0.1:8000", "sec_fetch_site": "cross-site"}, False),
    ],
)  # fmt: skip
def test_another_site_cannot_press_our_buttons(headers: dict[str, str], is_ours: bool) -> None:
    request = asking("POST", **headers)
    if is_ours:
        require_same_origin(request)
    else:
        with pytest.raises(Refusal):
            require_same_origin(request)


def test_a_form_of_another_site_does_nothing(tmp_path: Path) -> None:
    with served(settings_of(tmp_path, {})) as api:
        body = {"account_id": "acme", "provider": "hubspot"}
        answer = api.post("/api/crm/disconnect", body, Origin="https://evil.example")
        assert answer.error["code"] == "forbidden"


def test_a_session_is_one_of_ours_until_its_time_or_the_token_changes() -> None:
    from starlette.responses import Response

    now = [1000.0]
    settings = Settings(api_token=Secret(TOKEN))
    access, response = Access(settings, clock=lambda: now[0]), Response()
    access.log_in(asking(), response)
    cookie = response.headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/"))
    assert "Secure" not in cookie
    value = cookie.split(";")[0].partition("=")[2]
    with_cookie = asking(cookie=f"{COOKIE}={value}")
    assert access.has_session(with_cookie)
    access.check(with_cookie)
    until, nonce, signature = value.split(".")
    forged = (
        f"{int(until) + 1}.{nonce}.{signature}",
        f"{until}.{nonce}.",
        f".{signature}",
        "",
        "x",
        f"{until}..{signature}",
    )
    assert not any(access.has_session(asking(cookie=f"{COOKIE}={text}")) for text in forged)
    other = Access(Settings(api_token=Secret(TOKEN + "2")), clock=lambda: now[0])
    assert not other.has_session(with_cookie)
    now[0] += 12 * 3600 + 1
    assert not access.has_session(with_cookie)
    secure = Response()
    access.log_in(asking(x_forwarded_proto="https"), secure)
    assert "Secure" in secure.headers["set-cookie"]


def test_a_session_does_not_serve_another_site(api: Api) -> None:
    access = Access(Settings(api_token=Secret(TOKEN)))
    from starlette.responses import Response

    response = Response()
    access.log_in(asking(), response)
    cookie = response.headers["set-cookie"].split(";")[0]
    sent = {"Authorization": None, "Cookie": cookie}
    assert api.get(STATUS, **sent).status == 200
    body = {"account_id": "nobody", "provider": "hubspot"}
    assert api.post("/api/crm/disconnect", body, Origin="https://evil.example", **sent).status == 403
    assert api.post("/api/crm/sync", {"account_id": "nobody"}, Origin=api.url, **sent).status == 404


def test_a_large_body_is_refused_whatever_it_says_of_itself(api: Api) -> None:
    large = b" " * (LARGEST_BODY + 1)
    assert api.post("/api/crm/sync", large).error["code"] == "request_too_large"
    assert api.post("/api/webhooks/nango", large, Authorization=None).status == 413
    with socket.create_connection(("127.0.0.1", api.port), 10) as line:
        head = f"POST /api/crm/sync HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n"
        line.sendall(f"{head}Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            for _ in range(20):
                line.sendall(piece)
            line.sendall(b"0\r\n\r\n")
        except OSError:
            pass
        answer = line.recv(4096)
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "crm.example.invalid"])
def test_nothing_is_listened_to_that_could_not_be_answered(host: str) -> None:
    with pytest.raises(ConfigError, match="CRM_API_TOKEN"):
        refuse_unguarded(Settings(), host)
    refuse_unguarded(Settings(api_token=Secret(TOKEN)), host)
    refuse_unguarded(Settings(), "127.0.0.1")


def _latin(text: str | None) -> str | None:
    """As a header can be sent at all."""
    return None if text is None else text.encode().decode("latin-1")
