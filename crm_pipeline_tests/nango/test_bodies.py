"""Reading bodies, and speaking about them without giving anything away."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.nango.bodies import describe, error_words, read_json, read_object, safe_text

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'"a\ud83d"', "a\ufffd"),
        (rb'"\ude00b"', "\ufffdb"),
        (rb'"\ud83d\ude00 \ud83d"', "\U0001f600 \ufffd"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"\\ud83d \ud83d"', "\\ud83d \ufffd"),
        (rb'"\\\ud83d"', "\\\ufffd"),
        (b'\xef\xbb\xbf{"a": 1}', {"a": 1}),
    ],
)
def test_json_that_strict_readers_refuse_is_still_read(body: bytes, value: object) -> None:
    """A CRM that cuts a text inside an emoji must not make its whole page unreadable for ever."""
    assert read_json(body) == value


@given(JSON)
def test_any_json_is_read_as_what_it_is_with_whole_characters(value: object) -> None:
    whole = json.loads(json.dumps(value))
    assert read_json(json.dumps(whole).encode()) == whole


@given(st.binary(max_size=200))
def test_reading_any_bytes_gives_an_object_or_a_reason(body: bytes) -> None:
    found = read_object(body, ("a",))
    assert isinstance(found, dict) or found.text


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("ask ann.lee+x@mail.example.com now", "ask [e-mail] now"),
        ("call +1 (415) 555-2671 now", "call [number] now"),
        ("call 00 49 30 1234567", "call [number]"),
        ("Authorization: Bearer abc.def", "Authorization: [secret]"),
        ("used Bearer abc.def-9", "used Bearer [secret]"),
        ('{"access_token": "abc"}', '{"access_token": "[secret]"}'),
        ("client_secret=hush&x=1", "client_secret=[secret]&x=1"),
        ("key CKq5vNzxMhIHAAEAQAAAARj0k8kBIL got", "key [secret] got"),
        ("nango_connect_session_abc123", "[secret]"),
        ("eyJhbGciOiJIUzI1NiJ9abcdefghij.eyJzdWIiOiIxIn0.c2ln", "[secret]"),
        ("correlation 0b0c1d2e-3f4a-4b5c-8d6e-7f8091a2b3c4", "correlation 0b0c1d2e-3f4a-4b5c-8d6e-7f8091a2b3c4"),
        ("crm.objects.contacts.read is missing", "crm.objects.contacts.read is missing"),
        ("a\x1b[31mred\x07\u202eflip\u200b", "a [31mred flip"),
        ("<b>bold</b><script>steal()</script> text", "bold text"),
        ("two\r\n lines", "two lines"),
        (
            "GET /services/data/v62.0/sobjects/Contact/describe: 403",
            "GET /services/data/v62.0/sobjects/Contact/describe: 403",
        ),
        ("GET /services/data/v62.0/queryAll/01gDo000003abcdEAA-2000", "GET [secret]"),
    ],
)
def test_a_sample_is_masked_and_plain(text: str, safe: str) -> None:
    assert safe_text(text) == safe


@given(st.text() | st.binary())
def test_a_sample_is_short_and_visible_whatever_it_is_made_from(text: str | bytes) -> None:
    safe = safe_text(text)
    assert len(safe) <= 200
    assert all(unicodedata.category(sign)[0] != "C" for sign in safe)


def test_a_long_sample_is_cut() -> None:
    assert safe_text("so " * 1000).endswith("…")


def test_a_sample_of_something_huge_costs_little() -> None:
    """An error page of many megabytes, or one made to slow down patterns, must not hold a sync up."""
    for piece in ("a@", "1 ", "<", "token=", "<script", "a-", "a.", "Bearer "):
        assert len(safe_text(piece * 5_000_000)) <= 200


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"message": "a"}, "a"),
        ({"error": {"message": "b"}}, "b"),
        ({"error": "c"}, "c"),
        ([{"errorCode": "X", "message": "d"}], "d"),
        ({"message": ["e", "f"]}, "e, f"),
        ({"error": "short", "error_description": "longer"}, "longer"),
        ({"code": "INVALID_TOKEN"}, "INVALID_TOKEN"),
        ({"error": {}}, ""),
        ([], ""),
        (None, ""),
        (7, ""),
    ],
)
def test_the_words_of_an_error_are_found_where_crms_put_them(document: object, words: str) -> None:
    assert error_words(document) == words


def test_half_a_record_is_not_quoted() -> None:
    assert "Anna" not in describe(b'{"results": [{"firstname": "Anna"')
