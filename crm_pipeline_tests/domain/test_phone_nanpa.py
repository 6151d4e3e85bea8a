"""The short way for +1 must be the library's answer, only sooner."""

from __future__ import annotations

import random

import phonenumbers
import pytest
from phonenumbers import PhoneMetadata
from phonenumbers.phonenumberutil import region_codes_for_country_code

from crm_pipeline.domain.phone_nanpa import read_nanpa
from crm_pipeline.domain.phone_plan import KINDS

REGIONS = region_codes_for_country_code(1)
SPELLINGS = (
    "{}{}{}",
    "({}) {}-{}",
    "({}){}-{}",
    "{}-{}-{}",
    "{}.{}.{}",
    "{} {} {}",
    "1-{}-{}-{}",
    "+1 {} {} {}",
    "+1{}{}{}",
)


def by_the_library(text: str, region: str) -> tuple[str, str | None, str] | None:
    number = phonenumbers.parse(text, region)
    if not phonenumbers.is_valid_number(number):
        return None
    national = phonenumbers.national_significant_number(number)
    return national, phonenumbers.region_code_for_number(number), KINDS[phonenumbers.number_type(number)]


def by_the_short_way(text: str, region: str) -> tuple[str, str | None, str] | None:
    found = read_nanpa(text, region)
    return None if found is None else found[:3]


def test_every_area_code_and_exchange_agrees_with_the_library() -> None:
    """All 640,000 would take a minute; every area code meets 40 exchanges, the telling ones among them."""
    chance = random.Random(1)
    telling = [
        "200",
        "211",
        "222",
        "250",
        "310",
        "445",
        "459",
        "500",
        "510",
        "544",
        "555",
        "600",
        "666",
        "700",
        "800",
        "911",
        "999",
    ]
    for area in range(200, 1000):
        for exchange in [*telling, *(str(chance.randrange(200, 1000)) for _ in range(23))]:
            text = f"{area}{exchange}{chance.randrange(10_000):04d}"
            assert by_the_short_way(text, "US") == by_the_library(text, "US"), text


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_and_spelling_agrees_with_the_library(region: str) -> None:
    chance = random.Random(region)
    metadata = PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    assert metadata.fixed_line is not None
    example = metadata.fixed_line.example_number or "4155552671"
    for spelling in SPELLINGS:
        for _ in range(12):
            area = chance.choice([example[:3], str(chance.randrange(200, 1000))])
            text = spelling.format(area, chance.randrange(200, 1000), f"{chance.randrange(10_000):04d}")
            assert by_the_short_way(text, region) == by_the_library(text, region), text


@pytest.mark.parametrize("name", ["premium_rate", "toll_free", "personal_number", "voip", "uan", "pager"])
def test_service_numbers_of_every_region_agree_with_the_library(name: str) -> None:
    for region in REGIONS:
        description = getattr(PhoneMetadata.metadata_for_region(region), name)
        if description is not None and description.example_number:
            text = f"+1{description.example_number}"
            if len(text) == 12:
                assert by_the_short_way(text, region) == by_the_library(text, region), text


@pytest.mark.parametrize("region", ["GB", "DE", "MX", None, ""])
def test_national_spellings_are_only_read_where_they_are_dialled(region: str | None) -> None:
    assert read_nanpa("(415) 555-2671", region) is None
    assert read_nanpa("+1 (415) 555-2671", region) is not None


@pytest.mark.parametrize(
    "text", ["415-555-267", "41555526711", "5552671", "415-155-2671", "415 555 2671 or 2672", "٤١٥٥٥٥٢٦٧١", ""]
)
def test_what_is_not_certain_goes_the_long_way(text: str) -> None:
    assert read_nanpa(text, "US") is None


@pytest.mark.parametrize("tail", [" x123", "x123", " ext 123", " ext. 123"])
def test_an_extension_is_read_too(tail: str) -> None:
    assert read_nanpa("415-555-2671" + tail, "US") == ("4155552671", "US", "fixed_or_mobile", "123")
