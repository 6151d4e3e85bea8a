"""A made-up town whose people are in three CRMs, often more than once, and typed anew each time; who is who is known.

What real address books have and a list of names has not: retyped phones and e-mails, typos and turned names, families
with one telephone, offices with one number, mailboxes of a function. The same seed gives the same town everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import combinations
from random import Random
from typing import Any

CRMS = ("one", "two", "three")
ROWS_A_PERSON = ((1, 52), (2, 30), (3, 14), (4, 4))
"""How many rows people have, and how many people of a hundred."""
OFFICE_SHARE, ROLE_SHARE, HOUSEHOLD_SHARE = 0.06, 0.015, 0.003
OFFICES = ((3, 1), (5, 1), (20, 28), (30, 40), (40, 30))
"""How many share the number of their office, and how many of a hundred such people are in one of that size."""
SMALL_OFFICES = ((9, 30), (14, 40), (20, 30))
"""Of such an office only a few are in the books, mostly: the hardest to tell from a family."""
HOUSEHOLDS = ((2, 60), (3, 30), (4, 10))

_FIRST = """
    James Mary Robert Patricia John Jennifer Michael Linda David Elizabeth William Barbara Richard Susan Joseph
    Jessica Thomas Karen Carlos Sofía José Lucía Juan Camila Luis Valentina Wei Mei Hiroshi Yuki Amir Leila Omar
    Fatima Priya Arjun Anna Piotr Olga Ivan Zoë Søren Chloé René Björn Aoife Siobhán Nia Kwame Aisha Noah Emma Liam
    Olivia Ethan Ava
"""
_LAST = """
    Smith Johnson Williams Brown Jones García Miller Davis Rodríguez Martínez Hernández López González Wilson
    Anderson Thomas Taylor Moore Jackson Martin Lee Pérez Thompson White Harris Sánchez Clark Ramírez Lewis Robinson
    Walker Young Allen King Wright Scott Torres Nguyen Hill Flores Green Adams Nelson Baker Hall Rivera Campbell
    Mitchell Carter Müller Kowalski O'Brien Østergaard Jørgensen Dubois Rossi Silva Novák Papadopoulos Kim Park Chen
    Wang Singh Patel Khan Okafor Mensah Haddad Cohen Fischer Weber Schröder Lindqvist Virtanen Horváth Popescu
"""
_NICK = {
    "James": "Jim", "Robert": "Bob", "Patricia": "Pat", "Jennifer": "Jen", "Michael": "Mike", "Elizabeth": "Liz",
    "William": "Bill", "Richard": "Rick", "Joseph": "Joe", "Thomas": "Tom", "Susan": "Sue", "David": "Dave",
}  # fmt: skip
_AREAS = ("212", "312", "415", "617", "206", "305", "512", "702", "303", "404", "602", "503", "619", "214", "713")
_HOSTS = ("mail.example", "post.example", "inbox.example", "web.example")
_ROLES = ("info", "sales", "office", "contact", "support")


@dataclass(slots=True)
class Person:
    """Somebody, and what can be typed of them."""

    number: int
    first: str
    last: str
    phones: list[str]
    emails: list[str]
    office: int | None = None
    household: int | None = None
    office_phone: str | None = None
    home_phone: str | None = None
    role_email: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of one CRM, as somebody typed it."""

    crm: str
    crm_id: str
    person: int
    first: str
    last: str
    phone: str
    mobile: str | None
    email: str | None
    active_day: int

    def payload(self) -> dict[str, Any]:
        """As HubSpot's contact."""
        return {
            "id": self.crm_id,
            "properties": {
                "firstname": self.first,
                "lastname": self.last,
                "phone": self.phone,
                "mobilephone": self.mobile,
                "email": self.email,
                "notes_last_updated": f"2026-02-{self.active_day:02d}T00:00:00Z",
            },
            "createdAt": "2026-01-01T00:00:00Z",
            "updatedAt": "2026-03-01T00:00:00Z",
            "archived": False,
        }


