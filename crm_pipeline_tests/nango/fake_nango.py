"""A small real HTTP server that answers from a script, a clock that does not sleep, and builders for both."""

from __future__ import annotations

import gzip
import json
import socket
import socketserver
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any

from crm_pipeline.nango.client import NangoClient
from crm_pipeline.nango.limits import Clock, Rate, TokenBucket
from crm_pipeline.nango.retry import RetryPolicy

SECRET = "0f9d8c7b-6a5e-4d3c-8b2a-190807060504"
STEADY = RetryPolicy(chance=lambda: 0.0)
"""The product's policy without its dice: waits of 1, 2.8, 7.84, 21.95 and 60 seconds."""


class FakeClock:
    """Time that passes only by sleeping, so waits can be read off and cost nothing."""

    def __init__(self, start: datetime = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)) -> None:
        self.start = start
        self.passed = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.passed)

    def monotonic(self) -> float:
        return self.passed

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 3))
        self.passed += seconds


@dataclass(frozen=True)
class Seen:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    peer: int
    """The client's port: the same port means the same TCP connection."""


@dataclass(frozen=True)
class Reply:
    """An answer, and how it goes wrong on its way."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    chunked: bool = False
    stop_after: int | None = None
    """Send so many bytes of the body, then break the connection."""
    stall: threading.Event | None = None
    """Say nothing until this is set."""
    drip: float = 0.0
    """Seconds between single bytes."""
    drip_headers: bool = False
    raw: bytes | None = None
    """Sent instead of an HTTP answer."""


def json_reply(document: object, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(status, json.dumps(document).encode(), {"Content-Type": "application/json", **named})


def page(*ids: int) -> Reply:
    return json_reply({"results": [{"id": str(number)} for number in ids]})


def nango_error(status: int, code: str, message: str = "", **headers: str) -> Reply:
    return json_reply({"error": {"code": code, "message": message}}, status, **headers)


def gzipped(document: object) -> Reply:
    body = gzip.compress(json.dumps(document).encode())
    return Reply(200, body, {"Content-Type": "application/json", "Content-Encoding": "gzip"})


class FakeNango:
    """Answers each path from its own list of replies; the last one is repeated."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.seen: list[Seen] = []
        self._scripts: dict[str, list[Reply]] = {}
        self._answered: dict[str, int] = {}
        self._lock = threading.Lock()

    def on(self, path: str, *replies: Reply) -> FakeNango:
        self._scripts[path] = list(replies)
        return self

    def to(self, path: str) -> list[Seen]:
        return [request for request in self.seen if request.target.partition("?")[0] == path]

    def reply_to(self, request: Seen) -> Reply:
        path = request.target.partition("?")[0]
        with self._lock:
            self.seen.append(request)
            script = self._scripts.get(path)
            count = self._answered.get(path, 0)
            self._answered[path] = count + 1
        if script is None:
            return Reply(599, b"the test has no reply for this path")
        return script[min(count, len(script) - 1)]


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64
    fake: FakeNango

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        body = self.rfile.read(length)
        reply = self.server.fake.reply_to(Seen(self.command, self.path, headers, body, self.client_address[1]))
        if reply.stall is not None:
            reply.stall.wait(5)
        if reply.raw is not None:
            self.wfile.write(reply.raw)
            self.close_connection = True
            return
        self._send_head(reply)
        self._send_body(reply)

    do_GET = do_POST = do_DELETE = _answer

    def _send_head(self, reply: Reply) -> None:
        lines = [f"HTTP/1.1 {reply.status} Said"]
        lines += [f"{name}: {value}" for name, value in reply.headers.items()]
        if reply.chunked:
            lines.append("Transfer-Encoding: chunked")
        elif reply.status != 204 and "Content-Length" not in reply.headers:
            lines.append(f"Content-Length: {len(reply.body)}")
        head = "\r\n".join([*lines, "", ""]).encode()
        self._drip(head, reply.drip) if reply.drip_headers else self.wfile.write(head)

    def _send_body(self, reply: Reply) -> None:
        body = reply.body if reply.stop_after is None else reply.body[: reply.stop_after]
        if reply.chunked:
            for start in range(0, len(body), 7000):
                piece = body[start : start + 7000]
                self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        elif reply.drip and not reply.drip_headers:
            self._drip(body, reply.drip)
        else:
            self.wfile.write(body)
        if reply.stop_after is not None:
            self.wfile.flush()
            self._reset()
        elif reply.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def _drip(self, data: bytes, seconds: float) -> None:
        pause = threading.Event()
        for sign in data:
            self.wfile.write(bytes([sign]))
            self.wfile.flush()
            pause.wait(seconds)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


@contextmanager
def running() -> Iterator[FakeNango]:
    """The server, on a free port of this machine."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        server.fake = FakeNango(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever, args=(0.005,), daemon=True)
        thread.start()
        try:
            yield server.fake
        finally:
            server.shutdown()
            thread.join(5)


def a_client(nango: FakeNango, clock: Clock | None = None, **options: Any) -> NangoClient:
    options.setdefault("policy", STEADY)
    return NangoClient(host=nango.url, secret_key=SECRET, clock=clock or FakeClock(), **options)


def a_bucket(clock: FakeClock, per_second: float = 2.0, burst: int = 1) -> TokenBucket:
    return TokenBucket(Rate(per_second, burst), clock=clock)
