"""Tables at every width, and the one JSON document."""

from __future__ import annotations

import io
from datetime import datetime, timedelta, timezone

import pytest
from rich.console import Console

from crm_pipeline.commands import output

HEADINGS = ("Name", "Count", "Company")
ROWS = (("Zoë Lindqvist-Montgomery", 12, "Étoile Bakery and Daughters"), ("高橋 さくら", 3, None))


def printed(width: int, headings: tuple[str, ...] = HEADINGS, rows: tuple[tuple[object, ...], ...] = ROWS) -> list[str]:
    screen = Console(file=io.StringIO(), width=width)
    screen.print(output.table(screen, headings, rows, right=("Count",)))
    assert isinstance(screen.file, io.StringIO)
    return screen.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120])
def test_a_table_fits_its_terminal(width: int) -> None:
    from rich.cells import cell_len

    lines = printed(width)
    assert len(lines) == 4
    assert max(map(cell_len, lines)) <= width
    assert len({cell_len(line) for line in lines}) == 1


def test_the_longest_column_is_cut_first() -> None:
    first = printed(54)[2]
    assert "Zoë Lindqvist-Montg" in first
    assert "…" in first
    assert " 12 " in first


def test_numbers_are_aligned_on_the_right() -> None:
    lines = printed(100)
    assert lines[2].index("12") + 1 == lines[0].index("Count") + 4


def test_markup_in_a_value_is_shown_as_it_is() -> None:
    assert "[red]x[/] :smile:" in printed(80, ("Name",), (("[red]x[/] :smile:",),))[2]


def test_two_values_share_a_column_where_it_is_narrow() -> None:
    headings, rows = output.in_pairs(("A", "B", "C", "D"), [("1", "2", None, "4")])
    assert headings == ("A\nB", "C\nD")
    assert [str(value) for value in rows[0]] == ["1\n2", "–\n4"]


def test_json_is_in_utc_and_holds_no_control_character(capfd: pytest.CaptureFixture[str]) -> None:
    moment = datetime(2026, 5, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    output.write_json([{"at": moment, "text": "\x1b\x9b\x7fé\u202e\u2066\u2028"}])
    written = capfd.readouterr().out
    assert '"2026-05-01T12:00:00Z"' in written
    assert r'"\u001b\u009b\u007fé\u202e\u2066\u2028"' in written
    assert written.endswith("]\n")
