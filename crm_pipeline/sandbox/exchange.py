"""A request and a reply as plain values, shared by every layer of the sandbox; no sockets, no rules of any API."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import unquote_plus

import orjson

JSON_TYPE = "application/json;charset=utf-8"
NO_HEADERS: Mapping[str, str] = {}


class Clock(Protocol):
    """Seconds since 1970. `time.time` in life, a settable one in tests."""

    def __call__(self) -> float: ...


@dataclass(slots=True)
class Request:
    """One HTTP request; header names in lower case, `query` undecoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def pairs(self) -> list[tuple[str, str]]:
        """The query's names and values, decoded, in order."""
        parts = (part.partition("=") for part in self.query.split("&") if part)
        return [(unquote_plus(name), unquote_plus(value)) for name, _, value in parts]


@dataclass(slots=True)
class Reply:
    """One HTTP answer; `chunked` says how the CRM framed it, which decides what Nango passes on."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    chunked: bool = False


def json_reply(
    status: int, value: object, headers: Mapping[str, str] = NO_HEADERS, content_type: str = JSON_TYPE
) -> Reply:
    """`value` as JSON."""
    return Reply(status, orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS), headers, content_type)


def iso_ms(milliseconds: int) -> str:
    """`2026-05-01T09:30:00.123Z` of milliseconds since 1970."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}Z"


def iso_seconds(milliseconds: int) -> str:
    """The same without milliseconds; CRMs mix both."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))


def first_repeated(pairs: Sequence[tuple[str, str]]) -> str | None:
    """The first query parameter that comes twice."""
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            return name
        seen.add(name)
    return None
