"""Leads that an overwrite takes away, and how they come back: by themselves with their contact, or by a person's word.

A removed lead keeps its id and its whole row, whatever columns the product gave it, in `removed_leads`. Runs inside the
caller's transaction, under the account's lock.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from crm_pipeline.errors import SyncHeld
from crm_pipeline.walk import valve
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Row, Session

REMOVE = ("leads/record_removed", "leads/store_removed", "leads/drop_removed")


class Removal(NamedTuple):
    """What an overwrite took away, or why it did not."""

    removed: int
    held: SyncHeld | None = None


def remove_leads(
    session: Session, connection: Connection, *, sync_id: UUID, now: datetime, is_forced: bool = False
) -> Removal:
    """Take away the leads that contacts of this connection were behind and that no contact is behind any more.

    Contacts that vanished have passed the valve already; here it guards the leads, also where the CRM itself tells that
    contacts were deleted, or a wrong setting makes many unusable at once. Runs after `build_leads`, in its transaction.
    """
    values: dict[str, Any] = {
        "account_id": connection.account_id,
        "connection_id": str(connection.id),
        "sync_id": str(sync_id),
        "now": now,
    }
    session.run("transform/leads/create_connection_leads", **values)
    session.run("transform/leads/create_removed", **values)
    counts = session.rows("transform/leads/count_removed")[0]
    held = _held(session, connection, counts, is_forced=is_forced, now=now)
    if held is not None:
        return Removal(0, held)
    if counts["removed"]:
        for name in REMOVE:
            session.run(f"transform/{name}", **values)
    return Removal(counts["removed"])


def bring_back(session: Session, values: Mapping[str, Any]) -> None:
    """Put removed leads back whose contact is in scope again, asleep as they were; matching then wakes them up."""
    session.run("transform/leads/create_returning_leads", **values)
    _put_back(session, values)


def restore_leads(
    session: Session,
    account_id: str,
    *,
    lead_id: UUID | None = None,
    removed_by: UUID | None = None,
    restore_id: UUID,
    now: datetime,
) -> int:
    """Put back one removed lead, or all that a sync removed; they sleep until a contact wakes them. How many."""
    session.drop_temporary()
    session.lock_account(account_id)
    values: dict[str, Any] = {
        "account_id": account_id,
        "lead_id": str(lead_id) if lead_id else None,
        "removed_by": str(removed_by) if removed_by else None,
        "sync_id": str(restore_id),
        "now": now,
    }
    session.run("transform/leads/create_restored_leads", **values)
    restored = _put_back(session, values)
    session.run("transform/leads/mark_restored", **values)
    return restored


def _put_back(session: Session, values: Mapping[str, Any]) -> int:
    rows = session.rows("transform/leads/returning_rows", **values)
    if not rows:
        return 0
    session.insert_objects("leads", [row["lead"] for row in rows])
    session.run("transform/leads/record_restored", **values)
    session.run("transform/leads/forget_removed", **values)
    return len(rows)


def _held(session: Session, connection: Connection, counts: Row, *, is_forced: bool, now: datetime) -> SyncHeld | None:
    """Why nothing may be removed; what it shows is kept for whoever forces it."""
    known = valve.shown_of(session, connection)
    shown = {valve.LEADS: known.get(valve.LEADS, sum(known.values()))} if known else {}
    loss = _loss(connection, counts)
    held = valve.to_hold([loss], shown, is_forced=is_forced)
    if not is_forced and loss.gone and loss.gone >= known.get(valve.LEADS, loss.gone + 1):
        held = [loss]  # those that were held are asleep by now, so few are awake that they could be measured by
    valve.settle(session, connection, [valve.LEADS], held, now=now)
    if not held:
        return None
    look = (
        "Look at the CRM."
        if not counts["rejected"]
        else (f"Look at why they are no leads: `crm-pipeline rejections {shlex.quote(connection.account_id)}`.")
    )
    action = f"{look} {valve.forcing(connection, removes_leads=True)}"
    facts = {name: counts[name] for name in ("removed", "rejected", "leads")}
    return valve.why_held(held, shown, is_forced=is_forced, action=action, **facts)


def _loss(connection: Connection, counts: Row) -> valve.Loss:
    """Measured by the leads that were awake; all of those gone, or nothing left of the connection, is everything."""
    all_fell = counts["awake"] > 0 and counts["fallen"] >= counts["awake"]
    still = f", {counts['rejected']} of them although the CRM still has their contacts" if counts["rejected"] else ""
    return valve.Loss(
        kind=valve.LEADS,
        gone=counts["removed"],
        alive=counts["awake"],
        is_everything=all_fell or counts["kept"] == 0,
        told=f"{connection.label}: {counts['removed']} of {counts['leads']} leads would be removed{still}",
    )
