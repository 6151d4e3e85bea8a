"""What one Salesforce org holds, and how people change it. No HTTP here; `api.py` answers requests from it."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from crm_pipeline.sandbox.crm import NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock
from crm_pipeline.sandbox.salesforce.schema import OBJECTS, PREFIXES, Filled, record_id
from crm_pipeline.sandbox.shelf import Row, Shelf

Values = Mapping[str, Any]
PEOPLE = ("Lead", "Contact")
CONVERTED_FIELDS = (
    "FirstName", "LastName", "Email", "Phone", "MobilePhone", "Fax", "Title", "LeadSource", "Description", "OwnerId",
)  # fmt: skip
"""What a conversion copies to the new contact."""


class SalesforceOrg:
    """The records of one account and every way they change; methods are what its users do. Thread safe.

    Knobs: `hidden` (fields by object that field-level security takes from describe and queries), `invisible` (objects
    the connected user has no access to), `unqueryable` (`Lead.Owner.Email`: in describe perhaps, refused in a query),
    `page_rows` (rows the server gives at once, whatever was asked), `locator_lives` (calls a query locator answers
    before it dies; None: until the token changes), `slow_above` (a query for more rows runs into its time limit),
    `slow_scan` (so does a filter that no index serves, on an object of more rows), `most_fields` (of one query, as
    where many are formulas), `daily_calls` and `shows_limits`.
    """

    def __init__(self, account: str, *, clock: Clock) -> None:
        self.account = account
        self.lock = threading.RLock()
        self.shelves = {kind: Shelf(clock, keeps_deleted=True) for kind in OBJECTS}
        self.fields = {kind: dict(fields) for kind, fields in OBJECTS.items()}
        self.filled: dict[str, Filled] = {}
        self.names = 0
        """Counts changes to what records show of their parents."""
        self.hidden: dict[str, set[str]] = {}
        self.invisible: set[str] = set()
        self.unqueryable: set[str] = set()
        self.page_rows = 2000
        self.locator_lives: int | None = None
        self.slow_above: int | None = None
        self.slow_scan: int | None = None
        self.most_fields: int | None = None
        self.daily_calls = 100_000
        self.shows_limits = True
        self.stamps_milliseconds = False
        """Salesforce stamps whole seconds; nothing promises that it always will."""
        self._clock = clock
        self._last = dict.fromkeys(OBJECTS, 62**4)

    # Reading

    def visible_fields(self, kind: str) -> dict[str, str]:
        """Fields of an object that the connected user may read, with their types."""
        hidden = self.hidden.get(kind, ())
        return {name: type_ for name, type_ in self.fields[kind].items() if name not in hidden}

    def owner(self, number: str | None) -> Row | None:
        """The user or queue behind an `OwnerId`."""
        return self.shelves["User"].live.get(number) or self.shelves["Group"].live.get(number)

    def account_row(self, number: str | None) -> Row | None:
        return self.shelves["Account"].live.get(number)

    def kind_of(self, number: str) -> str:
        """The object whose ids begin like this one."""
        for kind, prefix in PREFIXES.items():
            if number[:3] == prefix:
                return kind
        raise NoSuchRecord(f"no object has ids like {number!r}")

    def person(self, number: str) -> tuple[str, Row]:
        """Object and row of a live lead or contact."""
        kind = self.kind_of(number)
        if kind not in PEOPLE:
            raise NoSuchRecord(f"{number} is no lead and no contact")
        return kind, self.shelves[kind].get(number)

    def oracle(self) -> list[dict[str, Any]]:
        """Every live lead and contact with all that is filled, and `human`: equal for records of one human being."""
        with self.lock:
            return [
                {
                    "Id": row.id,
                    "type": kind,
                    **{n: v for n, v in row.values.items() if v is not None},
                    "human": row.human,
                }
                for kind in PEOPLE
                for row in self.shelves[kind].live.values()
            ]

    # Changing

    def new_id(self, kind: str, step: int = 1) -> str:
        self._last[kind] += step
        return record_id(kind, self._last[kind])

    def create(self, kind: str, values: Values, *, human: int = 0) -> str:
        """A new record; answers its id."""
        with self.lock:
            now = self.now_ms()
            row = Row(self.new_id(kind, 7), dict(values), now, now, human)
            self.shelves[kind].put(row)
            return str(row.id)

    def edit(self, number: str, values: Values, *, touch: bool = True) -> None:
        """Without `touch` the stamp stays, as when a formula's result changes."""
        with self.lock:
            kind = self.kind_of(number)
            self.shelves[kind].edit(number, dict(values), now_ms=self.now_ms() if touch else None)
            if kind not in PEOPLE:
                self.names += 1

    def delete(self, number: str) -> None:
        """Into the recycle bin."""
        with self.lock:
            self.shelves[self.kind_of(number)].delete(number, now_ms=self.now_ms())

    def restore(self, number: str) -> None:
        """Undelete."""
        with self.lock:
            self.shelves[self.kind_of(number)].restore(number, now_ms=self.now_ms())

    def purge(self, number: str) -> None:
        """Hard delete, or the recycle bin emptied: no query shows it any more."""
        with self.lock:
            self.shelves[self.kind_of(number)].purge(number, now_ms=self.now_ms())

    def merge(self, master: str, other: str) -> None:
        """The other becomes a deleted row that names its master; the master's empty fields are filled from it."""
        with self.lock:
            (kind, kept), (other_kind, lost) = self.person(master), self.person(other)
            if kind != other_kind or master == other:
                raise NoSuchRecord(f"{other} cannot be merged into {master}")
            now = self.now_ms()
            filled = {name: value for name, value in lost.values.items() if value and not kept.values.get(name)}
            self.shelves[kind].delete(other, now_ms=now, merged_into=master)
            self.shelves[kind].edit(master, filled, now_ms=now)

    def convert(self, number: str) -> str:
        """A lead becomes a contact, of an account with the lead's company; answers the contact's id."""
        with self.lock:
            kind, lead = self.person(number)
            if kind != "Lead" or lead.values.get("IsConverted"):
                raise NoSuchRecord(f"{number} is no open lead")
            values = {name: lead.values.get(name) for name in CONVERTED_FIELDS}
            values["MailingCountry"] = lead.values.get("Country")
            values["AccountId"] = self.account_named(lead.values.get("Company"))
            if str(values["OwnerId"]).startswith(PREFIXES["Group"]):
                values["OwnerId"] = next(iter(self.shelves["User"].live))
            contact = self.create("Contact", values, human=lead.human)
            self.edit(number, converted(contact, values["AccountId"], self.now_ms()))
            return contact

    def account_named(self, name: str | None) -> str | None:
        """The account of that name, made if there is none yet."""
        if not name:
            return None
        for row in self.shelves["Account"].live.values():
            if row.values["Name"] == name:
                return str(row.id)
        return self.create("Account", {"Name": name})

    def stamp_all(self, milliseconds: int) -> None:
        """As a renamed picklist value does: every lead and contact gets one stamp."""
        with self.lock:
            for kind in PEOPLE:
                self.shelves[kind].stamp_all(milliseconds)

    def add_fields(self, count: int) -> None:
        """So many custom fields on both objects, filled by one load of data, which stamps everybody."""
        with self.lock:
            first = len(self.filled) + 1
            for number in range(first, first + count):
                name = f"Extra_{number:04d}__c"
                self.filled[name] = Filled(name)
                for kind in PEOPLE:
                    self.fields[kind][name] = "string"
            self.stamp_all(self.now_ms())

    def now_ms(self) -> int:
        return int(self._clock() * 1000) if self.stamps_milliseconds else int(self._clock()) * 1000


def converted(contact: str, account: str | None, now_ms: int) -> dict[str, Any]:
    """What a conversion writes into the lead."""
    return {
        "IsConverted": True, "ConvertedDate": day(now_ms), "ConvertedContactId": contact,
        "ConvertedAccountId": account, "Status": "Closed - Converted",
    }  # fmt: skip


def day(milliseconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(milliseconds // 1000))


@lru_cache(32_768)
def stamp(milliseconds: int) -> str:
    """`2026-08-20T14:00:11.000+0000`, as the REST API writes moments."""
    seconds, rest = divmod(milliseconds, 1000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest:03d}+0000"
