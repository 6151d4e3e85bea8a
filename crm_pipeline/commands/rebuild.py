"""The command `rebuild`: everything after raw again, without the network."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.signals import heed
from crm_pipeline.commands.syncing import progress
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings

if TYPE_CHECKING:
    from crm_pipeline.steps import Pipeline
    from crm_pipeline.walk.rebuild import Rebuilt


@click.command()
@click.option("--account", help="Only this account.")
@output.json_option
def rebuild(account: str | None, as_json: bool) -> int:
    """Build contacts and leads anew from what the CRMs have sent.

    For after an update, or after a connection's rank, region or field mapping changed at Nango and a sync has brought
    it here. Nobody is asked anything, ids stay, and only what comes out differently is written. One account after the
    other; one that fails does not stop the rest.
    """
    from crm_pipeline.steps import rebuild as rebuild_account

    done: list[Rebuilt] = []
    with app.offline_pipeline(Settings.from_environment()) as pipeline:
        for name in _accounts(pipeline, account):
            with progress(name) as on_records:
                done.append(rebuild_account(pipeline, name, on_records=on_records))
            if not as_json:
                with suppress(SystemExit):  # rich's, when whoever reads along has gone; the others are rebuilt still
                    tell_rebuilt(done[-1])
            heed()
    success = all(one.success for one in done)
    if as_json:
        output.write_json({"success": success, "accounts": [one.as_dict() for one in done]})
    return app.DONE if success else app.FAILED


def tell_rebuilt(rebuilt: Rebuilt) -> None:
    """What came of one account, in words: on stdout, or why it failed on stderr."""
    name = safe(rebuilt.account_id)
    if rebuilt.error is not None:
        error = rebuilt.error
        said = f" ({error.code}): {safe(error.message)}"
        output.told(output.error_console(), said, style="bold red", prefix=f"{name}: failed")
        output.told(output.error_console(), f"  {safe(error.action)}")
        return
    counts = rebuilt.results
    changed = counts.created + counts.merged + counts.updated
    split = f", {counted(counts.split, 'lead')} split off" if counts.split else ""
    what = f"{counts.created:,} new, {counts.merged + counts.updated:,} updated{split}"
    if not (changed or counts.split):
        what = "nothing changed"
    output.told(
        output.console(), f": {counted(counts.fetched, 'contact')} read again, {what}", style="bold", prefix=name
    )
    output.told(output.console(), "", prefix=f"  {rebuilt.seconds:.1f} s", style="dim")


def _accounts(pipeline: Pipeline, account: str | None) -> list[str]:
    with pipeline.warehouse.session() as session:
        known = app.known_accounts(session)
    app.require_account(account, known)
    if not known:
        raise ConfigError(
            "invalid_setting", "No account has a connection yet.", action="Run `crm-pipeline sync` first."
        )
    return known if account is None else [account]
