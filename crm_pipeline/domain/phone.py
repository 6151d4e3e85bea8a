"""A CRM's phone text to the numbers that can be dialled. Only numbers that exist in their country's plan count."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from crm_pipeline.domain.phone_nanpa import read_nanpa
from crm_pipeline.domain.phone_plan import is_region, read_digits
from crm_pipeline.domain.phone_rules import PlanNumber, calling_code, read_plain
from crm_pipeline.domain.phone_text import (
    FILLERS,
    FORBIDDEN,
    OTHER_NUMBER,
    SOFT_SEPARATOR,
    Piece,
    pieces,
    repair_spreadsheet,
    spell,
    tidy,
)
from crm_pipeline.domain.text import clean_text

_LONGEST_TEXT = 200
"""Longer texts are notes, not phones. Also bounds the work one field can cause."""
_LONGEST_CACHED = 64
_CACHED_TEXTS = 16_384
_PLAIN = re.compile(r"\+?(?!.*\(0)(?!\d+\.\d{0,2}$)(?!\d{1,4}([-.])\d\d?\1\d{1,4}$)[\d ().-]+", re.ASCII)
"""Digits and signs between them that can mean nothing but which digits to dial: no decimals, no dates, no `(0)`."""
_SPACED_SEPARATOR = re.compile(r"\s+/\s+|,\s+")
_NO_SIGNS = str.maketrans("", "", " ().-")
_SHORT_TAIL = 4
"""Digits of an alternative ending such as the `0199` of `415 555 0132 / 0199`."""
_REFUSED = {
    "premium_rate": "phone_premium_rate",
    "shared_cost": "phone_service_number",
    "personal": "phone_service_number",
    "pager": "phone_service_number",
    "company_access": "phone_service_number",
    "voicemail": "phone_service_number",
}
_UP, _DOWN = "0123456789" * 3, "9876543210" * 3
_FEWEST_COUNTED = 7
_COUNTED_START = 9


class Phone(NamedTuple):
    """A number that exists. `match_key` is equal for the same line: known renumberings folded, extension included."""

    e164: str
    extension: str | None
    match_key: str
    region: str | None
    """Where the number is from (ISO 3166 alpha-2); None for satellites and other worldwide numbers."""
    kind: str
    """mobile, fixed_or_mobile (the plan does not tell), fixed, voip, or toll_free (only +1)."""
    text: str
    """The CRM's own text, whole, even if it holds several numbers."""


class BadPhone(NamedTuple):
    """A text, or a part of one, that is no usable phone; `reason` is a key of `reasons.REASONS`."""

    reason: str
    text: str
    """The CRM's own text, whole, so that it can be found there."""


Found = Phone | BadPhone


def parse_phones(text: str, region: str) -> tuple[Phone | BadPhone, ...]:
    """Every number of one CRM field, in the order written; empty if the field says that there is none.

    `region` (ISO 3166 alpha-2) is where numbers without a country code are from; unknown regions read only `+` numbers.
    """
    if (short_way := read_nanpa(text, region)) is not None:
        national, number_region, kind, extension = short_way
        return (_judged(PlanNumber(1, national, number_region, kind), extension, text),)
    return _parse_cached(text, region) if len(text) <= _LONGEST_CACHED else _parse(text, region)


def _parse(text: str, region: str) -> tuple[Found, ...]:
    """The long way, which knows every spelling and every country."""
    if _PLAIN.fullmatch(text) and (number := read_plain(text.translate(_NO_SIGNS), region)) is not None:
        return (_judged(number, None, text),)
    tidied = tidy(text[: _LONGEST_TEXT + 1])
    text = clean_text(text)
    if not tidied or tidied.casefold() in FILLERS:
        return ()
    if len(text) > _LONGEST_TEXT:
        return (BadPhone("phone_not_a_number", text),)
    if FORBIDDEN.search(tidied):
        return (BadPhone("phone_marked_unusable", text),)
    if OTHER_NUMBER.search(tidied):
        return (BadPhone("phone_unclear", text),)
    cell = repair_spreadsheet(tidied)
    if cell is None:
        return (BadPhone("phone_lost_digits", text),)
    known = region.upper() if is_region(region.upper()) else None
    reader = _Reader(text, known)
    return tuple(found for piece in pieces(cell) for found in reader.read_piece(piece))


