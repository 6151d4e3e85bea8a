"""Nango as its clients see it: the key, the rate limit, and the proxy with its habits. Its own API is `nango_api.py`.

https://nango.dev/docs/reference/api/proxy/get. What is copied here is how Nango 0.71 answers, including where it
deviates from its documentation: 2xx answers lose their status and most headers, an unknown connection is 400.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import orjson

from crm_pipeline.sandbox.connections import Connection, ConnectionBook
from crm_pipeline.sandbox.exchange import Clock, Reply, Request
from crm_pipeline.sandbox.faults import Fault, FaultScript
from crm_pipeline.sandbox.nango_api import NangoApi
from crm_pipeline.sandbox.nango_errors import NangoError

SCOPES = frozenset({
    "environment:proxy", "environment:connections:list", "environment:connections:read",
    "environment:connections:read_credentials", "environment:connections:write", "environment:connect_sessions:write",
})  # fmt: skip
"""Everything this sandbox has a route for; the default key holds all of it, like Nango's `NANGO_SECRET_KEY_<ENV>`."""
KEPT_HEADERS = frozenset({"content-type", "mcp-session-id", "x-request-id", "x-correlation-id"})
WINDOW = 60.0
LONGEST_NAME = 255
LARGEST_EXACT_INTEGER = 2**53
UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", re.IGNORECASE)
FORM_TYPE = "application/x-www-form-urlencoded"
NO_TOKEN = "Authentication failed. "


@dataclass(slots=True)
class Handled:
    """An answer, and what the call met on its way."""

    reply: Reply
    fault: Fault | None = None
    connection: Connection | None = None


class Nango:
    """One Nango environment. `rate_limit` is calls a minute over everything, None for no limit.

    `act` makes the changes that a fault wants made in the CRM before its call is answered.
    """

    def __init__(
        self,
        book: ConnectionBook,
        *,
        secret_key: str,
        clock: Clock,
        faults: FaultScript,
        act: Callable[[Mapping[str, Any]], object],
        scopes: Iterable[str] = SCOPES,
        rate_limit: int | None = None,
    ) -> None:
        self.rate_limit = rate_limit
        self.book = book
        self.api = NangoApi(book, clock, set(scopes))
        self._secret_key, self._clock, self._faults, self._act = secret_key.lower(), clock, faults, act
        self._lock = threading.Lock()
        self._window_start, self._used = 0.0, 0

    def answer(self, request: Request) -> Handled:
        """Any request that is not control."""
        handled, extra = Handled(Reply(500)), dict[str, str]()
        try:
            self._check_key(request)
            extra = self._meter(request)
            self._route(request, handled)
        except NangoError as error:
            handled.reply = error.reply()
        if extra:
            sent = {name.lower() for name in handled.reply.headers}
            extra = {name: value for name, value in extra.items() if name.lower() not in sent}
            handled.reply.headers = {**extra, **handled.reply.headers}
        return handled

    def _check_key(self, request: Request) -> None:
        header = request.headers.get("authorization", "")
        scheme, _, key = header.partition("Bearer ")
        if not header:
            raise NangoError(401, "missing_auth_header", NO_TOKEN + "The Authorization header is missing.", payload={})
        if scheme or not key:
            raise NangoError(
                401, "malformed_auth_header", NO_TOKEN + "The Authorization header is malformed.", payload={}
            )
        if not UUID4.fullmatch(key):
            raise NangoError(
                401, "invalid_secret_key_format", NO_TOKEN + "The secret key is not a UUID v4.", payload={}
            )
        if not secrets.compare_digest(key.lower(), self._secret_key):
            raise NangoError(401, "unknown_account", NO_TOKEN + "The secret key matches no account.", payload={})

    def _meter(self, request: Request) -> dict[str, str]:
        """Nango's fixed window per account; its headers go on every answer while the limit is on."""
        if self.rate_limit is None:
            return {}
        with self._lock:
            now = self._clock()
            if now - self._window_start >= WINDOW:
                self._window_start, self._used = now, 0
            self._used += 1
            end, left = self._window_start + WINDOW, self.rate_limit - self._used
        headers = {
            "X-RateLimit-Limit": str(self.rate_limit), "X-RateLimit-Remaining": str(max(0, left)),
            "X-RateLimit-Reset": str(int(end)),
        }  # fmt: skip
        if left < 0:
            headers["Retry-After"] = str(int(end - now))
            raise NangoError(
                429, "too_many_request", "Too many requests", headers=headers, method=request.method, path=request.path
            )
        return headers

    def _route(self, request: Request, handled: Handled) -> None:
        if request.path == "/proxy" or request.path.startswith("/proxy/"):
            self.api.need("environment:proxy")
            self._proxy(request, handled)
            return
        handled.fault = self._planned("nango", request, None, None)
        scripted = handled.fault.answer.reply() if handled.fault else None
        reply = scripted or self.api.answer(request)
        handled.reply = handled.fault.answer.damage(reply) if handled.fault else reply

    # The proxy

    def _proxy(self, request: Request, handled: Handled) -> None:
        """Nango's checks, then the CRM; a fault waits at either."""
        connection_id = request.headers.get("connection-id", "")
        connection = handled.connection = self._addressed(request)
        account = connection.account if connection else None
        upstream = _upstream(request, connection)
        fault = handled.fault = self._planned("nango", upstream, account, connection_id)
        scripted = fault.answer.reply() if fault else None
        if fault is not None and scripted is not None:
            handled.reply = fault.answer.damage(scripted)
            return
        if connection is None:
            raise NangoError(400, "server_error", "Failed to get connection")
        self._refresh(connection)
        if fault is None:
            fault = handled.fault = self._planned("crm", upstream, account, connection_id)
        scripted = fault.last if fault and fault.answer.again else fault.answer.reply() if fault else None
        reply = scripted or self._crm_answer(connection, upstream)
        self._faults.remember(upstream, account, connection_id, reply)
        handled.reply = passed_on(fault.answer.damage(reply) if fault else reply)

    def _planned(self, at: str, request: Request, account: str | None, nango_connection_id: str | None) -> Fault | None:
        fault = self._faults.next(at, request, account, nango_connection_id)
        for action in fault.answer.before if fault else ():
            self._act(action)
        return fault

    def _addressed(self, request: Request) -> Connection | None:
        headers = request.headers
        missing = [
            {"code": "invalid_string", "message": f"Required, at most {LONGEST_NAME} characters", "path": [name]}
            for name in ("connection-id", "provider-config-key")
            if not 1 <= len(headers.get(name, "")) <= LONGEST_NAME
        ]
        if missing:
            raise NangoError(400, "invalid_headers", "Invalid headers", errors=missing)
        if headers["provider-config-key"] not in self.book.integrations:
            raise NangoError(404, "unknown_provider_config", "Integration does not exist")
        return self.book.get(headers["provider-config-key"], headers["connection-id"])

    def _refresh(self, connection: Connection) -> None:
        status = self.book.refresh(connection, force=False)
        if status == 400:
            raise NangoError(400, "server_error", "Failed to get connection credentials: the refresh token was refused")
        if status == 424 and connection.trouble == "exhausted":
            raise NangoError(424, "server_error", "Connection has reached its refresh limit and must be reconnected")
        if status == 424:
            raise NangoError(424, "connection_refresh_backoff", "The last refresh failed, try again later")

    def _crm_answer(self, connection: Connection, upstream: Request) -> Reply:
        """The CRM, which first looks at the token it was sent."""
        if connection.trouble == "expired_token":
            return connection.refuse_token(True)
        if connection.trouble == "uninstalled" or upstream.headers["authorization"] != f"Bearer {connection.token}":
            return connection.refuse_token(False)
        return connection.crm(upstream)


