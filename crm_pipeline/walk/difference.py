"""What one sync does to leads, lead by lead and field by field: what a preview tells, and an applied sync does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from crm_pipeline.warehouse.session import Session


class Change(NamedTuple):
    """One field of one lead, or an event without a field; and whose value the new one is, where it is somebody's."""

    kind: str
    field: str | None
    old_value: str | None
    new_value: str | None
    provider: str | None
    crm_id: str | None
    contact_id: UUID | None
    connection_id: UUID | None


class LeadChange(NamedTuple):
    """Everything that happens to one lead."""

    lead_id: UUID
    name: str | None
    changes: tuple[Change, ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What happens to it, each once."""
        return tuple(dict.fromkeys(change.kind for change in self.changes))


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What changes in all, and the leads it was asked for: those that go, then those that change, then new ones."""

    totals: Mapping[str, int]
    """How many leads are created, updated, merged, split, inactive, active, removed or restored."""
    total: int
    """How many leads anything happens to."""
    leads: tuple[LeadChange, ...]

    def as_dict(self) -> dict[str, Any]:
        """The published shape of `difference`."""
        return {
            "totals": dict(self.totals),
            "total": self.total,
            "leads": [
                {
                    "lead_id": lead.lead_id,
                    "name": lead.name,
                    "kinds": lead.kinds,
                    "changes": [change._asdict() for change in lead.changes],
                }
                for lead in self.leads
            ],
        }


def read_difference(session: Session, account_id: str, *, sync_id: UUID, limit: int | None = None) -> Difference:
    """What the changes of a sync say; on at most `limit` leads, None for all."""
    keys: dict[str, Any] = {"account_id": account_id, "sync_id": str(sync_id)}
    totals = {row["kind"]: row["leads"] for row in session.rows("reports/difference_totals", **keys)}
    total = totals.pop("total", 0)
    rows = (row for batch in session.stream("reports/difference", **keys, lead_limit=limit) for row in batch)
    leads = tuple(
        LeadChange(lead_id, name, tuple(Change(*row[2:]) for row in some))
        for (lead_id, name), some in groupby(rows, key=lambda row: (row[0], row[1]))
    )
    return Difference(totals=totals, total=total, leads=leads)
