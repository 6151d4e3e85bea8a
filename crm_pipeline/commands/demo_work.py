"""What people do in the made-up CRMs between the two syncs of the demo, each told in a sentence.

The people of a seed may lack somebody a change needs; that change is then left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from crm_pipeline.warehouse.session import Row

if TYPE_CHECKING:
    from crm_pipeline.sandbox.server import Sandbox

Wanted = Callable[[Row], object]
Measure = Callable[[Row], int]


class People:
    """The leads of the account; each, and each name, is given to one change only, so that every change can be seen."""

    def __init__(self, leads: Sequence[list[Row]]) -> None:
        self._leads = leads
        self._taken: set[str] = set()

    def take(
        self, provider: str, wanted: Wanted = bool, *, alone: bool = False, count: int = 1, least: Measure = len
    ) -> list[Row]:
        """Contacts there that their leads take their values from, so many as are asked for, or none.

        Best those of which `least` is the least, and that are the only ones of a lead; `alone` takes no other.
        """
        found = [
            (least(row), len(rows), not row["lead_name"].isascii(), place, row)
            for place, rows in enumerate(self._leads)
            for row in rows
            if row["provider"] == provider
            and row["is_primary"]
            and row["lead_name"] not in self._taken
            and (len(rows) == 1 or not alone)
            and wanted(row)
        ]
        chosen = [row for *_, row in sorted(found, key=lambda one: one[:4])[:count]]
        if len(chosen) < count:
            return []
        self._taken |= {row["lead_name"] for row in chosen}
        return chosen

    def most_frequent_name(self, provider: str) -> str | None:
        """The name that most leads with a contact there bear."""
        names = Counter(
            row["lead_name"]
            for rows in self._leads
            for row in rows
            if row["provider"] == provider and row["is_primary"]
        )
        return max(names, key=lambda name: names[name], default=None)

    def in_company(self, company_id: str) -> int:
        """How many contacts have this company."""
        return sum(row["company_id"] == company_id for rows in self._leads for row in rows)


def work(sandbox: Sandbox, account: str, leads: Sequence[list[Row]]) -> Iterator[tuple[str, str]]:
    """Changes in each CRM, made as they are asked for: which CRM, and what was done there."""
    people = People(leads)
    for provider, change in CHANGES:
        done = change(sandbox, account, people)
        if done is not None:
            yield provider, done


def _merge(sandbox: Sandbox, account: str, people: People) -> str | None:
    name = people.most_frequent_name("hubspot")
    namesakes = people.take("hubspot", lambda row: row["lead_name"] == name, count=2)
    chosen = namesakes or people.take("hubspot", count=2)
    if not chosen:
        return None
    kept, lost = chosen
    sandbox.crm("hubspot", account).users.merge(kept["crm_id"], lost["crm_id"])
    if namesakes:
        return f"two contacts called {name} turn out to be one person and are merged"
    return f"{lost['name']} turns out to be {kept['name']}: their contacts are merged"


def _rename(sandbox: Sandbox, account: str, people: People) -> str | None:
    for row in people.take("hubspot"):
        sandbox.crm("hubspot", account).users.edit(row["crm_id"], last="Demo-Married")
        return f"{row['name']} gets a new last name, Demo-Married"
    return None


def _nurture(sandbox: Sandbox, account: str, people: People) -> str | None:
    for row in people.take("salesforce", lambda row: row["object_type"] == "lead" and row["status"] != "In Pflege"):
        sandbox.crm("salesforce", account).act("edit", {"id": row["crm_id"], "fields": {"Status": "Nurturing"}})
        return f"{row['name']} gets the status Nurturing, which this company labels “In Pflege”"
    return None


def _rename_company(sandbox: Sandbox, account: str, people: People) -> str | None:
    for row in people.take(
        "salesforce",
        lambda row: row["object_type"] == "contact" and row["company_id"],
        least=lambda row: people.in_company(row["company_id"]),
    ):
        sandbox.crm("salesforce", account).users.rename_company(row["crm_id"], "Demo Industries")
        return f"{row['company']}, where {row['name']} works, is renamed Demo Industries; no contact is touched"
    return None


def _add_stranger(sandbox: Sandbox, account: str, people: People) -> str | None:
    users = sandbox.crm("pipedrive", account).users
    users.add(first="Ada", last="New", phone="020 7946 0018", country="United Kingdom")
    return "Ada New is added, phone 020 7946 0018 in the United Kingdom"


def _delete(sandbox: Sandbox, account: str, people: People) -> str | None:
    for row in people.take("zoho", alone=True):
        sandbox.crm("zoho", account).users.delete(row["crm_id"])
        return f"{row['name']} is deleted, whom no other CRM knows"
    return None


def _call(sandbox: Sandbox, account: str, people: People) -> str | None:
    users = sandbox.crm("gohighlevel", account).users
    cards = users.cards()
    for row in people.take("gohighlevel", lambda row: len(cards[row["crm_id"]].phones) == 1):
        users.edit(row["crm_id"], phone="(415) 555-2671", country="US")
        return f"{row['name']} gets a new phone, typed as (415) 555-2671"
    return None


def _add_known(sandbox: Sandbox, account: str, people: People) -> str | None:
    for row in people.take("hubspot", lambda row: row["email"] and row["last_activity_at"]):
        users = sandbox.crm("gohighlevel", account).users
        users.add(last=row["name"], phone="(212) 736-5001", email=row["email"].upper())
        return f"{row['name']}, known from HubSpot, is added with the same e-mail and another phone: no new lead"
    return None


CHANGES = (
    ("hubspot", _merge), ("hubspot", _rename), ("salesforce", _nurture), ("salesforce", _rename_company),
    ("pipedrive", _add_stranger), ("zoho", _delete), ("gohighlevel", _call), ("gohighlevel", _add_known),
)  # fmt: skip
