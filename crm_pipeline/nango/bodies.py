"""Reading bodies: JSON with the keys a caller needs, and what may be said about a body in a message.

Messages are read by people and kept in logs, so a body's contents never reach them beyond a short masked sample.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

SAMPLE_CHARACTERS = 200

_BOM = b"\xef\xbb\xbf"
_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_LONE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")
_TAG = re.compile(r"<(script|style)\b.*?(</\1\s*>|$)|<[^>]*>?", re.DOTALL | re.IGNORECASE)
_PRIVATE = re.compile(
    r"(?P<uuid>\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b)"
    r"|(?P<path>(?<![\w.+/=~-])(?:/(?:[a-z_]+|v\d{1,3}(?:\.\d)?))+(?![\w.+/=~-]))"
    r"|(?P<mail>[^\s<>\"'=:,;()]+@[^\s<>\"',;()]+)"
    r"|(?P<named>\b\w*(?:token|secret|password|passwd|api_?key|authorization|cookie|credential)\w*[\"']?\s*[:=]\s*[\"']?)"
    r"(?:Bearer\s+|Basic\s+)?[^\s\"',;&}]+"
    r"|(?P<bearer>\b(?:Bearer|Basic)\s+)[^\s\"',;]+"
    r"|(?P<opaque>nango_connect_session_\w+"
    r"|(?<![\w-])(?=[\w-]*\d)[\w-]{28,}(?:[.=/+~][\w-]*)*"
    r"|(?<![\w.+/=~-])(?=[\w.+/=~-]*\d)(?-i:(?=[\w.+/=~-]*[A-Z]))[\w.+/=~-]{20,})"
    r"|(?P<phone>(?<![\w.])[+(]?\d(?:[\d\s().\-/]{5,}\d))",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class BadBody:
    """Why a body is not what was asked for, ready to follow "answered 200: "."""

    text: str


def read_json(body: bytes) -> Any:
    """The JSON in a body; ValueError when it is not exactly one JSON document in UTF-8.

    A byte order mark is skipped. Half a surrogate pair, which some CRMs leave when they cut a text inside an emoji,
    becomes U+FFFD: valid JSON by the grammar, yet no Unicode text, and it would make a whole page unreadable.
    """
    text = body[3:] if body.startswith(_BOM) else body
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        if not _LONE_SURROGATE.search(text):
            raise
        return orjson.loads(_ESCAPE.sub(_whole_character, text))


def _whole_character(match: re.Match[bytes]) -> bytes:
    escape = match[0]
    return rb"\ufffd" if len(escape) == 6 and _LONE_SURROGATE.fullmatch(escape) else escape


def read_object(body: bytes, required: Sequence[str]) -> dict[str, Any] | BadBody:
    """The body as a JSON object that has every one of the `required` keys."""
    try:
        document = read_json(body)
    except ValueError:
        return BadBody(describe(body))
    if isinstance(document, dict) and all(key in document for key in required):
        return document
    return BadBody(describe_document(document, required))


def describe(body: bytes) -> str:
    """What kind of thing a body that is not JSON is; only a page or plain text is quoted, never half a record."""
    start = body.removeprefix(_BOM).lstrip()[:1]
    if not start:
        return "an empty body"
    if start == b"<":
        return f"an HTML or XML page: {safe_text(body)!r}"
    if start in b'{["':
        return f"cut or damaged JSON ({len(body)} bytes)"
    return f"no JSON: {safe_text(body)!r}"


def describe_document(document: object, required: Sequence[str]) -> str:
    """Which keys were found, and the words of an error; no values of records."""
    if not isinstance(document, dict):
        kind = "a JSON list" if isinstance(document, list) else f"the JSON value {safe_text(orjson.dumps(document))}"
        return f"{kind} instead of an object"
    missing = ", ".join(key for key in required if key not in document)
    keys = safe_text(", ".join(list(document)[:20])) or "none"
    said = error_words(document)
    return f"a JSON object without {missing} (its keys: {keys})" + (f": {said}" if said else "")


def error_words(document: object) -> str:
    """What an error body says about itself, masked; empty when it says nothing in a place we know."""
    if isinstance(document, list):
        return error_words(document[0]) if document else ""
    if not isinstance(document, dict):
        return ""
    error = document.get("error")
    if isinstance(error, dict) and (words := error_words(error)):
        return words
    for key in ("message", "error_description", "error_info", "error", "code"):
        value = document.get(key)
        if isinstance(value, str) and value.strip():
            return safe_text(value)
        if isinstance(value, list) and value and isinstance(value[0], str):
            return safe_text(", ".join(str(item) for item in value))
    return ""


def safe_text(text: str | bytes) -> str:
    """At most 200 characters that may stand in a message.

    No markup, no control or invisible characters; addresses, phone numbers, and anything like a secret are masked.
    UUIDs stay: CRMs name a request by one, and their support asks for it. So do paths of words and a version.
    """
    whole = text[: SAMPLE_CHARACTERS * 40].decode("utf-8", "replace") if isinstance(text, bytes) else text
    plain = _TAG.sub(" ", whole[: SAMPLE_CHARACTERS * 40])
    visible = "".join(" " if unicodedata.category(sign)[0] in "CZ" else sign for sign in plain)
    masked = _PRIVATE.sub(_mask, " ".join(visible.split())[: SAMPLE_CHARACTERS * 10])
    return masked if len(masked) <= SAMPLE_CHARACTERS else masked[: SAMPLE_CHARACTERS - 1] + "…"


def _mask(match: re.Match[str]) -> str:
    if kept := match["uuid"] or match["path"]:
        return kept
    if match["mail"]:
        return "[e-mail]"
    if match["phone"]:
        return "[number]"
    return (match["named"] or match["bearer"] or "") + "[secret]"