def passed_on(reply: Reply) -> Reply:
    """What Nango makes of a CRM's answer: exact when chunked or no success, else 200 with four headers at most."""
    if reply.status >= 300 or reply.chunked:
        return reply
    status = reply.status if reply.status == 204 else 200
    kept = {name: value for name, value in reply.headers.items() if name.lower() in KEPT_HEADERS}
    return Reply(status, b"" if status == 204 else reply.body, kept, reply.content_type)


def _upstream(request: Request, connection: Connection | None) -> Request:
    """The request as the CRM gets it: only `Nango-Proxy-*` headers pass, JSON is written anew, GET has no body.

    A literal `${...}` in the address stays as it is, where Nango would put in values of the connection.
    """
    token, base = (connection.token, connection.base_path) if connection else ("", "")
    headers = {"authorization": f"Bearer {token}", "user-agent": "axios"}
    body = b"" if request.method in ("GET", "HEAD") else request.body
    if body:
        headers["content-type"] = "application/json"
        body = _rewritten(body, request.headers.get("content-type", ""))
    headers |= {name[12:]: value for name, value in request.headers.items() if name.startswith("nango-proxy-")}
    return Request(request.method, base + (request.path[len("/proxy") :] or "/"), request.query, headers, body)


def _rewritten(body: bytes, content_type: str) -> bytes:
    if content_type.lower().startswith(FORM_TYPE):
        form = parse_qs(body.decode(errors="replace"), keep_blank_values=True)
        return orjson.dumps({name: values[0] if len(values) == 1 else values for name, values in form.items()})
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    return orjson.dumps(_rounded(value))


def _rounded(value: Any) -> Any:
    """Bare integers above 2^53 lose their last digits in Nango."""
    if isinstance(value, dict):
        return {name: _rounded(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_rounded(part) for part in value]
    if isinstance(value, int) and abs(value) > LARGEST_EXACT_INTEGER:
        return int(float(value))
    return value
