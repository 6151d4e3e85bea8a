"""How HighLevel refuses: `{statusCode, message, error, traceId}`, where a 422 has a list of messages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from crm_pipeline.sandbox.exchange import Reply, json_reply

NO_VERSION = "version header was not found."
BAD_VERSION = "version header is invalid."
BAD_TOKEN, EXPIRED_TOKEN = "Invalid JWT", "The access token is invalid or has expired."
NO_SCOPE = "The token is not authorized for this scope."
WRONG_CLASS = "This authClass type is not allowed to access this scope. Please reach out to support."
OTHER_LOCATION = "The token does not have access to this location."
TOO_MANY = "Too Many Requests"
NAMES: Mapping[int, str] = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found", 415: "Unsupported Media Type",
    422: "Unprocessable Entity", 429: "Too Many Requests", 500: "Internal Server Error", 501: "Not Implemented",
}  # fmt: skip


class Refused(Exception):
    """An answer in HighLevel's error shape."""

    def __init__(self, status: int, message: str | list[str]) -> None:
        super().__init__(str(message))
        self.status, self.message = status, message


def error_body(status: int, message: str | list[str]) -> dict[str, Any]:
    """The body of a refusal."""
    return {"statusCode": status, "message": message, "error": NAMES[status], "traceId": str(uuid.uuid4())}


def error_reply(status: int, message: str | list[str]) -> Reply:
    """A refusal on its way out."""
    return json_reply(status, error_body(status, message))


def unknown_keys(found: Mapping[str, Any], known: frozenset[str]) -> list[str]:
    """HighLevel's words for each key that a body or query may not have."""
    return [f"property {name} should not exist" for name in sorted(found.keys() - known)]
