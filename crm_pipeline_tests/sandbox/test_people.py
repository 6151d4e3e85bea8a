from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import phonenumbers
import pytest

from crm_pipeline.sandbox.people import ROLES, Person, people
from crm_pipeline.sandbox.places import ABROAD, AREA_CODES, UNITED_STATES

SOME = list(people(7, "acme", 6000))


def test_the_same_seed_makes_the_same_people() -> None:
    assert list(people(3, "acme", 300)) == list(people(3, "acme", 300))


def test_another_seed_makes_other_people() -> None:
    assert list(people(3, "acme", 300)) != list(people(4, "acme", 300))


def test_every_number_is_valid_and_belongs_to_the_persons_country() -> None:
    """A test that expects a lead for each must not fail for a number that nobody can have."""
    for person in SOME:
        office = person.company.office if person.company else None
        for number in person.numbers:
            parsed = phonenumbers.parse(number)
            assert phonenumbers.is_valid_number(parsed), number
            if person.phone != office:
                assert phonenumbers.region_code_for_number(parsed) == person.place, number


@pytest.mark.parametrize("place", [UNITED_STATES, *ABROAD], ids=lambda place: place.code)
def test_every_shape_of_a_place_is_valid_at_its_ends(place: object) -> None:
    assert isinstance(place, type(UNITED_STATES))
    shapes = [code + "NXXXXXX" for code in AREA_CODES] if place is UNITED_STATES else [*place.mobile, *place.fixed]
    for shape in shapes:
        for low, any_digit in (("2", "0"), ("9", "9"), ("4", "5")):
            number = phonenumbers.parse(f"+{place.dial}{shape.replace('N', low).replace('X', any_digit)}")
            assert phonenumbers.is_valid_number(number), (place.code, shape)


def test_every_text_means_its_numbers_once_read_with_the_country() -> None:
    """`numbers` is the truth for other tests; single well-formed cells are read back here by the library itself."""
    read = 0
    for person in SOME:
        texts = [text for text in (person.phone, person.mobile) if text]
        if len(texts) != len(person.numbers) or any(mark in "".join(texts) for mark in ("/", ";", " or ", ".0")):
            continue
        region = person.place if person.country else "US"
        parsed = [phonenumbers.parse(text, region) for text in texts]
        for number in parsed:
            number.extension = None
        e164 = [phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) for number in parsed]
        assert e164 == list(person.numbers), person
        read += 1
    assert read > 4000


def _share(wanted: Callable[[Person], bool]) -> float:
    return sum(map(wanted, SOME)) / len(SOME)


def test_the_mess_has_the_announced_size() -> None:
    def no_phone(person: Person) -> bool:
        return person.phone is None and person.mobile is None

    humans = Counter(person.human for person in SOME)
    assert 0.05 < _share(no_phone) < 0.11
    assert 0.01 < _share(lambda person: person.first in (None, "", "Unknown", "N/A", "-")) < 0.03
    assert 0.06 < 1 - len(humans) / len(SOME) < 0.10
    assert 0.5 < _share(lambda person: person.place == "US" and bool(person.numbers)) < 0.75
    assert 0.008 < _share(_has_role_mailbox) < 0.025


def _has_role_mailbox(person: Person) -> bool:
    return bool(person.email) and str(person.email).split("@")[0].rstrip("0123456789") in ROLES


def test_people_abroad_mostly_say_their_country() -> None:
    abroad = [person for person in SOME if person.place != "US"]
    assert 0.85 < sum(person.country is not None for person in abroad) / len(abroad) < 0.97


@pytest.mark.parametrize("text", ["ext", ".0", " / ", "n/a", "555-01", "call after 5pm"])
def test_the_usual_messy_phones_occur(text: str) -> None:
    assert any(text in (person.phone or "") for person in SOME)


def test_no_email_is_the_first_of_two_records() -> None:
    """HubSpot keeps primary e-mails unique in a portal."""
    emails = Counter(person.email for person in SOME if person.email)
    assert max(emails.values()) == 1


def test_an_office_phone_is_shared_by_people_who_are_not_the_same() -> None:
    offices: dict[str, set[int]] = {}
    for person in SOME:
        if person.company and person.phone == person.company.office:
            offices.setdefault(person.phone, set()).add(person.human)
    assert any(len(humans) > 1 for humans in offices.values())


def test_some_humans_are_known_to_both_accounts() -> None:
    """With the same phone, so that a leak between accounts shows."""
    others = {number for person in people(7, "globex", 6000) for number in person.numbers}
    assert sum(bool(set(person.numbers) & others) for person in SOME) > 100


def test_names_come_in_many_scripts() -> None:
    letters = "".join((person.first or "") + (person.last or "") for person in SOME)
    for sample in ("ß", "Ł", "Ш", "Γ", "מ", "م", "佐", "김", "शर्मा"):
        assert sample in letters, sample


def test_two_records_of_one_human_share_a_number_or_an_email() -> None:
    """Otherwise nobody could find out that they are the same."""
    first: dict[int, Person] = {}
    pairs = 0
    for person in SOME:
        known = first.setdefault(person.human, person)
        if known is not person:
            pairs += 1
            assert set(known.numbers) & set(person.numbers) or known.email in person.more_emails
    assert pairs > 300


def test_across_accounts_one_human_number_is_one_human_and_one_email_too() -> None:
    """`human` is the truth for tests that look at several accounts."""
    numbers: dict[str, int] = {}
    others: dict[int, str] = {}
    for account in ("acme", "globex", "initech"):
        for person in people(7, account, 4000):
            for email in filter(None, (person.email, *person.more_emails)):
                assert numbers.setdefault(email, person.human) == person.human, email
                if person.email:
                    assert others.setdefault(person.human, person.email) == person.email


def test_emails_have_no_empty_part_before_the_at() -> None:
    for person in SOME:
        local = (person.email or "a@b").split("@")[0]
        assert all(local.split(".")), person.email
