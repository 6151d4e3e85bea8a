"""What every test gets: no settings of this computer, no network but the loopback, and a PostgreSQL for who asks."""

from __future__ import annotations

import ipaddress
import itertools
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psycopg
import pytest

from crm_pipeline.settings import NAMES
from crm_pipeline_tests.postgres import PostgresServer, running_postgres

hypothesis.settings.register_profile("tests", deadline=None, database=None)
hypothesis.settings.load_profile("tests")

_NUMBERS = itertools.count(1)
_LOCAL_NAMES = {None, "", "localhost"}


class NetworkRefused(RuntimeError):
    """A test tried to leave this computer. Not an OSError, so that no code under test takes it for an outage."""


def _refuse_network(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        host = address[0] if isinstance(address, tuple) else None  # a path: a socket of this computer
    else:
        return
    if str(host).endswith(".invalid"):  # the resolver's own answer for this reserved ending, without asking it
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    if not _is_local(host):
        raise NetworkRefused(f"{event} to {host!r}: tests stay on the loopback")


def _is_local(host: object) -> bool:
    text = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if text in _LOCAL_NAMES:
        return True
    try:
        return ipaddress.ip_address(str(text).split("%")[0]).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse_network)


@pytest.fixture(autouse=True)
def _own_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting, `.env` or store of this computer reaches a test; a relative path ends in the test's own folder."""
    for name in (*NAMES, "DAGSTER_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RUNTIME__DLTHUB_TELEMETRY", "false")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One PostgreSQL for the session, in a temporary folder, on the loopback; started by the first test that asks."""
    with tempfile.TemporaryDirectory(prefix="crm-postgres-") as folder, running_postgres(Path(folder)) as server:
        yield server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0 encoding 'UTF8' locale 'C'".encode())
        yield postgres_server.url(name)
        connection.execute(f"drop database {name} with (force)".encode())
