"""How these tests call the sandbox: plain `http.client` against the real server, and the clock they set by hand."""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from crm_pipeline.sandbox.server import Sandbox

START = 1_790_000_000.0
"""September 2026, after everything that was generated."""


class SetClock:
    """Seconds since 1970 that stand still until moved."""

    def __init__(self, now: float = START) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class Got:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)


class Caller:
    """Calls of one account's connection (`crm_*`), of Nango itself (`nango`), and of the control routes (`control`)."""

    def __init__(self, sandbox: Sandbox, account: str = "acme") -> None:
        self.sandbox = sandbox
        self.connection_id = sandbox.book.of_account(account)[0].connection_id
        self._line = http.client.HTTPConnection("127.0.0.1", sandbox.port, timeout=10)

    def close(self) -> None:
        self._line.close()

    def call(self, method: str, target: str, body: object = None, headers: Mapping[str, str] | None = None) -> Got:
        sent = dict(headers or {})
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        if data is not None:
            sent.setdefault("Content-Type", "application/json")
        self._line.request(method, target, body=data, headers=sent)
        answer = self._line.getresponse()
        return Got(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())

    def nango(self, method: str, target: str, body: object = None, key: str | None = None, **headers: str) -> Got:
        authorization = {"Authorization": f"Bearer {key or self.sandbox.secret_key}"}
        return self.call(method, target, body, authorization | headers)

    def crm(self, method: str, path: str, body: object = None, query: object = None, **headers: str) -> Got:
        """Through the proxy; header names with `_` for `-`."""
        asked = f"?{urlencode(query)}" if query else ""  # type: ignore[arg-type]
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        address = {"Connection-Id": self.connection_id, "Provider-Config-Key": "hubspot"}
        return self.nango(method, f"/proxy{path}{asked}", body, None, **(address | named))

    def contacts(self, **query: object) -> Got:
        return self.crm("GET", "/crm/v3/objects/contacts", query=query)

    def search(self, **body: object) -> Got:
        return self.crm("POST", "/crm/v3/objects/contacts/search", body)

    def control(self, method: str, path: str, body: object = None) -> Got:
        return self.call(method, f"/sandbox/{path}", body)

    def pages(self, **query: object) -> Iterator[list[dict[str, Any]]]:
        """Every page of the contact list."""
        after: str | None = None
        while True:
            answer = self.contacts(**query, **({"after": after} if after else {})).json
            yield answer["results"]
            after = answer.get("paging", {}).get("next", {}).get("after")
            if after is None:
                return

    def everyone(self, **query: object) -> list[dict[str, Any]]:
        return [contact for page in self.pages(limit=100, **query) for contact in page]


@contextmanager
def a_sandbox(contacts: int = 40, **settings: Any) -> Iterator[Caller]:
    """A running sandbox and a caller of acme's connection."""
    with Sandbox(contacts=contacts, **settings) as sandbox:
        caller = Caller(sandbox)
        try:
            yield caller
        finally:
            caller.close()


def where(name: str, operator: str, value: object = None, **more: object) -> dict[str, object]:
    """One search filter in its group."""
    item = {"propertyName": name, "operator": operator, **({} if value is None else {"value": value}), **more}
    return {"filterGroups": [{"filters": [item]}]}
