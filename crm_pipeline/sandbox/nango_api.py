"""Nango's own API: connections and connect sessions.

https://nango.dev/docs/reference/api/connection/list
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote

from crm_pipeline.sandbox.connections import Connection, ConnectionBook, offset_time
from crm_pipeline.sandbox.consent import ConnectSession
from crm_pipeline.sandbox.exchange import Clock, Reply, Request, iso_ms
from crm_pipeline.sandbox.nango_errors import (
    TAG_PARAMETER,
    NangoError,
    invalid,
    nango_json,
    read_body,
    read_query,
    read_tags,
    read_whole,
)

MOST_ROWS, ROWS_WITHOUT_LIMIT = 2000, 10_000
SESSION_MS = 1_800_000
LIST_PARAMETERS = frozenset(
    {"connectionId", "search", "integrationId", "endUserId", "endUserOrganizationId", "limit", "page"}
)
READ_PARAMETERS = frozenset({"provider_config_key", "force_refresh", "refresh_token", "refresh_github_app_jwt_token"})
PATCHED = frozenset({"tags", "end_user", "webhook_url_override"})
SEES_CREDENTIALS = "environment:connections:read_credentials"


class NangoApi:
    """The routes that are not the proxy. `need(scope)` refuses a key without it; `scopes` are what the key may do."""

    def __init__(self, book: ConnectionBook, clock: Clock, scopes: set[str]) -> None:
        self.book, self.scopes = book, scopes
        self.base_url = ""
        self.sessions: dict[str, ConnectSession] = {}
        """Open connect sessions by their tokens."""
        self._clock = clock

    def need(self, scope: str) -> None:
        if scope not in self.scopes:
            raise NangoError(403, "forbidden", f"This API key does not have the required scope: {scope}")

    def answer(self, request: Request) -> Reply:
        """`/connection/...` is the deprecated spelling of `/connections/...` and does the same."""
        head, _, rest = request.path.strip("/").partition("/")
        if head in ("connections", "connection"):
            name = "list" if not rest else "metadata" if rest == "metadata" else "one"
            handler = self._routes().get((name, request.method))
            if handler is not None:
                return handler(request, unquote(rest))
        if request.path == "/connect/sessions" and request.method == "POST":
            return self._connect_session(request)
        if request.path == "/connect/sessions/reconnect" and request.method == "POST":
            return self._reconnect_session(request)
        raise NangoError(404, "not_found", f"Not found: {request.method} {request.path}")

    def _routes(self) -> dict[tuple[str, str], Callable[[Request, str], Reply]]:
        return {
            ("list", "GET"): self._list,
            ("one", "GET"): self._read,
            ("one", "PATCH"): self._patch,
            ("one", "DELETE"): self._delete,
            ("metadata", "POST"): self._write_metadata,
            ("metadata", "PATCH"): self._write_metadata,
        }

    def _list(self, request: Request, _: str) -> Reply:
        """Newest first; offset paging without total."""
        self.need("environment:connections:list")
        asked = read_query(request, LIST_PARAMETERS, tags=True)
        limit = read_whole(asked, "limit", ROWS_WITHOUT_LIMIT, 1, MOST_ROWS)
        page = read_whole(asked, "page", 0, 0, 10**9)
        tags = {match[1]: value for name, value in asked.items() if (match := TAG_PARAMETER.fullmatch(name))}
        rows = [
            connection.row() | {"created": offset_time(connection.created_ms)}
            for connection in sorted(self.book.all(), key=lambda one: -one.id)
            if _wanted(connection, asked) and tags.items() <= connection.tags.items()
        ]
        return nango_json(200, {"connections": rows[page * limit : (page + 1) * limit]})

    def _read(self, request: Request, connection_id: str) -> Reply:
        """With the credentials scope this renews a token that needs it; without, it reads and changes nothing."""
        self.need("environment:connections:read")
        asked = read_query(request, READ_PARAMETERS)
        connection = self._existing(asked.get("provider_config_key", ""), connection_id)
        force = asked.get("force_refresh") == "true"
        if force or asked.get("refresh_token") == "true":
            self.need(SEES_CREDENTIALS)
        if SEES_CREDENTIALS not in self.scopes:
            return nango_json(200, connection.full() | {"credentials": {}})
        status = self.book.refresh(connection, force=force)
        if status:
            payload = {"connection": connection.full() | {"credentials": {}}}
            raise NangoError(status, "invalid_credentials", "The refresh of the credentials failed", payload=payload)
        now = self._clock()
        connection.fetched_ms = int(now * 1000)
        return nango_json(200, connection.full() | {"credentials": connection.credentials(now)})

    def _existing(self, integration: str, connection_id: str) -> Connection:
        if not integration:
            raise invalid("invalid_query_params", "provider_config_key", "Required")
        if integration not in self.book.integrations:
            raise NangoError(400, "unknown_provider_config", "Provider config does not exist")
        connection = self.book.get(integration, connection_id)
        if connection is None:
            raise NangoError(404, "not_found", "Failed to find connection")
        return connection

    def _patch(self, request: Request, connection_id: str) -> Reply:
        """Tags are replaced as a whole."""
        self.need("environment:connections:write")
        asked = read_query(request, frozenset({"provider_config_key"}))
        connection = self._existing(asked.get("provider_config_key", ""), connection_id)
        body = read_body(request)
        if not body or not body.keys() <= PATCHED:
            raise invalid("invalid_body", "", f"Expected one of {', '.join(sorted(PATCHED))}")
        if "tags" in body:
            connection.tags = read_tags(body["tags"])
        return nango_json(200, {"success": True})

    def _delete(self, request: Request, connection_id: str) -> Reply:
        self.need("environment:connections:write")
        asked = read_query(request, frozenset({"provider_config_key"}))
        if not self.book.remove(asked.get("provider_config_key", ""), connection_id):
            raise NangoError(400, "unknown_connection", "Failed to find connection")
        return nango_json(200, {"success": True})

    def _write_metadata(self, request: Request, _: str) -> Reply:
        """POST replaces, PATCH merges the top level; one unknown id and nothing is written."""
        self.need("environment:connections:write")
        body = read_body(request)
        ids, metadata = body.get("connection_id"), body.get("metadata")
        ids = [ids] if isinstance(ids, str) else ids
        if not isinstance(ids, list) or not isinstance(metadata, dict):
            raise invalid("invalid_body", "metadata" if isinstance(ids, list) else "connection_id", "Required")
        found = [self.book.get(str(body.get("provider_config_key")), str(one)) for one in ids]
        if not all(found):
            raise NangoError(404, "unknown_connection", "Connection does not exist")
        for connection in filter(None, found):
            connection.metadata = dict(metadata) if request.method == "POST" else connection.metadata | metadata
        return nango_json(201 if request.method == "POST" else 200, body)

    def _connect_session(self, request: Request) -> Reply:
        """The link leads to a page of the sandbox, in place of Nango's own and the CRM's consent screen."""
        self.need("environment:connect_sessions:write")
        body = read_body(request)
        if not body.get("end_user") and not body.get("tags"):
            raise invalid("invalid_body", "end_user", "Either end_user or tags must be given")
        tags, allowed = read_tags(body.get("tags", {})), body.get("allowed_integrations", [])
        if not isinstance(allowed, list):
            raise invalid("invalid_body", "allowed_integrations", "Expected array")
        for place, integration in enumerate(allowed):
            if not isinstance(integration, str) or integration not in self.book.integrations:
                raise invalid("invalid_body", f"allowed_integrations.{place}", "Integration does not exist")
        return self._opened(ConnectSession(tags, tuple(allowed)))

    def _reconnect_session(self, request: Request) -> Reply:
        """The same for a connection that is there: it is made anew and keeps its id."""
        self.need("environment:connect_sessions:write")
        body = read_body(request)
        connection = self.book.get(str(body.get("integration_id")), str(body.get("connection_id")))
        if connection is None:
            raise invalid("invalid_body", "connection_id", "Connection does not exist")
        read_tags(body.get("tags", {}))
        return self._opened(ConnectSession(connection.tags, (connection.integration,), connection))

    def _opened(self, session: ConnectSession) -> Reply:
        token = "nango_connect_session_" + secrets.token_hex(32)
        self.sessions[token] = session
        data: dict[str, Any] = {
            "token": token, "connect_link": f"{self.base_url}/sandbox/connect?session_token={token}",
            "expires_at": iso_ms(int(self._clock() * 1000) + SESSION_MS),
        }  # fmt: skip
        return nango_json(201, {"data": data})


def _wanted(connection: Connection, asked: Mapping[str, str]) -> bool:
    """The list's filters but for tags; no connection here has an end user."""
    if "endUserId" in asked or "endUserOrganizationId" in asked:
        return False
    if "integrationId" in asked and connection.integration not in asked["integrationId"].split(","):
        return False
    if asked.get("connectionId") not in (None, connection.connection_id):
        return False
    return asked.get("search", "").lower() in connection.connection_id.lower()
