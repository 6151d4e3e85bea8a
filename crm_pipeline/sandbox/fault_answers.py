"""What a fault does to a call: the replacement or the damage, and a list of named ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import JSON_TYPE, Reply

HTML = "<!DOCTYPE html><html><head><title>One moment</title></head><body>We will be right back.</body></html>"


@dataclass(frozen=True, slots=True)
class Answer:
    """What to do to a call. Everything is off by default; parts combine.

    To replace the answer: `status`, with `body` (text as it is, anything else as JSON) and `headers`.
    To spoil the body, real or replaced: `patch` (merged into its JSON object, null deletes), `drop` (keys taken out),
    `cut_json` (it ends after so many bytes, Content-Length agrees), `encoding` (written in another), `chunked`.
    To spoil it on the wire: `gzip`; `bomb` (gzip of so many bytes of JSON); `delay` (seconds before the answer);
    `cut_at` (the connection ends after so many bytes of the promised body); `reset` (with a TCP reset); `drip` (seconds
    between single bytes); `hang` (seconds of silence, then the end).
    `again`: the answer that the matching call before this one got.
    `before`: changes to make in the CRM first, like `({"account": "acme", "action": "archive", "id": ...},)`.
    """

    at: str = "crm"
    status: int | None = None
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    patch: Mapping[str, Any] | None = None
    drop: tuple[str, ...] = ()
    cut_json: int | None = None
    gzip: bool = False
    bomb: int = 0
    encoding: str | None = None
    chunked: bool | None = None
    delay: float = 0.0
    hang: float = 0.0
    cut_at: int | None = None
    reset: bool = False
    drip: float = 0.0
    again: bool = False
    before: tuple[Mapping[str, Any], ...] = ()

    def reply(self) -> Reply | None:
        """The replacement, if this answer has one."""
        if self.status is None:
            return None
        body = b"" if self.body is None else _bytes(self.body)
        kind = next((value for name, value in self.headers.items() if name.lower() == "content-type"), "")
        headers = {name: value for name, value in self.headers.items() if name.lower() != "content-type"}
        guessed = "text/html" if body.lstrip().startswith(b"<") else JSON_TYPE
        return Reply(self.status, body, headers, kind or guessed, bool(self.chunked))

    def damage(self, reply: Reply) -> Reply:
        """The same reply with its body or framing spoilt."""
        body = reply.body
        if self.patch is not None or self.drop:
            body = _patched(body, self.patch or {}, self.drop)
        if self.cut_json is not None:
            body = body[: self.cut_json]
        if self.encoding is not None:
            body = body.decode(errors="replace").encode(self.encoding, "replace")
        chunked = reply.chunked if self.chunked is None else self.chunked
        return Reply(reply.status, body, reply.headers, reply.content_type, chunked)


def merge_patch(value: Any, patch: Any) -> Any:
    """RFC 7396: objects merge, null removes, everything else replaces."""
    if not isinstance(patch, Mapping):
        return patch
    merged = dict(value) if isinstance(value, dict) else {}
    for name, part in patch.items():
        if part is None:
            merged.pop(name, None)
        else:
            merged[name] = merge_patch(merged.get(name), part)
    return merged


def _bytes(body: Any) -> bytes:
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else orjson.dumps(body)


def _patched(body: bytes, patch: Mapping[str, Any], drop: tuple[str, ...]) -> bytes:
    """What is no JSON object stays as it is."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return body
    if not isinstance(value, dict):
        return body
    return orjson.dumps({name: part for name, part in merge_patch(value, patch).items() if name not in drop})


def _hubspot(status: int, message: str, **more: Any) -> Answer:
    body = {"status": "error", "message": message, "correlationId": "5d1e0000-0000-4000-8000-000000000000", **more}
    return Answer(status=status, body=body)


def _nango(status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **more: Any) -> Answer:
    return Answer(
        at="nango", status=status, body={"error": {"code": code, "message": message, **more}}, headers=headers or {}
    )


_SCOPES: list[dict[str, Any]] = [
    {"message": "One or more scopes are required.", "context": {"requiredGranularScopes": ["crm.objects.owners.read"]}}
]
PRESETS: dict[str, Answer] = {
    "rate_limited": _hubspot(
        429, "You have reached your ten_secondly_rolling limit.", errorType="RATE_LIMIT",
        policyName="TEN_SECONDLY_ROLLING", requestId="3f2a",
    ),
    "rate_limited_plain": _hubspot(429, "You have reached your secondly limit.", category="RATE_LIMITS"),
    "daily_limit": _hubspot(429, "You have reached your daily limit.", errorType="RATE_LIMIT", policyName="DAILY"),
    "expired_token": _hubspot(
        401, "The OAuth token used to make this call expired 12 second(s) ago.", category="EXPIRED_AUTHENTICATION"
    ),
    "invalid_token": _hubspot(401, "Authentication credentials not found.", category="INVALID_AUTHENTICATION"),
    "missing_scopes": _hubspot(
        403, "This app hasn't been granted all required scopes.", category="MISSING_SCOPES", errors=_SCOPES,
        links={"scopes": "https://developers.hubspot.com/scopes"},
    ),
    "banned": _hubspot(403, "This account has been suspended.", category="BANNED"),
    "locked": _hubspot(423, "The resource is locked.", category="LOCKED"),
    "migrating": Answer(
        status=477, body={"status": "error", "message": "Migration in progress"}, headers={"Retry-After": "3"}
    ),
    "server_error": _hubspot(500, "internal error", category="INTERNAL_ERROR"),
    "bad_gateway": Answer(status=502, body=HTML),
    "unavailable": Answer(status=503, body=HTML),
    "gateway_timeout": Answer(status=504, body=""),
    "html": Answer(status=200, body=HTML),
    "empty": Answer(status=200, body=""),
    "null": Answer(status=200, body="null"),
    "empty_object": Answer(status=200, body="{}"),
    "error_object": Answer(status=200, body={"status": "error", "message": "something went wrong"}),
    "redirect": Answer(at="nango", status=302, headers={"Location": "http://127.0.0.1:1/login"}),
    "cut_json": Answer(cut_json=200),
    "reset": Answer(reset=True, cut_at=100),
    "gzip": Answer(gzip=True),
    "nango_rate_limit": _nango(
        429, "too_many_request", "Too many requests", {"Retry-After": "1"}, method="GET", path="/proxy"
    ),
    "nango_error": _nango(500, "generic_error_support", "An error occurred.", payload={"id": "support-1"}),
    "nango_plan_limit": _nango(402, "plan_limit", "You have reached the limit of your plan."),
    "nango_forbidden": _nango(403, "forbidden", "This API key lacks the required scope."),
    "nango_network": Answer(
        at="nango", status=500, body={"message": "connect ECONNREFUSED", "code": "ECONNREFUSED", "method": "get"}
    ),
    "nango_dns": _nango(400, "base_url_override_not_allowed", "This outbound URL is not allowed."),
}  # fmt: skip
"""Answers by name. `nango_*` come from Nango, the rest from the CRM."""
