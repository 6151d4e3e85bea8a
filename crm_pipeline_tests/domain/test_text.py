from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.domain.text import clean_text, visible_text

ANY_TEXT = st.text(st.characters(codec=None, exclude_categories=()))


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("plain", "plain"),
        ("a\x00b", "ab"),
        ("\ud83d\ude00", "\U0001f600"),
        ("a\ud83db", "a\ufffdb"),
        ("\ude00\ud83d", "\ufffd\ufffd"),
        ("é\x00\udfff", "é\ufffd"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\ufeffmark \uffff \u202eturned", "\ufeffmark \uffff \u202eturned"),
    ],
)
def test_stored_text_loses_only_what_cannot_be_stored(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@given(ANY_TEXT)
def test_any_text_becomes_storable_and_stays_so(text: str) -> None:
    clean = clean_text(text)
    assert "\x00" not in clean
    assert clean_text(clean) == clean.encode().decode()


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"])))
def test_storable_text_is_not_touched(text: str) -> None:
    assert clean_text(text) == text


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("  a \t b\n", "a b"),
        ("a\u200bb", "ab"),
        ("\u202a+1 415\u202c", "+1 415"),
        ("\ufeffAnn", "Ann"),
        ("soft\u00adhyphen", "softhyphen"),
        ("a\u200db", "ab"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f468\u200d\U0001f469\u200d\U0001f467"),
        ("line\u2028break", "line break"),
    ],
)
def test_visible_text_is_what_a_person_sees(text: str, seen: str) -> None:
    """Joiners stay where they mean something: in Persian words and family emoji."""
    assert visible_text(text) == seen


@given(ANY_TEXT)
def test_visible_text_is_one_clean_line_and_stays_so(text: str) -> None:
    seen = visible_text(text)
    assert seen == " ".join(seen.split())
    assert not {"\x00", "\u200b", "\u202e"} & set(seen)
    assert visible_text(seen) == seen
