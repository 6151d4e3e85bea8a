"""The client of Nango: its own API, and `Proxy`, the calls to one CRM connection through it.

Every call runs here through the one retry of the product. What answers mean is `answers.py`; bytes and sockets are
`transport.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import orjson

from crm_pipeline.errors import ConfigError, NangoError, ProviderError
from crm_pipeline.nango.answers import Answer, ReadRefusal
from crm_pipeline.nango.bodies import safe_text
from crm_pipeline.nango.calls import AGENT, Call, Line, fits_header
from crm_pipeline.nango.connections import ConnectSession, NangoConnection, to_connection, to_moment
from crm_pipeline.nango.limits import (
    DEFAULT_TIMEOUTS,
    SYSTEM_CLOCK,
    Budget,
    Clock,
    DayBudget,
    Rate,
    Timeouts,
    TokenBucket,
)
from crm_pipeline.nango.paging import encode_target
from crm_pipeline.nango.retry import DEFAULT_POLICY, Failure, LostTime, RetryPolicy
from crm_pipeline.nango.transport import Transport

Value = TypeVar("Value")

LARGEST_BODY = 32 * 2**20
CONNECTIONS_PER_PAGE = 1000
MOST_CONNECTION_PAGES = 1000

NO_RATES: Mapping[str, Rate] = {}
NO_CONFIG: Mapping[str, Any] = {}
JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}


class NangoClient:
    """Nango for one environment key; thread safe, one pool of kept-alive connections. Close it, or use `with`."""

    def __init__(
        self,
        *,
        host: str,
        secret_key: str,
        policy: RetryPolicy = DEFAULT_POLICY,
        budget: TokenBucket | None = None,
        clock: Clock = SYSTEM_CLOCK,
        max_body_bytes: int = LARGEST_BODY,
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """`budget` spreads all calls, for Nango's own limit per account; without one it is learnt from Nango's answers.

        `max_body_bytes` counts inflated bytes.
        """
        transport = Transport(host, timeouts=timeouts, clock=clock, max_body_bytes=max_body_bytes)
        self._line = Line(transport, secret_key, policy=policy, budget=budget, clock=clock)
        self._buckets: dict[tuple[str, str, str, Rate], TokenBucket] = {}
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return "NangoClient()"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._line.close()

    def proxy(
        self,
        integration: str,
        nango_connection_id: str,
        *,
        rates: Mapping[str, Rate] = NO_RATES,
        read_refusal: ReadRefusal | None = None,
        label: str = "",
        config: Mapping[str, Any] = NO_CONFIG,
        day: DayBudget | None = None,
    ) -> Proxy:
        """The calls of one connection; make one per run, since it counts requests and the time lost to failures.

        `rates` paces each named bucket, shared by every proxy of the connection; `label` opens the messages of errors.
        `config` is what Nango holds of the connection's address; `day` watches what is left of the CRM's daily calls.
        """
        buckets = {name: self._bucket(integration, nango_connection_id, name, rate) for name, rate in rates.items()}
        key = (integration, nango_connection_id)
        return Proxy(self, self._line, key, buckets, read_refusal, label or integration, config, day or DayBudget())

    def list_connections(self) -> list[NangoConnection]:
        """Every connection of the environment, newest first.

        Nango pages by offset and a new connection shifts the pages, so rows are told apart by id. A removal shifts them
        the other way and would hide a row: a list longer than a page is therefore read twice and both are joined.
        """
        found, pages = self._list_once()
        if pages > 1:
            again, _ = self._list_once()
            found = {**found, **again}
        return list(found.values())

    def read_connection(
        self, integration: str, nango_connection_id: str, *, force_refresh: bool = False
    ) -> NangoConnection:
        """One connection with its `connection_config`; `force_refresh` makes Nango fetch a new access token first.

        That needs the scope `environment:connections:read_credentials`. A key without it reads with no side effect;
        with it, Nango also renews a token that is about to expire.
        """
        return self._read(integration, nango_connection_id, force_refresh, self._line.new_lost_time())

    def create_connect_session(self, *, account_id: str, integration: str) -> ConnectSession:
        """Invite a person of an account to connect one CRM; the tag binds the new connection to the account."""
        body = {"tags": {"account_id": account_id}, "allowed_integrations": [integration]}
        return self._connect_session("/connect/sessions", body)

    def create_reconnect_session(
        self, *, account_id: str, integration: str, nango_connection_id: str
    ) -> ConnectSession | None:
        """Invite a person to connect a CRM again under the same id; None when Nango holds no such connection."""
        body = {
            "connection_id": nango_connection_id,
            "integration_id": integration,
            "tags": {"account_id": account_id},
        }
        try:
            return self._connect_session("/connect/sessions/reconnect", body)
        except NangoError as error:
            if error.code in ("connection_misconfigured", "connection_not_found"):
                return None
            raise

    def find_connections(
        self, *, account_id: str | None = None, nango_connection_id: str | None = None
    ) -> list[NangoConnection]:
        """The connections that carry the account's tag, or have the id, of any CRM; newest first, one page of them."""
        asked = {"tags%5Baccount_id%5D": account_id, "connectionId": nango_connection_id}
        wanted = "".join(f"&{name}={quote(value, safe='')}" for name, value in asked.items() if value is not None)
        rows = self._api("GET", f"/connections?limit=100&page=0{wanted}", shape=("connections",)).object()
        listed = rows["connections"]
        if not isinstance(listed, list):
            raise NangoError("unexpected_response", "Nango's list of connections is no list")
        return [to_connection(row) for row in listed]

    def _connect_session(self, path: str, body: Mapping[str, Any]) -> ConnectSession:
        data = self._api("POST", path, orjson.dumps(body), ("data",)).object()["data"]
        session = data if isinstance(data, dict) else {}
        token, link = session.get("token"), session.get("connect_link")
        expires_at = to_moment(session.get("expires_at"))
        if not isinstance(token, str) or not isinstance(link, str) or expires_at is None:
            raise NangoError("unexpected_response", "Nango made a connect session without token, link or expiry")
        return ConnectSession(token, link, expires_at)

    def delete_connection(self, integration: str, nango_connection_id: str) -> None:
        """Remove a connection at Nango; gone already counts as done. At HubSpot, Nango also revokes the token."""
        try:
            self._api("DELETE", _connection_path(integration, nango_connection_id))
        except NangoError as error:
            if error.code != "connection_not_found":
                raise

    def refresh_token(self, integration: str, nango_connection_id: str, lost: LostTime) -> None:
        """Make Nango fetch a new access token after the CRM refused one; else the connection counts as expired."""
        try:
            self._read(integration, nango_connection_id, True, lost)
        except NangoError as error:
            if error.code != "nango_unauthorized":
                raise
            raise ProviderError(
                "connection_expired",
                "the CRM refused the access token, and the Nango key lacks the scope to renew it "
                "(environment:connections:read_credentials)",
                status=error.facts.get("status"),
            ) from error

    def _bucket(self, integration: str, nango_connection_id: str, name: str, rate: Rate) -> TokenBucket:
        """The bucket that every proxy of one connection shares for one kind of call."""
        key = (integration, nango_connection_id, name, rate)
        with self._lock:
            if key not in self._buckets:
                self._buckets[key] = TokenBucket(rate, clock=self._line.clock)
            return self._buckets[key]

    def _list_once(self) -> tuple[dict[object, NangoConnection], int]:
        found: dict[object, NangoConnection] = {}
        for page in range(MOST_CONNECTION_PAGES):
            path = f"/connections?limit={CONNECTIONS_PER_PAGE}&page={page}"
            rows = self._api("GET", path, shape=("connections",)).object()["connections"]
            if not isinstance(rows, list):
                raise NangoError("unexpected_response", "Nango's list of connections is no list")
            known = len(found)
            for connection in map(to_connection, rows):
                key = connection.id or (connection.nango_integration, connection.nango_connection_id)
                found.setdefault(key, connection)
            if len(rows) < CONNECTIONS_PER_PAGE:
                return found, page + 1
            if len(found) == known:
                break
        raise NangoError("unexpected_response", "Nango's list of connections repeats itself and does not end")

    def _read(self, integration: str, nango_connection_id: str, force_refresh: bool, lost: LostTime) -> NangoConnection:
        path = _connection_path(integration, nango_connection_id) + ("&force_refresh=true" if force_refresh else "")
        shape = ("connection_id", "provider_config_key")
        return to_connection(self._api("GET", path, shape=shape, lost=lost, expire=force_refresh).object())

    def _api(
        self,
        method: str,
        target: str,
        body: bytes | None = None,
        shape: tuple[str, ...] = (),
        *,
        lost: LostTime | None = None,
        expire: bool = False,
    ) -> Answer:
        """A call of Nango's own API; with `expire` a failed token refresh is final instead of worth another try."""
        headers = self._line.headers if body is None else {**self._line.headers, **JSON_HEADERS}
        call = Call(method, target, headers, body, f"Nango: {method} {_without_ids(target)}", shape)

        def attempt() -> Answer | Failure:
            outcome = self._line.attempt(call)
            return _expired(outcome) if expire and isinstance(outcome, Failure) else outcome

        return self._line.run(attempt, lost or self._line.new_lost_time())


