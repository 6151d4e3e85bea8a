"""Everything that can go wrong, as one tree; bad data is a row, bad infrastructure is one of these.

PipelineError
├── ConfigError      ours or the operator's: a setting, a wrong command
├── NangoError       Nango refused, is unreachable, or has no usable connection
├── ProviderError    the CRM behind Nango refused or answered nonsense
├── DagsterError     Dagster, which runs the syncs that the API and the page start, is not there or refused
├── WarehouseError   the store is locked or failed; `ConnectionBusy` where another sync has the connection
├── SyncHeld         nothing is broken, but a person has to look before data goes away
└── SyncUnfinished   nothing is broken, but the time that the sync was given is over

A class says whose fault it is. `code` is one of the published codes (README, "Errors"), `message` says what was
attempted and what came back, `action` the next thing to do. `can_retry` says whether the same call may succeed later
by itself.
"""

from __future__ import annotations

from typing import ClassVar

ACTIONS: dict[str, str] = {
    "nango_unauthorized": "Check NANGO_SECRET_KEY: it must be the API key of the Nango environment to use.",
    "nango_unavailable": "Check NANGO_HOST and the network. The next sync continues by itself once Nango answers.",
    "connection_not_found": "It is gone at Nango. Run `crm-pipeline connections --refresh`, then connect it again.",
    "connection_expired": "The CRM no longer accepts it. Connect it again: `crm-pipeline connect ACCOUNT PROVIDER`.",
    "connection_misconfigured": "Fix the integration or the connection's settings at Nango, then run the sync again.",
    "missing_scope": "Add the named scope to the integration at Nango, then connect it again.",
    "rate_limited": "Nothing to do: progress is kept and the next sync continues.",
    "daily_limit": "The CRM's daily budget is used up. The next sync after its reset continues.",
    "provider_unavailable": "Nothing to do unless it lasts: progress is kept and the next sync continues.",
    "unexpected_response": "Nothing was deleted. Run the sync again; if it repeats, report it to the maintainers.",
    "pagination_loop": "Nothing was deleted. Run the sync again; if it repeats, report it to the maintainers.",
    "unfinished": "Nothing to do: what was fetched is kept, and the next sync continues there.",
    "mass_removal_held": "Look at the CRM. If the removal is meant: "
    "`crm-pipeline sync --account ACCOUNT --provider PROVIDER --force`, with the strategy that was held.",
    "warehouse_locked": "Wait for the process named above to finish, or stop it, then run the command again.",
    "warehouse_error": "Check that the store's disk has room and can be written, then run the command again.",
    "dagster_unavailable": "Start Dagster (`make dev`), or set CRM_DAGSTER_URL to the address of its webserver.",
    "internal_error": "This is a bug: report the message and the log to the maintainers. The next sync continues.",
    "invalid_setting": "Correct the setting named above and run the command again.",
}


class PipelineError(Exception):
    """An error with a published code and advice; facts are kept for logs and tests, never secrets."""

    codes: ClassVar[frozenset[str]] = frozenset(ACTIONS)

    def __init__(
        self,
        code: str,
        message: str,
        *,
        action: str | None = None,
        can_retry: bool = False,
        retry_after: float | None = None,
        **facts: object,
    ) -> None:
        if code not in self.codes:
            raise ValueError(f"{type(self).__name__} has no code {code!r}")
        super().__init__(message)
        self.code = code
        self.message = message
        self.action = action or ACTIONS[code]
        self.can_retry = can_retry
        self.retry_after = retry_after
        """Seconds the answer asked us to wait, already bounded; None when it did not say."""
        self.facts = facts

    def as_dict(self) -> dict[str, str]:
        """The published shape: `{"code", "message", "action"}`."""
        return {"code": self.code, "message": self.message, "action": self.action}


class ConfigError(PipelineError):
    """A setting or an argument is missing or wrong."""

    codes = frozenset({"invalid_setting"})


class NangoError(PipelineError):
    """Nango itself: key, reachability, budget, or the connection it holds."""

    codes = frozenset(
        {
            "nango_unauthorized",
            "nango_unavailable",
            "connection_not_found",
            "connection_expired",
            "connection_misconfigured",
            "rate_limited",
            "unexpected_response",
        }
    )


class ProviderError(PipelineError):
    """The CRM behind Nango: refused, limited, unavailable, or not making sense."""

    codes = frozenset(
        {
            "connection_expired",
            "connection_misconfigured",
            "missing_scope",
            "rate_limited",
            "daily_limit",
            "provider_unavailable",
            "unexpected_response",
            "pagination_loop",
        }
    )


class DagsterError(PipelineError):
    """Dagster's webserver: unreachable, or without the graph that the syncs are in."""

    codes = frozenset({"dagster_unavailable"})


class WarehouseError(PipelineError):
    """The store: locked by somebody, or failing."""

    codes = frozenset({"warehouse_locked", "warehouse_error"})


class ConnectionBusy(WarehouseError):
    """Another sync of the same connection is at work, or has just done it."""


class SyncUnfinished(PipelineError):
    """A sync stopped between two pages, because its time was over or it was told to stop."""

    codes = frozenset({"unfinished"})


class SyncHeld(PipelineError):
    """A complete pass would remove more than can be an accident-free change; a person decides."""

    codes = frozenset({"mass_removal_held"})
