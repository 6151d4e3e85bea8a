"""The command `serve`: the HTTP API and the page, until stopped."""

from __future__ import annotations

import socket
from contextlib import suppress

import click

from crm_pipeline.commands import app, output
from crm_pipeline.commands.signals import Stopped
from crm_pipeline.errors import ConfigError
from crm_pipeline.settings import Settings

DEFAULT_PORT = 8000
GRACE_SECONDS = 10
BACKLOG = 128


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="0 takes a free one."
)
def serve(host: str, port: int) -> int:
    """The HTTP API and the page.

    Syncs are started in Dagster, which has to run as well (CRM_DAGSTER_URL). Without CRM_API_TOKEN only this computer
    is answered.
    """
    settings = Settings.from_environment()
    refuse_unguarded(settings, host)
    with listening(host, port) as sock:
        _serve(settings, sock)
    return app.DONE


def refuse_unguarded(settings: Settings, host: str) -> None:
    """Without a token nobody else can be answered, so nothing else is listened to."""
    from crm_pipeline.web.security import is_loopback

    if settings.api_token is None and not is_loopback(host):
        raise ConfigError(
            "invalid_setting",
            f"CRM_API_TOKEN is not set, so the API and the page cannot listen on {host}.",
            action="Set CRM_API_TOKEN (openssl rand -hex 32), or leave out --host.",
            settings=("CRM_API_TOKEN",),
        )


def listening(host: str, port: int) -> socket.socket:
    """The socket; said in words where it cannot be had."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        return socket.create_server(address[:2], family=family, backlog=BACKLOG)
    except OSError as error:
        raise ConfigError(
            "invalid_setting",
            f"Cannot listen on {host} port {port}: {error.strerror or error}.",
            action="Choose another --port or --host.",
        ) from error


def _serve(settings: Settings, sock: socket.socket) -> None:
    import uvicorn

    from crm_pipeline.web.app import create_app

    host, port = sock.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    config = uvicorn.Config(
        create_app(settings),
        log_level="warning",
        access_log=False,  # addresses hold searches, so names and phones
        proxy_headers=False,  # who asks is who is connected, whatever a header says
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
        ws="none",
    )
    output.told(
        output.error_console(), f"The API and the page: http://{shown}:{port} (the API: /docs). Ctrl-C ends it."
    )
    output.told(output.error_console(), f"Syncs run in Dagster at {settings.dagster_url}.")
    with suppress(Stopped):  # uvicorn ends in order, and then passes the signal on
        uvicorn.Server(config).run(sockets=[sock])
