"""How the API says no: the published envelope, and the HTTP status that fits a code."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException

from crm_pipeline.errors import PipelineError

STATUSES = {
    "nango_unauthorized": 502,
    "nango_unavailable": 503,
    "connection_not_found": 404,
    "connection_expired": 409,
    "connection_misconfigured": 409,
    "missing_scope": 409,
    "rate_limited": 503,
    "daily_limit": 503,
    "provider_unavailable": 503,
    "unexpected_response": 502,
    "mass_removal_held": 409,
    "warehouse_locked": 503,
    "warehouse_error": 503,
    "dagster_unavailable": 503,
}
"""The status by a code of ours; any other is a fault of this process or of its settings, 500."""
RETRY_SECONDS = 2
"""After which a 503 is worth another try where nobody said otherwise."""


class Refusal(HTTPException):
    """An answer other than what was asked for, in the shape of every error."""

    def __init__(
        self, status: int, code: str, message: str, action: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, headers)
        self.status, self.code, self.message, self.action = status, code, message, action

    def as_dict(self) -> dict[str, Any]:
        """The published envelope."""
        return envelope(self.code, self.message, self.action)


def envelope(code: str, message: str, action: str) -> dict[str, Any]:
    """`{"success": false, "error": {"code", "message", "action"}}`."""
    return {"success": False, "error": {"code": code, "message": message, "action": action}}


def refusal_of(error: PipelineError) -> Refusal:
    """The answer that an error of ours becomes."""
    status = STATUSES.get(error.code, 500)
    headers = {}
    if status == 503:
        headers["Retry-After"] = str(round(error.retry_after or RETRY_SECONDS))
    return Refusal(status, error.code, error.message, error.action, headers=headers)


def not_found(message: str, action: str) -> Refusal:
    """What is not there, and what is somebody else's: one answer."""
    return Refusal(404, "not_found", message, action)
