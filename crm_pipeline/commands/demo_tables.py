"""The tables of the demo: a line per sync, the reasons behind all skips, who is one person, and what syncs changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from crm_pipeline.commands import output
from crm_pipeline.commands.leads import reason_of
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.warehouse.session import Row

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from crm_pipeline.walk.books import SyncResult

FIRST = ("Contacts", "New leads", "Known leads", "Skipped", "Requests", "Seconds")
LATER = ("Contacts", "New leads", "Known leads", "Changed", "Skipped", "Requests")
"""What a line tells of a first sync, and of a later one."""
PEOPLE_SHOWN, CONTACTS_SHOWN, CHANGES_SHOWN, LINES = 3, 5, 12, 3
MATCHES = {"new": "met first", "phone": "same phone", "email": "same e-mail", "crm_id": "merged there"}
KINDS = {
    "created": "a new lead",
    "split": "a new lead: no longer the same person as another one",
    "inactive": "not to be texted any more:",
    "active": "may be texted again",
    "merged": "merged into",
}
UNTOLD = frozenset(
    {"first_name", "last_name", "crm_id", "crm_contact_id", "crm_connection_id", "crm_owner_email", "lead_type"}
)
"""Fields whose change says nothing that another field's does not."""


class SyncLines:
    """Syncs as lines of one table, each printed as the sync ends."""

    def __init__(self, names: Sequence[str], labels: Iterable[str]) -> None:
        self._names = names
        self._first = max(map(len, labels))

    def heading(self) -> str:
        return self._line("Connection", self._names)

    def of(self, result: SyncResult) -> str:
        counts = result.results
        told = {
            "Contacts": f"{counts.fetched:,}", "New leads": f"{counts.created + counts.split:,}",
            "Known leads": f"{counts.merged:,}", "Changed": f"{counts.updated:,}", "Skipped": f"{counts.skipped:,}",
            "Requests": f"{result.requests:,}", "Seconds": f"{result.seconds:.1f}",
        }  # fmt: skip
        return self._line(safe(result.connection.label), [told[name] for name in self._names])

    def _line(self, first: str, values: Iterable[str]) -> str:
        cells = (f"{value:>{len(name)}}" for name, value in zip(self._names, values, strict=True))
        return "  ".join((f"{first:<{self._first}}", *cells))


def reasons(screen: Console, results: Iterable[SyncResult], examples: Mapping[str, list[Row]]) -> Table:
    """Why contacts are no leads, all syncs together; the examples of one reason after the other are of another CRM."""
    total: Counter[str] = Counter()
    for result in results:
        total.update(result.results.skipped_by_reason)
    cells = [
        (f"{count:,}", code, _example(code, examples.get(code, []), place))
        for place, (code, count) in enumerate(total.most_common())
    ]
    return output.table(screen, ("Contacts", "Reason", "Such as"), cells, right=("Contacts",))


def by_lead(contacts: Iterable[Row]) -> list[list[Row]]:
    """The rows of `reports/lead_contacts`, those of one lead together."""
    return [list(rows) for _, rows in groupby(contacts, key=lambda row: row["lead_id"])]


def in_several(leads: Iterable[list[Row]]) -> list[list[Row]]:
    """The leads that more than one CRM knows."""
    return [rows for rows in leads if _crms(rows) > 1]


def how_many(leads: Iterable[list[Row]]) -> str:
    """`60 are known in 2 CRMs, 12 in 3`."""
    (fewest, count), *more = sorted(Counter(map(_crms, leads)).items())
    return ", ".join((f"{count:,} are known in {fewest} CRMs", *(f"{count:,} in {crms}" for crms, count in more)))


