from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import crm_pipeline
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.sandbox.caller import Caller, a_sandbox

UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
ROOT = Path(crm_pipeline.__file__).parents[1]


def test_the_same_seed_gives_the_same_key_ids_and_contacts() -> None:
    with a_sandbox(100, seed=3) as one, a_sandbox(100, seed=3) as two, a_sandbox(100, seed=4) as other:
        assert one.sandbox.secret_key == two.sandbox.secret_key != other.sandbox.secret_key
        assert one.connection_id == two.connection_id != other.connection_id
        assert one.everyone(properties="phone") == two.everyone(properties="phone")
        assert UUID4.fullmatch(one.sandbox.secret_key)
        assert UUID4.fullmatch(one.connection_id)


def test_a_portal_is_filled_when_it_is_first_asked() -> None:
    """A start with many contacts must not wait for accounts nobody reads."""
    sandbox = Sandbox(contacts=10_000_000)
    try:
        assert len(sandbox.book.all()) == 2
    finally:
        sandbox.stop()


def test_the_environment_leads_here() -> None:
    with a_sandbox(0) as caller:
        assert caller.sandbox.environment() == {
            "NANGO_HOST": f"http://127.0.0.1:{caller.sandbox.port}",
            "NANGO_SECRET_KEY": caller.sandbox.secret_key,
        }


def test_a_given_key_is_used() -> None:
    with a_sandbox(0, secret_key="0f2c9f6e-3f44-4b11-9a55-0c5a3ad2f3d1") as caller:
        assert caller.nango("GET", "/connections", key="0F2C9F6E-3f44-4b11-9a55-0c5a3ad2f3d1").status == 200


def test_many_threads_at_once_get_whole_answers() -> None:
    with a_sandbox(300) as caller:
        expected = caller.contacts(limit=100).body
        answers: list[bytes] = []

        def ask() -> None:
            own = Caller(caller.sandbox)
            answers.extend(own.contacts(limit=100).body for _ in range(20))
            own.close()

        threads = [threading.Thread(target=ask) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(answers) == 160
        assert set(answers) == {expected}


def _raw(port: int, data: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(data)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65_536), b""))


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET /connections HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST /connections HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"".join(b"a%d: x\r\n" % n for n in range(200)) + b"\r\n", b"431"),
    ],
)
def test_what_is_not_http_is_refused(data: bytes, status: bytes) -> None:
    with a_sandbox(0) as caller:
        assert _raw(caller.sandbox.port, data).split()[1] == status


def test_a_chunked_request_and_two_requests_on_one_connection() -> None:
    with a_sandbox(0) as caller:
        chunked = (
            b"POST /sandbox/hubspot/acme/create HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"5\r\n"
            b'{"pro\r\n'
            b"1c\r\n"
            b'perties":{"firstname":"Ada"}\r\n'
            b"1\r\n}\r\n0\r\n\r\n"
        )
        second = b"GET /sandbox/connections HTTP/1.1\r\nConnection: close\r\n\r\n"
        answers = _raw(caller.sandbox.port, chunked + second)
        assert answers.count(b"HTTP/1.1 200") == 2
        assert caller.everyone()[0]["properties"]["firstname"] == "Ada"


def test_a_stopped_sandbox_answers_nobody() -> None:
    with a_sandbox(0) as caller:
        caller.contacts()
        port = caller.sandbox.port
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_as_a_process_it_prints_two_settings_and_stops_in_order(stop: signal.Signals) -> None:
    command = [sys.executable, "-m", "crm_pipeline.sandbox", "--seed", "3", "--contacts", "5", "--accounts", "one, two"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        host, key = process.stdout.readline().strip(), process.stdout.readline().strip()
        with a_sandbox(0, seed=3) as caller:
            assert key == f"NANGO_SECRET_KEY={caller.sandbox.secret_key}"
        port = int(re.fullmatch(r"NANGO_HOST=http://127\.0\.0\.1:(\d+)", host)[1])  # type: ignore[index]
        request = f"GET /connections HTTP/1.1\r\nAuthorization: Bearer {key.split('=')[1]}\r\n\r\n"
        answer = _raw(port, request.encode())
        assert b'"account_id":"two"' in answer
        process.send_signal(stop)
        out, errors = process.communicate(timeout=10)
    assert (process.returncode, out, errors) == (0, "", "")
