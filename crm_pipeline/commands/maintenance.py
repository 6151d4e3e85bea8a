"""The command `maintenance`: the store and the data directory without what nobody can ask for any more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.settings import Settings

if TYPE_CHECKING:
    from crm_pipeline.walk.maintenance import Freed


@click.command()
@output.json_option
def maintenance(as_json: bool) -> int:
    """Drop what no later reading can ask for, and give the room back.

    No lead changes, and a rebuild afterwards gives the same leads. A connection that is being synced is left alone.
    Dagster does it every night.
    """
    from crm_pipeline.walk.maintenance import maintain

    with output.waiting("Tidying the store"):
        freed = maintain(app.store(Settings.from_environment()), now=datetime.now(UTC))
    if as_json:
        output.write_json(freed.as_dict())
    else:
        _tell(freed)
    return app.DONE


def _tell(freed: Freed) -> None:
    screen = output.console()
    output.told(screen, f"{counted(freed.connections, 'connection')} tidied.")
    for what, count in freed.rows.items():
        if count:
            output.told(screen, f"  {count:,} {what} dropped")
    output.told(screen, f"  {_size(freed.folder_bytes)} of working files dropped")
    output.told(screen, f"  the store took {_size(freed.size_before)} and takes {_size(freed.size_after)}")
    for label in freed.busy:
        output.told(screen, f"  {safe(label)} is being synced and was left alone")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
