"""The command `sandbox`: a local Nango with CRMs behind it, for trying the product without an account anywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.signals import Stopped
from crm_pipeline.commands.text import counted
from crm_pipeline.errors import ConfigError
from crm_pipeline.providers import PROVIDERS

if TYPE_CHECKING:
    from collections.abc import Sequence


def _crms(context: click.Context, parameter: click.Parameter, value: str) -> list[str]:
    """The names in a list with commas, each of a CRM that there is."""
    names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in names if name not in PROVIDERS]
    if unknown or not names:
        what = f"{unknown[0]!r} is none of them" if unknown else "it is empty"
        raise click.BadParameter(f"{what}; choose from {', '.join(PROVIDERS)}.", context, parameter)
    return names


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port to listen on; 0 takes a free one.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same people.")
@click.option("--contacts", type=click.IntRange(0), default=200, show_default=True, help="Contacts in each CRM.")
@click.option(
    "--crms", callback=_crms, default=",".join(PROVIDERS), show_default=True, help="The CRMs that each account has."
)
def sandbox(port: int, seed: int, contacts: int, crms: Sequence[str]) -> int:
    """A local Nango with made-up CRMs, until stopped.

    Prints the two environment lines that lead to it.
    """
    from crm_pipeline.sandbox.server import DEFAULT_ACCOUNTS, Sandbox

    try:
        server = Sandbox(port=port, seed=seed, contacts=contacts, crms=crms)
    except OSError as error:
        raise ConfigError(
            "invalid_setting",
            f"Cannot listen on port {port}: {error.strerror}.",
            action="Choose another --port; without one a free port is taken.",
        ) from error
    for name, value in server.environment().items():
        click.echo(f"{name}={value}")
    titles = ", ".join(PROVIDERS[name].title for name in crms)
    people = f"The accounts {' and '.join(DEFAULT_ACCOUNTS)} have {counted(contacts, 'contact')} in each CRM: {titles}."
    output.told(output.error_console(), people)
    output.told(output.error_console(), "Set the two lines above, then run `crm-pipeline sync`.")
    output.told(output.error_console(), "Ctrl-C ends it.")
    try:
        server.serve_forever()
    except Stopped:
        server.stop()
    return app.DONE
