"""The guard in `conftest.py`: a test that reaches for another computer fails, whichever way it tries."""

from __future__ import annotations

import socket
from collections.abc import Callable

import pytest

from crm_pipeline_tests.conftest import NetworkRefused

ELSEWHERE = ("192.0.2.1", 9)
"""An address reserved for documentation: nobody has it."""


def send(how: Callable[[socket.socket], object]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        how(sender)


@pytest.mark.parametrize(
    "reach",
    [
        lambda: socket.create_connection(ELSEWHERE, timeout=1),
        lambda: socket.getaddrinfo("crm.example", 443),
        lambda: socket.gethostbyname("crm.example"),
        lambda: send(lambda sender: sender.connect(ELSEWHERE)),
        lambda: send(lambda sender: sender.sendto(b"x", ELSEWHERE)),
        lambda: send(lambda sender: sender.sendmsg([b"x"], [], 0, ELSEWHERE)),
    ],
    ids=["connection", "name", "older name", "datagram connect", "datagram", "message"],
)
def test_another_computer_is_refused(reach: Callable[[], object]) -> None:
    with pytest.raises(NetworkRefused):
        reach()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_computer_is_reached(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname(), 5) as client:
        assert socket.getaddrinfo(host, client.getpeername()[1])


def test_a_name_that_cannot_exist_is_told_without_asking() -> None:
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("crm.invalid", 443)
