"""Commands that look at the books and talk to nobody: `status`, `history`, `changes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click
import orjson

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import ago, counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.settings import Settings
from crm_pipeline.walk.leads import Results
from crm_pipeline.warehouse.session import Row

if TYPE_CHECKING:
    from rich.console import Console

RECENT = 20
"""Syncs that `history` shows to people unless told otherwise."""
ROOMY = 110
"""Columns from which on every value of a past sync has a column of its own; below, two share one."""
STYLES = {
    "active": "green",
    "succeeded": "green",
    "running": "cyan",
    "failed": "bold red",
    "held": "bold yellow",
    "needs_reconnect": "bold yellow",
}
TOLD = ("succeeded", "held")
"""How a sync ended whose counts say something."""
COUNTS = ("created", "updated", "unchanged", "merged", "skipped", "removed", "split")


@click.command()
@click.option("--account", help="Only this account.")
@output.json_option
def status(account: str | None, as_json: bool) -> int:
    """Each connection: its state and its last sync.

    Connected, last synced, last result, last error and what to do about it.
    """
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        rows = session.rows("reports/status", account_id=account)
        accounts = [] if rows else app.known_accounts(session)
    states = [connection_status(row, datetime.now(UTC)) for row in rows]
    if as_json:
        output.write_json(states)
    elif states:
        _print_status(states)
    else:
        output.empty(f"No connections{of_account(account)} yet.", account=account, accounts=accounts)
    return app.DONE


@click.command()
@click.option("--account", help="Only this account.")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most this many (people are shown {RECENT}).")
@output.json_option
def history(account: str | None, limit: int | None, as_json: bool) -> int:
    """Past syncs, the newest first."""
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        rows = session.rows("reports/history", account_id=account, row_limit=limit or (None if as_json else RECENT))
        accounts = [] if rows else app.known_accounts(session)
    if as_json:
        output.write_json([past_sync(row) for row in rows])
    elif rows:
        _print_history(rows)
    else:
        advice = "Run `crm-pipeline sync`."
        output.empty(f"No syncs{of_account(account)} yet.", account=account, accounts=accounts, advice=advice)
    return app.DONE


@click.command()
@click.argument("lead_id")
@output.json_option
def changes(lead_id: str, as_json: bool) -> int:
    """What changed on a lead, when, by which sync, and from which contact each value came."""
    key = lead_key(lead_id)
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        known = session.rows("reports/lead_identity", lead_id=key)
        account = known[0]["account_id"] if len(known) == 1 else None
        rows = session.rows("reports/changes", account_id=account, lead_id=key, row_limit=None)
    if not known and not rows:
        raise unknown_lead(key)
    if as_json:
        output.write_json(rows)
    else:
        _print_changes(known[0] if known else None, rows)
    return app.DONE


def connection_status(row: Row, now: datetime) -> dict[str, Any]:
    """One connection as `status --json` tells it."""
    return {
        "account_id": row["account_id"],
        "provider": row["provider"],
        "connection_id": row["connection_id"],
        "nango_connection_id": row["nango_connection_id"],
        "connected": row["state"] == "active",
        "state": row["state"],
        "last_synced_at": row["last_synced_at"],
        "last_synced": ago(row["last_synced_at"], now),
        "last_result": _last_result(row) if row["sync_id"] else None,
        "last_error": _last_error(row),
    }


def past_sync(row: Row) -> dict[str, Any]:
    """A row of `sync_runs` as `history --json` tells it."""
    text = row["skipped_by_reason"]
    finished_at = row["finished_at"]
    return {
        **row,
        "skipped_by_reason": orjson.loads(text) if text else {},
        "notes": notes_of(row),
        "seconds": round((finished_at - row["started_at"]).total_seconds(), 3) if finished_at else None,
    }


def sentence(row: Mapping[str, Any]) -> str:
    """What a sync did, as an account manager reads it; leads that it took away are told too."""
    removed = f"; {counted(row['removed'], 'lead')} removed" if row["removed"] else ""
    return Results(**{name: row[name] for name in COUNTS}).sentence() + removed


def would(told: str) -> str:
    """The same of a preview, which writes nothing."""
    return told.replace("Synced", "Would sync", 1)


def notes_of(row: Mapping[str, Any]) -> list[str]:
    """What a sync could not read although it went on, in words for a person."""
    return orjson.loads(row["notes"]) if row["notes"] else []


def title_of(provider: str) -> str:
    """How people write a CRM; of one that this version does not know, its name."""
    return PROVIDERS[provider].title if provider in PROVIDERS else safe(provider)


def of_account(account: str | None) -> str:
    return f" of {safe(account)}" if account else ""


def reconnect_advice(row: Mapping[str, Any]) -> str:
    """How to revive a connection that the CRM or Nango does not accept any more."""
    return f"Connect it again: `crm-pipeline connect {safe(row['account_id'])} {row['provider']}`."


def _last_result(row: Row) -> dict[str, Any]:
    return {
        "sync_id": row["sync_id"],
        "status": row["status"],
        "pass": row["pass"],
        "sentence": sentence(row) if row["status"] in TOLD else None,
        "results": {"fetched": row["fetched"], **{name: row[name] for name in COUNTS}},
        "notes": notes_of(row),
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
    }


def _last_error(row: Row) -> dict[str, Any] | None:
    if row["last_error_code"]:
        facts = {name: row[f"last_error_{name}"] for name in ("code", "message", "action", "at")}
        return facts | ({"action": reconnect_advice(row)} if row["state"] == "needs_reconnect" else {})
    if row["state"] == "needs_reconnect":
        message = f"Nango can no longer renew the access to {title_of(row['provider'])}."
        return {"code": "connection_expired", "message": message, "action": reconnect_advice(row), "at": None}
    return None


def lead_key(text: str) -> str:
    """The id of a lead as a person types it; anything else is refused with where to find one."""
    try:
        return str(UUID(text))
    except ValueError:
        raise ConfigError(
            "invalid_setting",
            f"A lead id is a UUID, and {safe(text)[:60]!r} is none.",
            action="List the ids with `crm-pipeline leads ACCOUNT --json`.",
        ) from None


def unknown_lead(key: str) -> ConfigError:
    """Nobody ever had this id."""
    return ConfigError(
        "invalid_setting",
        f"No lead has the id {key}.",
        action="List the ids with `crm-pipeline leads ACCOUNT --json`.",
    )


def where_it_went(lead: Row) -> str | None:
    """Of a row of `reports/lead_identity`: the lead it was merged into, that it was removed; None if it is there."""
    if lead["into_lead_id"]:
        return f"This lead was merged into {lead['into_lead_id']} ({safe(lead['name'])})."
    if lead["removed_at"]:
        return (
            f"{safe(lead['name'])} was removed {second(lead['removed_at'])} UTC by an overwrite "
            f"({safe(lead['removed_because'])}). Put it back: `crm-pipeline restore {lead['lead_id']}`."
        )
    return None


def print_changes(screen: Console, rows: Sequence[Row]) -> None:
    """Changes of one lead as a table, each value with the contact that it came from."""
    headings = ("When (UTC)", "What", "Field", "Before", "After", "From", "By")
    names = ("kind", "field", "old_value", "new_value")
    cells = [
        (
            second(row["changed_at"]),
            *(row[name] for name in names),
            contact_name(row["contact_provider"], row["contact_crm_id"]),
            f"{row['provider']} {row['trigger']}" if row["provider"] else "by hand",  # a rule, or a restore
        )
        for row in rows
    ]
    screen.print(output.table(screen, headings, cells, whole=headings[:1]))


def contact_name(provider: str | None, crm_id: str | None) -> str:
    """A contact as people find it: its CRM and its id there."""
    return f"{title_of(provider)} {safe(crm_id)}" if provider else ""


def second(moment: datetime) -> str:
    """A time to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def _print_status(states: list[dict[str, Any]]) -> None:
    from rich.text import Text

    screen = output.console()
    for number, state in enumerate(states):
        name = f"{safe(state['account_id']) or '(unassigned)'}/{state['provider']}"
        heading = Text.assemble(
            (name, "bold"),
            "  ",
            (state["state"], STYLES.get(state["state"], "dim")),
            f"  {'synced ' + state['last_synced'] if state['last_synced_at'] else 'never synced'}",
        )
        screen.print(heading if number == 0 else Text("\n") + heading)
        result, error = state["last_result"], state["last_error"]
        if result:
            output.told(screen, result["sentence"] or _without_counts(result), prefix="  ")
            output.tell_notes(screen, result["notes"])
        if error:
            output.told(screen, f"  {error['code']}: {safe(error['message'])}", style="red")
            output.told(screen, f"  {safe(error['action'])}")
        elif state["state"] == "unassigned":
            output.told(screen, "  Nango has no account for it: give the connection the tag `account_id` there.")


