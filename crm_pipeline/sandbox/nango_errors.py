"""Nango's own error shapes, and how it reads queries and bodies of its API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, first_repeated, json_reply

NANGO_TYPE = "application/json; charset=utf-8"
TAG_PARAMETER = re.compile(r"tags\[(.+)\]")
TAG_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./-]{0,63}")
MOST_TAGS, LONGEST_TAG = 10, 255


class NangoError(Exception):
    """`{"error": {"code", "message", ...}}`; `headers` go with it."""

    def __init__(
        self, status: int, code: str, message: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.more = status, code, message, more
        self.headers = headers or {}

    def reply(self) -> Reply:
        body = {"error": {"code": self.code, "message": self.message, **self.more}}
        return json_reply(self.status, body, self.headers, NANGO_TYPE)


def nango_json(status: int, value: object) -> Reply:
    """A good answer of Nango's own API."""
    return json_reply(status, value, content_type=NANGO_TYPE)


def invalid(code: str, path: str, message: str) -> NangoError:
    """A validation error with its one place."""
    return NangoError(
        400, code, "Validation failed", errors=[{"code": "invalid", "message": message, "path": path.split(".")}]
    )


def read_query(request: Request, known: frozenset[str], *, tags: bool = False) -> dict[str, str]:
    """The query; unknown keys are refused."""
    pairs = request.pairs()
    repeated = first_repeated(pairs)
    if repeated is not None:
        raise invalid("invalid_query_params", repeated, "Expected string, received array")
    for name, _ in pairs:
        if name not in known and not (tags and TAG_PARAMETER.fullmatch(name)):
            raise invalid("invalid_query_params", name, f"Unrecognized key: {name}")
    return dict(pairs)


def read_whole(asked: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A number of the query within its bounds."""
    text = asked.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or not least <= int(text[:12]) <= most:
        raise invalid("invalid_query_params", name, f"Expected a number from {least} to {most}")
    return int(text)


def read_body(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object and say so."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise NangoError(415, "invalid_content_type", "Content-Type must be application/json")
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise NangoError(400, "invalid_json", "The body is not valid JSON") from None
    if not isinstance(value, dict):
        raise invalid("invalid_body", "", "Expected object")
    return value


def read_tags(value: Any) -> dict[str, str]:
    """Tags of a connection or session: at most ten, names in lower case, values of 1 to 255 characters."""
    if not isinstance(value, dict) or len(value) > MOST_TAGS:
        raise invalid("invalid_body", "tags", f"Expected an object of at most {MOST_TAGS} tags")
    for name, text in value.items():
        if not TAG_NAME.fullmatch(name) or not isinstance(text, str) or not 1 <= len(text) <= LONGEST_TAG:
            raise invalid("invalid_body", "tags", f"{name} is not a valid tag")
    return {name.lower(): text for name, text in value.items()}
