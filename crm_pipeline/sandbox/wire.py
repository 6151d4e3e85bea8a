"""Sockets and framing: HTTP/1.1 with keep-alive by hand, and answers mangled the way a fault wants them."""

from __future__ import annotations

import gzip
import socket
import struct
import sys
import threading
import time
import zlib
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from socketserver import StreamRequestHandler
from typing import Any

from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.fault_answers import Answer

LONGEST_LINE, MOST_HEADERS = 65_536, 100
REASONS = {status.value: status.phrase for status in HTTPStatus}
Answering = Callable[[Request], tuple[Reply, Answer | None]]
"""One request to its reply, and how that is to be mangled on the wire."""


class Server(ThreadingHTTPServer):
    """A thread per connection. Port 0 takes a free one; see `server_address`."""

    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], answering: Answering) -> None:
        self.answering = answering
        self._clients: set[socket.socket] = set()
        self._clients_lock = threading.Lock()
        super().__init__(address, _Handler)

    def server_bind(self) -> None:
        """Without the name look-up of the standard class, which can wait for a network."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def remember(self, client: socket.socket) -> None:
        with self._clients_lock:
            self._clients.add(client)

    def forget(self, client: socket.socket) -> None:
        with self._clients_lock:
            self._clients.discard(client)

    def close_clients(self) -> None:
        """End kept-alive connections, so that no thread outlives the server."""
        with self._clients_lock:
            clients = list(self._clients)
        for client in clients:
            try:
                client.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is no news; anything else is."""
        error = sys.exception()
        if not isinstance(error, ConnectionError | TimeoutError | BrokenPipeError):
            super().handle_error(request, client_address)


class _Handler(StreamRequestHandler):
    """HTTP/1.1 with keep-alive, one write per answer. Header parsing is by hand: it is most of the cost of a call."""

    server: Server
    disable_nagle_algorithm = True
    rbufsize = 65_536

    def handle(self) -> None:
        self.server.remember(self.connection)
        try:
            while self._one():
                pass
        except ConnectionError:
            return  # the client went away
        finally:
            self.server.forget(self.connection)

    def _one(self) -> bool:
        try:
            request = self._read()
        except ValueError:
            self._refuse(400)
            return False
        if request is None:
            return False
        reply, fault = self.server.answering(request)
        keep = request.headers.get("connection", "").lower() != "close"
        if fault is not None:
            return _Mangler(self.connection, fault).send(request, reply, keep)
        self.connection.sendall(_framed(reply, keep, without_body=request.method == "HEAD"))
        return keep

    def _read(self) -> Request | None:
        line = self.rfile.readline(LONGEST_LINE + 1)
        parts = line.decode("latin-1").split()
        if len(parts) != 3:
            if line.strip():
                self._refuse(400 if len(line) <= LONGEST_LINE else 414)
            return None
        headers: dict[str, str] = {}
        while (raw := self.rfile.readline(LONGEST_LINE + 1)) not in (b"\r\n", b"\n", b""):
            name, _, value = raw.decode("latin-1").partition(":")
            headers[name.strip().lower()] = value.strip()
            if len(raw) > LONGEST_LINE or len(headers) > MOST_HEADERS:
                self._refuse(431)
                return None
        path, _, query = parts[1].partition("?")
        body = self._body(headers)
        return None if body is None else Request(parts[0].upper(), path, query, headers, body)

    def _body(self, headers: Mapping[str, str]) -> bytes | None:
        if headers.get("expect", "").lower() == "100-continue":
            self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", "").lower():
            return self._chunks()
        length = headers.get("content-length", "0")
        if not length.isdigit():
            self._refuse(400)
            return None
        return self.rfile.read(int(length)) if length != "0" else b""

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(LONGEST_LINE).split(b";")[0] or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline(LONGEST_LINE)
        while self.rfile.readline(LONGEST_LINE) not in (b"\r\n", b"\n", b""):
            pass
        return b"".join(parts)

    def _refuse(self, status: int) -> None:
        self.connection.sendall(_framed(Reply(status, content_type="text/plain"), keep=False))


class _Mangler:
    """Sends one answer the way a fault wants it on the wire."""

    def __init__(self, client: socket.socket, fault: Answer) -> None:
        self._client, self._fault = client, fault

    def send(self, request: Request, reply: Reply, keep: bool) -> bool:
        """True when the connection can be used again."""
        fault = self._fault
        time.sleep(fault.delay + fault.hang)
        if fault.hang:
            return False
        if fault.bomb or fault.gzip:
            packed = _bomb(fault.bomb) if fault.bomb else gzip.compress(reply.body, mtime=0)
            reply = Reply(
                reply.status, packed, {**reply.headers, "Content-Encoding": "gzip"}, reply.content_type, reply.chunked
            )
        whole = _framed(reply, keep, without_body=request.method == "HEAD")
        if fault.cut_at is None and not fault.reset:
            self._write(whole)
            return keep
        head = whole.index(b"\r\n\r\n") + 4
        self._write(whole[: head + fault.cut_at] if fault.cut_at is not None else b"")
        if fault.reset:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            time.sleep(0.02)
            self._client.close()
        return False

    def _write(self, data: bytes) -> None:
        if not self._fault.drip:
            self._client.sendall(data)
            return
        head = data.index(b"\r\n\r\n") + 4
        self._client.sendall(data[:head])
        for place in range(head, len(data)):
            self._client.sendall(data[place : place + 1])
            time.sleep(self._fault.drip)


def _framed(reply: Reply, keep: bool, *, without_body: bool = False) -> bytes:
    """The whole answer as one run of bytes."""
    lines = [f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}"]
    body = reply.body
    if body or reply.status not in (204, 304):
        lines.append(f"Content-Type: {reply.content_type}")
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    if reply.chunked and reply.status != 204:
        lines.append("Transfer-Encoding: chunked")
        half = len(body) // 2
        body = (
            b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in (body[:half], body[half:]) if part) + b"0\r\n\r\n"
        )
    elif reply.status != 204:
        lines.append(f"Content-Length: {len(body)}")
    if not keep:
        lines.append("Connection: close")
    head = "\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n"
    return head if without_body else head + body


def _bomb(size: int) -> bytes:
    """gzip of a JSON string of `size` blanks, made without holding them."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block, parts = b" " * 2**20, []
    parts.append(packer.compress(b'{"results":[],"filler":"'))
    for start in range(0, size, len(block)):
        parts.append(packer.compress(block[: size - start]))
    parts.append(packer.compress(b'"}'))
    parts.append(packer.flush())
    return b"".join(parts)
