"""Deterministic people with the mess real CRMs hold. Knows no CRM: each CRM turns a `Person` into its own record.

`numbers` and `human` are the truth a test may compare with: which E.164 numbers the texts mean, who is whom.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from crm_pipeline.sandbox.places import ABROAD, AREA_CODES, UNITED_STATES, Place

T = TypeVar("T")

NO_PHONE, NO_NAME, DUPLICATE, ROLE_MAILBOX, OFFICE_PHONE, MESSY_PHONE = 0.06, 0.02, 0.08, 0.015, 0.04, 0.08
AT_HOME, COUNTRY_KNOWN_AT_HOME, COUNTRY_KNOWN_ABROAD = 0.72, 0.3, 0.92
SHARED_BETWEEN_ACCOUNTS, SHARED_BETWEEN_CRMS = 0.05, 0.3
FIRST_CRM = "hubspot"
CONTACTS_PER_COMPANY = 12
HUMANS_APART = 10**8
"""Between the numbers of two accounts' own humans, so that equal numbers are one human everywhere."""

JUNK = ("n/a", "unknown", "call after 5pm", "-", "0000000000", "see notes", "ask for Dana", "TBD", "none@none")
TOO_SHORT = ("555-01", "12345", "4155", "911", "+1 415")
ROLES = ("info", "sales", "office", "contact", "kontakt", "admin", "hello", "billing")
DOUBLE_ZERO = frozenset({"DE", "FR", "GB", "NL", "ES", "IT", "PL"})
"""Places where 00 dials abroad; elsewhere a number that starts so cannot be read."""
BLANK_NAMES = ((None, None), ("", ""), ("Unknown", None), ("N/A", "N/A"), ("-", None))
JOBS = (
    "Owner", "Head of Operations", "Sales Manager", "CTO", "Buyer", "Dispatcher", "Office Manager",
    "Geschäftsführerin", None,
)  # fmt: skip
NOTES = (
    "Asked for a call back next week.",
    "Met at the trade fair; wants the price list.\nSecond line: prefers e-mail.",
    "Möchte ein Angebot für 20 Plätze.",
    "¿Pueden llamarme por la tarde?",
    "Long-time customer of the old shop 🙂",
)
COMPANY_WORDS = (
    "North", "Harbor", "Blue", "Summit", "Cedar", "Iron", "Rapid", "Golden", "Alpen", "Río", "Étoile", "Sakura",
    "Delta",
)  # fmt: skip
COMPANY_TRADES = (
    "Logistics", "Foods", "Dental", "Roofing", "Software", "Travel", "Motors", "Bakery", "Médical", "Bau",
    "Textiles",
)  # fmt: skip
COMPANY_ENDS = ("Inc", "LLC", "GmbH", "Ltd", "& Sons", "S.A.", "Group", "")


@dataclass(frozen=True, slots=True)
class Company:
    """An employer; `phone` is the switchboard that several of its people give as their own."""

    number: int
    name: str
    domain: str
    office: str


@dataclass(frozen=True, slots=True)
class Person:
    """A record as somebody typed it. `human` is equal for records of one human being; `numbers` what phones mean."""

    human: int
    place: str
    first: str | None
    last: str | None
    phone: str | None
    mobile: str | None
    numbers: tuple[str, ...]
    email: str | None
    more_emails: tuple[str, ...]
    company: Company | None
    country: str | None
    job: str | None
    note: str | None


def people(seed: int, account: str, count: int, crm: str = FIRST_CRM) -> Iterator[Person]:
    """`count` records of one account in one CRM.

    Some humans of every account are the same ones. In every other CRM of an account some are those of its first CRM,
    typed in anew, so that a person is met in several CRMs.
    """
    first = _first_people(seed, account, count)
    if crm == FIRST_CRM:
        yield from first
        return
    own = _first_people(seed, f"{account}:{crm}", count)
    rng = random.Random(f"{seed}:{account}:{crm}:known")
    for known, stranger in zip(first, own, strict=True):
        yield _retyped(known, rng) if rng.random() < SHARED_BETWEEN_CRMS else stranger


def _first_people(seed: int, account: str, count: int) -> Iterator[Person]:
    first_human = HUMANS_APART * random.Random(f"{seed}:{account}:humans").randrange(1, 10**9)
    own = _Maker(random.Random(f"{seed}:{account}"), count, f"{account}:", first_human)
    common = _Maker(random.Random(f"{seed}:everywhere"), 50, "", 0)
    for index in range(count):
        stranger = own.chance(SHARED_BETWEEN_ACCOUNTS)
        yield common.person(index) if stranger else own.person(index)


