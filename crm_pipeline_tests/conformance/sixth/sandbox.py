"""A made-up Tally workspace: its people's changes, its API, and its contents on the first day, from the seed alone."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from crm_pipeline.sandbox.crm import BadControl, Card, CrmKind, Habits, Meter, Users
from crm_pipeline.sandbox.exchange import Clock, Reply, Request, iso_ms, json_reply
from crm_pipeline.sandbox.fault_answers import Answer
from crm_pipeline.sandbox.people import Person, people
from crm_pipeline.sandbox.shelf import Key, Row, Shelf

BASE_MS, DAY_MS = 1_782_864_000_000, 86_400_000
"""2026-07-01T00:00:00Z, and every moment of the first day lies before it."""
MOST_ROWS, BURST, BURST_SECONDS = 200, 100, 10.0
STATUSES = {"new": "New", "warm": "Warm lead", "client": "Kunde"}
OWNERS = ("Jo Reed", "Amara Okafor", "Zoë Lindqvist")
WORDS = {"first": "first_name", "last": "last_name", "country": "country", "note": "note"}
ACTIONS = ("add", "edit", "delete", "restore", "purge", "merge", "set_lag")

Fields = dict[str, Any]


class Refused(Exception):
    """An answer in Tally's words."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.status, self.body = status, {"error": {"type": kind, "message": message}}


