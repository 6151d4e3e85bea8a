from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.country import country_region

WRITTEN = """
    US: US|us|USA|U.S.A.|U.S.|United States|united states of america|Estados Unidos|EE. UU.
    US: Vereinigte Staaten|США|美国|アメリカ|US - United States|UM
    GB: GB|UK|GBR|United Kingdom|Great Britain|England|Scotland
    DE: DE|DEU|Germany|germany|Deutschland|Allemagne|Alemania| Germany |Germany (DE)
    FR: France|Frankreich
    ES: España|Espana|Spain
    IT: Italia|Italien
    AT: Österreich|OSTERREICH
    CH: Schweiz|Suisse|Svizzera
    NL: Nederland|The Netherlands|Holland
    BR: Brasil|Brazil
    MX: México|Mexico
    RU: Россия|Russian Federation
    CN: 中国|China
    JP: 日本
    KR: 한국|South Korea|Korea, Republic of
    KP: North Korea
    GR: Ελλάδα
    IL: ישראל
    IN: भारत
    TH: ประเทศไทย
    TR: Türkiye|Turkey
    VN: Việt Nam
    CZ: Czechia|Czech Republic|Česká republika
    CI: Côte d'Ivoire|Côte d\u2019Ivoire|Ivory Coast
    LC: St. Lucia|Saint Lucia
    TT: Trinidad & Tobago
    AE: UAE
    HK: Hong Kong SAR
    TW: Taiwan
    XK: Kosovo
    PR: Puerto Rico
    IE: Republic of Ireland
    NA: Namibia|NA
    NO: NO|Norge
    NZ: PN
"""
"""Region: the ways to write its country, `|` between them."""


def written() -> list[tuple[str, str]]:
    rows = (line.strip().split(": ", 1) for line in WRITTEN.strip().splitlines())
    return [(text, region) for region, texts in rows for text in texts.split("|")]


@pytest.mark.parametrize(("text", "region"), written())
def test_countries_as_people_write_them(text: str, region: str) -> None:
    assert country_region(text) == country_region(f"  {text} ") == region


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "-",
        "n/a",
        "N/A",
        "na",
        "no",
        "Narnia",
        "Congo",
        "Europe",
        "ZZ",
        "XX",
        "Unknown",
        "California",
        "x" * 500,
    ],
)
def test_what_cannot_be_read_for_sure(text: str | None) -> None:
    """`n/a` is not Namibia, and there are two Congos."""
    assert country_region(text) is None


@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_every_region_with_a_numbering_plan_is_known_by_its_code(region: str) -> None:
    assert country_region(region) == region


@given(st.text(max_size=90))
def test_any_text_is_a_region_with_a_numbering_plan_or_none(text: str) -> None:
    region = country_region(text)
    assert region is None or region in phonenumbers.SUPPORTED_REGIONS
