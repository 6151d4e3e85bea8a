"""Pages of leads: what a person types is turned into a search, what they click into an order; and all of it as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from crm_pipeline.commands.leads import FEWEST_DIGITS, PHONE_SEARCH
from crm_pipeline.commands.text import cell
from crm_pipeline.warehouse.session import Row, Session

WORDS = (
    "name", "first_name", "last_name", "phone", "email", "company", "lead_type", "crm_id", "crm_source", "crm_status",
    "crm_stage", "crm_description", "crm_owner", "crm_owner_email", "crm_inactive_reason",
)  # fmt: skip
MOMENTS = (
    "crm_last_activity_at", "crm_inactive_at", "last_crm_sync_at", "contacted_at", "created_at", "updated_at",
)  # fmt: skip
"""Columns that hold a time; the latest is what a person wants first."""
SORTS = frozenset((*WORDS, *MOMENTS))
USUAL_SORT = "crm_last_activity_at"
LONGEST_SEARCH = 200
MOST_OFFSET = 2**62
FEW = 5_000
"""Leads whose ids are read to count what a search finds: a second look at every lead takes longer."""
BATCH = 2_000
"""Leads of an export that are read at once; between two batches a sync may have the store."""
BOM = "\ufeff"
"""Opened with a double click, a spreadsheet takes a file without it for another alphabet."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which leads of an account, and in which order."""

    search: str = ""
    sort: str = USUAL_SORT
    is_descending: bool = True

    @classmethod
    def of(cls, search: str = "", sort: str = "", order: str = "") -> Wanted:
        """As an address says it; what makes no sense counts as not said."""
        chosen = sort if sort in SORTS else USUAL_SORT
        usual = "desc" if chosen in MOMENTS else "asc"
        text = " ".join(search.replace("\x00", " ").encode("utf-8", "replace").decode().split())[:LONGEST_SEARCH]
        return cls(text, chosen, (order if order in ("asc", "desc") else usual) == "desc")

    @property
    def order(self) -> str:
        return "desc" if self.is_descending else "asc"

    def parameters(self) -> dict[str, Any]:
        """Of both statements, but for the account and the place of the page."""
        text = self.search
        digits = re.sub(r"\D", "", text) if PHONE_SEARCH.fullmatch(text) else ""
        return {
            "search": text.lower() or None,
            "is_plain": text.isascii(),
            "digits": digits if len(digits) >= FEWEST_DIGITS else None,
            "crm_id": text or None,
            "id": _uuid(text),
        }


@dataclass(frozen=True, slots=True)
class LeadPage:
    """Some leads, with every column they have, and how many there are in all."""

    rows: list[Row]
    total: int


def find_leads(session: Session, account_id: str, wanted: Wanted, *, limit: int, offset: int = 0) -> LeadPage:
    """One page; beyond the last one there are no rows."""
    found = _few_ids(session, account_id, wanted, most=offset + limit) if wanted.search else None
    ids = find_ids(session, account_id, wanted, limit=limit, offset=offset) if found is None else found[offset:][:limit]
    place = {lead_id: number for number, lead_id in enumerate(ids)}
    rows = session.rows("pages/leads", account_id=account_id, ids=[str(one) for one in ids]) if ids else []
    rows.sort(key=lambda row: place[row["id"]])
    if found is not None:
        return LeadPage(rows, len(found))
    if ids and len(ids) < limit:
        return LeadPage(rows, offset + len(ids))
    return LeadPage(rows, session.rows("pages/lead_total", account_id=account_id, **wanted.parameters())[0]["total"])


def _few_ids(session: Session, account_id: str, wanted: Wanted, *, most: int) -> list[UUID] | None:
    """All that a search finds, mostly little, in one look at every lead; None where it is too much for that."""
    if most > FEW:
        return None
    ids = find_ids(session, account_id, wanted, limit=FEW + 1)
    return ids if len(ids) <= FEW else None


def find_ids(
    session: Session, account_id: str, wanted: Wanted, *, limit: int | None = None, offset: int = 0
) -> list[UUID]:
    """The ids of leads in the wanted order, all of them without a limit."""
    asked: dict[str, Any] = {"account_id": account_id, "sort": wanted.sort, "is_descending": wanted.is_descending}
    asked |= {**wanted.parameters(), "row_limit": limit, "row_offset": min(offset, MOST_OFFSET)}
    if limit is not None:
        return [row["id"] for row in session.rows("pages/lead_ids", **asked)]
    return [lead_id for batch in session.stream("pages/lead_ids", **asked) for (lead_id,) in batch]


def csv_header(columns: list[str]) -> bytes:
    """How an export begins."""
    return _csv([columns], BOM)


def csv_rows(session: Session, account_id: str, ids: list[UUID], columns: list[str]) -> bytes:
    """Some leads with all their columns, in the order of the ids; one that is gone by now is left out."""
    place, id_column = {lead_id: number for number, lead_id in enumerate(ids)}, columns.index("id")
    found = session.stream("pages/leads", account_id=account_id, ids=[str(one) for one in ids])
    rows = [row for batch in found for row in batch]
    rows.sort(key=lambda row: place[row[id_column]])
    return _csv([cell(value) for value in row] for row in rows)


def _csv(rows: Iterable[Iterable[str]], start: str = "") -> bytes:
    text = io.StringIO(start, newline="")
    text.seek(0, io.SEEK_END)
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode("utf-8", "replace")


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None
