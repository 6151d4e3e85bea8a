"""A stand-in for Dagster's webserver, for what real runs would take minutes to show: it queues runs and does nothing.

What the real one answers is tried in `test_dagster.py`.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import orjson

from crm_pipeline.web import dagster


class FakeDagster:
    """The runs that were asked for, newest first; a test sets their status."""

    def __init__(self) -> None:
        self.runs: list[dict[str, Any]] = []
        self.launched: list[dict[str, Any]] = []
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.has_code = True
        self.is_late = False
        """It starts what it is asked for, and its answer is lost."""
        self.delay = 0.0
        self.pause = 0.0
        """Seconds before runs are listed."""
        self.url = ""
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def add(self, status: str, **tags: str) -> str:
        """A run that somebody started."""
        with self._lock:
            run_id = f"run-{next(self._numbers)}"
            run = {
                "runId": run_id, "status": status, "creationTime": time.time(), "startTime": None, "endTime": None,
                "tags": [{"key": key, "value": value} for key, value in tags.items()],
            }  # fmt: skip
            self.runs.insert(0, run)
            return run_id

    def set(self, run_id: str, status: str) -> None:
        (run,) = [run for run in self.runs if run["runId"] == run_id]
        run["status"] = status

    def answer(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        if "repositoriesOrError" in query:
            jobs = [{"name": name} for name in (dagster.SYNC_JOB, dagster.PREVIEW_JOB, dagster.MANY_JOB)]
            node = {"name": "__repository__", "location": {"name": "code"}, "jobs": jobs if self.has_code else []}
            return {"repositoriesOrError": {"nodes": [node]}}
        if "launchRun" in query:
            time.sleep(self.delay)
            self.launched.append(variables)
            run_id = self.add("QUEUED", **{tag["key"]: tag["value"] for tag in variables["tags"]})
            if self.is_late:
                return {"launchRun": {"__typename": "UnauthorizedError", "message": "too late"}}
            return {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": run_id}}}
        if "runsOrError" in query:
            time.sleep(self.pause)
            return {"runsOrError": {"results": self._found(variables["filter"])}}
        if "runOrError" in query:
            events = self.events.get(variables["id"], [])
            return {"runOrError": {"eventConnection": {"cursor": "", "hasMore": False, "events": events}}}
        for run_id in variables["ids"]:
            self.set(run_id, "CANCELED")
        return {"terminateRuns": {"__typename": "TerminateRunsResult"}}

    def _found(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        tags = [(tag["key"], tag["value"]) for tag in wanted.get("tags", ())]
        statuses = wanted.get("statuses")
        return [
            run
            for run in self.runs
            if all({"key": key, "value": value} in run["tags"] for key, value in tags)
            and (statuses is None or run["status"] in statuses)
        ]


@contextmanager
def fake_dagster() -> Iterator[FakeDagster]:
    """On a free port."""
    fake = FakeDagster()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
            body = orjson.dumps({"data": fake.answer(asked["query"], asked["variables"])})
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
