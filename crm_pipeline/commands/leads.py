"""Commands that show what came of the contacts: `leads`, and `rejections` with what to do about each."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping
from itertools import groupby
from typing import TYPE_CHECKING, Any

import click
import orjson

from crm_pipeline.commands import app, output
from crm_pipeline.commands.reading import title_of
from crm_pipeline.commands.text import cell, counted, safe
from crm_pipeline.domain.reasons import REASONS, Reason
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.session import Row, Session

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

SHOWN = 50
"""Rows of a table for people unless told otherwise."""
ROOMY = 150
"""Columns from which on every value of a lead has a column of its own; below, two share one."""
PHONE_SEARCH = re.compile(r"[\d\s().+/-]+")
FEWEST_DIGITS = 3
UNKNOWN_REASON = "An unknown reason."


@click.command()
@click.argument("account")
@click.option("--json", "form", flag_value="json", help="One JSON document on stdout, nothing else.")
@click.option("--csv", "form", flag_value="csv", help="Comma-separated values for a spreadsheet.")
@click.option("--search", help="Only leads with this text in name, phone, e-mail, company or owner.")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most this many (people are shown {SHOWN}).")
def leads(account: str, form: str | None, search: str | None, limit: int | None) -> int:
    """The leads of ACCOUNT, latest activity first."""
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        rows = find_leads(session, account, search=search, limit=limit or (None if form else SHOWN))
        accounts = [] if rows else app.known_accounts(session)
        columns = [row["column_name"] for row in session.rows("reports/lead_columns")]
    total = rows[0]["total"] if rows else 0
    plain = [{name: value for name, value in row.items() if name != "total"} for row in rows]
    if form == "json":
        output.write_json(plain)
    elif form == "csv":
        write_csv(columns, plain)
    elif rows:
        print_leads(output.console(), plain)
        output.told(output.console(), _how_many(len(rows), total, "lead"))
    else:
        wanted = "" if search is None else f" with {safe(search)!r}"
        output.empty(
            f"No leads of {safe(account)}{wanted}.", account=account, accounts=accounts,
            advice="" if search else _sync_advice(account),
        )  # fmt: skip
    return app.DONE


@click.command()
@click.argument("account")
@click.option("--reason", type=click.Choice(sorted(REASONS)), metavar="CODE", help="Only this reason.")
@click.option("--limit", type=click.IntRange(min=1), help=f"At most this many (people are shown {SHOWN}).")
@output.json_option
def rejections(account: str, reason: str | None, limit: int | None, as_json: bool) -> int:
    """Contacts of ACCOUNT that are no leads, and why.

    Each with the reason, what to do in the CRM, and the way to the record there.
    """
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        row_limit = limit or (None if as_json else SHOWN)
        rows = session.rows("reports/rejections", account_id=account, reason=reason, row_limit=row_limit)
        accounts = [] if rows else app.known_accounts(session)
    if as_json:
        output.write_json([told_rejection(row) for row in rows])
    elif rows:
        _print_rejections(output.console(), rows)
        output.told(output.console(), _how_many(len(rows), rows[0]["total"], "contact"))
    else:
        wanted = "" if reason is None else f" with the reason {reason}"
        output.empty(
            f"No contacts of {safe(account)} are rejected{wanted}.", account=account, accounts=accounts,
            advice="" if reason else _sync_advice(account),
        )  # fmt: skip
    return app.DONE


def find_leads(session: Session, account: str, *, search: str | None = None, limit: int | None = None) -> list[Row]:
    """Leads by account and, if given, a text to look for; every row tells the `total` there is without the limit."""
    digits = re.sub(r"\D", "", search) if search and PHONE_SEARCH.fullmatch(search) else ""
    return session.rows(
        "reports/leads",
        account_id=account,
        search=search or None,
        digits=digits if len(digits) >= FEWEST_DIGITS else None,
        row_limit=limit,
    )


def write_csv(columns: list[str], rows: list[Row]) -> None:
    """The columns of `leads`, in UTF-8, with every formula made harmless."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([cell(row[name]) for name in columns] for row in rows)
    click.echo(text.getvalue().encode(), nl=False)


