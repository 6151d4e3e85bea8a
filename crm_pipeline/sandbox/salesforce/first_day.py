"""An org's contents on its first day, from the seed alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from crm_pipeline.sandbox.exchange import Clock
from crm_pipeline.sandbox.people import Company, Person, people
from crm_pipeline.sandbox.salesforce.org import SalesforceOrg, converted, day
from crm_pipeline.sandbox.salesforce.schema import BASE_MS, DAY_MS, LEAD_STATUSES, OUTREACH
from crm_pipeline.sandbox.shelf import Row

USERS = (
    ("Sam Oyelaran", "sam", True), ("Ines Duarte", "ines", True), ("Kofi Mensah", "kofi", True),
    ("Hanna Brandt", "hanna", True), ("Yuki Mori", "yuki", True), ("Greta Falk", "greta", False),
)  # fmt: skip
"""Name, mailbox, and whether still active: records keep the owner who left."""
QUEUES = ("Inbound leads",)
LEADS, CONVERTED, MERGED, DELETED = 0.4, 0.04, 0.006, 0.012
UNKNOWN = "Unknown"
"""Salesforce wants a last name, so people type something."""


def org_url(account: str, seed: int) -> str:
    """The org's own address, known without filling the org."""
    number = random.Random(f"{seed}:{account}:org").randrange(10**6)
    return f"https://{account}-{number}.my.salesforce.example"


def new_org(account: str, *, seed: int, contacts: int, clock: Clock) -> SalesforceOrg:
    """An org with `contacts` leads and contacts together, those in the recycle bin included."""
    org = SalesforceOrg(account, clock=clock)
    maker = _Maker(org, random.Random(f"{seed}:{account}:salesforce"))
    rows: dict[str, list[Row]] = {"Lead": [], "Contact": []}
    left = contacts
    for person in people(seed, account, contacts, "salesforce"):
        if left <= 0:
            break
        for kind, row in maker.records(person, left, rows):
            rows[kind].append(row)
            left -= 1
    for kind, found in rows.items():
        org.shelves[kind].fill(found)
    org.shelves["Account"].fill(maker.accounts.values())
    return org


class _Maker:
    """Turns people into rows from one stream of chance."""

    def __init__(self, org: SalesforceOrg, rng: random.Random) -> None:
        self._org, self._rng, self._random = org, rng, rng.random
        self.accounts: dict[tuple[int, str], Row] = {}
        users, queues = [], []
        for name, mailbox, active in USERS:
            values = {
                "Name": name,
                "Email": f"{mailbox}@{org.account}.example",
                "IsActive": active,
                "UserType": "Standard",
            }
            users.append(Row(org.new_id("User"), values, BASE_MS - 900 * DAY_MS, BASE_MS - 400 * DAY_MS))
        for name in QUEUES:
            values = {"Name": name, "Email": None, "Type": "Queue"}
            queues.append(Row(org.new_id("Group"), values, BASE_MS - 900 * DAY_MS, BASE_MS - 400 * DAY_MS))
        team = Row(org.new_id("Group"), {"Name": "Everybody", "Type": "Regular"}, BASE_MS - DAY_MS, BASE_MS - DAY_MS)
        org.shelves["User"].fill(users)
        org.shelves["Group"].fill([*queues, team])
        self._users = [row.id for row in users]
        self._queue = queues[0].id

    def records(self, person: Person, left: int, rows: dict[str, list[Row]]) -> Iterator[tuple[str, Row]]:
        """One row, or the two of a converted lead. A few are deleted, a few were merged into an earlier one."""
        luck, created = self._random(), BASE_MS - int(self._random() * 1000 * 86_400) * 1000 - DAY_MS
        updated = created + int(self._random() * ((BASE_MS - created) // 1000)) * 1000
        kind = "Lead" if self._random() < LEADS else "Contact"
        if kind == "Lead" and luck < CONVERTED and left > 1:
            contact = self._row("Contact", person, created + 1000, updated)
            lead = self._row("Lead", person, created, updated)
            lead.values |= converted(contact.id, contact.values["AccountId"], updated)
            yield "Contact", contact
            yield "Lead", lead
            return
        row = self._row(kind, person, created, updated)
        if luck > 1 - DELETED:
            row.deleted_ms = updated
        elif luck > 1 - DELETED - MERGED and (masters := [one for one in rows[kind][-20:] if self._is_open(one)]):
            master = self._rng.choice(masters)
            row.values, row.human = dict(master.values), master.human
            row.deleted_ms = row.updated_ms = master.updated_ms
            row.merged_into = master.id
        yield kind, row

    def _is_open(self, row: Row) -> bool:
        return row.deleted_ms is None and not row.values.get("IsConverted")

    def _row(self, kind: str, person: Person, created: int, updated: int) -> Row:
        values = self._lead(person) if kind == "Lead" else self._contact(person)
        first, last = _trimmed(person.first), _trimmed(person.last)
        if last is None:
            first, last = None, first or UNKNOWN
        values |= {
            "FirstName": first, "LastName": last, "Email": person.email, "Phone": _trimmed(person.phone),
            "MobilePhone": _trimmed(person.mobile), "Title": person.job, "Description": person.note,
            "LeadSource": self._pick((None, "Web", "Phone Inquiry", "Other")),
            "Fax": "+1 212-736-5000" if self._random() < 0.02 else None,
            "Outreach_Status__c": self._pick((None, *(value for value, _ in OUTREACH))),
            "Region__c": self._pick((None, "North", "South")), "Score__c": self._pick((None, 1.0, 42.5)),
        }  # fmt: skip
        if self._random() < 0.6:
            # Also the due date of a task to come, so it may lie ahead of the last change.
            values["LastActivityDate"] = day(updated + int((self._random() - 0.7) * 90) * DAY_MS)
        return Row(self._org.new_id(kind, 1 + int(self._random() * 9)), values, created, updated, person.human)

    def _lead(self, person: Person) -> dict[str, Any]:
        open_statuses = [value for value, _ in LEAD_STATUSES if value != "Closed - Converted"]
        return {
            "Company": person.company.name if person.company else None, "Status": self._pick(open_statuses),
            "Rating": self._pick((None, "Hot", "Warm", "Cold")), "Country": person.country,
            "OwnerId": self._queue if self._random() < 0.15 else self._pick(self._users),
        }  # fmt: skip

    def _contact(self, person: Person) -> dict[str, Any]:
        """Extra e-mails have no field here; extra phones have."""
        luck = self._random()
        extra = f"+1 650-253-{int(self._random() * 9000) + 1000:04d}"
        return {
            "AccountId": self._account(person.company), "OwnerId": self._pick(self._users),
            "MailingCountry": person.country, "HomePhone": extra if luck < 0.03 else None,
            "OtherPhone": extra if 0.03 <= luck < 0.05 else None,
            "AssistantPhone": "+1 650-253-0000" if 0.05 <= luck < 0.08 else None,
            "Journey__c": self._pick((None, "1", "2")),
        }  # fmt: skip

    def _account(self, company: Company | None) -> str | None:
        if company is None:
            return None
        key = company.number, company.name
        if key not in self.accounts:
            moment = BASE_MS - int(self._random() * 800) * DAY_MS
            values = {"Name": company.name, "Phone": company.office}
            self.accounts[key] = Row(self._org.new_id("Account", 3), values, moment, moment)
        return str(self.accounts[key].id)

    def _pick(self, choices: Any) -> Any:
        return choices[int(self._random() * len(choices))]


def _trimmed(text: str | None) -> str | None:
    """Salesforce takes spaces off when a record is saved."""
    return (text or "").strip() or None
