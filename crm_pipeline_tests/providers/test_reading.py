"""What the providers share in reading an answer."""

from __future__ import annotations

import pytest

from crm_pipeline.errors import ProviderError
from crm_pipeline.providers.reading import halved, object_in, readable, text_of, unknown_fields, whole_number


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (" a ", "a"),
        ("", None),
        ("  ", None),
        (None, None),
        (0, "0"),
        (12.5, "12.5"),
        (True, None),
        ([], None),
        ({}, None),
    ],
    ids=repr,
)
def test_text_is_text_or_a_number(value: object, text: str | None) -> None:
    assert text_of(value) == text


@pytest.mark.parametrize(
    ("text", "number"), [(" 7 ", 7), ("0", 0), ("-1", None), ("1.5", None), ("", None), (None, None), ("9" * 16, None)]
)
def test_a_header_is_a_whole_number_or_nothing(text: str | None, number: int | None) -> None:
    assert whole_number(text) == number


@pytest.mark.parametrize("odd", [None, [], "text", 7, {"a": None}, {"a": []}, {"a": {"b": 1}}], ids=repr)
def test_where_no_object_is_there_is_an_empty_one(odd: object) -> None:
    assert object_in(odd, "a", "b") == {}
    assert object_in({"a": {"b": {"c": 1}}}, "a", "b") == {"c": 1}


def test_only_a_page_that_is_too_large_is_halved_and_one_record_is_not() -> None:
    large = ProviderError("unexpected_response", "too large", body="too_large")
    assert halved(100, large) == 50
    for limit, error in ((1, large), (100, ProviderError("unexpected_response", "odd"))):
        with pytest.raises(ProviderError) as caught:
            halved(limit, error)
        assert caught.value is error


def refuse(code: str) -> None:
    raise ProviderError(code, "Scope users.")


def test_what_may_not_be_read_is_told_and_any_other_error_raised() -> None:
    notes: list[str] = []
    with readable(notes, "No owners."):
        refuse("missing_scope")
    assert notes == ["No owners. Scope users."]
    with pytest.raises(ProviderError), readable(notes, "No owners."):
        refuse("provider_unavailable")
    assert len(notes) == 1


def test_an_unknown_field_of_the_mapping_is_named_with_what_stays_empty() -> None:
    (note,) = unknown_fields("Acme", {"status": "fit", "stage": "gone"}, {"fit"})
    assert note == "Acme has no field 'gone', so leads carry no stage. Check field_mapping."
