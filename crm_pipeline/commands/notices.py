"""The command `notices`: who is told of failing syncs, of what they were told, and whether a message arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import iso, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings

if TYPE_CHECKING:
    from crm_pipeline.notices.channels import Channel


@click.command()
@click.option("--test", "is_test", is_flag=True, help="Send a message on every channel now.")
@output.json_option
def notices(is_test: bool, as_json: bool) -> int:
    """Who is told of failing syncs, and of what.

    A connection that fails is told of once, and once when it works again; so are leads that `check` finds wrong.
    Channels are set by CRM_NOTICE_EMAIL with CRM_SMTP_URL, and by CRM_NOTICE_WEBHOOK.
    """
    from crm_pipeline.notices.channels import channels
    from crm_pipeline.walk.troubles import NO_CONNECTION

    settings = Settings.from_environment()
    known = channels(settings)
    if is_test and not known:
        raise ConfigError(
            "invalid_setting",
            "Nobody is told of failing syncs: no channel is set.",
            action="Set CRM_NOTICE_EMAIL and CRM_SMTP_URL, or CRM_NOTICE_WEBHOOK.",
        )
    shown = [{"channel": channel.name, "target": channel.target, **_trial(channel, is_test)} for channel in known]
    with app.reading(app.store(settings)) as session:
        told = [
            {"channel": channel.name, **row, "connection_id": None if id == NO_CONNECTION else id}
            for channel in known
            for row in session.rows("notices/known", channel=channel.name)
            for id in (row["connection_id"],)
        ]
    success = all(one.get("problem") is None for one in shown)
    if as_json:
        output.write_json({"success": success, "channels": shown, "troubles": told})
    else:
        _tell(shown, told)
    return app.DONE if success else app.FAILED


def _trial(channel: Channel, is_test: bool) -> dict[str, Any]:
    if not is_test:
        return {}
    from crm_pipeline.notices.channels import NotSent
    from crm_pipeline.notices.message import trial

    try:
        channel.send(trial())
    except NotSent as error:
        return {"sent": False, "problem": str(error)}
    return {"sent": True, "problem": None}


def _tell(shown: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    screen = output.console()
    if not shown:
        output.told(screen, "Nobody is told: set CRM_NOTICE_EMAIL and CRM_SMTP_URL, or CRM_NOTICE_WEBHOOK.")
    for one in shown:
        outcome = {None: "", True: ": sent", False: f": {one.get('problem')}"}[one.get("sent")]
        output.told(screen, f"{safe(one['target'])}{safe(outcome)}")
    for row in told:
        state = f"told {iso(row['told_at'])}" if row["told_at"] else "not told yet"
        label = f"{safe(row['account_id'])}/{safe(row['provider'])}"
        output.told(screen, f"  {label}: {row['code']} since {iso(row['began_at'])}, {state} ({row['channel']})")
