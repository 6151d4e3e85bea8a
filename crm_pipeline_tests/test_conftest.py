"""The walls around the tests hold."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import psycopg
import pytest

from crm_pipeline_tests.conftest import NetworkRefused


def test_a_connection_to_another_computer_is_refused() -> None:
    with socket.socket() as client, pytest.raises(NetworkRefused):
        client.connect(("192.0.2.1", 80))


def test_a_name_is_not_looked_up() -> None:
    with pytest.raises(NetworkRefused):
        socket.getaddrinfo("api.nango.dev", 443)


def test_the_loopback_is_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        assert client.getpeername() == server.getsockname()


def test_a_test_starts_in_a_folder_of_its_own(tmp_path: Path) -> None:
    assert Path.cwd() == tmp_path
    assert os.listdir() == []


@pytest.mark.parametrize("_time", [1, 2])
def test_each_test_gets_an_empty_database(_time: int, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table left_behind (a int)")