_parse_cached = lru_cache(_CACHED_TEXTS)(_parse)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads parts of one CRM text for one region; whatever it finds carries that text."""

    text: str
    region: str | None

    def read_piece(self, piece: Piece) -> list[Found]:
        """One number, or several where `/`, `,` or a gap stands between two that are whole by themselves."""
        if piece.is_fax:
            return [BadPhone("phone_fax", self.text)]
        apart = _SPACED_SEPARATOR.split(piece.text)
        if len(apart) > 1:
            found = [one for text in apart for one in self._read_close(text)]
            if _all_phones(found):
                return found
        return self._read_close(piece.text)

    def _read_close(self, text: str) -> list[Found]:
        splits = SOFT_SEPARATOR.split(text)
        if len(splits) == 1:
            whole = self.read_one(text)
            return [whole] if isinstance(whole, Phone) else self._read_gap(text) or [whole]
        parts = [self.read_one(part) for part in splits]
        if _all_phones(parts):
            return parts
        if (stem := self._stem_of_endings(text, splits)) is not None:
            return [stem, BadPhone("phone_too_short", self.text)]
        whole = self.read_one(text)
        if isinstance(whole, Phone):
            return [whole]
        if any(isinstance(part, Phone) for part in parts) or whole.reason == "phone_too_long":
            return parts
        return [whole]

    def _stem_of_endings(self, text: str, splits: list[str]) -> Phone | None:
        """`030 1234567/68` is one whole number and another ending, not one longer number."""
        if "/" not in text or "," in text or not (splits[-1].isdigit() and len(splits[-1]) <= _SHORT_TAIL):
            return None
        stem = self.read_one(text[: text.rindex("/")].rstrip())
        return stem if isinstance(stem, Phone) else None

    def _read_gap(self, text: str) -> list[Found]:
        """Two numbers with only a gap between, if exactly one gap leaves two whole ones."""
        words = text.split()
        halves = [(" ".join(words[:cut]), " ".join(words[cut:])) for cut in range(1, min(len(words), 12))]
        whole = [
            found
            for halved in halves
            if min(sum(map(str.isdigit, half)) for half in halved) >= _FEWEST_COUNTED
            if _all_phones(found := [self.read_one(half) for half in halved])
        ]
        return whole[0] if len(whole) == 1 else []

    def read_one(self, text: str) -> Found:
        """The one number that the text spells."""
        spelling = spell(text, self.region)
        if isinstance(spelling, str):
            return BadPhone(spelling, self.text)
        reason = "phone_unclear"
        for digits in reversed(spelling.digits):
            number = read_digits(digits, self.region, spelling.groups)
            if isinstance(number, PlanNumber):
                return _judged(number, spelling.extension, self.text)
            reason = "phone_placeholder" if number != "phone_short_code" and _spells_filler(digits) else number
        if spelling.vanity is not None:
            number = read_digits(spelling.vanity, self.region, ())
            if isinstance(number, PlanNumber) and (number.country_code == 1 or number.kind == "toll_free"):
                return _judged(number, spelling.extension, self.text)
            reason = "phone_unclear"
        return BadPhone(reason, self.text)


def _all_phones(found: list[Found]) -> bool:
    return all(isinstance(one, Phone) for one in found)


def _judged(number: PlanNumber, extension: str | None, text: str) -> Found:
    """A number that exists: one to text, or one that no text to a person should go to."""
    if number.kind in _REFUSED:
        return BadPhone(_REFUSED[number.kind], text)
    if number.kind == "toll_free" and number.country_code != 1:
        return BadPhone("phone_service_number", text)
    if _is_filler(number.national):
        return BadPhone("phone_placeholder", text)
    e164 = f"+{number.country_code}{number.national}"
    key = e164 if number.country_code == 1 else _folded(number, e164)
    return Phone(e164, extension, f"{key}x{extension}" if extension else key, number.region, number.kind, text)


def _folded(number: PlanNumber, e164: str) -> str:
    """One key for spellings of one line: Argentina's mobile 9 left out, Brazil's ninth digit put in.

    Mexico's old +52 1 never gets here: `phone_plan` has already written it the new way.
    """
    if number.country_code == 54 and len(number.national) == 11 and number.national[0] == "9":
        return "+54" + number.national[1:]
    if number.country_code == 55 and len(number.national) == 10 and number.national[2] in "6789":
        return f"+55{number.national[:2]}9{number.national[2:]}"
    return e164


def _spells_filler(digits: str) -> bool:
    national = digits[len(str(calling_code(digits[1:4]) or "")) + 1 :] if digits[0] == "+" else digits
    return _is_filler(national) or _is_filler(digits.removeprefix("+"))


def _is_filler(digits: str) -> bool:
    """One digit repeated, or a run counted up or down: `0000000000`, `1234567890`, `98765432`, `2345678900`."""
    if digits.count(digits[:1]) == len(digits):
        return len(digits) > 1
    if len(digits) < _FEWEST_COUNTED:
        return False
    if digits[1:2] != _UP[int(digits[0]) + 1] and digits[1:2] != _DOWN[10 - int(digits[0])]:
        return False
    run = digits[:_COUNTED_START]
    return run in _UP or run in _DOWN