def _without_counts(result: Mapping[str, Any]) -> str:
    if result["status"] == "running":
        return f"A sync started {ago(result['started_at'], datetime.now(UTC))} and has not ended."
    return {
        "interrupted": "The last sync was interrupted; the next one continues.",
        "failed": "The last sync failed.",
    }.get(result["status"], f"The last sync: {result['status']}.")


def _print_history(rows: list[Row]) -> None:
    from rich.text import Text

    screen = output.console()
    cells: list[Sequence[object]] = [
        (
            second(row["started_at"]),
            f"{row['account_id']}/{row['provider']}",
            Text(row["status"], STYLES.get(row["status"], "dim")),
            _what_happened(row),
            f"{row['requests']:,}",
            _seconds(row),
        )
        for row in rows
    ]
    headings: Sequence[str] = ("Started (UTC)", "Connection", "Status", "What happened", "Requests", "Seconds")
    if screen.width < ROOMY:
        headings, cells = output.in_pairs(headings, cells)
    screen.print(output.table(screen, headings, cells, right=("Requests", "Seconds", "Requests\nSeconds")))


def _what_happened(row: Row) -> str | None:
    if row["status"] == "interrupted":
        return "ended before it was done"
    if row["strategy"] == "preview" and row["status"] in TOLD:
        held = "held, " if row["status"] == "held" else ""
        return f"Preview of {row['preview_of']}: {held}{would(sentence(row))}"
    if row["strategy"] == "rebuild" and row["status"] in TOLD:
        return f"Rebuilt without the CRM: {sentence(row)}"
    return row["error_code"] or (sentence(row) if row["status"] in TOLD else None)


def _print_changes(lead: Row | None, rows: list[Row]) -> None:
    screen = output.console()
    if lead is None:
        output.told(screen, "The lead was removed; this is what happened to it.")
    else:
        output.told(screen, where_it_went(lead) or f"{safe(lead['name'])}: {counted(len(rows), 'change')}")
    print_changes(screen, rows)


def _seconds(row: Row) -> str:
    seconds = past_sync(row)["seconds"]
    return "" if seconds is None else f"{seconds:.1f}"
