"""The API and the page on a free port, and somebody who calls them."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import uvicorn

from crm_pipeline.settings import Settings
from crm_pipeline.web.app import create_app
from crm_pipeline.web.serving import listening

TIMEOUT = 120.0
DEAD = "http://127.0.0.1:1"


@dataclass(frozen=True, slots=True)
class Got:
    """An answer; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    @property
    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def error(self) -> Mapping[str, str]:
        """The published error; anything beside it fails."""
        document = self.json
        assert set(document) == {"success", "error"}, document
        assert document["success"] is False
        assert set(document["error"]) == {"code", "message", "action"}
        assert all(document["error"].values()), document
        return dict(document["error"])


@dataclass(slots=True)
class Api:
    """Calls of one server; a connection each, as of many clients."""

    port: int
    token: str | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __call__(self, method: str, target: str, body: object = None, **headers: str | None) -> Got:
        """Header names with `_` for `-`; None leaves one out."""
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        data = body if isinstance(body, bytes) else None if body is None else orjson.dumps(body)
        if data is not None:
            sent["Content-Type"] = "application/json"
        for name, value in headers.items():
            sent.pop(name.replace("_", "-"), None)
            if value is not None:
                sent[name.replace("_", "-")] = value
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            line.request(method, target, body=data, headers=sent)
            answer = line.getresponse()
            found = {name.lower(): value for name, value in answer.getheaders()}
            return Got(answer.status, found, answer.read())
        finally:
            line.close()

    def get(self, target: str, **headers: str | None) -> Got:
        return self("GET", target, **headers)

    def post(self, target: str, body: object, **headers: str | None) -> Got:
        return self("POST", target, body, **headers)


@contextmanager
def served(settings: Settings) -> Iterator[Api]:
    """A server in a thread of this process, as `crm-pipeline serve` makes it."""
    app = create_app(settings)
    with listening("127.0.0.1", 0) as sock:
        port = sock.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", proxy_headers=False, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]}, daemon=True)
        thread.start()
        try:
            wait_until(lambda: server.started)
            yield Api(port, settings.api_token.reveal() if settings.api_token else None)
        finally:
            server.should_exit = True
            thread.join(20)


def settings_of(folder: Path, environment: Mapping[str, str], **more: str) -> Settings:
    """The settings that an environment makes, over a DuckDB file in the folder unless it names another store."""
    store = {"CRM_WAREHOUSE": f"duckdb:///{folder / 'crm.duckdb'}", "CRM_DATA_DIR": str(folder / "data")}
    return Settings.from_environment(store | {"CRM_DAGSTER_URL": DEAD} | dict(environment) | more, folder / "none.env")


def wait_until(is_so: Any, seconds: float = 60.0) -> None:
    """Look again and again; fails after that time."""
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "it never came to be so"
        time.sleep(0.05)
