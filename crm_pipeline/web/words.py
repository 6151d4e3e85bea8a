"""How the page says things to an account manager: names of columns, states, errors, times. Nothing technical."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

from markupsafe import Markup, escape

from crm_pipeline.commands.reading import notes_of, sentence, title_of, would
from crm_pipeline.commands.text import ago, counted, iso
from crm_pipeline.domain.reasons import REASONS

FIELDS = {
    "name": "Name",
    "first_name": "First name",
    "last_name": "Last name",
    "phone": "Phone",
    "email": "E-mail",
    "company": "Company",
    "crm_owner": "Owner",
    "crm_status": "Status",
    "crm_stage": "Stage",
    "crm_description": "Notes",
    "crm_last_activity_at": "Last activity",
    "contacted_at": "Contacted",
    "crm_source": "CRM",
    "lead_type": "Kind",
    "crm_id": "Id in the CRM",
    "crm_owner_email": "Owner’s e-mail",
    "crm_inactive_at": "Inactive since",
    "crm_inactive_reason": "Why inactive",
    "created_at": "Added",
    "updated_at": "Changed",
    "last_crm_sync_at": "Last synced",
}
"""The columns of a lead, as people call them."""
TOLD_FIELDS = frozenset((None, *FIELDS))
"""Fields whose changes say something to a person; None is an event that has no field."""
OF_THE_CONTACT = frozenset({"crm_id", "crm_source", "lead_type"})
"""What the main contact gives as a whole; another contact has its own, and does not contradict."""
MAIN_TYPES = {"contact": "Contact", "lead": "Lead", "person": "Person"}
KINDS = {
    "created": "New",
    "updated": "Changed",
    "merged": "Joined with another lead",
    "split": "Split off",
    "inactive": "Became inactive",
    "active": "Became active again",
    "removed": "Removed",
    "restored": "Put back",
}
TOTALS = {
    "created": "new",
    "updated": "changed",
    "merged": "joined with another",
    "split": "split off",
    "inactive": "inactive",
    "active": "active again",
    "removed": "removed",
    "restored": "put back",
}
STATES = {
    "active": "Connected",
    "needs_reconnect": "Sign-in expired",
    "unassigned": "Belongs to nobody",
    "disconnected": "Disconnected",
}
ENDS = {
    "succeeded": "Done",
    "running": "Running",
    "queued": "Waiting for its turn",
    "failed": "Failed",
    "held": "Needs your word",
    "interrupted": "Interrupted",
}
STEPS = {
    "queued": "Waiting for its turn",
    "starting": "Starting",
    "fetching": "Reading contacts",
    "building": "Updating leads",
}
TRIGGERS = {
    "schedule": "hourly",
    "first": "first sync",
    "connected": "first sync",
    "continue": "continued",
    "sensor": "by itself",
    "manual": "by hand",
    "cron": "hourly",
    "webhook": "first sync",
}
STRATEGIES = {"append": "Refresh", "overwrite": "Clean-up", "preview": "Preview", "rebuild": "Rebuild"}
ERRORS = {
    "connection_expired": ("{crm} no longer accepts our sign-in.", "Press Reconnect and sign in again."),
    "connection_not_found": ("The connection to {crm} is gone.", "Press Reconnect and sign in again."),
    "connection_misconfigured": ("The connection to {crm} is not set up completely.", "Ask your administrator."),
    "invalid_setting": (
        "A setting of the connection to {crm} cannot be used.",
        "Ask your administrator to correct it.",
    ),
    "missing_scope": ("{crm} does not let us read everything we need.", "Ask your administrator, then reconnect."),
    "rate_limited": ("{crm} asked us to slow down.", "Nothing to do: the next sync goes on from here."),
    "daily_limit": ("The calls that {crm} allows for today are used up.", "Nothing to do: syncing goes on tomorrow."),
    "provider_unavailable": ("{crm} did not answer.", "Nothing to do unless it lasts: the next sync goes on."),
    "unexpected_response": ("{crm} sent an answer that makes no sense.", "Nothing was removed. Try again later."),
    "pagination_loop": ("{crm} sent an answer that makes no sense.", "Nothing was removed. Try again later."),
    "mass_removal_held": (
        "Unusually many contacts are gone from {crm}, so nothing was removed.",
        "Look into {crm}. If they are meant to be gone, preview the sync and confirm it.",
    ),
    "nango_unauthorized": ("This server has no access to the connections.", "Ask your administrator."),
    "nango_unavailable": (
        "The service that keeps the connections could not help just now.",
        "Try again in a moment; the next sync does so by itself.",
    ),
    "dagster_unavailable": (
        "Syncs cannot be started now: the program that runs them is not there.",
        "Ask your administrator to start it; the hourly sync waits for it as well.",
    ),
    "warehouse_locked": ("A sync is writing to the store.", "This page opens by itself in a moment."),
    "warehouse_error": ("The store cannot be used now.", "Ask your administrator."),
    "unfinished": ("The sync stopped before it was done.", "Nothing to do: the next one goes on from here."),
}
"""By code: what happened and what to do, for a person who has no terminal."""
OTHER_ERROR = ("Something went wrong.", "Try again; if it stays, tell your administrator.")
UNKNOWN_REASON = ("An unknown reason", "Ask your administrator.")
REASON_TITLES = {
    "missing_phone": "No phone",
    "missing_name": "No name",
    "deleted": "Deleted",
    "purged": "Deleted for good",
    "merged_in_crm": "Merged",
    "filtered_stage": "Stage not chosen",
    "unusable_key": "No usable id",
    "record_too_large": "Too large",
    "unreadable_record": "Unreadable",
}
"""Short names of reasons; those of a phone are made of their code."""
DOTS = re.compile(r"\.+")


def segment(account_id: str) -> str:
    """An account id as one part of a path. A server turns `%2F` back into a slash, so slashes are written twice."""
    text = account_id.replace("%", "%25").replace("/", "%2F").replace("\\", "%5C")
    if DOTS.fullmatch(text):
        text = text.replace(".", "%2E")
    return quote(text, safe="")


def account_of(part: str) -> str:
    """The account id that `segment` made this of, once the server has decoded it."""
    return unquote(part)


def problem(code: str, provider: str | None = None) -> tuple[str, str]:
    """What happened and what to do."""
    crm = title_of(provider) if provider else "the CRM"
    what, then = (text.format(crm=crm) for text in ERRORS.get(code, OTHER_ERROR))
    return what[0].upper() + what[1:], then


def reason(code: str) -> tuple[str, str]:
    """What a reason means, and what to do in the CRM."""
    known = REASONS.get(code)
    return (known.meaning, known.advice) if known else UNKNOWN_REASON


def reason_title(code: str) -> str:
    """A reason in two or three words."""
    return REASON_TITLES.get(code) or code.replace("_", " ").capitalize()


def moment(value: datetime | None) -> Markup:
    """A time, which the page's script turns into the reader's own clock."""
    if value is None:
        return Markup("")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(iso(utc.replace(microsecond=0)), f"{utc:%d %b %Y, %H:%M} UTC")


def since(value: datetime | None) -> Markup:
    """How long ago, with the time itself beside the pointer."""
    if value is None:
        return Markup("never")
    utc = value.astimezone(UTC)
    return Markup('<time datetime="{}" data-ago title="{}">{}</time>').format(
        iso(utc.replace(microsecond=0)), f"{utc:%d %b %Y, %H:%M} UTC", ago(utc, datetime.now(UTC))
    )


def shown(value: object) -> Markup | str:
    """A value of a lead, as a cell shows it."""
    if value is None:
        return ""
    return moment(value) if isinstance(value, datetime) else escape(str(value))


def readable(field: str, value: object) -> object:
    """A value of a lead as a person reads it: times as times, a CRM by the name it goes by."""
    if value is None:
        return None
    if field == "crm_source":
        return title_of(str(value))
    if field == "lead_type":
        return MAIN_TYPES.get(str(value), value)
    if field.endswith("_reason"):
        return reason(str(value))[0]
    if field.endswith("_at") and isinstance(value, str):
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            return value
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    return value


def how_it_ended(run: Mapping[str, Any]) -> str:
    """A past sync in a sentence."""
    if run["status"] == "running":
        return f"{run['fetched']:,} contacts so far" if run["fetched"] else "Under way"
    if run["status"] == "interrupted":
        return "It ended before it was done; the next one goes on from there."
    if run["status"] == "failed":
        return problem(run["error_code"] or "", run["provider"])[0]
    if run["status"] == "held":
        return problem("mass_removal_held", run["provider"])[0]
    return would(sentence(run)) if run["strategy"] == "preview" else sentence(run)


def what_it_was(run: Mapping[str, Any]) -> str:
    """The kind of a past sync."""
    kind = STRATEGIES.get(run["strategy"], "Sync")
    if run["strategy"] == "preview" and run["preview_of"] == "overwrite":
        kind = "Preview of a clean-up"
    return kind


def duration(run: Mapping[str, Any]) -> str:
    """How long it took."""
    if run["finished_at"] is None:
        return ""
    seconds = (run["finished_at"] - run["started_at"]).total_seconds()
    if seconds < 60:
        return f"{max(1, round(seconds))} s"
    return f"{int(seconds // 60)} min {int(seconds % 60)} s"


FILTERS = {
    "segment": segment,
    "moment": moment,
    "since": since,
    "shown": shown,
    "shown_as": lambda value, field: shown(readable(field, value)),
    "crm": title_of,
    "field": lambda name: FIELDS.get(name, name),
    "kind": lambda name: KINDS.get(name, name),
    "reason_title": reason_title,
    "trigger": lambda name: TRIGGERS.get(name, name),
    "state": lambda name: STATES.get(name, name),
    "end": lambda name: ENDS.get(name, name),
    "number": lambda value: f"{value:,}",
    "counted": counted,
    "how_it_ended": how_it_ended,
    "notes_of": notes_of,
    "would": would,
    "what_it_was": what_it_was,
    "duration": duration,
}
"""What templates may call."""
