"""One HTTP exchange with Nango over kept-alive connections, inside hard bounds of time and size.

No retry, no redirect, no reading of what the answer means. The only module that touches the HTTP library.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.util import Timeout, parse_url

from crm_pipeline.errors import ConfigError
from crm_pipeline.nango.limits import Clock, Timeouts

CHUNK = 256 * 1024
"""Bytes asked of the socket, and inflated, at a time."""

_AUTO_GZIP = zlib.MAX_WBITS | 32


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """What came back, inflated; header names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """Why nothing usable came back. `kind`: unreachable, certificate, slow, cut, too_large, unreadable."""

    kind: str
    text: str


class Transport:
    """The connection pool to one Nango host; thread safe."""

    def __init__(self, host: str, *, timeouts: Timeouts, clock: Clock, max_body_bytes: int) -> None:
        self._prefix, self._pool = _open_pool(host, timeouts)
        self._pool.ConnectionCls = _bounded(self._pool, timeouts, clock)
        self._max_body_bytes = max_body_bytes

    def send(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> RawAnswer | NoAnswer:
        """One request; `target` is the encoded path and query, starting with a slash."""
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + target,
                body=body,
                headers=headers,
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            return _why(error)
        return self._read(response)

    def close(self) -> None:
        """Close the kept-alive connections."""
        self._pool.close()

    def _read(self, response: urllib3.BaseHTTPResponse) -> RawAnswer | NoAnswer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        complete = False
        try:
            outcome = _read_body(response, headers.get("content-encoding", ""), self._max_body_bytes)
            complete = isinstance(outcome, bytes)
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
            return _why(error)
        finally:
            if not complete:
                response.close()  # unread bytes would be taken for the next answer
            response.release_conn()
        return RawAnswer(response.status, headers, outcome) if isinstance(outcome, bytes) else outcome


def _open_pool(host: str, timeouts: Timeouts) -> tuple[str, HTTPConnectionPool]:
    """The pool, and the path that every request starts with; `host` may carry one, as self-hosted set-ups do."""
    try:
        url = parse_url(host)
    except urllib3.exceptions.LocationParseError:
        url = parse_url("")
    if url.scheme not in ("http", "https") or not url.host or url.auth or url.query or url.fragment:
        raise ConfigError("invalid_setting", "NANGO_HOST must be an address such as https://api.nango.dev, no more")
    options: dict[str, Any] = {
        "port": url.port,
        "maxsize": 32,
        "timeout": Timeout(connect=timeouts.connect, read=timeouts.read),
    }
    name = url.host.strip("[]")
    kind = HTTPSConnectionPool if url.scheme == "https" else HTTPConnectionPool
    return (url.path or "").rstrip("/"), kind(name, **options)


def _read_body(response: urllib3.BaseHTTPResponse, encoding: str, limit: int) -> bytes | NoAnswer:
    """The whole body, inflated; given up as soon as it passes `limit` bytes, whatever was announced."""
    if encoding.lower() not in ("", "identity", "gzip", "x-gzip", "deflate"):
        return NoAnswer("unreadable", f"is encoded as {encoding[:20]!r}, which was not asked for")
    inflate = _Inflater(limit) if encoding.lower() not in ("", "identity") else None
    pieces: list[bytes] = []
    size = 0
    while piece := response.read1(CHUNK):
        if inflate is not None:
            try:
                piece = inflate.feed(piece)
            except zlib.error:
                return NoAnswer("unreadable", "is damaged: its compressed bytes cannot be read")
        size += len(piece)
        if size > limit:
            return NoAnswer("too_large", f"is larger than {limit} bytes")
        pieces.append(piece)
    if inflate is not None and not inflate.complete:
        return NoAnswer("cut", "ended in the middle of its compressed body")
    return b"".join(pieces) if len(pieces) != 1 else pieces[0]


class _Inflater:
    """Inflates piece by piece, and makes at most one byte more than `limit`, so that a bomb cannot fill memory."""

    def __init__(self, limit: int) -> None:
        self._room = limit + 1
        self._decoder = zlib.decompressobj(_AUTO_GZIP)
        self._is_fresh = True

    @property
    def complete(self) -> bool:
        """The last stream reached its end, or there was no body at all."""
        return self._decoder.eof or self._is_fresh

    def feed(self, data: bytes) -> bytes:
        """What `data` holds; a gzip body may consist of several streams."""
        made: list[bytes] = []
        while data and self._room > 0:
            if self._decoder.eof:
                if not data.strip(b"\0"):  # padding after the last stream
                    break
                self._decoder = zlib.decompressobj(_AUTO_GZIP)
            self._is_fresh = False
            piece = self._decoder.decompress(data, self._room)
            self._room -= len(piece)
            made.append(piece)
            data = self._decoder.unused_data if self._decoder.eof else self._decoder.unconsumed_tail
        return b"".join(made)


class _Deadline(io.RawIOBase):
    """The socket as a stream that stops at a moment, so that neither headers nor a body can drip in for ever."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket, until: float, timeouts: Timeouts, clock: Clock) -> None:
        self._raw, self._sock, self._until, self._timeouts, self._clock = raw, sock, until, timeouts, clock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._until - self._clock.monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long in all")
        if left < self._timeouts.read:
            self._sock.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            self._raw.close()
        super().close()


def _bounded(pool: HTTPConnectionPool, timeouts: Timeouts, clock: Clock) -> type[HTTPConnection]:
    """The pool's kind of connection, its answers read through a `_Deadline` that starts when the request is sent."""

    def response(until: float, sock: socket.socket, *args: Any, **options: Any) -> http.client.HTTPResponse:
        made = http.client.HTTPResponse(sock, *args, **options)
        raw = made.fp.detach()
        made.fp = io.BufferedReader(_Deadline(raw, sock, until, timeouts, clock))
        return made

    base = HTTPSConnection if isinstance(pool, HTTPSConnectionPool) else HTTPConnection

    class Bounded(base):  # type: ignore[valid-type, misc]
        def request(self, *args: Any, **options: Any) -> None:
            self.response_class = partial(response, clock.monotonic() + timeouts.page)
            super().request(*args, **options)

    return Bounded


def _why(error: BaseException) -> NoAnswer:
    """The kind of failure, in words without addresses or header values."""
    exceptions = urllib3.exceptions
    if isinstance(error, exceptions.SSLError | ssl.SSLError):
        return NoAnswer("certificate", "could not be reached over a trusted TLS connection")
    if isinstance(error, exceptions.NewConnectionError | exceptions.ConnectTimeoutError):
        return NoAnswer("unreachable", "could not be reached: " + _connect_reason(error))
    if isinstance(error, exceptions.TimeoutError | TimeoutError):
        return NoAnswer("slow", "did not answer in time")
    return NoAnswer("cut", "broke off the connection before the answer was complete")


def _connect_reason(error: BaseException) -> str:
    if isinstance(error, urllib3.exceptions.NameResolutionError):
        return "its name is unknown"
    is_new = isinstance(error, urllib3.exceptions.NewConnectionError)
    return "the connection was refused" if is_new else "no answer to the connection attempt"
