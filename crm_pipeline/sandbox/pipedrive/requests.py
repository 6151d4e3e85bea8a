"""How Pipedrive reads requests and refuses them; version 2 of its API validates strictly.

https://pipedrive.readme.io/docs/core-api-concepts-http-status-codes
"""

from __future__ import annotations

import base64
import binascii
import calendar
import re
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, first_repeated, json_reply

MOST_LIMIT, DEFAULT_LIMIT, MOST_IDS = 500, 100, 100
WHOLE = re.compile(r"[0-9]{1,15}", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
DIRECTIONS = ("asc", "desc")


class Refused(Exception):
    """An answer in Pipedrive's error envelope."""

    def __init__(self, status: int, error: str, info: str | None = None, **more: Any) -> None:
        super().__init__(error)
        self.status, self.error, self.info, self.more = status, error, info, more


class Cursor(NamedTuple):
    """The keyset behind a page: the last row's value of the sort field, and its id."""

    value: Any
    id: int


def error_body(error: str, info: str | None = None, **more: Any) -> dict[str, Any]:
    """Pipedrive's envelope of a refusal."""
    return {"success": False, "error": error, "error_info": info, "data": None, "additional_data": None, **more}


def error_reply(refusal: Refused) -> Reply:
    """The envelope with its status."""
    return json_reply(refusal.status, error_body(refusal.error, refusal.info, **refusal.more))


def invalid(name: str, rule: str) -> Refused:
    """400 with the text of the validation."""
    return Refused(400, f"Validation failed: {name}: {rule}")


def parameters(request: Request, known: frozenset[str], unserved: frozenset[str] = frozenset()) -> dict[str, str]:
    """The query; unknown and repeated parameters are refused, so that a test meets a typing error early."""
    pairs = request.pairs()
    if (repeated := first_repeated(pairs)) is not None:
        raise invalid(repeated, "may be given only once")
    for name, _ in pairs:
        if name in unserved:
            raise Refused(501, f"This sandbox does not serve the parameter {name}")
        if name not in known:
            raise invalid(name, "unknown parameter")
    return dict(pairs)


def number(asked: Mapping[str, str], name: str) -> int | None:
    """An integer filter."""
    text = asked.get(name)
    if text is None:
        return None
    if not WHOLE.fullmatch(text):
        raise invalid(name, "must be a number")
    return int(text)


def limit_of(asked: Mapping[str, str]) -> int:
    """`limit`, from 1 to 500."""
    limit = number(asked, "limit")
    if limit is not None and not 1 <= limit <= MOST_LIMIT:
        raise invalid("limit", f"must be between 1 and {MOST_LIMIT}")
    return DEFAULT_LIMIT if limit is None else limit


def flag(asked: Mapping[str, str], name: str) -> bool:
    """A parameter that is `true` or `false` and nothing else, absent for false."""
    text = asked.get(name, "false")
    if text not in ("true", "false"):
        raise invalid(name, "must be a boolean")
    return text == "true"


def one_of(asked: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    """A parameter with a list of possible values, the first of them when absent."""
    text = asked.get(name, choices[0])
    if text not in choices:
        raise invalid(name, f"must be one of {', '.join(choices)}")
    return text


def names(asked: Mapping[str, str], name: str, known: frozenset[str], most: int | None = None) -> tuple[str, ...]:
    """The parts of a comma list, each of them known."""
    text = asked.get(name)
    parts = tuple(text.split(",")) if text is not None else ()
    for part in parts:
        if part not in known:
            raise invalid(name, f"unknown field {part!r}")
    if most is not None and len(parts) > most:
        raise invalid(name, f"at most {most} fields")
    return parts


def ids_of(asked: Mapping[str, str]) -> frozenset[int] | None:
    """`ids`, at most a hundred numbers separated by commas."""
    text = asked.get("ids")
    if text is None:
        return None
    parts = text.split(",")
    if len(parts) > MOST_IDS:
        raise invalid("ids", f"at most {MOST_IDS} ids")
    if not all(WHOLE.fullmatch(part) for part in parts):
        raise invalid("ids", "must be numbers separated by commas")
    return frozenset(map(int, parts))


def moment(asked: Mapping[str, str], name: str) -> int | None:
    """Milliseconds of `2026-08-14T15:55:10Z`; a fraction of a second or a blank for the T is refused."""
    text = asked.get(name)
    if text is None:
        return None
    try:
        if not MOMENT.fullmatch(text):
            raise ValueError
        return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%SZ")) * 1000
    except ValueError:
        raise invalid(name, "must be a date-time as of RFC 3339") from None


def seal(field: str, direction: str, cursor: Cursor) -> str:
    """An opaque marker: base64 of a small keyset."""
    keyset = {"field": field, "fieldValue": cursor.value, "sortDirection": direction, "id": cursor.id}
    return base64.urlsafe_b64encode(orjson.dumps(keyset)).decode().rstrip("=")


def unseal(text: str | None, field: str, direction: str) -> Cursor | None:
    """The keyset of a marker, which must be one of the same list and order."""
    if text is None:
        return None
    try:
        keyset = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        found = Cursor(keyset["fieldValue"], keyset["id"])
        if (keyset["field"], keyset["sortDirection"], type(found.id)) == (field, direction, int):
            return found
    except (binascii.Error, ValueError, KeyError, TypeError):
        pass
    raise invalid("cursor", "is not a valid cursor")