def same_people(screen: Console, leads: Iterable[list[Row]]) -> Table:
    """A few leads with what was typed in each CRM, and by what they were recognised."""
    cells: list[Sequence[object]] = []
    for rows in _telling(leads):
        cells += [[""] * 5] if cells else []
        whose = [rows[0]["lead_name"], rows[0]["lead_phone"], *[""] * len(rows)]
        for lead, row in zip(whose, rows[:CONTACTS_SHOWN], strict=False):
            title, why = PROVIDERS[row["provider"]].title, MATCHES.get(row["matched_by"], row["matched_by"])
            cells.append((lead, title, row["name"], row["typed"], why))
        if len(rows) > CONTACTS_SHOWN:
            cells.append(("", "", f"and {len(rows) - CONTACTS_SHOWN} more", "", ""))
    return output.table(screen, ("Lead", "CRM", "Name there", "Typed there", "Matched by"), cells)


def work_done(changes: Iterable[tuple[str, str]]) -> Table:
    """What people did, by the CRM they did it in."""
    from rich.table import Table

    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column()
    for provider, done in changes:
        grid.add_row(PROVIDERS[provider].title, _text(safe(done)))
    return grid


def changes(screen: Console, syncs: Iterable[tuple[str, list[Row]]], names: Mapping[str, str]) -> Table:
    """What syncs changed, lead by lead, from their CRMs and rows; `names` of leads by id, before the syncs."""
    cells = []
    for provider, rows in syncs:
        known = {**names, **{str(row["lead_id"]): row["name"] for row in rows if row["name"]}}
        for lead_id, group in groupby(rows, key=lambda row: str(row["lead_id"])):
            if lines := list(_changes(group, known)):
                more = [f"and {counted(len(lines) - LINES, 'more field')}"] if len(lines) > LINES else []
                what = _text("\n".join([*lines[:LINES], *more]))
                cells.append((known.get(lead_id, "(another lead)"), PROVIDERS[provider].title, what))
    shown = cells[:CHANGES_SHOWN]
    if len(cells) > len(shown):
        shown.append((f"and {counted(len(cells) - len(shown), 'more lead')}", "", _text("")))
    return output.table(screen, ("Lead", "By", "What the sync changed"), shown)


def _example(code: str, found: Sequence[Row], place: int) -> Text:
    """One rejected contact: its name, its CRM, and the text there that is the reason; else what the reason means."""
    from rich.text import Text

    if not found:
        return Text(reason_of(code).meaning, "dim")
    row = found[place % len(found)]
    text = f": “{safe(row['value'])}”" if row["value"] else ""
    return Text(f"{safe(row['name']) or 'one without a name'} in {PROVIDERS[row['provider']].title}{text}")


def _crms(rows: Iterable[Row]) -> int:
    return len({row["provider"] for row in rows})


def _telling(leads: Iterable[list[Row]]) -> list[list[Row]]:
    """Those that show most: somebody known by an e-mail, then people with many spellings in many CRMs."""

    def worth(rows: list[Row]) -> tuple[bool, int, int]:
        return len(rows) <= CONTACTS_SHOWN, len({row["typed"] for row in rows}), _crms(rows)

    best = sorted(leads, key=worth, reverse=True)
    by_email = [rows for rows in best if any(row["matched_by"] == "email" for row in rows)][:1]
    others = [rows for rows in best if rows not in by_email]
    return [*others[: PEOPLE_SHOWN - len(by_email)], *by_email]


def _changes(rows: Iterable[Row], names: Mapping[str, str]) -> Iterator[str]:
    """What happened to one lead, a line for each thing."""
    for row in rows:
        if row["kind"] == "updated" and row["field"] not in UNTOLD:
            field = row["field"].removeprefix("crm_").replace("_", " ")
            yield f"{field}: {_value(row, 'old_value')} → {_value(row, 'new_value')}"
        elif row["kind"] != "updated":
            value = safe(names.get(row["new_value"], row["new_value"]))
            yield f"{KINDS.get(row['kind'], row['kind'])} {value}".strip()


def _value(row: Row, name: str) -> str:
    """A value before or after a change; of a moment, the day and the minute; of a CRM, its title."""
    text = safe(row[name]) or "–"
    if row["field"] == "crm_source" and text in PROVIDERS:
        return PROVIDERS[text].title
    return text[:16] if row["field"].endswith("_at") else text


def _text(text: str) -> Text:
    from rich.text import Text

    return Text(text)
