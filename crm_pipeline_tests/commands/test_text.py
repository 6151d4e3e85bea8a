from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from crm_pipeline.commands.text import ago, cell, counted, iso, safe

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (None, ""),
        ("Zoë 高橋", "Zoë 高橋"),
        ("two\r\nlines\tand\u2028more", "two lines and more"),
        ("\x1b[31mred", "\ufffd[31mred"),
        ("c1\x9b2J", "c1\ufffd2J"),
        ("\u202eturned", "\ufffdturned"),
        ("\x00\x7f", "\ufffd\ufffd"),
        (12, "12"),
    ],
)
def test_nothing_a_terminal_would_obey_is_shown(text: object, shown: str) -> None:
    assert safe(text) == shown


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", "＝", "＋", "－", "＠"])
def test_a_spreadsheet_runs_nothing(start: str) -> None:
    assert cell(f"{start}SUM(1)").startswith("'")


@pytest.mark.parametrize(("value", "written"), [("+14155552671", "+14155552671"), ("+1=2", "'+1=2"), (None, "")])
def test_a_phone_stays_a_phone_in_a_spreadsheet(value: object, written: str) -> None:
    assert cell(value) == written


def test_a_moment_is_written_in_utc_with_z() -> None:
    moment = datetime(2026, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    assert (iso(moment), cell(moment)) == ("2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-5, "just now"), (59, "just now"), (60, "1 minute ago"), (7199, "1 hour ago"), (86400 * 1200, "1,200 days ago")],
)
def test_how_long_ago(seconds: int, words: str) -> None:
    assert ago(NOW - timedelta(seconds=seconds), NOW) == words


def test_what_never_was() -> None:
    assert ago(None, NOW) == "never"


def test_counting() -> None:
    assert (counted(1, "lead"), counted(1200, "lead")) == ("1 lead", "1,200 leads")
