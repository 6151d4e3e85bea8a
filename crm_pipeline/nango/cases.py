"""Nango's own errors, one row each: what its code means to us. Telling them from the CRM's errors is `answers.py`.

Source: the Nango server (version 0.71), its access and rate-limit middleware, its proxy and connection controllers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REFRESH_COOLDOWN = 30.0
"""Seconds for which Nango refuses a connection after a failed token refresh."""


@dataclass(frozen=True, slots=True)
class Case:
    """One row of Nango's own errors."""

    code: str
    meaning: str
    can_retry: bool = False
    tries: int | None = None
    at_least: float | None = None
    """Seconds to wait at the least."""
    action: str | None = None
    is_crm: bool = False
    """The CRM's doing, though Nango tells of it."""


def case_of(code: str, status: int, said: str) -> Case | None:
    """What a code of Nango's means, with the status and the words it came with; None when the code is not Nango's.

    `server_error` and `invalid_credentials` mean several things, which only the status and the words tell apart.
    """
    if code not in ("server_error", "invalid_credentials"):
        return _NANGO_CASES.get(code)
    words = said.lower()
    if status == 424 and (code == "server_error" or "limit" in words or "exhaust" in words):
        return _EXHAUSTED
    if words.startswith("failed to get connection credentials"):
        return _REFRESH_FAILED
    if status == 400 and words.startswith("failed to get connection"):
        return _GONE
    return _NANGO_CASES[code]


_KEY = Case("nango_unauthorized", "Nango does not accept the secret key")
_OURS = Case(
    "unexpected_response", "Nango did not understand the request", action="Report the message to the maintainers."
)
_SETUP = "connection_misconfigured"
_GONE = Case("connection_not_found", "Nango has no such connection")
_REFRESH_FAILED = Case(
    "nango_unavailable", "Nango could not renew the access token", can_retry=True, tries=2, at_least=REFRESH_COOLDOWN
)
_EXHAUSTED = Case("connection_expired", "Nango gave up renewing the access token")
_UPSTREAM = Case("provider_unavailable", "Nango could not reach the CRM", can_retry=True, is_crm=True)
_OWN_FAULT = Case("nango_unavailable", "Nango failed", can_retry=True)
_PLAN = Case(
    "nango_unavailable", "the Nango plan's limit is reached", action="Raise the plan at Nango, then run the sync again."
)

_NANGO_CASES: Mapping[str, Case] = {
    "missing_auth_header": _KEY,
    "malformed_auth_header": _KEY,
    "invalid_secret_key_format": _KEY,
    "unknown_account": _KEY,
    "forbidden": Case(
        "nango_unauthorized",
        "the secret key lacks a scope",
        action="Give the API key the scopes environment:proxy and environment:connections:list, :read.",
    ),
    "invalid_headers": _OURS,
    "invalid_json": _OURS,
    "invalid_content_type": _OURS,
    "invalid_query_params": _OURS,
    "invalid_uri_params": _OURS,
    "invalid_body": Case(_SETUP, "Nango refused what was asked for"),
    "unknown_provider_config": Case(_SETUP, "Nango has no such integration"),
    "unknown_connection": _GONE,
    "not_found": _GONE,
    "base_url_override_disabled": Case(_SETUP, "Nango is not allowed to call this address"),
    # No override is ever sent, so this is how Nango tells of a CRM host it cannot resolve.
    "base_url_override_not_allowed": _UPSTREAM,
    "missing_api_url": Case(_SETUP, "the integration has no address for its CRM"),
    "unsupported_provider": Case(_SETUP, "Nango's proxy does not support this integration"),
    "unsupported_auth": Case(_SETUP, "Nango's proxy does not support this kind of connection"),
    "failed_to_get_connection": Case("nango_unavailable", "Nango could not read the connection", can_retry=True),
    "plan_limit": _PLAN,
    "resource_capped": _PLAN,
    "too_many_request": Case("rate_limited", "Nango's own rate limit is reached", can_retry=True),
    "connection_refresh_backoff": _REFRESH_FAILED,
    "generic_error_support": _OWN_FAULT,
    "server_error": Case("nango_unavailable", "Nango failed", can_retry=True, tries=3),
    "invalid_credentials": _REFRESH_FAILED,
}
