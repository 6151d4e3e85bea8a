"""Leads that an overwrite takes away, and how they come back: by themselves with their contact, or by a person's word.

A removed lead keeps its id and its whole row, whatever columns the product gave it, in `removed_leads`. Runs inside the
caller's transaction, under the account's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from crm_pipeline.errors import SyncHeld
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Session

REMOVE = ("leads/record_removed", "leads/store_removed", "leads/drop_removed")


class Removal(NamedTuple):
    """What an overwrite took away, or why it did not."""

    removed: int
    held: SyncHeld | None = None


def remove_leads(
    session: Session, connection: Connection, *, sync_id: UUID, now: datetime, is_forced: bool = False
) -> Removal:
    """Take away the leads that contacts of this connection were behind and that no contact is behind any more.

    Contacts that vanished have passed the valve already. Here it guards leads whose contact the CRM still has: a wrong
    setting can make many contacts unusable at once.
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
    held = None if is_forced else _valve(connection, rejected=counts["rejected"], leads=counts["leads"])
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


def _valve(connection: Connection, *, rejected: int, leads: int) -> SyncHeld | None:
    from crm_pipeline.walk.contacts import VALVE_MINIMUM, VALVE_SHARE

    if rejected <= max(VALVE_MINIMUM, VALVE_SHARE * leads):
        return None
    return SyncHeld(
        "mass_removal_held",
        f"{connection.label}: {rejected} of {leads} leads would be removed although the CRM still has their contacts, "
        "too many to believe; none was removed.",
        action=f"Look at why they are no leads: `crm-pipeline rejections {connection.account_id}`. If the removal is "
        "meant, run the sync again with --force.",
        rejected=rejected,
        leads=leads,
    )
