"""Pages of leads: what a person types is turned into a search, what they click into an order; and all of it as CSV."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import IO, Any, cast
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
IN_MEMORY = 4 << 20
"""Bytes of an export that are kept in memory; a larger one waits in a file that nobody else can open."""
CHUNK = 1 << 16
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
    asked = {"account_id": account_id, **wanted.parameters()}
    order: dict[str, Any] = {"sort": wanted.sort, "is_descending": wanted.is_descending}
    rows = session.rows("pages/leads", **asked, **order, row_limit=limit, row_offset=min(offset, MOST_OFFSET))
    if rows and len(rows) < limit:
        return LeadPage(rows, offset + len(rows))
    return LeadPage(rows, session.rows("pages/lead_total", **asked)[0]["total"])


def export_csv(session: Session, account_id: str, wanted: Wanted) -> IO[bytes]:
    """All columns of all leads that are wanted, ready to be sent at whatever pace, while nobody waits for the store."""
    asked = {"account_id": account_id, **wanted.parameters()}
    order: dict[str, Any] = {"sort": wanted.sort, "is_descending": wanted.is_descending}
    columns = [row["column_name"] for row in session.rows("reports/lead_columns")]
    spool = cast(IO[bytes], SpooledTemporaryFile(max_size=IN_MEMORY))  # noqa: SIM115  closed by `chunks`
    text = io.TextIOWrapper(spool, encoding="utf-8", errors="replace", newline="", write_through=False)
    text.write(BOM)
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for batch in session.stream("pages/leads", **asked, **order, row_limit=None, row_offset=0):
        writer.writerows([[cell(value) for value in row] for row in batch])
    text.flush()
    text.detach()
    spool.seek(0)
    return spool


def chunks(spool: IO[bytes]) -> Iterator[bytes]:
    """What was exported, piece by piece; the file is gone afterwards."""
    with spool:
        while piece := spool.read(CHUNK):
            yield piece


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text)) if len(text) == 36 else None
    except ValueError:
        return None
