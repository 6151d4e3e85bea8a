"""The command `restore`: leads that an overwrite took away come back, as a person says."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.reading import lead_key
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings

SHOWN = 20


@click.command()
@click.argument("lead_id", required=False)
@click.option("--sync", "sync_id", type=click.UUID, help="All leads that this sync removed.")
@output.json_option
def restore(lead_id: str | None, sync_id: UUID | None, as_json: bool) -> int:
    """Put removed leads back, with everything they had.

    One by its id, or all of a sync. They are marked inactive until a contact of theirs comes back.
    """
    if (lead_id is None) == (sync_id is None):
        raise click.UsageError("Name one lead, or all of a sync with --sync SYNC_ID.")
    from crm_pipeline.steps import restore_leads

    key = UUID(lead_key(lead_id)) if lead_id else None
    settings = Settings.from_environment()
    rows = restore_leads(app.store(settings), lead_id=key, removed_by=sync_id, now=datetime.now(UTC))
    if not rows:
        raise _nothing(lead_id, sync_id)
    if as_json:
        names = ("account_id", "lead_id", "name", "reason", "removed_at", "sync_id")
        output.write_json([{name: row[name] for name in names} for row in rows])
        return app.DONE
    screen = output.console()
    for row in rows[:SHOWN]:
        output.told(screen, f"{safe(row['account_id'])}: {safe(row['name'])} ({row['lead_id']})")
    output.told(screen, f"{counted(len(rows), 'lead')} restored, inactive until a contact comes back.")
    return app.DONE


def _nothing(lead_id: str | None, sync_id: UUID | None) -> ConfigError:
    if lead_id:
        message = f"The lead {lead_key(lead_id)} is not among those that were removed."
        return ConfigError("invalid_setting", message, action=f"Look at it: `crm-pipeline lead {lead_key(lead_id)}`.")
    message = f"No lead that the sync {sync_id} removed is still away."
    return ConfigError(
        "invalid_setting", message, action="Look at `crm-pipeline history --json` for the id of the sync."
    )
