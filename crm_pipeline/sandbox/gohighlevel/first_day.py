"""A location's contents on its first day, from the seed alone."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

from crm_pipeline.sandbox.exchange import Clock, iso_ms
from crm_pipeline.sandbox.gohighlevel.location import HighLevelLocation, Member, Setup, custom_field, new_id
from crm_pipeline.sandbox.people import Company, Person, people
from crm_pipeline.sandbox.shelf import Row

BASE_MS = 1_780_272_000_000
"""2026-06-01T00:00:00Z; every generated moment lies before it."""
DAY_MS = 86_400_000
DELETED, UNDATED, EXTRA_PHONE, CUSTOMER = 0.01, 0.004, 0.05, 0.2

LISTED = (("Jo", "Reed"), ("Amara", "Okafor"), ("Zoë", "Lindqvist"), ("Luis", "Peña"), ("Mei", "Tan"), ("Piotr", ""))
AGENCY, FORMER = ("Sam", "Hill"), ("Greta", "Falk")
PIPELINES = (
    ("Sales Pipeline", ("New Lead", "Contacted", "Qualified", "Proposal Sent", "Negotiation", "Closed")),
    ("Wiederkäufer", ("New Lead", "Angebot offen", "Gewonnen 🙂")),
)
STATUSES = ("open", "open", "won", "lost", "abandoned")
TAGS = ("demo-requested", "follow-up", "warm lead", "high priority", "newsletter")
SOURCES = ("landing page", "facebook", "referral")
QUALITIES, INTERESTS = ("Hot", "Warm", "Cold", "Nicht erreicht"), ("Roofing", "Solar", "Heating")
FIELDS = (
    ("Lead Quality", "SINGLE_OPTIONS", QUALITIES), ("Interests", "MULTIPLE_OPTIONS", INTERESTS),
    ("Remarks", "LARGE_TEXT", ()), ("Budget", "MONETORY", ()), ("Renewal", "DATE", ()), ("Contract", "FILE_UPLOAD", ()),
)  # fmt: skip


def location_ids(account: str, seed: int) -> tuple[str, str]:
    """The ids of the location and of its agency's company, known without filling it."""
    rng = random.Random(f"{seed}:{account}:gohighlevel:location")
    return new_id(rng), new_id(rng)


def new_location(account: str, *, seed: int, contacts: int, clock: Clock) -> HighLevelLocation:
    """A location with `contacts` records, the deleted ones included."""
    location_id, _ = location_ids(account, seed)
    rng = random.Random(f"{seed}:{account}:gohighlevel")
    maker = _Maker(account, location_id, rng)
    location = HighLevelLocation(
        location_id, maker.setup, random.Random(f"{seed}:{account}:gohighlevel:later"), clock=clock
    )
    location.shelf.fill(maker.rows(people(seed, account, contacts, "gohighlevel")))
    return location


