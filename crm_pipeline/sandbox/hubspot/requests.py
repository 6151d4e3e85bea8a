"""How HubSpot reads requests and refuses them. https://developers.hubspot.com/docs/api-reference/error-handling"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, first_repeated, json_reply

BASE_URL = "https://api.hubapi.com"
BATCH_LIMIT = 100


class Refused(Exception):
    """An answer in HubSpot's error envelope."""

    def __init__(self, status: int, category: str, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.category, self.message, self.more = status, category, message, more


def error_reply(refusal: Refused) -> Reply:
    """HubSpot's envelope; 429 has its own shape, and no `Retry-After`."""
    correlation = str(uuid.uuid4())
    body: dict[str, Any] = {"status": "error", "message": refusal.message, "correlationId": correlation}
    if refusal.status == 429:
        body |= {"errorType": "RATE_LIMIT", "requestId": uuid.uuid4().hex}
    else:
        body["category"] = refusal.category
    return json_reply(refusal.status, body | refusal.more, {"X-HubSpot-Correlation-Id": correlation})


def parameters(request: Request, known: frozenset[str]) -> dict[str, str]:
    """The query; unknown and repeated parameters are refused, so that a test meets a typing error early."""
    pairs = request.pairs()
    repeated = first_repeated(pairs)
    if repeated is not None:
        raise Refused(400, "VALIDATION_ERROR", f"Parameter {repeated} may be given only once")
    for name, _ in pairs:
        if name not in known:
            raise Refused(400, "VALIDATION_ERROR", f"Unknown query parameter {name}")
    return dict(pairs)


def flag(asked: Mapping[str, str], name: str) -> bool:
    """A parameter that is `true` or `false`, absent for false."""
    text = asked.get(name, "false").lower()
    if text not in ("true", "false"):
        raise Refused(400, "VALIDATION_ERROR", f"{name} must be true or false")
    return text == "true"


def whole_limit(asked: Mapping[str, str], default: int, most: int) -> int:
    """`limit`, from 1 to `most`."""
    text = asked.get("limit", str(default))
    if not (text.isascii() and text.isdigit()) or not 1 <= int(text[:9]) <= most:
        raise Refused(400, "VALIDATION_ERROR", f"limit must be between 1 and {most}")
    return int(text)


def json_body(request: Request) -> Any:
    """The body, which must say that it is JSON."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refused(415, "VALIDATION_ERROR", "Unsupported Media Type")
    try:
        return orjson.loads(request.body)
    except orjson.JSONDecodeError as error:
        raise Refused(400, "VALIDATION_ERROR", f"Invalid input JSON: {error}") from None


def json_object(request: Request) -> dict[str, Any]:
    """The body, which must be a JSON object."""
    value = json_body(request)
    if not isinstance(value, dict):
        raise Refused(400, "VALIDATION_ERROR", "Invalid input JSON: expected an object")
    return value


def inputs(body: Mapping[str, Any]) -> list[str]:
    """The ids of a batch."""
    items = body.get("inputs")
    if not isinstance(items, list) or not 1 <= len(items) <= BATCH_LIMIT:
        raise Refused(400, "VALIDATION_ERROR", f"inputs must hold 1 to {BATCH_LIMIT} ids")
    if not all(isinstance(item, dict) and isinstance(item.get("id"), str) for item in items):
        raise Refused(400, "VALIDATION_ERROR", "each input needs an id as a string")
    return [item["id"] for item in items]


def texts(properties: Any) -> list[str]:
    """The texts in a list; nothing for anything else."""
    names: Iterable[Any] = properties if isinstance(properties, list) else []
    return [name for name in names if isinstance(name, str)]