def print_leads(screen: Console, rows: Iterable[Row]) -> None:
    """Leads as a table, in two lines each where the terminal is narrow."""
    screen.print(_wide_table(screen, rows) if screen.width >= ROOMY else _narrow_table(screen, rows))


def reason_of(code: str) -> Reason:
    """What a reason code means; one that a newer version wrote is still shown."""
    return REASONS.get(code) or Reason(code, UNKNOWN_REASON, "Update crm-pipeline.")


def told_rejection(row: Row) -> dict[str, Any]:
    """A rejection as `rejections --json` tells it: the stored row, what to do, and the way to the record."""
    reason = reason_of(row["reason"])
    left_out = ("connection_metadata", "total", "reason_total")
    facts = {name: value for name, value in row.items() if name not in left_out}
    return facts | {"meaning": reason.meaning, "advice": reason.advice, "url": record_url(row)}


def record_url(row: Row) -> str | None:
    """The record's page in its CRM, when Nango told us what the address needs."""
    from crm_pipeline.providers import PROVIDERS

    provider = PROVIDERS.get(row["provider"])
    metadata: Mapping[str, Any] = orjson.loads(row["connection_metadata"] or "{}")
    config = metadata.get("connection_config") or {}
    return provider.record_url(config, row["object_type"], row["crm_id"]) if provider else None


def _wide_table(screen: Console, rows: Iterable[Row]) -> Table:
    headings = ("Name", "Phone", "E-mail", "Company", "Owner", "Status", "Stage", "Last activity", "")
    names = ("name", "phone", "email", "company", "crm_owner", "crm_status", "crm_stage")
    return output.table(screen, headings, [(*(row[name] for name in names), _day(row), _mark(row)) for row in rows])


def _narrow_table(screen: Console, rows: Iterable[Row]) -> Table:
    headings = ("Name\nCompany", "Phone\nE-mail", "Owner\nStatus", "Stage\nLast activity")
    pairs = (("name", "company"), ("phone", "email"), ("crm_owner", "crm_status"))
    cells = [
        (
            *(output.two_lines(row[first], row[second]) for first, second in pairs),
            output.two_lines(row["crm_stage"], f"{_day(row)} {_mark(row)}"),
        )
        for row in rows
    ]
    return output.table(screen, headings, cells)


def _day(row: Row) -> str:
    moment = row["crm_last_activity_at"]
    return f"{moment:%Y-%m-%d}" if moment else ""


def _mark(row: Row) -> str:
    return "inactive" if row["crm_inactive_at"] else ""


def _print_rejections(screen: Console, rows: list[Row]) -> None:
    from rich.text import Text

    for code, group in groupby(rows, key=lambda row: str(row["reason"])):
        members, reason = list(group), reason_of(code)
        heading = (f"{code}", "bold"), f"  {counted(members[0]['reason_total'], 'contact')}"
        screen.print(Text.assemble(*heading))
        output.told(screen, f"{reason.meaning} {reason.advice}")
        cells = [(row["name"] or "–", title_of(row["provider"]), _linked(row), row["value"]) for row in members]
        screen.print(output.table(screen, ("Name", "CRM", "Id there", "Text there"), cells))
        screen.print()


def _linked(row: Row) -> Text:
    """The contact's id in its CRM, which a terminal that can opens there."""
    from rich.text import Text

    link = record_url(row)
    return Text(safe(row["crm_id"]), style=f"link {link}" if link else "")


def _how_many(shown: int, total: int, noun: str) -> str:
    if shown == total:
        return counted(total, noun)
    return f"{shown:,} of {counted(total, noun)}; see more with --limit, or all with --json."


def _sync_advice(account: str) -> str:
    return f"Run `crm-pipeline sync --account {safe(account)}`, or look at `crm-pipeline status`."
