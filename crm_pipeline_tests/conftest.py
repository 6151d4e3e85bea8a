"""What every test gets: no settings of this computer, no network but the loopback, and a PostgreSQL for who asks."""

from __future__ import annotations

import ipaddress
import itertools
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest

from crm_pipeline.settings import NAMES
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.postgres import PostgresServer, running_postgres

hypothesis.settings.register_profile("tests", deadline=None, database=None)
hypothesis.settings.load_profile("tests")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background of a script; Dagster ends its helpers by it
    signal.signal(signal.SIGINT, signal.default_int_handler)

_NUMBERS = itertools.count(1)
EMPTY = "template template0 encoding 'UTF8' locale 'C'"
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
    with _a_database(postgres_server, EMPTY) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A DuckDB store with nothing in it, to be copied: making its tables takes longer than most tests."""
    path = tmp_path_factory.mktemp("migrated") / "store.duckdb"
    with Warehouse(f"duckdb:///{path}", data_dir=path.parent).session():
        return path


@pytest.fixture
def new_file(migrated_file: Path, tmp_path: Path) -> Path:
    """A DuckDB store of the test's own, migrated and without a row."""
    return Path(shutil.copyfile(migrated_file, tmp_path / "store.duckdb"))


@pytest.fixture(scope="session")
def migrated_database(postgres_server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same as a database, by its name."""
    with _a_database(postgres_server, EMPTY, is_kept=True) as url:
        with Warehouse(url, data_dir=tmp_path_factory.mktemp("migrated")).session():
            pass
        return url.rpartition("/")[2]


@pytest.fixture
def new_database(postgres_server: PostgresServer, migrated_database: str) -> Iterator[str]:
    """The URL of a database of the test's own, migrated and without a row."""
    with _a_database(postgres_server, f"template {migrated_database}") as url:
        yield url


@contextmanager
def _a_database(server: PostgresServer, made_from: str, *, is_kept: bool = False) -> Iterator[str]:
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} {made_from}".encode())
        yield server.url(name)
        if not is_kept:
            connection.execute(f"drop database {name} with (force)".encode())