class Tally:
    """One workspace; what its people do (see `crm.Users`) and the API that shows it (see `crm.Crm`)."""

    object_types: tuple[str, ...] = ("contact",)

    def __init__(self, account: str, seed: int, contacts: int, clock: Clock) -> None:
        self.limits = False
        self.owners = [
            {"id": place, "name": name, "email": f"owner{place}@{account}.example"} for place, name in enumerate(OWNERS)
        ]
        self.contacts, self.companies = Shelf(clock), Shelf(clock)
        self._companies_by_name: dict[str, int] = {}
        self._filled: Fields = {}
        """Custom fields with one value in every contact."""
        self._clock, self._calls, self._lock = clock, Meter(BURST, BURST_SECONDS, clock), threading.RLock()
        chance = random.Random(f"{seed}:{account}:tally").random
        rows = [self._first_day(*one, chance()) for one in enumerate(people(seed, account, contacts, "tally"), 1)]
        self.contacts.fill(rows)
        self._last = len(rows)

    # What people do

    def add(self, *, object_type: str | None = None, **fields: str | None) -> str:
        with self._lock:
            self._last += 1
            turn, now = self._last, self._now()
            values = {"owner_id": turn % len(OWNERS), "status_id": list(STATUSES)[turn % len(STATUSES)]}
            values |= {"phones": [], "emails": [], "company_id": None, **dict.fromkeys(WORDS.values())}
            self.contacts.put(Row(turn, values | self._named(values, fields), now, now, human=-turn))
            return str(turn)

    def edit(self, crm_id: str, *, touch: bool = True, **fields: str | None) -> None:
        with self._lock:
            values = self._named(self.contacts.get(int(crm_id)).values, fields)
            self.contacts.edit(int(crm_id), values, now_ms=self._now() if touch else None)

    def delete(self, crm_id: str) -> None:
        with self._lock:
            self.contacts.delete(int(crm_id), now_ms=self._now())

    def restore(self, crm_id: str) -> None:
        with self._lock:
            self.contacts.restore(int(crm_id), now_ms=self._now())

    def purge(self, crm_id: str) -> None:
        with self._lock:
            self.contacts.purge(int(crm_id), now_ms=self._now())

    def merge(self, kept: str, lost: str) -> str:
        """What the survivor lacks comes from the other, which is told of nowhere."""
        with self._lock:
            winner, loser = self.contacts.get(int(kept)).values, self.contacts.get(int(lost)).values
            self.purge(lost)
            self.contacts.edit(
                int(kept), {key: value or loser[key] for key, value in winner.items()}, now_ms=self._now()
            )
            return kept

    def rename_owner(self, crm_id: str, name: str, email: str) -> None:
        self.owners[self.contacts.get(int(crm_id)).values["owner_id"]] |= {"name": name, "email": email}

    def rename_company(self, crm_id: str, name: str) -> None:
        with self._lock:
            company = self.contacts.get(int(crm_id)).values["company_id"]
            self.companies.edit(company, {"name": name}, now_ms=self._now())

    def stamp_all(self, milliseconds: int) -> None:
        with self._lock:
            self.contacts.stamp_all(milliseconds)

    def add_custom_fields(self, count: int) -> None:
        self._filled |= {f"extra_{number}": f"value {number}" for number in range(count)}

    def set_lag(self, seconds: float) -> None:
        self.contacts.lag = self.companies.lag = seconds

    def cards(self) -> dict[str, Card]:
        with self._lock:
            return {str(row.id): self._card(row) for row in self.contacts.live.values()}

    # What the API shows

    @property
    def users(self) -> Users:
        return self

    def act(self, action: str, body: Mapping[str, Any]) -> object:
        """The control route: the words above, with their arguments as keys."""
        if action not in ACTIONS:
            raise BadControl(f"no action is called {action!r}; there are {', '.join(ACTIONS)}")
        arguments = {key: value for key, value in body.items() if key not in ("provider", "account", "action")}
        return {"id": getattr(self, action)(**arguments)}

    def oracle(self) -> list[dict[str, Any]]:
        with self._lock:
            return [self._shown(row) | {"human": row.human} for row in self.contacts.live.values()]

    def answer(self, request: Request) -> Reply:
        try:
            with self._lock:
                return json_reply(200, self._answer(request.path, dict(request.pairs())))
        except Refused as refusal:
            return json_reply(refusal.status, refusal.body)

    def _answer(self, path: str, asked: dict[str, str]) -> Fields:
        if self.limits and not self._calls.take():
            raise Refused(429, "rate_limited", "Slow down.")
        if unknown := sorted(asked.keys() - {"since", "cursor", "limit", "include"}):
            raise Refused(400, "bad_request", f"{unknown[0]} is no parameter")
        match path:
            case "/v1/contacts":
                return self._page(self.contacts, asked)
            case "/v1/companies":
                return self._page(self.companies, asked)
            case "/v1/users":
                return {"items": self.owners}
            case "/v1/statuses":
                return {"items": [{"id": key, "name": name} for key, name in STATUSES.items()]}
        raise Refused(404, "not_found", f"There is no {path}")

    def _page(self, shelf: Shelf, asked: dict[str, str]) -> Fields:
        """By rising time of change and id, behind the cursor, which is both of them of the last row."""
        limit = int(asked.get("limit", "50"))
        if not 1 <= limit <= MOST_ROWS:
            raise Refused(400, "bad_request", f"limit goes from 1 to {MOST_ROWS}")
        since = round(datetime.fromisoformat(asked["since"]).timestamp() * 1000) if "since" in asked else None
        after: Key | None = None
        if "cursor" in asked:
            moment, _, number = asked["cursor"].partition(".")
            after = int(moment), int(number)
        rows = shelf.changed(since=since, after=after, limit=limit + 1)
        page, custom = rows[:limit], "custom" in asked.get("include", "")
        cursor = f"{page[-1].updated_ms}.{page[-1].id}" if page else asked.get("cursor")
        items = [self._shown(row) | ({"custom": self._filled} if custom else {}) for row in page]
        total = len(shelf.changed(since=since))
        return {"items": items, "cursor": cursor, "has_more": len(rows) > limit, "total": total}

    def _shown(self, row: Row) -> Fields:
        times = {"created_at": iso_ms(row.created_ms), "updated_at": iso_ms(row.updated_ms)}
        return {"id": row.id, **row.values, **times}

    # What is in it

    def _first_day(self, number: int, person: Person, luck: float) -> Row:
        """One person of the first day; one in a hundred was deleted, one in four has no owner and no status."""
        updated = BASE_MS - int(luck * 1000 * DAY_MS)
        is_known = number % 4 > 0
        values = {
            "first_name": person.first,
            "last_name": person.last,
            "country": person.country,
            "note": person.note,
            "phones": list(_numbers(work=person.phone, mobile=person.mobile)),
            "emails": [email for email in (person.email, *person.more_emails) if email],
            "company_id": self._company(person.company.name) if person.company else None,
            "owner_id": number % len(OWNERS) if is_known else None,
            "status_id": list(STATUSES)[number % len(STATUSES)] if is_known else None,
        }
        return Row(number, values, updated - DAY_MS, updated, person.human, updated if luck < 0.01 else None)

    def _company(self, name: str) -> int:
        """The id of the company that was made with this name, or is now."""
        number = self._companies_by_name.setdefault(name, len(self._companies_by_name) + 1)
        if number not in self.companies.live:
            self.companies.put(Row(number, {"name": name}, self._now(), self._now()))
        return number

    def _named(self, values: Fields, said: Mapping[str, str | None]) -> Fields:
        """Tally's fields for the words that all CRMs share; what is not named stays."""
        own: Fields = {WORDS[word]: text for word, text in said.items() if word in WORDS}
        if said.keys() & {"phone", "mobile"}:
            numbers = {one["label"]: one["number"] for one in values["phones"]}
            words = {"work": "phone", "mobile": "mobile"}
            own["phones"] = list(_numbers(**{tag: said.get(word, numbers.get(tag)) for tag, word in words.items()}))
        if "email" in said:
            own["emails"] = [said["email"]] if said["email"] else []
        if "company" in said:
            own["company_id"] = self._company(said["company"]) if said["company"] else None
        return own

    def _card(self, row: Row) -> Card:
        values = row.values
        owner = self.owners[values["owner_id"]] if values["owner_id"] is not None else {}
        company = self.companies.live.get(values["company_id"])
        return Card(
            object_type="contact",
            first=values["first_name"],
            last=values["last_name"],
            phones=tuple(one["number"] for one in values["phones"]),
            emails=tuple(values["emails"]),
            company=company.values["name"] if company else None,
            country=values["country"],
            owner=owner.get("name"),
            owner_email=owner.get("email"),
            status=STATUSES.get(values["status_id"]),
            note=values["note"],
            human=row.human,
        )

    def _now(self) -> int:
        return int(self._clock() * 1000)


def _numbers(**numbers: str | None) -> Iterator[Fields]:
    return ({"label": label, "number": number} for label, number in numbers.items() if number)


def _fault(status: int, kind: str) -> Answer:
    return Answer(status=status, body=Refused(status, kind, "Said by a test.").body)


TALLY = CrmKind(
    provider="tally",
    integration="tally",
    open=Tally,
    connection_config=lambda account, seed: {"workspace": account},
    refuse_token=lambda is_expired: json_reply(401, Refused(401, "token_refused", "Sign in again.").body),
    habits=Habits(
        pages="^/v1/contacts$",
        list_key="items",
        page_limit=MOST_ROWS,
        faults={
            "rate_limited": _fault(429, "rate_limited"),
            "daily_limit": _fault(429, "quota_used"),
            "missing_scope": _fault(403, "scope_missing"),
            "forbidden": _fault(403, "plan_too_small"),
            "invalid_token": _fault(401, "token_refused"),
            "server_error": _fault(500, "internal"),
        },
        counts={"^/v1/contacts$": {"total": 9_999_999}},
    ),
)
