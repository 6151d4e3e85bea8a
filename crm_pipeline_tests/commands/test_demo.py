"""`demo` and `sandbox`: what somebody sees who has no account anywhere."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import DEAD, Shell, ended


def test_the_demo_tells_its_story_and_leaves_a_store_to_look_at(empty: Shell) -> None:
    from rich.cells import cell_len

    answer = empty("demo", "--contacts", "120", COLUMNS="80")
    assert (answer.code, answer.err) == (0, "")
    assert (
        len(re.findall(r"(?:acme|globex)/hubspot: Synced [\d,]+ contacts \([\d,]+ new, [\d,]+ updated\)", answer.out))
        == 4
    )
    assert re.search(r"\d  missing_phone +The contact has no phone number\. Such as ", answer.out)
    table = answer.out.split("3. The leads of acme")[1].split("4. People")[0]
    assert len(re.findall(r"\+\d{8,15}", table)) == 10
    changed = answer.out.split("What the sync changed")[1]
    assert all(
        text in changed for text in ("a new lead", "not to be texted any more: deleted", "→ Customer", "Ada New")
    )
    for line in re.findall(r"^  (CRM_WAREHOUSE=\S+) crm-pipeline (.+)$", answer.out, re.MULTILINE):
        name, value = line[0].split("=", 1)
        assert empty(*line[1].split(), **{name: value}).code == 0
    assert [line for line in answer.out.splitlines() if cell_len(line) > 80 and not line.startswith("  CRM_")] == []
    assert [path.name for path in empty.folder.iterdir()] == [".crm"]


def test_the_demo_as_json_leaves_a_real_key_and_store_alone(empty: Shell) -> None:
    environment = {"NANGO_HOST": DEAD, "NANGO_SECRET_KEY": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}
    answer = empty("demo", "--contacts", "40", "--json", **environment)
    assert (answer.code, set(answer.json), answer.json["success"]) == (0, {"success", "syncs", "leads"}, True)
    assert len(answer.json["syncs"]) == 4
    assert not (empty.folder / ".crm" / "crm.duckdb").exists()


def test_the_demo_refuses_the_store_of_another_nango(synced: Synced) -> None:
    answer = synced.shell("demo", "--seed", "8", "--json", CRM_WAREHOUSE="duckdb:///.crm/crm.duckdb")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    assert "CRM_WAREHOUSE" in answer.error["action"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_prints_two_lines_serves_and_ends_in_order(empty: Shell, number: signal.Signals) -> None:
    process = empty.start("sandbox", "--contacts", "30")
    assert process.stdout is not None
    lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
    try:
        assert set(lines) == {"NANGO_HOST", "NANGO_SECRET_KEY"}
        assert empty("doctor", **lines).code == 0
    finally:
        process.send_signal(number)
    answer = ended(process)
    assert (answer.code, answer.out) == (0, "")
    assert "30 contacts each" in answer.err
    assert "Traceback" not in answer.err


def test_a_port_that_is_taken(empty: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = empty("sandbox", "--port", str(taken.getsockname()[1]))
    assert (answer.code, answer.out) == (2, "")
    assert "--port" in answer.err.splitlines()[1]


def test_the_demo_says_the_path_of_a_command_that_the_shell_would_not_find(
    empty: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_pipeline.commands.demo import _program

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [".venv/bin/crm-pipeline"])
    assert _program() == ".venv/bin/crm-pipeline"
    monkeypatch.setattr("sys.argv", [str(Path.cwd() / "bin" / "crm-pipeline")])
    assert _program() == "bin/crm-pipeline"
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert _program() == "crm-pipeline"
