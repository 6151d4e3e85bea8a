from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.name import PersonName, clean_name, parse_name


@pytest.mark.parametrize(
    ("full", "first", "last", "expected"),
    [
        (None, "Ann", "Lee", "Ann Lee"),
        (None, "Ann", None, "Ann"),
        (None, None, "Lee", "Lee"),
        ("Ann Lee", None, None, "Ann Lee"),
        ("Dr. Ann Lee", "Ann", "Lee", "Dr. Ann Lee"),
        ("", "Ann", "Lee", "Ann Lee"),
        ("ann@example.com", "Ann", "Lee", "Ann Lee"),
        ("+1 415 555 2671", "Ann", "", "Ann"),
        (None, "Unknown", "Lee", "Lee"),
        (None, "ann@example.com", "Lee", "Lee"),
        (None, "N/A", "Lee", "Lee"),
        (None, "  Ann \t Maria ", "  Lee\u200b ", "Ann Maria Lee"),
        (None, "Jose\u0301", "Nu\u0301n\u0303ez", "José Núñez"),
        (None, "Test", "Test", "Test Test"),
        (None, "Jennifer", "Null", "Jennifer Null"),
        (None, "Hae-in", "Na", "Hae-in Na"),
        (None, "Ann", "null", "Ann"),
        (None, "O'Brien", "Smith-Jones", "O'Brien Smith-Jones"),
        (None, "محمد", "علي", "محمد علي"),
        (None, "יעל", "כהן", "יעל כהן"),
        (None, "小明", "王", "小明 王"),
        (None, "Nguyễn", "Thị Ánh", "Nguyễn Thị Ánh"),
        (None, "J.", "R.", "J. R."),
        (None, "Louis", "XIV 14", "Louis XIV 14"),
        (None, "\u202eAnn\u202c", "Lee", "Ann Lee"),
        (None, "Ann,", "- Lee", "Ann Lee"),
    ],
)
def test_names_are_kept_as_they_are(full: str | None, first: str | None, last: str | None, expected: str) -> None:
    name = parse_name(full, first, last)
    assert name is not None
    assert name.full == expected


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "-", "--", ".", "?", "n/a", "N/A", "NA", "none", "null", "NULL", "undefined",
        "Unknown", "UNKNOWN", "(unknown)", "no name", "Unbekannt", "Inconnu", "ann@example.com",
        "+1 415 555 2671", "4155552671", "(415) 555-2671 x2", "12345", "https://example.com",
        "www.example.com", "{{contact.name}}", "${name}", "xxx", "tbd", "😀", "\u200b", "***",
        "WhatsApp User",
    ],
)  # fmt: skip
def test_what_is_no_name(text: str) -> None:
    assert parse_name(text, None, None) is None
    assert parse_name(None, text, None) is None
    assert parse_name(None, None, text) is None
    assert parse_name(None, text, text) is None


def test_first_and_last_are_never_guessed_from_the_full_name() -> None:
    assert parse_name("Ann Lee", None, None) == PersonName("Ann Lee", None, None)


def test_a_flood_of_marks_is_cut_and_a_long_name_shortened() -> None:
    name = parse_name("Z" + "\u0335" * 500 + "algo" * 500, None, None)
    assert name is not None
    assert len(name.full) <= 200
    assert name.full.count("\u0335") <= 4


ANY_NAME = st.none() | st.text(max_size=60) | st.sampled_from(["Ann", "na", "Null", "unknown", "a@b.co", "-"])


@given(ANY_NAME, ANY_NAME, ANY_NAME)
def test_any_texts_give_a_clean_name_or_none(full: str | None, first: str | None, last: str | None) -> None:
    name = parse_name(full, first, last)
    if name is not None:
        assert any(map(str.isalpha, name.full))
        assert "@" not in name.full or " " in name.full or not name.full.strip("@")[1:].count("@")
        assert name.full == " ".join(name.full.split())


@given(st.text(max_size=60))
def test_a_cleaned_name_stays_as_it_is(text: str) -> None:
    name = clean_name(text)
    if name is not None:
        assert clean_name(name) == name == unicodedata.normalize("NFC", name)
