"""The command `lead`: one person, whole. Their contacts in each CRM, why these are one, where each field comes from."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.leads import record_url
from crm_pipeline.commands.reading import (
    contact_name,
    lead_key,
    print_changes,
    second,
    unknown_lead,
    where_it_went,
)
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.settings import Settings
from crm_pipeline.walk.connection import USUAL_RANK
from crm_pipeline.warehouse.session import Row, Session

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

RECENT = 10
"""Changes that people are shown; the document has more."""
RECENT_IN_JSON = 100
FIELDS = (
    "name", "first_name", "last_name", "phone", "email", "company", "crm_id", "crm_source", "lead_type", "crm_status",
    "crm_stage", "crm_description", "crm_owner", "crm_owner_email", "crm_last_activity_at",
)  # fmt: skip
"""The fields of a lead that contacts give."""
SHARED = ("phone", "email")
"""What two contacts can share that makes them one person."""
WHY = {
    "new": "first contact of this person",
    "phone": "same phone",
    "email": "same e-mail",
    "crm_id": "merged in the CRM",
}


@click.command()
@click.argument("lead_id")
@output.json_option
def lead(lead_id: str, as_json: bool) -> int:
    """One lead: its contacts, and where each field comes from.

    The contacts in each CRM with phones and e-mails as typed, why each was matched, merges, and the last changes.
    """
    key = lead_key(lead_id)
    settings = Settings.from_environment()
    with app.reading(app.store(settings)) as session:
        known = session.rows("reports/lead_identity", lead_id=key)
        if not known:
            raise unknown_lead(key)
        told = tell_lead(session, known[0])
    if as_json:
        output.write_json(told)
    else:
        _print_lead(output.console(), known[0], told)
    return app.DONE


def tell_lead(session: Session, identity: Row) -> dict[str, Any]:
    """Everything there is about a lead, as `lead --json` tells it; of a merged id, about the lead that it became."""
    keys = {"account_id": identity["account_id"], "lead_id": str(identity["lead_id"])}
    ranked = {**keys, "default_rank": USUAL_RANK}
    rows = session.rows("reports/lead", **keys)
    contacts = session.rows("reports/contacts_of_lead", **ranked)
    points = session.rows("reports/points_of_lead", **keys)
    return {
        "lead_id": identity["lead_id"],
        "account_id": identity["account_id"],
        "name": identity["name"],
        "state": _state(identity, rows),
        "merged_into": identity["into_lead_id"],
        "removed": _removed(session, identity),
        "lead": rows[0] if rows else None,
        "contacts": [
            _contact(row, rows, [p for p in points if p["contact_id"] == row["contact_id"]]) for row in contacts
        ],
        "fields": _fields(rows, session.rows("reports/fields_of_lead", **ranked)) if rows else [],
        "merges": session.rows("reports/merges_of_lead", **keys),
        "changes": session.rows("reports/changes", **keys, row_limit=RECENT_IN_JSON),
    }


def _state(identity: Row, rows: list[Row]) -> str:
    if not rows:
        return "removed"
    return "inactive" if rows[0]["crm_inactive_at"] else "active"


def _removed(session: Session, identity: Row) -> dict[str, Any] | None:
    """When and why it was taken away, and its row as it was."""
    if not identity["removed_at"]:
        return None
    keys = {"account_id": identity["account_id"], "lead_id": str(identity["lead_id"])}
    (row,) = session.rows("reports/removed_leads", **keys, sync_id=None)
    return {"removed_at": row["removed_at"], "sync_id": row["sync_id"], "reason": row["reason"], "lead": row["lead"]}


def _contact(row: Row, leads: list[Row], points: list[Row]) -> dict[str, Any]:
    facts = {name: value for name, value in row.items() if name != "connection_metadata"}
    told = {
        kind: [
            {"typed": p["typed"], "value": p["value"], "extension": p["extension"]} for p in points if p["kind"] == of
        ]
        for kind, of in (("phones", "phone"), ("emails", "email"))
    }
    is_primary = bool(leads) and leads[0]["crm_contact_id"] == row["contact_id"] and row["is_member"]
    return facts | {"is_primary": is_primary, "why": _why(row), "url": record_url(row)} | told


def _why(row: Row) -> str:
    if not row["is_member"]:
        return f"not any more: {row['reason'] or row['state']}"
    matched_by, value = str(row["matched_by"]), row["matched_value"]
    why = WHY.get(matched_by, matched_by)
    return f"{why} {value}" if value and matched_by in SHARED else why


def _fields(rows: list[Row], said: list[Row]) -> list[dict[str, Any]]:
    """Every field of the lead, whose value it is, and what the other contacts say."""
    by_field = {field: list(some) for field, some in groupby(said, key=lambda row: str(row["field"]))}
    told = []
    for field in FIELDS:
        values = by_field.get(field, [])
        source = next((_from(row) for row in values if row["is_source"]), None)
        others = [_from(row) | {"value": row["value"]} for row in values if not row["is_source"]]
        told.append({"field": field, "value": rows[0][field], "source": source, "others": others})
    return told


def _from(row: Row) -> dict[str, Any]:
    return {name: row[name] for name in ("contact_id", "connection_id", "provider", "object_type", "crm_id")}


def _print_lead(screen: Console, identity: Row, told: dict[str, Any]) -> None:
    went = where_it_went(identity)
    if went:
        output.told(screen, went)
    row = told["lead"]
    if row:
        output.told(screen, f"  {_how_it_is(row)}", style="bold", prefix=f"{safe(row['name'])}  {row['phone']}")
        output.told(screen, f"{told['lead_id']} of {safe(told['account_id'])}")
    _print_contacts(screen, told["contacts"])
    if row:
        _print_fields(screen, told["fields"])
    for merge in told["merges"]:
        output.told(
            screen, f"Merged into it {second(merge['merged_at'])} UTC: {safe(merge['name'])} ({merge['lead_id']})"
        )
    screen.print()
    output.told(screen, f"Last changes ({min(len(told['changes']), RECENT)} of {len(told['changes'])})", style="bold")
    print_changes(screen, told["changes"][:RECENT])


def _how_it_is(row: Row) -> str:
    asleep, contacted = row["crm_inactive_at"], row["contacted_at"]
    state = f"inactive since {second(asleep)} UTC: {safe(row['crm_inactive_reason'])}" if asleep else "active"
    return f"{state}, contacted {second(contacted)} UTC" if contacted else state


def _print_contacts(screen: Console, contacts: list[dict[str, Any]]) -> None:
    screen.print()
    output.told(screen, counted(len(contacts), "contact"), style="bold")
    cells = [
        (
            _linked(one),
            "*" if one["is_primary"] else "",
            one["name"],
            ", ".join(safe(point["typed"] or point["value"]) for point in one["phones"]),
            ", ".join(safe(point["value"]) for point in one["emails"]),
            one["why"],
        )
        for one in contacts
    ]
    headings = ("Contact", "", "Name", "Phones as typed", "E-mails", "Matched by")
    screen.print(output.table(screen, headings, cells, whole=("Contact",)))


def _print_fields(screen: Console, fields: list[dict[str, Any]]) -> None:
    screen.print()
    output.told(screen, "Where each field comes from", style="bold")
    cells = [
        (
            one["field"],
            second(one["value"]) if one["field"].endswith("_at") and one["value"] else one["value"],
            contact_name(one["source"]["provider"], one["source"]["crm_id"]) if one["source"] else "",
            "; ".join(
                f"{safe(other['value'])} ({contact_name(other['provider'], other['crm_id'])})"
                for other in one["others"]
            ),
        )
        for one in fields
        if one["value"] is not None or one["others"]
    ]
    screen.print(output.table(screen, ("Field", "Value", "From", "Others say"), cells))


def _linked(one: dict[str, Any]) -> Text:
    from rich.text import Text

    return Text(f"{one['provider']}:{safe(one['crm_id'])}", style=f"link {one['url']}" if one["url"] else "")
