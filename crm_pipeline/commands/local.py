"""The command `sandbox`: a local Nango with CRMs behind it, for trying the product without an account anywhere."""

from __future__ import annotations

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.signals import Stopped
from crm_pipeline.commands.text import counted
from crm_pipeline.errors import ConfigError


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), default=0, help="The port to listen on; 0 takes a free one.")
@click.option("--seed", type=int, default=7, show_default=True, help="The same seed makes the same people.")
@click.option("--contacts", type=click.IntRange(0), default=1000, show_default=True, help="Contacts of each account.")
def sandbox(port: int, seed: int, contacts: int) -> int:
    """A local Nango with made-up CRMs, until stopped.

    Prints the two environment lines that lead to it.
    """
    from crm_pipeline.sandbox.server import DEFAULT_ACCOUNTS, Sandbox

    try:
        server = Sandbox(port=port, seed=seed, contacts=contacts)
    except OSError as error:
        raise ConfigError(
            "invalid_setting",
            f"Cannot listen on port {port}: {error.strerror}.",
            action="Choose another --port; without one a free port is taken.",
        ) from error
    for name, value in server.environment().items():
        click.echo(f"{name}={value}")
    people = f"The accounts {' and '.join(DEFAULT_ACCOUNTS)} have {counted(contacts, 'contact')} each."
    output.told(output.error_console(), f"{people} Set the two lines above, then run `crm-pipeline sync`.")
    output.told(output.error_console(), "Ctrl-C ends it.")
    try:
        server.serve_forever()
    except Stopped:
        server.stop()
    return app.DONE
