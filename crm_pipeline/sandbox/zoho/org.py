"""What one Zoho CRM org holds, and how its people change it. No HTTP here; `api.py` answers requests from it."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from crm_pipeline.sandbox.crm import BadControl, NoSuchRecord
from crm_pipeline.sandbox.exchange import Clock
from crm_pipeline.sandbox.shelf import Row, Shelf
from crm_pipeline.sandbox.zoho.records import (
    ACCOUNTS,
    CONTACTS,
    CUSTOM,
    FIRST_ACCOUNT,
    FIRST_RECORD,
    LEADS,
    ONLY_ALONE,
    STANDARD,
    SYSTEM,
    Field,
    User,
    full_name,
    local_time,
)

READ_ONLY = frozenset({"id", "Full_Name", "Created_Time", "Modified_Time", "Converted__s", "Converted_Date_Time"})
COPIED = (
    "Salutation", "First_Name", "Last_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Lead_Source",
    "Description", "Owner", "Last_Activity_Time",
)  # fmt: skip
"""What conversion takes over from the lead."""


class ZohoOrg:
    """The records of one account and every way they change; methods are what its users do. Thread safe.

    Knobs: `missing_scopes` (names of OAuth scopes the token lacks), `missing_modules` (INVALID_MODULE), `forbidden`
    (modules that the user's profile may not see), `shows_conversion` (whether lists answer `$converted_detail`),
    `knows_approved` (whether lists take `approved`), `chain_rows` and `page_rows` (how many rows a chain of page
    tokens, and `page`, can reach), `credits` (calls a day, enforced with `limits`), `is_feed_newest_first`,
    `is_since_exclusive` (whether If-Modified-Since leaves its own second out).
    """

    def __init__(self, account: str, users: Sequence[User], *, clock: Clock) -> None:
        self.account = account
        self.users = list(users)
        self.lock = threading.RLock()
        self.missing_scopes: set[str] = set()
        self.missing_modules: set[str] = set()
        self.forbidden: set[str] = set()
        self.shows_conversion = True
        self.knows_approved = True
        self.chain_rows, self.page_rows = 100_000, 2_000
        self.credits = 50_000
        self.is_feed_newest_first = self.is_since_exclusive = False
        self.fields = {
            module: {field.name: field for field in (*STANDARD[module], *CUSTOM[module])} for module in CUSTOM
        }
        self.shelves = {module: Shelf(clock) for module in (LEADS, CONTACTS, ACCOUNTS)}
        self.fillers: dict[str, str] = {}
        """Custom fields that hold one and the same text in every record."""
        self._clock = clock
        self._last_id, self._last_account, self._humans = FIRST_RECORD, FIRST_ACCOUNT, 0
        self._accounts: dict[str, int] = {}

    # Reading

    def now_ms(self) -> int:
        """Zoho counts whole seconds."""
        return int(self._clock()) * 1000

    def module_of(self, record: str | int) -> str:
        """The module whose record has this id: live, deleted or purged."""
        number = whole(record)
        for module in (LEADS, CONTACTS):
            shelf = self.shelves[module]
            if number in shelf.live or number in shelf.bin or number in shelf.purged:
                return module
        raise NoSuchRecord(f"no record {record}")

    def find(self, record: str | int) -> tuple[Shelf, Row]:
        """A live lead or contact and the shelf it is on."""
        shelf = self.shelves[self.module_of(record)]
        return shelf, shelf.get(whole(record))

    def user(self, number: int) -> User | None:
        """Whoever has this id, former users too."""
        return next((user for user in self.users if user.id == number), None)

    def account_name(self, number: int | None) -> str | None:
        """The present name of an account."""
        row = self.shelves[ACCOUNTS].live.get(number)
        return row.values["Account_Name"] if row else None

    def accepts(self, module: str, name: str) -> bool:
        """Whether `fields` may name it."""
        return name in self.fields[module] or name in SYSTEM

    def written(self, module: str, row: Row, names: Sequence[str], key: str) -> bytes:
        """A row of a list with these fields; kept under `key`, since pages are asked for again and again."""
        found = row.written.get(key)
        if found is None:
            # Copied, since orjson leaves each result at the head of a much larger block.
            found = row.written[key] = bytes(memoryview(orjson.dumps(self.as_object(module, row, names))))
        return found

    def as_object(self, module: str, row: Row, names: Sequence[str], *, alone: bool = False) -> dict[str, Any]:
        """The record as Zoho shows it; `alone` as when one record is read, which shows more."""
        value = {"id": str(row.id)}
        for name in names:
            if name == "$converted_detail" and not (alone or self.shows_conversion):
                continue
            field = self.fields[module].get(name)
            if field is not None and field.data_type in ONLY_ALONE and not alone:
                continue
            value[name] = self._shown(module, row, name)
        return value

    def _shown(self, module: str, row: Row, name: str) -> Any:
        get = row.values.get
        match name:
            case "id":
                return str(row.id)
            case "Created_Time" | "Modified_Time":
                return local_time(row.created_ms if name == "Created_Time" else row.updated_ms)
            case "Owner" | "Created_By" | "Modified_By":
                user = self.user(get("Owner", 0))
                return user and user.as_lookup()
            case "Full_Name":
                return full_name((get("Salutation"), get("First_Name"), get("Last_Name")))
            case "Account_Name" if module == CONTACTS:
                number = get(name)
                return None if number is None else {"name": self.account_name(number), "id": str(number)}
            case "Converted__s" | "$converted":
                return "$converted_detail" in row.values
            case "Record_Status__s":
                return "Available"
            case "$approval_state":
                return get(name, "approved")
        value = self.fillers.get(name) if name in self.fillers else get(name)
        return None if value == "" else value

    # Changing

    def create(self, module: str, values: Mapping[str, Any], *, human: int | None = None) -> str:
        """A new record; answers its id."""
        with self.lock:
            self._check(module, values)
            self._last_id += 1_000
            if human is None:
                self._humans -= 1
                human = self._humans
            now = self.now_ms()
            owner = {"Owner": self.users[0].id}
            self.shelves[module].put(Row(self._last_id, owner | dict(values), now, now, human))
            return str(self._last_id)

    def edit(self, record: str | int, values: Mapping[str, Any], *, touch: bool = True) -> None:
        """Change fields; without `touch` the time of change stays."""
        with self.lock:
            shelf, row = self.find(record)
            self._check(self.module_of(record), values)
            shelf.edit(row.id, dict(values), now_ms=self.now_ms() if touch else None)

    def delete(self, record: str | int) -> None:
        """Into the recycle bin."""
        with self.lock:
            shelf, row = self.find(record)
            shelf.delete(row.id, now_ms=self.now_ms(), touch=False)

    def restore(self, record: str | int, *, touch: bool = False) -> None:
        """Back from the recycle bin. Whether Zoho moves Modified_Time is not documented; here it stays."""
        with self.lock:
            self.shelves[self.module_of(record)].restore(whole(record), now_ms=self.now_ms() if touch else None)

    def purge(self, record: str | int) -> None:
        """Gone from the recycle bin too; the list of deleted records shows it as of now."""
        with self.lock:
            shelf, number, now = self.shelves[self.module_of(record)], whole(record), self.now_ms()
            shelf.purge(number, now_ms=now)
            shelf.purged[number] = replace(shelf.purged[number], deleted_ms=now)

    def merge(self, kept: str | int, lost: str | int) -> str:
        """Empty fields of the master are filled from the other, which goes to the deleted list; no link is kept."""
        with self.lock:
            (shelf, master), (other, loser) = self.find(kept), self.find(lost)
            if shelf is not other or master.id == loser.id:
                raise BadControl("two different records of one module can be merged")
            filled = {name: value for name, value in loser.values.items() if master.values.get(name) in (None, "")}
            now = self.now_ms()
            shelf.delete(loser.id, now_ms=now, touch=False)
            shelf.edit(master.id, filled, now_ms=now)
            return str(master.id)

    def convert(self, lead: str | int) -> str:
        """A lead becomes an account and a contact; answers the contact's id. The lead stays, flagged."""
        with self.lock:
            shelf, row = self.find(lead)
            if shelf is not self.shelves[LEADS] or "$converted_detail" in row.values:
                raise NoSuchRecord(f"no open lead {lead}")
            values = {name: row.values[name] for name in COPIED if name in row.values}
            values["Mailing_Country"] = row.values.get("Country")
            values["Account_Name"] = self.account_id(row.values.get("Company"))
            contact = self.create(CONTACTS, values, human=row.human)
            shelf.edit(row.id, self.conversion(contact, self.now_ms()), now_ms=self.now_ms())
            return contact

    def conversion(self, contact: str, moment: int) -> dict[str, Any]:
        """What a converted lead says."""
        detail = {
            "account": None, "contact": {"id": contact}, "deal": None, "convert_date": local_time(moment)[:10],
            "converted_by": self.users[0].as_lookup(),
        }  # fmt: skip
        return {"Converted_Date_Time": local_time(moment), "$converted_detail": detail}

    def account_id(self, name: str | None, *, moment: int | None = None) -> int | None:
        """The account of this name, a new one if need be."""
        if not name or not name.strip():
            return None
        with self.lock:
            if name not in self._accounts:
                self._last_account += 1_000
                now = self.now_ms() if moment is None else moment
                row = Row(self._last_account, {"Account_Name": name, "Owner": self.users[0].id}, now, now)
                self.shelves[ACCOUNTS].put(row)
                self._accounts[name] = row.id
            return self._accounts[name]

    def rename_account(self, number: int, name: str) -> None:
        """Only the account's own time of change moves; contacts show the new name at once."""
        with self.lock:
            self.shelves[ACCOUNTS].edit(number, {"Account_Name": name}, now_ms=self.now_ms())
            self._forget_written()

    def rename_user(self, number: int, name: str, email: str) -> None:
        """Records show the new name at once; no time of change moves."""
        with self.lock:
            user = self.user(number)
            if user is None:
                raise NoSuchRecord(f"no user {number}")
            first, _, last = name.rpartition(" ")
            user.first, user.last, user.email = first, last, email
            self._forget_written()

    def add_fields(self, module: str, fields: Sequence[Field]) -> None:
        """More custom fields."""
        with self.lock:
            self.fields[module] |= {field.name: field for field in fields}

    def fill(self, rows: Mapping[str, Sequence[Row]]) -> None:
        """The records of the first day."""
        for module, found in rows.items():
            self.shelves[module].fill(found)
            if module != ACCOUNTS:
                self._last_id = max([self._last_id, *(row.id for row in found)])

    def _check(self, module: str, values: Mapping[str, Any]) -> None:
        wrong = [name for name in values if name not in self.fields[module] or name in READ_ONLY]
        if wrong:
            raise BadControl(f"{module} has no field {wrong[0]!r} to be written")

    def _forget_written(self) -> None:
        for shelf in self.shelves.values():
            for row in shelf.live.values():
                row.written.clear()


def whole(record: str | int) -> int:
    """An id as a number; -1, which no record has, when it is none."""
    text = str(record)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else -1
