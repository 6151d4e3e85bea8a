"""What commands print: one JSON document on stdout, or tables for people; errors and progress on stderr."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TextIO, TypeVar

import click
import orjson

from crm_pipeline.commands.text import safe
from crm_pipeline.errors import PipelineError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

PLAIN_WIDTH = 240
"""Columns of a table that no terminal bounds, as in a pipe or a log: room for one line a row."""
GAP, NARROWEST = 2, 6
OBEYED = re.compile(b"\x7f|\xc2[\x80-\x9f]|\xe2\x80[\x8e\x8f\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
"""In UTF-8, what a terminal obeys and JSON need not escape: DEL, the C1 controls, marks that turn or break a line."""
OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE

Command = TypeVar("Command", bound=Callable[..., Any])


def json_option(command: Command) -> Command:
    """The option `--json`, which every command that answers something has."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout, nothing else.")(command)


def write_json(document: object) -> None:
    """Print the one document of a command; times in UTC with `Z`, no character that a terminal would obey."""
    text = orjson.dumps(_in_utc(document), default=str, option=OPTIONS)  # a product's own column may be of any type
    click.echo(OBEYED.sub(lambda found: b"\\u%04x" % ord(found[0].decode()), text), nl=False)


def write_error(error: PipelineError, *, as_json: bool) -> None:
    """Tell an error: as the published object on stdout, or for people on stderr, the advice on a line of its own."""
    if as_json:
        write_json({"success": False, "error": error.as_dict()})
        return
    told(error_console(), safe(error.message), style="bold red", prefix="Error: ")
    told(error_console(), safe(error.action))


def told(console: Console, message: str, *, style: str = "", prefix: str = "") -> None:
    """A line of text, wrapped by the terminal and not by us, so that it can be copied whole."""
    from rich.text import Text

    console.print(Text.assemble((prefix, style), message), soft_wrap=True)


def tell_notes(screen: Console, notes: Iterable[str]) -> None:
    """What a sync could not read although it went on."""
    for note in notes:
        told(screen, f" {safe(note)}", prefix="  Note:", style="yellow")


def empty(message: str, *, account: str | None, accounts: Sequence[str], advice: str = "") -> None:
    """Say that there is nothing, and why: nothing is known yet, the account is another one, or else `advice`."""
    screen = console()
    told(screen, message)
    if not accounts:
        told(screen, "Run `crm-pipeline sync`: it asks Nango for the connections there are.")
    elif account is not None and account not in accounts:
        told(screen, f"Accounts with connections: {', '.join(map(safe, accounts[:20]))}.")
    elif advice:
        told(screen, advice)


@contextmanager
def waiting(message: str) -> Iterator[None]:
    """A line on a terminal while something takes a while; nothing anywhere else."""
    screen = error_console()
    if not screen.is_terminal:
        yield
        return
    with screen.status(message):
        yield


def console(plain_width: int = PLAIN_WIDTH) -> Console:
    """Where answers for people go; `plain_width` columns where no terminal says how many there are."""
    return _console(sys.stdout, plain_width)


def error_console() -> Console:
    """Where progress, notes and errors for people go."""
    return _console(sys.stderr, PLAIN_WIDTH)


def table(
    screen: Console,
    headings: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    right: Collection[str] = (),
    whole: Collection[str] = (),
) -> Table:
    """Rows in the one look of all commands, the longest columns cut until they fit the screen.

    `right` holds numbers; `whole` is never cut, since it is to be typed again.

    A cell is a `Text` of ours, or anything else, which is shown as it is and never read as markup.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    cells = [[_as_text(value) for value in row] for row in rows]
    columns = [[Text(heading), *column] for heading, *column in zip(headings, *cells, strict=True)]
    made = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, header_style="bold")
    kept = [heading in whole for heading in headings]
    for heading, width in zip(headings, _fitted(columns, screen.width, kept), strict=True):
        justify: Literal["left", "right"] = "right" if heading in right else "left"
        made.add_column(heading, justify=justify, width=width, overflow="ellipsis", no_wrap=True)
    for row in cells:
        made.add_row(*row)
    return made


def two_lines(first: object, second: object) -> Text:
    """Two values of one cell, the second one dimmed below the first."""
    from rich.text import Text

    above, below = _as_text(first), _as_text(second)
    below.stylize_before("dim")
    return Text.assemble(above if above.plain else "–", "\n", below)


def in_pairs(
    headings: Sequence[str], rows: Iterable[Sequence[object]]
) -> tuple[tuple[str, ...], list[Sequence[object]]]:
    """A table of half as many columns, each with two values in two lines."""
    above = tuple(f"{first}\n{second}" for first, second in zip(headings[::2], headings[1::2], strict=True))
    return above, [tuple(map(two_lines, row[::2], row[1::2])) for row in rows]


def _as_text(value: object) -> Text:
    from rich.text import Text

    return value if isinstance(value, Text) else Text(safe(value))


def _fitted(columns: Sequence[Sequence[Text]], room: int, kept: Sequence[bool]) -> list[int]:
    """The width of each column: what it needs, but none wider than the most that lets all of them fit, unless kept."""
    needed = [max(line.cell_len for text in column for line in text.split(allow_blank=True)) for column in columns]
    room -= GAP * (len(columns) - 1)

    def widths(most: int) -> list[int]:
        return [width if is_kept else min(width, most) for width, is_kept in zip(needed, kept, strict=True)]

    most = max(needed)
    while most > NARROWEST and sum(widths(most)) > room:
        most -= 1
    return widths(most)


def _console(stream: TextIO, plain_width: int) -> Console:
    from rich.console import Console

    made = Console(file=stream, highlight=False, markup=False, emoji=False)
    if not made.is_terminal and "COLUMNS" not in os.environ:
        made.width = plain_width
    return made


def _in_utc(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC)
    if isinstance(value, Mapping):
        return {str(key): _in_utc(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_in_utc(item) for item in value]
    return value
