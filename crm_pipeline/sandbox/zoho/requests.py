"""What Zoho checks in a request before it answers, and how it words a refusal.

https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, first_repeated, json_reply

PAGE_LIMIT, FIELD_LIMIT, LAST_PAGE = 200, 50, 10
TOKEN_SECONDS = 86_400


class Refused(Exception):
    """An error answer: `{"code", "details", "message", "status": "error"}`."""

    def __init__(self, status: int, code: str, message: str, **details: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.details = status, code, message, details

    def reply(self) -> Reply:
        """The refusal as Zoho sends it."""
        body = {"code": self.code, "details": self.details, "message": self.message, "status": "error"}
        return json_reply(self.status, body)


def bad_parameter(name: str, message: str = "the value is not valid") -> Refused:
    """400 INVALID_DATA about one query parameter."""
    return Refused(400, "INVALID_DATA", message, param_name=name)


def unserved(what: str) -> Refused:
    """501 for what Zoho documents and this sandbox has not."""
    return Refused(501, "NOT_SERVED", f"the sandbox does not serve {what}")


def asked(request: Request, known: frozenset[str], documented: frozenset[str] = frozenset()) -> dict[str, str]:
    """The query, refused when a name is unknown or comes twice."""
    pairs = request.pairs()
    repeated = first_repeated(pairs)
    if repeated is not None:
        raise bad_parameter(repeated, "the parameter is given twice")
    for name, _ in pairs:
        if name in documented:
            raise unserved(f"the parameter {name}")
        if name not in known:
            raise bad_parameter(name, "the parameter is not known")
    return dict(pairs)


def page_size(query: Mapping[str, str]) -> int:
    """`per_page`, from 1 to 200."""
    return whole_number(query, "per_page", PAGE_LIMIT, PAGE_LIMIT)


def whole_number(query: Mapping[str, str], name: str, default: int, most: int) -> int:
    """A whole number from 1 to `most`."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise bad_parameter(name, f"it must be from 1 to {most}")
    return int(text)


def one_of(query: Mapping[str, str], name: str, *choices: str) -> str:
    """A parameter with few values, the first one when absent."""
    value = query.get(name, choices[0])
    if value not in choices:
        raise bad_parameter(name, f"it must be one of {', '.join(choices)}")
    return value


def since_ms(request: Request) -> int | None:
    """`If-Modified-Since`: ISO 8601 with an offset, whole seconds, inclusive."""
    text = request.headers.get("if-modified-since")
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Refused(400, "INVALID_DATA", "the header is no date with an offset", header="If-Modified-Since")
    return int(moment.timestamp()) * 1000


def signature(request: Request, query: Mapping[str, str]) -> str:
    """What a page token is bound to: every other parameter, and the header."""
    same = sorted((name, value) for name, value in query.items() if name != "page_token")
    text = repr((request.path, same, request.headers.get("if-modified-since")))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def make_token(signed: str, after: tuple[Any, ...], rows: int, now: int) -> str:
    """An opaque token for what lies behind `after`; `rows` counts those before it in the chain."""
    return base64.urlsafe_b64encode(orjson.dumps([signed, list(after), rows, now])).decode()


def read_token(token: str, signed: str, now: int) -> tuple[tuple[Any, ...], int]:
    """Where to go on, and the rows before; refused when it is another request's, stale, or no token."""
    try:
        bound, after, rows, made = orjson.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):
        raise bad_parameter("page_token") from None
    if bound != signed:
        raise Refused(400, "TOKEN_BOUND_DATA_MISMATCH", "the page token belongs to another request")
    if now - made > TOKEN_SECONDS:
        raise Refused(400, "EXPIRED_VALUE", "the page token has expired", param_name="page_token")
    return tuple(after), rows


def json_object(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    try:
        value = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise Refused(400, "INVALID_REQUEST", "unable to process your request. please verify the body")
    return value
