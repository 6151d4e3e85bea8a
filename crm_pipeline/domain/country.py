"""A CRM's country field to the region its phone numbers are read for."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from crm_pipeline.domain.country_names import COUNTRIES

_LONGEST_NAME = 80
_APART = re.compile(r"[\W_]+")
_PREFIX = re.compile(r"^(?:the|republic of|kingdom of|state of|republik|republique d[eu]|republica de) ")
_CODE_BESIDE_NAME = re.compile(r"[(\[]\s*([A-Za-z]{2,3})\s*[)\]]$|^([A-Z]{2,3})\s*[-\u2013:]")
# Codes that are more often an answer than a country, unless written as codes are: Namibia, Norway.
_ANSWERS = frozenset(("na", "n/a", "N/A", "n.a.", "N.A.", "Na", "no", "No"))
# No numbering plan of their own: their phones are numbers of the region on the right.
_SHARED_PLANS = {
    "BV": "NO", "GS": "FK", "HM": "AU", "PN": "NZ", "TF": "RE", "UM": "US", "UK": "GB", "EL": "GR",
}  # fmt: skip


def country_region(text: str | None) -> str | None:
    """The ISO 3166 alpha-2 region of a country code or a name in any usual language; None if it is not certain."""
    return _region(text) if text and len(text) <= _LONGEST_NAME else None


@lru_cache(4096)
def _region(text: str) -> str | None:
    if text.strip() in _ANSWERS:
        return None
    key = _key(text)
    regions = _regions()
    found = regions.get(key) or regions.get(_PREFIX.sub("", key))
    if found is None and (code := _CODE_BESIDE_NAME.search(text.strip())):
        found = regions.get((code[1] or code[2]).casefold())
    return found


@cache
def _regions() -> dict[str, str]:
    """Every code and name, simplified, to its region."""
    regions = {code.casefold(): region for code, region in _SHARED_PLANS.items()}
    for record in re.findall(r"^\S.*(?:\n    .*)*", COUNTRIES, re.M):
        region, alpha3, names = record.split(" ", 2)
        for name in (region, alpha3, *names.replace("\n    ", "").split("|")):
            regions[_key(name)] = region
    return regions


def _key(text: str) -> str:
    """Case, accents and punctuation left out: `U.S.A.` and `usa`, `Côte d'Ivoire` and `cote d ivoire` are equal."""
    text = unicodedata.normalize("NFKD", text.casefold().replace("&", " and "))
    letters = "".join(letter for letter in text if not unicodedata.combining(letter))
    words = _APART.sub(" ", letters).split()
    if len(words) > 1 and all(len(word) == 1 for word in words):
        return "".join(words)
    return " ".join("saint" if word == "st" else word for word in words)