class Proxy:
    """The calls of one connection through Nango's proxy; thread safe.

    `post` is repeated after a failure like `get`: use it for searches and batch reads, not for what must happen once.
    """

    def __init__(
        self,
        client: NangoClient,
        line: Line,
        key: tuple[str, str],
        buckets: Mapping[str, TokenBucket],
        read_refusal: ReadRefusal | None,
        label: str,
        config: Mapping[str, Any],
        day: DayBudget,
    ) -> None:
        if not all(0 < len(value) <= 255 and fits_header(value) for value in key):
            raise ConfigError(
                "invalid_setting", "an integration and a Nango connection id have 1 to 255 printable ASCII characters"
            )
        self._client, self._line, self._key, self._buckets = client, line, key, buckets
        self._read_refusal = read_refusal
        self._label = label
        self.config = config
        self._day = day
        self._kept: dict[str, Any] = {}
        self._lost = line.new_lost_time()
        self._requests = 0
        self._lock = threading.Lock()
        self._headers = {
            **line.headers,
            "Provider-Config-Key": key[0],
            "Connection-Id": key[1],
            "Nango-Proxy-User-Agent": AGENT,
        }

    @property
    def requests(self) -> int:
        """HTTP calls sent through the proxy so far, retries included."""
        return self._requests

    def once(self, key: str, make: Callable[[], Value]) -> Value:
        """What `make` gave at the first call with this key."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: Value = self._kept[key]
        return kept

    def note_budget(self, budget: Budget) -> None:
        """What a body said of the CRM's daily calls."""
        self._day.note(budget)

    def get(
        self,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        """GET a path of the CRM; `headers` are meant for the CRM, `shape` names keys that the JSON object must have.

        `nothing` are the statuses with an empty body by which this CRM says "no rows", like 204 and 304.
        """
        return self._call("GET", path, query, None, headers, bucket, shape, nothing)

    def post(
        self,
        path: str,
        body: object,
        *,
        headers: Mapping[str, str] | None = None,
        bucket: str = "default",
        shape: tuple[str, ...] = (),
        nothing: tuple[int, ...] = (),
    ) -> Answer:
        """POST JSON. Send ids as strings: Nango re-writes the body and rounds integers above 2^53."""
        return self._call("POST", path, None, orjson.dumps(body), headers, bucket, shape, nothing)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str] | None,
        bucket: str,
        shape: tuple[str, ...],
        nothing: tuple[int, ...],
    ) -> Answer:
        self._day.check(self._label)
        sent = self._headers if body is None else {**self._headers, **JSON_HEADERS}
        if headers:
            sent = {**sent, **{f"Nango-Proxy-{name}": value for name, value in headers.items()}}
        target = "/proxy" + _with_query(encode_target(path), query)
        name = f"{self._label}: {method} {safe_text(path.partition('?')[0])}"
        call = Call(method, target, sent, body, name, shape, True, self._read_refusal, nothing)

        def attempt() -> Answer | Failure:
            with self._lock:
                self._requests += 1
            return self._line.attempt(call, self._buckets.get(bucket))

        answer = self._line.run(attempt, self._lost, self._refresh)
        self._day.read(answer.headers)
        return answer

    def _refresh(self) -> None:
        self._client.refresh_token(*self._key, self._lost)


def _expired(failure: Failure) -> Failure:
    error = failure.error
    if error.facts.get("nango_code") != "invalid_credentials":
        return failure
    status = error.facts.get("status")
    return Failure(NangoError("connection_expired", error.message, status=status, nango_code="invalid_credentials"))


def _with_query(target: str, query: Mapping[str, str] | None) -> str:
    if not query:
        return target
    pairs = "&".join(f"{quote(name, safe='')}={quote(value, safe=',:')}" for name, value in query.items())
    return target + ("&" if "?" in target else "?") + pairs


def _connection_path(integration: str, nango_connection_id: str) -> str:
    return f"/connections/{quote(nango_connection_id, safe='')}?provider_config_key={quote(integration, safe='')}"


def _without_ids(target: str) -> str:
    path = target.partition("?")[0]
    return "/connections/…" if path.startswith("/connections/") else path
