"""People's names as they are: nothing is re-cased, split or translated, only dirt and non-names are left out."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from crm_pipeline.domain.text import visible_text

_LONGEST_NAME = 200
_LONGEST_TEXT = 4 * _LONGEST_NAME
_PHONE_DIGITS = 7
_MOST_MARKS = 4
"""Combining marks on one letter: Vietnamese and pointed Hebrew need up to three or four, a flood has hundreds."""

_FILLER_WORDS = """
    n/a n.a. n.a n\\a #n/a #ref! #value! undefined unknown (unknown) [unknown] unnamed noname no-name unbekannt inconnu
    desconocido desconocida desconhecido sconosciuto onbekend okänd ukjent ukendt nieznany неизвестно 不明 未知
    anonymous anonym anonyme anonimo anónimo anônimo tbd tbc tba xx xxx xxxx asdf qwerty nan (blank) [blank] blank empty
"""
_FILLER_PHRASES = """
    no name|name unknown|unknown name|unknown unknown|not available|not provided|not given|not applicable|no first name
    no last name|first name|last name|firstname|lastname|full name|kein name|sans nom|sin nombre|unknown contact
    unknown caller|wireless caller|whatsapp user|new contact|new lead|lead
"""
_FILLERS = frozenset(_FILLER_WORDS.split()) | frozenset(re.split(r"[|\n]\s*", _FILLER_PHRASES.strip()))
"""Never a name, wherever they stand. “Test” is not here: people call so the contact they try things out with."""

_SURNAMES_TOO = frozenset(("na", "null", "none", "nil", "x", "z", "name"))
"""Fillers that are also people's names (Jennifer Null, Na Hae-in): refused alone, or in all lower or upper case."""

_EMPTY_TEMPLATE = re.compile(r"\{\{.*\}\}|\$\{.*\}|%[A-Z_]+%|\[\[?(?:first|last|full)?_? ?name\]?\]", re.I)
_ADDRESS = re.compile(r"\S@\S|://|\bwww\.", re.I)
_MARK = "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]"
_FLOOD = re.compile(f"({_MARK}{{{_MOST_MARKS}}}){_MARK}+")
_ACCENT = re.compile("[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0670\u0640]")
"""Accents, and the points and vowels that Hebrew and Arabic mostly leave out; in Indian scripts marks are vowels."""
_UNDECOMPOSED = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_INSIDE = "'`´’‘ʼ"
_KEPT = {code: chr(code) if chr(code).isalnum() else None if chr(code) in _INSIDE else " " for code in range(128)}
_EDGES = ' \t,;:|/\\_*<>"`~^=+-\u2013\u2014'


class PersonName(NamedTuple):
    """`full` is never empty; first and last are what the CRM said they are, never guessed from the full name."""

    full: str
    first: str | None
    last: str | None


def parse_name(full: str | None, first: str | None, last: str | None) -> PersonName | None:
    """The person's name, or None if no text is one: an e-mail address, a phone number or a filler is no name."""
    whole, first_name, last_name = (clean_name(text[:_LONGEST_TEXT]) if text else None for text in (full, first, last))
    alone = not (whole or (first_name and last_name))
    if first_name and _is_doubtful(first_name, alone=alone):
        first_name = None
    if last_name and _is_doubtful(last_name, alone=alone or not first_name):
        last_name = None
    if whole is None or whole.casefold() in _SURNAMES_TOO:
        whole = " ".join(part for part in (first_name, last_name) if part)
    if not whole or whole.casefold() in _FILLERS:
        return None
    return PersonName(whole, first_name, last_name)


@lru_cache(8192)
def clean_name(text: str) -> str | None:
    """The text as a name: composed (NFC), without invisible marks; None if it is empty or nobody's name."""
    if not text:
        return None
    name = visible_text(text)
    if not name.isascii():
        name = _FLOOD.sub(r"\1", unicodedata.normalize("NFC", name))
    name = name.strip(_EDGES)[:_LONGEST_NAME].strip()
    return name if _is_name(name) else None


def name_key(full: str) -> str:
    """What two spellings of one name have in common: no case, accents, punctuation or order of the words.

    It tells how many people share a phone; nobody is matched by it.
    """
    if full.isascii():
        text = full.lower().translate(_KEPT)
    else:
        decomposed = unicodedata.normalize("NFKD", full.casefold().translate(_UNDECOMPOSED))
        text = "".join(map(_kept, _ACCENT.sub("", decomposed))).casefold()
    return " ".join(sorted(text.split())) or full.casefold()


def _kept(character: str) -> str:
    """The character of a word, nothing for what stands inside one, or the end of the word."""
    if character.isalnum() or unicodedata.category(character)[0] == "M":
        return character
    return "" if character in _INSIDE else " "


def _is_name(name: str) -> bool:
    if not any(map(str.isalpha, name)) or name.casefold() in _FILLERS:
        return False
    if _ADDRESS.search(name) or _EMPTY_TEMPLATE.fullmatch(name):
        return False
    return sum(map(str.isdecimal, name)) < _PHONE_DIGITS


def _is_doubtful(name: str, *, alone: bool) -> bool:
    return name.casefold() in _SURNAMES_TOO and (alone or name.islower() or (name.isupper() and len(name) > 1))