class _Maker:
    """Turns people into contacts of one location."""

    def __init__(self, account: str, location_id: str, rng: random.Random) -> None:
        self._rng, self._chance = rng, rng.random
        self._account = account
        members = [*self._members(account), Member(new_id(rng), *FORMER, f"greta@{account}.example", is_deleted=True)]
        pipelines = [self._pipeline(location_id, name, stages) for name, stages in PIPELINES]
        fields = [custom_field(name, kind, location_id, new_id(rng), options) for name, kind, options in FIELDS]
        self.setup = Setup({member.id: member for member in members}, {}, pipelines, fields)
        gone = new_id(rng)
        self._owners = [*self.setup.members, gone]
        """Somebody whom no call knows any more still owns contacts."""
        self._fields = {str(found["name"]): str(found["id"]) for found in fields}
        self._businesses: dict[int, str] = {}

    def rows(self, persons: Iterator[Person]) -> Iterator[Row]:
        """One row a person, some deleted, some without a time of change."""
        chance = self._chance
        for person in persons:
            created = BASE_MS - int(chance() * 1000 * DAY_MS) - DAY_MS
            updated = created + int(chance() * (BASE_MS - created))
            luck = chance()
            row = Row(new_id(self._rng), self._values(person, updated), created, updated, person.human)
            if luck < DELETED:
                row.deleted_ms = updated + int(chance() * (BASE_MS - updated))
            elif luck < DELETED + UNDATED:
                row.updated_ms = 0
            yield row

    def _values(self, person: Person, updated: int) -> dict[str, Any]:
        chance, pick = self._chance, self._pick
        values: dict[str, Any] = {
            "firstName": person.first,
            "lastName": person.last,
            "email": person.email,
            "type": "customer" if chance() < CUSTOMER else "lead",
            "source": pick(SOURCES) if chance() < 0.5 else None,
            "country": person.place if person.country else None,
            "assignedTo": pick(self._owners) if chance() < 0.8 else None,
            "tags": [pick(TAGS)] if chance() < 0.4 else None,
            "additionalEmails": [{"email": email} for email in person.more_emails],
            **self._phones(person),
            **(self._company(person.company) if person.company else {}),
        }
        if chance() < 0.45:
            values["opportunities"] = [self._opportunity() for _ in range(1 + int(chance() * 2.2))]
        values["customFields"] = list(self._custom(person, updated))
        return {name: value for name, value in values.items() if value not in (None, "", [])}

    def _phones(self, person: Person) -> dict[str, Any]:
        """A mobile beside another number is an additional one."""
        more = []
        if person.phone and person.mobile:
            more.append({"phone": person.mobile, "phoneLabel": "Mobile"})
        if person.phone and self._chance() < EXTRA_PHONE:
            number = f"+1212{2_000_000 + int(self._chance() * 7_999_999)}"
            more.append({"phone": number, "phoneLabel": "Home"} if self._chance() < 0.5 else {"phone": number})
        return {
            "phone": person.phone or person.mobile,
            "phoneLabel": "Mobile" if person.mobile and not person.phone else None,
            "additionalPhones": more,
        }

    def _company(self, company: Company) -> dict[str, Any]:
        """As free text, as a business, or as both."""
        luck = self._chance()
        if luck < 0.5:
            return {"companyName": company.name}
        if company.number not in self._businesses:
            self._businesses[company.number] = f"{self._rng.getrandbits(96):024x}"
        business_id = self._businesses[company.number]
        self.setup.businesses[business_id] = company.name
        both = {"companyName": company.name} if luck < 0.75 else {}
        return {"businessId": business_id, "businessName": company.name, **both}

    def _custom(self, person: Person, updated: int) -> Iterator[dict[str, Any]]:
        """Only what is filled, values as each dataType writes them."""
        chance, pick = self._chance, self._pick
        if person.note:
            yield {"id": self._fields["Remarks"], "value": person.note}
        luck = chance()
        if luck < 0.6:
            yield {"id": self._fields["Lead Quality"], "value": pick(QUALITIES)}
        if luck < 0.2:
            yield {"id": self._fields["Interests"], "value": list(INTERESTS[: 1 + int(chance() * 3)])}
            yield {"id": self._fields["Budget"], "value": int(chance() * 9000)}
        if luck < 0.1:
            yield {"id": self._fields["Renewal"], "value": updated if chance() < 0.5 else iso_ms(updated)}
            name = f"{self._rng.getrandbits(64):016x}"
            yield {"id": self._fields["Contract"], "value": {name: {"url": f"https://files.example/{name}.pdf"}}}

    def _opportunity(self) -> dict[str, Any]:
        pipeline = self._pick(self.setup.pipelines)
        stage = self._pick(pipeline["stages"])
        return {
            "id": new_id(self._rng), "pipelineId": pipeline["id"], "pipelineStageId": stage["id"],
            "status": self._pick(STATUSES), "monetaryValue": int(self._chance() * 5000),
        }  # fmt: skip

    def _members(self, account: str) -> Iterator[Member]:
        for place, (first, last) in enumerate(LISTED, 1):
            yield Member(new_id(self._rng), first, last, f"owner{place}@{account}.example")
        yield Member(new_id(self._rng), *AGENCY, f"sam@{account}-agency.example", is_listed=False)

    def _pipeline(self, location_id: str, name: str, stages: tuple[str, ...]) -> dict[str, Any]:
        return {
            "id": new_id(self._rng), "name": name, "showInFunnel": True, "showInPieChart": True,
            "locationId": location_id,
            "stages": [
                {"id": str(uuid.UUID(int=self._rng.getrandbits(128), version=4)), "name": stage, "position": place}
                for place, stage in enumerate(stages)
            ],
        }  # fmt: skip

    def _pick(self, choices: Any) -> Any:
        return choices[int(self._chance() * len(choices))]
