"""The command `serve` in a process of its own: it says where it is, answers, and ends in order."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline_tests.commands.shell import Shell
from crm_pipeline_tests.web.serving import Api


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody else listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        yield int(sock.getsockname()[1])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_answers_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    process = Shell(tmp_path).start("serve", "--port", "0")
    try:
        assert process.stderr is not None
        told = process.stderr.readline()
        (port,) = re.findall(r"http://127\.0\.0\.1:(\d+) ", told)
        assert "Dagster at http://127.0.0.1:3000" in process.stderr.readline()
        api = Api(int(port))
        assert api.get("/healthz").json == {"success": True}
        assert api.get("/api/crm/status?account_id=acme").json["connections"] == []
        assert not (tmp_path / ".crm").exists(), "to look at a store that is not there makes none"
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert (process.returncode, out, err) == (0, "", "")


def test_a_port_that_is_taken_is_told(empty_folder: Shell, taken: int) -> None:
    answer = empty_folder("serve", "--port", str(taken))
    assert answer.code == 2
    assert f"Cannot listen on 127.0.0.1 port {taken}" in answer.err


def test_it_does_not_listen_where_it_could_not_answer(empty_folder: Shell) -> None:
    answer = empty_folder("serve", "--host", "0.0.0.0", "--port", "0")
    assert answer.code == 2
    assert "CRM_API_TOKEN is not set" in answer.err


@pytest.fixture
def empty_folder(tmp_path: Path) -> Shell:
    return Shell(tmp_path)
