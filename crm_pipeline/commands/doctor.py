"""The command `doctor`: is everything in place, and if not, what is to be done?"""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from crm_pipeline import __version__
from crm_pipeline.commands import app, output
from crm_pipeline.commands.text import counted, safe
from crm_pipeline.errors import PipelineError
from crm_pipeline.providers import PROVIDERS, provider_named
from crm_pipeline.settings import Settings
from crm_pipeline.walk.connection import CORRECT, wrong_settings
from crm_pipeline.walk.registry import METADATA_KEY

if TYPE_CHECKING:
    from crm_pipeline.nango.connections import NangoConnection

OK, FAILED, SKIPPED = "ok", "failed", "skipped"
STYLES = {OK: "green", FAILED: "bold red", SKIPPED: "dim"}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at."""

    name: str
    state: str
    detail: str
    action: str | None = None
    code: str | None = None


@click.command()
@output.json_option
def doctor(as_json: bool) -> int:
    """Settings, store, Nango, connections: all well?"""
    checks = []
    for check in examine():
        checks.append(check)
        if not as_json:
            _print(check)
    failed = [check for check in checks if check.state == FAILED]
    if as_json:
        output.write_json({"success": not failed, "checks": [asdict(check) for check in checks]})
    else:
        output.told(output.console(), f"{counted(len(failed), 'problem')} found." if failed else "All is well.")
    if any(check.code in app.CONFIGURATION for check in failed):
        return app.WRONG_USE
    return app.FAILED if failed else app.DONE


def examine() -> Iterator[Check]:
    """Every check in turn; what cannot be looked at because of an earlier failure is said."""
    yield Check("program", OK, f"crm-pipeline {__version__}, Python {platform.python_version()}")
    try:
        settings = Settings.from_environment()
    except PipelineError as error:
        yield _failed("settings", error)
        yield Check("store", SKIPPED, "the settings come first")
        yield Check("Nango", SKIPPED, "the settings come first")
        return
    yield Check(
        "settings", OK, f"Nango {settings.nango_host}, phones without a country are read as {settings.default_region}"
    )
    yield _data_folder(settings.data_dir)
    yield _store(settings)
    yield _notices(settings)
    yield from _nango(settings)


def _data_folder(folder: Path) -> Check:
    obstacle = _obstacle(folder)
    if obstacle is None:
        return Check("data folder", OK, str(folder))
    action = "Set CRM_DATA_DIR to a folder that can be written."
    return Check("data folder", FAILED, f"{folder} cannot be written: {obstacle}", action, "invalid_setting")


def _obstacle(folder: Path) -> str | None:
    """Why nothing can be written to a folder, which may be still to be made; None when something can. Leaves no trace.

    Permission bits do not tell: they mean nothing to root, nor to a file system mounted read-only.
    """
    existing = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    try:
        with TemporaryDirectory(prefix=".crm-doctor-", dir=existing):
            return None
    except OSError as error:
        return error.strerror or type(error).__name__


def _store(settings: Settings) -> Check:
    warehouse = app.store(settings)
    is_new = warehouse.engine == "duckdb" and not warehouse.path.exists()
    try:
        with app.reading(warehouse) as session:
            facts = session.rows("reports/store")[0]
    except PipelineError as error:
        return _failed("store", error)
    if is_new and (obstacle := _obstacle(warehouse.path.parent)):
        detail = f"{settings.masked_warehouse} cannot be made: {obstacle}"
        return Check("store", FAILED, detail, "Let CRM_WAREHOUSE name a file that can be written.", "invalid_setting")
    if is_new:
        return Check("store", OK, f"{settings.masked_warehouse} is not there yet; the first sync makes it")
    engine = str(facts["engine_version"]).split(" on ")[0]
    name = engine if engine.startswith("PostgreSQL") else f"DuckDB {engine}"
    held = f"{counted(facts['connections'], 'connection')}, {counted(facts['leads'], 'lead')}"
    schema = f"schema up to date ({counted(facts['migrations'], 'migration')})"
    return Check("store", OK, f"{settings.masked_warehouse}, {name}, {schema}: {held}")


def _notices(settings: Settings) -> Check:
    from crm_pipeline.notices.channels import channels

    targets = [channel.target for channel in channels(settings)]
    nobody = "nobody is told of failing syncs: CRM_NOTICE_EMAIL and CRM_NOTICE_WEBHOOK are unset"
    return Check("notices", OK, "; ".join(targets) or nobody)


def _nango(settings: Settings) -> Iterator[Check]:
    try:
        with app.nango(settings, patient=False) as client:
            listed = client.list_connections()
    except PipelineError as error:
        yield _failed("Nango", error)
        return
    named = [(provider_named(connection.nango_provider), connection) for connection in listed]
    ours = [(provider.name, connection) for provider, connection in named if provider is not None]
    yield Check("Nango", OK, f"{settings.nango_host} accepts the key; {counted(len(ours), 'connection')} to our CRMs")
    for provider, connection in sorted(ours, key=lambda pair: (pair[1].account_id or "", pair[0], pair[1].id)):
        yield _connection(provider, connection)


def _connection(provider: str, found: NangoConnection) -> Check:
    name, title = f"{found.account_id or '(unassigned)'}/{provider}", PROVIDERS[provider].title
    if found.account_id is None:
        detail = f"{found.nango_connection_id} belongs to no account, so it is never synced"
        return Check(name, SKIPPED, detail, "Give the connection the tag `account_id` at Nango if it is ours.")
    if "auth" in found.errors:
        action = f"Connect it again: `crm-pipeline connect {found.account_id} {provider}`."
        detail = f"Nango can no longer renew the access to {title}"
        return Check(name, FAILED, detail, action, "connection_expired")
    if found.errors:
        detail = f"Nango reports about {title}: {', '.join(found.errors)}"
        return Check(name, FAILED, detail, "Look at the connection at Nango.")
    settings = found.metadata.get(METADATA_KEY)
    if isinstance(settings, dict) and (wrong := wrong_settings(settings)):
        return Check(name, FAILED, "; ".join(wrong), CORRECT, "invalid_setting")
    return Check(name, OK, f"{title}; Nango reports no error")


def _failed(name: str, error: PipelineError) -> Check:
    return Check(name, FAILED, error.message.removeprefix(f"{name}: "), error.action, error.code)


def _print(check: Check) -> None:
    screen = output.console()
    output.told(
        screen, f"  {safe(check.name)}: {safe(check.detail)}", prefix=f"{check.state:<7}", style=STYLES[check.state]
    )
    if check.action:
        output.told(screen, f"         {safe(check.action)}")