@dataclass(slots=True)
class Town:
    """People and the rows about them, in the order they arrive."""

    people: list[Person]
    rows: list[Row] = field(default_factory=list)

    def of(self, crm: str) -> list[Row]:
        return [row for row in self.rows if row.crm == crm]


@dataclass(frozen=True, slots=True)
class Score:
    """How well rows were put together, counted over pairs of rows."""

    right: int
    wrong: int
    missed: int
    largest: int
    """People in the largest group."""
    wrong_by_cause: dict[str, int]

    @property
    def precision(self) -> float:
        """Of the pairs put together, how many are one person."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Of the pairs that are one person, how many were put together."""
        return self.right / max(self.right + self.missed, 1)


def a_town(people: int = 2_000, *, seed: int = 1, offices: tuple[tuple[int, int], ...] = OFFICES) -> Town:
    """A town of so many people."""
    random = Random(f"town {seed}")
    town = Town([_a_person(random, number) for number in range(people)])
    _share(random, town.people, OFFICE_SHARE, offices, _into_office)
    _share(random, [one for one in town.people if one.office is None], HOUSEHOLD_SHARE, HOUSEHOLDS, _into_household)
    for person in random.sample(town.people, round(people * ROLE_SHARE)):
        domain = person.office if person.office is not None else random.randrange(people // 100 + 1)
        person.role_email = f"{_ROLES[domain % len(_ROLES)]}@firm{domain}.example"
    for person in town.people:
        for _ in range(_drawn(random, ROWS_A_PERSON)):
            town.rows.append(_a_row(random, person, str(len(town.rows) + 1)))
    random.shuffle(town.rows)
    return town


def score(town: Town, groups: Iterable[Iterable[str]]) -> Score:
    """Compare groups of rows, by their ids, with who is who."""
    person_of = {row.crm_id: town.people[row.person] for row in town.rows}
    right = wrong = largest = 0
    causes: dict[str, int] = {}
    for group in groups:
        members = [person_of[crm_id] for crm_id in group]
        largest = max(largest, len({person.number for person in members}))
        for one, other in combinations(members, 2):
            if one is other:
                right += 1
            else:
                wrong += 1
                cause = _what_they_share(one, other)
                causes[cause] = causes.get(cause, 0) + 1
    rows_of: dict[int, int] = {}
    for row in town.rows:
        rows_of[row.person] = rows_of.get(row.person, 0) + 1
    together = sum(count * (count - 1) // 2 for count in rows_of.values())
    return Score(right, wrong, together - right, largest, dict(sorted(causes.items())))


def total(scores: Iterable[Score]) -> Score:
    """All towns as one."""
    found = list(scores)
    causes: dict[str, int] = {}
    for one in found:
        for cause, count in one.wrong_by_cause.items():
            causes[cause] = causes.get(cause, 0) + count
    return Score(
        right=sum(one.right for one in found),
        wrong=sum(one.wrong for one in found),
        missed=sum(one.missed for one in found),
        largest=max(one.largest for one in found),
        wrong_by_cause=dict(sorted(causes.items())),
    )


def _what_they_share(one: Person, other: Person) -> str:
    if one.office is not None and one.office == other.office:
        return "one office"
    return "one household" if one.household is not None and one.household == other.household else "by chance"


def _a_person(random: Random, number: int) -> Person:
    first, last = random.choice(_FIRST.split()), random.choice(_LAST.split())
    name = "".join(letter for letter in f"{first}.{last}".lower() if letter.isascii() and letter not in "'")
    emails = [f"{name}{number}@{random.choice(_HOSTS)}", f"{name}@work{number}.example"]
    return Person(number, first, last, [_a_phone(random), _a_phone(random)], emails)


def _a_phone(random: Random) -> str:
    return f"{random.choice(_AREAS)}{random.randrange(200, 1000)}{random.randrange(10_000):04d}"


def _share(random: Random, people: list[Person], share: float, sizes: tuple[tuple[int, int], ...], put: Any) -> None:
    """Put that share of the people into groups of these sizes; the weights are of people, not of groups."""
    waiting = random.sample(people, round(len(people) * share))
    by_group = tuple((size, weight / size) for size, weight in sizes)
    number = 0
    while waiting:
        size = _drawn(random, by_group)
        members, waiting = waiting[:size], waiting[size:]
        if len(members) > 1:
            put(random, members, number)
        number += 1


def _into_office(random: Random, members: list[Person], number: int) -> None:
    phone = _a_phone(random)
    for person in members:
        person.office, person.office_phone = number, phone


def _into_household(random: Random, members: list[Person], number: int) -> None:
    phone, last = _a_phone(random), members[0].last
    for person in members:
        person.household, person.home_phone, person.last = number, phone, last


def _drawn(random: Random, weighted: tuple[tuple[int, float], ...]) -> int:
    return random.choices([value for value, _ in weighted], [weight for _, weight in weighted])[0]


def _a_row(random: Random, person: Person, crm_id: str) -> Row:
    first, last = _typed_name(random, person)
    own = person.phones[0 if random.random() < 0.9 else 1]
    phone, mobile = _typed_phone(random, own), None
    if person.office_phone and random.random() < 0.35:
        phone, mobile = _typed_phone(random, person.office_phone), phone if random.random() < 0.5 else None
    elif person.home_phone and random.random() < 0.4:
        phone, mobile = _typed_phone(random, person.home_phone), phone if random.random() < 0.7 else None
    email = None
    if person.role_email and random.random() < 0.7:
        email = person.role_email
    elif random.random() < 0.76:
        email = _typed_email(random, person.emails[0 if random.random() < 0.85 else 1])
    return Row(random.choice(CRMS), crm_id, person.number, first, last, phone, mobile, email, random.randrange(1, 28))


def _typed_name(random: Random, person: Person) -> tuple[str, str]:
    first, last, way = person.first, person.last, random.random()
    if way < 0.06:
        first = _typo(random, first)
    elif way < 0.12:
        last = _typo(random, last)
    elif way < 0.16:
        first = _NICK.get(first, first[0] + ".")
    elif way < 0.20:
        first, last = last, first
    elif way < 0.26:
        first, last = first.upper(), last.upper()
    return first, last


def _typed_phone(random: Random, digits: str) -> str:
    if random.random() < 0.03:
        digits = digits[:-4] + f"{random.randrange(10_000):04d}"
    area, office, line = digits[:3], digits[3:6], digits[6:]
    ways = (
        f"({area}) {office}-{line}", f"{area}-{office}-{line}", f"+1 {area} {office} {line}", f"+1{digits}", digits,
        f"1-{area}-{office}-{line}", f"{area}.{office}.{line}", f"{area} {office} {line}",
    )  # fmt: skip
    return random.choice(ways)


def _typed_email(random: Random, address: str) -> str:
    way = random.random()
    if way < 0.04:
        local, _, host = address.partition("@")
        return f"{_typo(random, local)}@{host}"
    return address.title() if way < 0.10 else f" {address}" if way < 0.14 else address


def _typo(random: Random, text: str) -> str:
    """Two letters changed places, or one was left out or typed twice."""
    place = random.randrange(len(text) - 1) if len(text) > 2 else 0
    ways = (
        text[:place] + text[place + 1 : place + 2] + text[place] + text[place + 2 :],
        text[:place] + text[place + 1 :],
        text[:place] + text[place] + text[place:],
    )
    return random.choice(ways)


def first_match(rows: Iterable[tuple[str, Iterable[str], str | None]]) -> Iterator[set[str]]:
    """The rule read literally: a row joins the first lead that has its phone, else the first that has its e-mail.

    Rows are an id, phones and an e-mail; the lead then has them too.
    """
    by_value: dict[str, set[str]] = {}
    leads: list[set[str]] = []
    for crm_id, phones, email in rows:
        values = [*phones, *([email] if email else [])]
        lead = next((by_value[value] for value in values if value in by_value), None)
        if lead is None:
            lead = set()
            leads.append(lead)
        lead.add(crm_id)
        for value in values:
            by_value.setdefault(value, lead)
    yield from leads
