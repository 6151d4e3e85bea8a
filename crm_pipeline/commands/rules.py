"""Commands by which a person says who is one: `together`, `apart`, `split`; and `rules`, which lists what was said."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.session import Row, Session

CONTACT = "A contact is PROVIDER:ID with its id in the CRM, as in hubspot:151, or our contact id."
NOTE = click.option("--note", help="Why; shown by `rules`.")


@click.command(epilog=CONTACT)
@click.argument("account")
@click.argument("contact")
@click.argument("other", metavar="CONTACT")
@NOTE
@output.json_option
def together(account: str, contact: str, other: str, note: str | None, as_json: bool) -> int:
    """Two contacts of ACCOUNT are one person, whatever their phones and e-mails say.

    Takes effect at once, and stays.
    """
    return _say(account, "together", contact, other, note, as_json)


@click.command(epilog=CONTACT)
@click.argument("account")
@click.argument("contact")
@click.argument("other", metavar="CONTACT")
@NOTE
@output.json_option
def apart(account: str, contact: str, other: str, note: str | None, as_json: bool) -> int:
    """Two contacts of ACCOUNT are never one person, whatever they share.

    Takes effect at once, and stays.
    """
    return _say(account, "apart", contact, other, note, as_json)


@click.command(epilog=CONTACT)
@click.argument("lead_id", type=click.UUID)
@click.argument("contacts", metavar="CONTACT...", nargs=-1, required=True)
@NOTE
@output.json_option
def split(lead_id: UUID, contacts: Sequence[str], note: str | None, as_json: bool) -> int:
    """Take the named contacts out of a lead, and keep them apart from all others it has."""

    def work(session: Session) -> Any:
        from crm_pipeline.walk import rules

        known = session.rows("reports/lead_identity", lead_id=str(lead_id))
        if not known:
            raise ConfigError(
                "invalid_setting",
                f"No lead has the id {lead_id}.",
                action="List the ids with `crm-pipeline leads ACCOUNT --json`.",
            )
        account, key = known[0]["account_id"], str(known[0]["lead_id"])
        named = [rules.find_contact(session, account, text) for text in contacts]
        return rules.split_lead(session, account, key, named, now=_now(), note=note)

    return _done(work, "Kept apart from now on.", as_json)


@click.command(epilog=CONTACT)
@click.argument("account")
@click.option("--remove", nargs=2, metavar="CONTACT CONTACT", help="Take back what was said of these two.")
@output.json_option
def rules(account: str, remove: tuple[str, str] | None, as_json: bool) -> int:
    """Which contacts of ACCOUNT a person keeps together or apart, and whether they are so now."""
    if remove:
        return _take_back(account, remove, as_json)
    with app.reading(app.store(Settings.from_environment())) as session:
        rows = session.rows("reports/rules", account_id=account)
        accounts = [] if rows else app.known_accounts(session)
    if as_json:
        output.write_json(rows)
    elif rows:
        _print_rules(rows)
    else:
        output.empty(f"{safe(account)} has no rules.", account=account, accounts=accounts)
    return app.DONE


def _say(account: str, kind: Any, contact: str, other: str, note: str | None, as_json: bool) -> int:
    def work(session: Session) -> Any:
        from crm_pipeline.walk import rules

        found = (rules.find_contact(session, account, text) for text in (contact, other))
        return rules.set_rules(session, account, kind, [rules.pair(*found)], now=_now(), note=note)

    return _done(work, f"Kept {kind} from now on.", as_json, is_together=kind == "together")


def _take_back(account: str, contacts: tuple[str, str], as_json: bool) -> int:
    def work(session: Session) -> Any:
        from crm_pipeline.walk import rules

        found = (rules.find_contact(session, account, text) for text in contacts)
        return rules.drop_rules(session, account, [rules.pair(*found)], now=_now())

    return _done(work, "The rule is gone: their phones and e-mails decide again.", as_json)


def _done(work: Callable[[Session], Any], sentence: str, as_json: bool, *, is_together: bool = False) -> int:
    """Do it in one transaction, and tell in which leads the contacts are now."""
    change = app.store(Settings.from_environment()).transact(work)
    if as_json:
        output.write_json(
            {
                "success": True,
                "change_id": change.id,
                "account_id": change.account_id,
                "pairs": change.pairs,
                "contacts": change.contacts,
            }
        )
        return app.DONE
    screen = output.console()
    output.told(screen, sentence)
    leads = {row["lead_id"] for row in change.contacts}
    if is_together and (len(leads) > 1 or None in leads):
        waits = "one of them is no lead now" if None in leads else "another rule keeps them apart"
        output.told(screen, f"They are not together yet: {waits}.", style="yellow")
    cells = [
        (
            row["name"] or "–",
            _reference(row["provider"], row["crm_id"]),
            row["lead_name"] or _no_lead(row),
            row["lead_id"],
        )
        for row in change.contacts
    ]
    screen.print(output.table(screen, ("Name", "Contact", "Lead", "Lead id"), cells, whole=("Contact", "Lead id")))
    return app.DONE


def _no_lead(row: Row) -> str:
    return f"none now ({row['reason'] or row['state']})"


def _print_rules(rows: list[Row]) -> None:
    from rich.text import Text

    screen = output.console()
    cells = [
        (
            row["kind"],
            output.two_lines(row["name"], _reference(row["provider"], row["crm_id"])),
            output.two_lines(row["other_name"], _reference(row["other_provider"], row["other_crm_id"])),
            Text("yes", "green") if row["is_kept"] else Text("no", "yellow"),
            row["note"],
            f"{row['created_at']:%Y-%m-%d}",
        )
        for row in rows
    ]
    screen.print(output.table(screen, ("Rule", "Contact", "Contact", "So now", "Note", "Since"), cells))
    output.told(screen, counted(len(rows), "rule"))


def _reference(provider: str | None, crm_id: str | None) -> str:
    return f"{provider}:{crm_id}" if provider else "unknown"


def _now() -> datetime:
    return datetime.now(UTC)
