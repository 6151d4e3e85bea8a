"""Commands about connections: `connections` lists them, `connect` invites a person or takes a connection over."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from crm_pipeline.commands import app, output, syncing
from crm_pipeline.commands.reading import STYLES, title_of
from crm_pipeline.commands.text import ago, safe
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.settings import Settings
from crm_pipeline.walk.connection import Connection
from crm_pipeline.warehouse.session import Row

ROOMY = 110
"""Columns from which on every value of a connection has a column of its own; below, two share one."""
COLUMNS = (
    "account_id", "provider", "connection_id", "state", "is_active", "nango_integration", "nango_connection_id",
    "last_synced_at", "last_error_code", "last_error_message", "last_error_action", "last_error_at", "created_at",
    "updated_at",
)  # fmt: skip


@click.command()
@click.option("--refresh", is_flag=True, help="Ask Nango first.")
@output.json_option
def connections(refresh: bool, as_json: bool) -> int:
    """The connections we know, each with its state."""
    settings = Settings.from_environment()
    if refresh:
        with app.pipeline(settings, patient=False) as pipeline:
            syncing.refreshed(pipeline)
    with app.reading(app.store(settings)) as session:
        rows = session.rows("reports/status", account_id=None)
    if as_json:
        output.write_json([{name: row[name] for name in COLUMNS} for row in rows])
    elif rows:
        _print_connections(rows)
    else:
        screen = output.console()
        output.told(screen, "No connections." if refresh else "No connections are known yet.")
        advice = "Connect one: `crm-pipeline connect ACCOUNT PROVIDER`."
        output.told(screen, advice if refresh else "Ask Nango for them: `crm-pipeline connections --refresh`.")
    return app.DONE


def _some_text(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse a text without a letter: a variable of the shell that is not set ends up so."""
    if value is not None and not value.strip():
        raise click.BadParameter("it is empty.", context, parameter)
    return value


@click.command(epilog=f"PROVIDER is one of {', '.join(sorted(PROVIDERS))}.")
@click.argument("account", callback=_some_text)
@click.argument("provider", metavar="PROVIDER", type=click.Choice(sorted(PROVIDERS)))
@click.option(
    "--connection-id",
    callback=_some_text,
    help="Nango's id of a connection that was made; it is checked, saved and synced at once.",
)
@click.option(
    "--integration", callback=_some_text, help="The integration's key at Nango, where it is not called like the CRM."
)
@output.json_option
def connect(account: str, provider: str, connection_id: str | None, integration: str | None, as_json: bool) -> int:
    """Connect the CRM PROVIDER of ACCOUNT.

    Prints the link for a person to open; or, with the id of a connection that was made, saves and syncs it.
    """
    settings = Settings.from_environment()
    if connection_id is None:
        return _invite(settings, account, provider, integration, as_json)
    from crm_pipeline import connecting

    with app.pipeline(settings, patient=False) as pipeline:
        found = connecting.verified(pipeline.nango, account, provider, connection_id, integration=integration)
        connection = connecting.saved(pipeline, found)
    with app.pipeline(settings) as pipeline:
        tell = syncing.tell_sync if not as_json else _nothing
        batch = syncing.run_syncs(pipeline, [connection], trigger="connected", tell=tell)
    if as_json:
        output.write_json(batch.as_dict() | {"connection": _as_dict(connection)})
    return batch.exit_code()


def _invite(settings: Settings, account: str, provider: str, integration: str | None, as_json: bool) -> int:
    from crm_pipeline import connecting
    from crm_pipeline.walk.registry import connections as known_connections

    with app.reading(app.store(settings)) as session:
        known = known_connections(session, account_id=account, provider=provider)
    with app.nango(settings, patient=False) as client:
        invited = connecting.invite(client, account, provider, integration=integration, known=known)
    if as_json:
        output.write_json({"success": True, "connect_link": invited.connect_link, "expires_at": invited.expires_at})
        return app.DONE
    output.told(output.console(), invited.connect_link)
    screen = output.error_console()
    expires_at, title = invited.expires_at.astimezone(UTC), PROVIDERS[provider].title
    output.told(
        screen, f"Open the link to connect {title} for {safe(account)}; it is good until {expires_at:%H:%M} UTC."
    )
    output.told(screen, f"Then run `crm-pipeline sync --account {safe(account)}`.")
    return app.DONE


@click.command(epilog=f"PROVIDER is one of {', '.join(sorted(PROVIDERS))}.")
@click.argument("account", callback=_some_text)
@click.argument("provider", metavar="PROVIDER", type=click.Choice(sorted(PROVIDERS)))
@click.option(
    "--keep-at-nango",
    is_flag=True,
    help="Leave the connection at Nango; it is not used here until somebody connects it again.",
)
@output.json_option
def disconnect(account: str, provider: str, keep_at_nango: bool, as_json: bool) -> int:
    """Let go of the CRM PROVIDER of ACCOUNT.

    The connection is deleted at Nango and not synced any more; contacts and leads stay.
    """
    from crm_pipeline import connecting

    settings = Settings.from_environment()
    with app.pipeline(settings, patient=False) as pipeline:
        gone = connecting.disconnect(pipeline, account, provider, keep_at_nango=keep_at_nango)
    if as_json:
        shown = [_as_dict(one) | {"state": "disconnected"} for one in gone]
        output.write_json({"success": True, "connections": shown})
        return app.DONE
    kept = "It is still at Nango." if keep_at_nango else "It is deleted at Nango."
    output.told(output.console(), f"{PROVIDERS[provider].title} of {safe(account)} is disconnected. {kept}")
    output.told(output.console(), "Its leads stay.")
    return app.DONE


def _as_dict(connection: Connection) -> dict[str, Any]:
    return {
        "account_id": connection.account_id,
        "provider": connection.provider,
        "connection_id": connection.id,
        "nango_integration": connection.nango_integration,
        "nango_connection_id": connection.nango_connection_id,
        "state": connection.state,
    }


def _print_connections(rows: list[Row]) -> None:
    from rich.text import Text

    now, screen = datetime.now(UTC), output.console()
    cells: list[Sequence[object]] = [
        (
            row["account_id"] or "–",
            title_of(row["provider"]),
            Text(row["state"], STYLES.get(row["state"], "dim")),
            ago(row["last_synced_at"], now),
            row["nango_connection_id"],
            row["nango_integration"],
        )
        for row in rows
    ]
    headings: Sequence[str] = ("Account", "CRM", "State", "Last synced", "Connection at Nango", "Integration")
    if screen.width < ROOMY:
        headings, cells = output.in_pairs(headings, cells)
    screen.print(output.table(screen, headings, cells))


def _nothing(_: object) -> None:
    """Tell nothing."""
