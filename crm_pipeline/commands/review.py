"""`review`: phones and e-mails that too many people share, so that a person decides who of them is one."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.session import Row

SHOWN, EXAMPLES = 50, 5
"""Values shown to people unless told otherwise, and contacts named of each."""
REASONS = {"many_names": "too many names", "role_mailbox": "mailbox of a function"}
EXAMPLE = ("contact_id", "provider", "object_type", "crm_id", "name", "lead_id")


@click.command()
@click.argument("account")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most so many values (people are shown {SHOWN}).")
@output.json_option
def review(account: str, limit: int | None, as_json: bool) -> int:
    """Values that contacts of ACCOUNT share and that join nobody: office phones, mailboxes of a function."""
    with app.reading(app.store(Settings.from_environment())) as session:
        row_limit = limit or (None if as_json else SHOWN)
        rows = session.rows("reports/review", account_id=account, row_limit=row_limit, example_limit=EXAMPLES)
        accounts = [] if rows else app.known_accounts(session)
    values = shared_values(rows)
    if as_json:
        output.write_json(values)
    elif values:
        _print(values, rows[0]["total"])
    else:
        output.empty(f"Nothing to review in {safe(account)}.", account=account, accounts=accounts)
    return app.DONE


def shared_values(rows: list[Row]) -> list[dict[str, Any]]:
    """One entry for each value, with some of the contacts that have it."""
    found = []
    for _, group in groupby(rows, key=lambda row: (row["kind"], row["match_key"])):
        members = list(group)
        facts = {name: members[0][name] for name in ("value", "extension", "kind", "why", "names", "contacts", "leads")}
        found.append(facts | {"examples": [{name: row[name] for name in EXAMPLE} for row in members]})
    return found


def _print(values: list[dict[str, Any]], total: int) -> None:
    screen = output.console()
    cells = [
        (
            f"{one['value']} ext. {one['extension']}" if one["extension"] else one["value"],
            REASONS[one["why"]],
            *(f"{one[name]:,}" for name in ("names", "contacts", "leads")),
            ", ".join(f"{row['name']} ({row['provider']}:{row['crm_id']})" for row in one["examples"]),
        )
        for one in values
    ]
    headings = ("Value", "Why", "Names", "Contacts", "Leads", "Who, for example")
    screen.print(output.table(screen, headings, cells, right=("Names", "Contacts", "Leads")))
    shown = counted(total, "value") if len(values) == total else f"{len(values):,} of {counted(total, 'value')}"
    output.told(screen, f"{shown} by which nobody is matched.")
    output.told(screen, "Two of these are one person? `crm-pipeline together ACCOUNT CONTACT CONTACT`.")
