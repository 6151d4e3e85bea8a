"""Links to next pages, and lists that do not end."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.paging import REPEATS, PageGuard, encode_target, path_of


@pytest.mark.parametrize(
    ("link", "base", "path"),
    [
        (
            "https://api.hubapi.com/crm/v3/objects/contacts?after=1&limit=100",
            "",
            "/crm/v3/objects/contacts?after=1&limit=100",
        ),
        ("https://acme.pipedrive.com/api/v2/persons?cursor=x%3D", "/api", "/v2/persons?cursor=x%3D"),
        ("https://acme.pipedrive.com/api/v2/persons", "/api/", "/v2/persons"),
        ("https://acme.pipedrive.com/apis/v2", "/api", "/apis/v2"),
        ("/services/data/v62.0/query/01g-2000", "", "/services/data/v62.0/query/01g-2000"),
        ("//evil.example/x?y=1", "", "/x?y=1"),
        ("http://user:pass@evil.example:99/x#part", "", "/x"),
        ("https://h.example//proxy/x", "", "/proxy/x"),
        ("https://h.example/a?q=${access_token}", "", "/a?q=%24%7Baccess_token%7D"),
        ("https://h.example/a%20b?q=50%&r=ü", "", "/a%20b?q=50%25&r=%C3%BC"),
    ],
)
def test_a_link_is_reduced_to_its_path(link: str, base: str, path: str) -> None:
    assert path_of(link, base) == path


@pytest.mark.parametrize(
    "link",
    [
        "",
        "next",
        "?after=1",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "ftp://h.example/x",
        "https:/x",
        "https://h.example",
        "https://[bad/x",
        "https://h.example/../connections",
        "https://h.example/a/%2e%2e/b",
        "https://h.example/a/%252e%252E/b",
        "https://h.example/a\\..\\b",
        "https://h.example/a%2f..%2fb",
        "/./x",
    ],
)
def test_a_link_that_is_none_is_refused(link: str) -> None:
    with pytest.raises(ProviderError, match="refused the link"):
        path_of(link)


def test_a_refusal_does_not_repeat_the_query() -> None:
    with pytest.raises(ProviderError) as caught:
        path_of("ftp://h.example/x?token=abc")
    assert "abc" not in caught.value.message


@given(st.text())
def test_encoding_twice_changes_nothing_and_leaves_nothing_to_expand(text: str) -> None:
    try:
        target = encode_target(text.encode("utf-8", "replace").decode())
    except ProviderError:
        return
    assert encode_target(target) == target
    assert target.isascii()
    assert not set(target) & set("${}\r\n #\\")
    assert target.startswith("/")
    assert not target.startswith("//")


def pages_until_stopped(tokens: Iterable[str], rows: int) -> tuple[int, ProviderError | None]:
    """How many pages the guard let pass, and how it stopped the list."""
    guard, pages = PageGuard("a list"), 0
    for token in tokens:
        try:
            guard.check(token, rows)
        except ProviderError as error:
            return pages, error
        pages += 1
    return pages, None


@pytest.mark.parametrize("period", [1, 2, 7])
def test_a_list_that_repeats_itself_is_stopped_in_its_second_round(period: int) -> None:
    pages, error = pages_until_stopped((str(number % period) for number in range(100)), rows=100)
    assert pages == period + REPEATS - 1
    assert error is not None
    assert (error.code, "page tokens again" in error.message) == ("pagination_loop", True)


def test_ten_empty_pages_in_a_row_are_an_endless_list() -> None:
    pages, error = pages_until_stopped(map(str, range(100)), rows=0)
    assert pages == 9
    assert error is not None
    assert (error.code, "10 empty pages" in error.message) == ("pagination_loop", True)


def test_a_full_page_now_and_then_keeps_a_list_going() -> None:
    guard = PageGuard("a list")
    for number in range(100):
        guard.check(str(number), rows=int(number % 9 == 0))