def _retyped(person: Person, rng: random.Random) -> Person:
    """The same human as another colleague typed them in: a readable number in another spelling, perhaps no e-mail."""
    numbers: tuple[str | None, ...] = (*person.numbers, None)
    return replace(
        person,
        phone=numbers[0] or person.phone,
        mobile=numbers[1] if person.numbers else person.mobile,
        email=person.email if rng.random() < 0.8 else None,
        note=rng.choice(NOTES) if rng.random() < 0.1 else None,
    )


class _Maker:
    """Makes people one after the other from one stream of chance."""

    def __init__(self, rng: random.Random, count: int, prefix: str, first_number: int) -> None:
        self._random = rng.random
        self._next = first_number
        self._emails: set[str] = set()
        self._prefix = prefix.replace(":", "-")
        # Of the account alone: the same address in two accounts has to mean the same human.
        self._free_mail = (f"{self._prefix}mail.example", f"{self._prefix}post.example")
        self._companies = [self._company(number) for number in range(1, max(2, count // CONTACTS_PER_COMPANY))]
        self._earlier: list[tuple[Person, Place, str]] = []

    def chance(self, share: float) -> bool:
        return self._random() < share

    def person(self, index: int) -> Person:
        """A new human, or another record of one met before."""
        if self._earlier and self.chance(DUPLICATE):
            return self._again(*self._pick(self._earlier))
        self._next += 1
        place = UNITED_STATES if self.chance(AT_HOME) else self._pick(ABROAD)
        first, last = self._pick(place.first), self._pick(place.last)
        company = self._pick(self._companies) if self.chance(0.7) else None
        email = self._email(first, last, company) if self.chance(0.86) else None
        country = self._pick(place.spellings) if self.chance(self._country_known(place)) else None
        national = self._number(place)
        phone, mobile, numbers = self._phones(place, national, country, company)
        if self.chance(NO_NAME):
            first, last = self._pick(BLANK_NAMES)  # type: ignore[assignment]
        elif self.chance(0.03):
            first, last = f"{first} {last}", None  # type: ignore[assignment]
        elif self.chance(0.02):
            first, last = f"  {first.upper()} ", last.lower()
        person = Person(
            human=self._next, place=place.code, first=first, last=last, phone=phone, mobile=mobile, numbers=numbers,
            email=email, more_emails=(), company=company, country=country, job=self._pick(JOBS),
            note=self._pick(NOTES) if self.chance(0.12) else None,
        )  # fmt: skip
        if _e164(place, national) in numbers and len(self._earlier) < 5000:
            self._earlier.append((person, place, national))
        return person

    def _again(self, known: Person, place: Place, national: str) -> Person:
        """The same human typed in a second time: another spelling of the phone, or the e-mail as an extra address."""
        by_email = known.email is not None and self.chance(0.3)
        phone = None if by_email else self._write(place, national, known.country is not None)
        return Person(
            human=known.human, place=known.place, first=known.first, last=known.last, phone=phone, mobile=None,
            numbers=() if by_email else (_e164(place, national),), email=None,
            more_emails=(known.email,) if by_email and known.email else (), company=None, country=known.country,
            job=None, note=None,
        )  # fmt: skip

    def _phones(
        self, place: Place, national: str, country: str | None, company: Company | None
    ) -> tuple[str | None, str | None, tuple[str, ...]]:
        if self.chance(NO_PHONE):
            return None, None, ()
        known = country is not None
        if company is not None and self.chance(OFFICE_PHONE):
            return company.office, None, ("+" + "".join(filter(str.isdigit, company.office)),)
        if self.chance(MESSY_PHONE):
            text, numbers = self._mess(place, national, known)
            return text, None, numbers
        text, e164 = self._write(place, national, known), _e164(place, national)
        if self.chance(0.12):
            other = self._number(place)
            return text, self._write(place, other, known), (e164, _e164(place, other))
        return (None, text, (e164,)) if self.chance(0.15) else (text, None, (e164,))

    def _mess(self, place: Place, national: str, known: bool) -> tuple[str, tuple[str, ...]]:
        """A cell as people fill it: extension, spreadsheet float, two numbers, too short, junk."""
        kind, e164 = self._random(), _e164(place, national)
        if kind < 0.30:
            end = f"{self._pick((' x', ' ext. ', ' ext '))}{1 + int(self._random() * 899)}"
            return self._write(place, national, known) + end, (e164,)
        if kind < 0.45:
            return (
                (f"{national}.0", (e164,))
                if place is UNITED_STATES
                else (f"{'00' if known and place.code in DOUBLE_ZERO else '+'}{place.dial}{national}", (e164,))
            )
        if kind < 0.60:
            other = self._number(place)
            both = self._pick((" / ", "; ", " or ")).join(
                (self._write(place, national, known), self._write(place, other, known))
            )
            return both, (e164, _e164(place, other))
        return (self._pick(TOO_SHORT), ()) if kind < 0.80 else (self._pick(JUNK), ())

    def _write(self, place: Place, national: str, known: bool) -> str:
        """One spelling of a number; without a known country only a foreign number's international form can be read."""
        style = self._random()
        if place is UNITED_STATES:
            area, exchange, line = national[:3], national[3:6], national[6:]
            if style < 0.30:
                return f"({area}) {exchange}-{line}"
            if style < 0.55:
                return f"{area}-{exchange}-{line}"
            if style < 0.68:
                return f"{area}.{exchange}.{line}"
            if style < 0.83:
                return national
            if style < 0.90:
                return f"1-{area}-{exchange}-{line}"
            return f"+1{national}" if style < 0.96 else f"+1 ({area}) {exchange}-{line}"
        if not known or style < 0.35:
            return f"+{place.dial}{national}" if style < 0.2 else f"+{place.dial} {_grouped(national, place.groups)}"
        if style < 0.42:
            return f"00{place.dial} {national}" if place.code in DOUBLE_ZERO else f"+{place.dial}{national}"
        return _grouped(place.trunk + national, (place.groups[0] + len(place.trunk), *place.groups[1:]))

    def _number(self, place: Place) -> str:
        if place is UNITED_STATES:
            rest = int(self._random() * 8_000_000)
            exchange, line = divmod(rest, 10_000)
            exchange += 200
            if exchange % 100 == 11 or exchange == 555:
                exchange += 1
            return f"{self._pick(AREA_CODES)}{exchange}{line:04d}"
        shapes = place.mobile if self.chance(0.7) else place.fixed
        shape = self._pick(shapes)
        fixed = shape.rstrip("NX")
        free = shape[len(fixed) :]
        digits = f"{int(self._random() * 10 ** len(free)):0{len(free)}d}"
        return fixed + "".join(
            str(2 + int(d) * 8 // 10) if mark == "N" else d for d, mark in zip(digits, free, strict=True)
        )

    def _email(self, first: str, last: str, company: Company | None) -> str:
        domain = company.domain if company else self._pick(self._free_mail)
        if company and self.chance(ROLE_MAILBOX / 0.6):
            return self._unique(self._pick(ROLES), domain)
        local = "".join(c for c in f"{first}.{last}".lower() if c.isascii() and (c.isalnum() or c == "."))
        return self._unique(".".join(filter(None, local.split("."))) or f"user{self._next}", domain)

    def _unique(self, local: str, domain: str) -> str:
        email = f"{local}@{domain}"
        if email in self._emails:
            email = f"{local}{self._next}@{domain}"
        self._emails.add(email)
        return email

    def _country_known(self, place: Place) -> float:
        return COUNTRY_KNOWN_AT_HOME if place is UNITED_STATES else COUNTRY_KNOWN_ABROAD

    def _company(self, number: int) -> Company:
        name = f"{self._pick(COMPANY_WORDS)} {self._pick(COMPANY_TRADES)} {self._pick(COMPANY_ENDS)}".strip()
        slug = "".join(c for c in name.lower() if c.isascii() and c.isalnum())
        return Company(number, name, f"{self._prefix}{slug}{number}.example", f"+1 {self._number(UNITED_STATES)}")

    def _pick(self, choices: Sequence[T]) -> T:
        return choices[int(self._random() * len(choices))]


def _e164(place: Place, national: str) -> str:
    return f"+{place.dial}{national}"


def _grouped(digits: str, groups: tuple[int, ...]) -> str:
    parts, start = [], 0
    for size in groups[:-1]:
        parts.append(digits[start : start + size])
        start += size
    return " ".join([*parts, digits[start:]])
