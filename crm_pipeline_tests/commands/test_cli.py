"""What holds for every command: wrong use, wrong settings, a store that cannot be used, and how fast it answers."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crm_pipeline.cli import commands
from crm_pipeline.providers import PROVIDERS
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import Shell
from crm_pipeline_tests.holder import held_open

QUIET = (("status",), ("leads", "acme"), ("rejections", "acme"), ("history",))
"""Commands that talk to nobody."""
HEAVY = ("pyarrow", "dlt", "pandas", "numpy", "urllib3", "phonenumbers", "dagster", "psycopg")
LONGEST = 1.5
"""Seconds; the promise is one, and test machines are busy."""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nope",), "No such command 'nope'"),
        (("sync", "--nope"), "No such option '--nope'"),
        (("leads",), "Missing argument 'ACCOUNT'"),
        (("connect", "acme"), "Missing argument 'PROVIDER'"),
        (("connect", "acme", "myspace"), ", ".join(map(repr, sorted(PROVIDERS)))),
        (("connect", "", "hubspot"), "'ACCOUNT': it is empty"),
        (("connect", "acme", "hubspot", "--connection-id", " "), "'--connection-id': it is empty"),
        (("sync", "--provider", "myspace"), "'myspace'"),
        (("leads", "acme", "--limit", "0"), "0 is not in the range"),
        (("rejections", "acme", "--reason", "nope"), "'missing_phone'"),
        (("sandbox", "--port", "70000"), "70000 is not in the range"),
        (("demo", "--contacts", "3"), "3 is not in the range"),
        (("changes", "12"), "'12' is none"),
        (("lead", "12"), "'12' is none"),
        (("restore",), "Name one lead, or all of a sync"),
        (("restore", "--sync", "12"), "'12' is not a valid UUID"),
    ],
)
def test_wrong_use_is_told_with_where_to_look(empty: Shell, arguments: tuple[str, ...], said: str) -> None:
    answer = empty(*arguments)
    assert (answer.code, answer.out) == (2, "")
    first, advice = answer.err.splitlines()
    assert first.startswith("Error: ")
    assert said in first
    assert "crm-pipeline" in advice


def test_wrong_use_is_a_document_when_json_is_asked_for(empty: Shell) -> None:
    answer = empty("sync", "--json", "--nope")
    assert (answer.code, answer.error["code"], answer.err) == (2, "invalid_setting", "")
    assert answer.error["action"] == "See `crm-pipeline sync --help`."


def test_no_command_shows_which_there_are(empty: Shell) -> None:
    answer = empty()
    assert answer.code == 2
    assert all(f"  {name}" in answer.err for name in commands.commands)


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_explains_itself(empty: Shell, name: str) -> None:
    answer = empty(name, "--help")
    assert answer.code == 0
    assert answer.out.startswith(f"Usage: crm-pipeline {name}")
    assert max(map(len, answer.out.splitlines())) <= 100


@pytest.mark.parametrize(
    "arguments", [("sync",), ("connections", "--refresh"), ("connect", "a", "hubspot")], ids=" ".join
)
def test_without_a_key_the_way_to_one_and_to_the_sandbox_is_told(empty: Shell, arguments: tuple[str, ...]) -> None:
    answer = empty(*arguments, "--json")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    assert "NANGO_SECRET_KEY is not set" in answer.error["message"]
    assert "crm-pipeline sandbox" in answer.error["action"]


@pytest.mark.parametrize("arguments", [*QUIET, ("connections",), ("doctor",), ("sync",)], ids=" ".join)
def test_every_wrong_setting_is_named_at_once(empty: Shell, arguments: tuple[str, ...]) -> None:
    answer = empty(*arguments, NANGO_SECRET_KEY="abc", CRM_DEFAULT_REGION="Mars", CRM_WAREHOUSE="mysql://x")
    assert answer.code == 2
    told = answer.out + answer.err
    assert all(name in told for name in ("NANGO_SECRET_KEY", "CRM_DEFAULT_REGION", "CRM_WAREHOUSE"))
    assert "abc" not in told


def test_a_dotenv_file_is_read(empty: Shell) -> None:
    (empty.folder / ".env").write_text("CRM_DEFAULT_REGION=Mars\n", encoding="utf-8")
    assert empty("status").code == 2


@pytest.mark.parametrize("arguments", [("status", "--json"), ("leads", "acme", "--json")], ids=" ".join)
def test_a_store_that_is_no_store(empty: Shell, arguments: tuple[str, ...]) -> None:
    (empty.folder / "crm.duckdb").write_text("nothing of the kind", encoding="utf-8")
    answer = empty(*arguments, CRM_WAREHOUSE="duckdb:///crm.duckdb")
    assert (answer.code, answer.error["code"]) == (1, "warehouse_error")
    assert "crm.duckdb" in answer.error["message"]


def test_a_locked_store_is_told_with_the_process_that_has_it(empty: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_pipeline.commands.app.READING_WAIT", 0.1)
    with held_open(empty.folder / ".crm" / "crm.duckdb") as holder:
        answer = empty("status", "--json")
    assert (answer.code, answer.error["code"]) == (1, "warehouse_locked")
    assert f"process {holder.pid}" in answer.error["message"]
    assert "Wait for the process" in answer.error["action"]


@pytest.mark.parametrize("setting", ["CRM_DATA_DIR", "CRM_WAREHOUSE"])
def test_a_place_that_cannot_be_written_is_named(shell: Shell, setting: str) -> None:
    """A file where a folder should be stops even root, under whom tests may run."""
    (shell.folder / "file").touch()
    place = shell.folder / "file" / "place"
    value = f"duckdb:///{place}/crm.duckdb" if setting == "CRM_WAREHOUSE" else str(place)
    answer = shell("sync", "--json", **{setting: value})
    assert (answer.code, answer.error["code"]) == (1, "warehouse_error")
    assert str(place) in answer.error["message"]
    assert setting in answer.error["action"]


@pytest.mark.parametrize("form", ["--json", "--csv", None])
def test_a_full_disk_behind_stdout_is_told_on_stderr(synced: Synced, form: str | None) -> None:
    command = [sys.executable, "-m", "crm_pipeline.cli", "leads", "acme", *([form] if form else [])]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=synced.shell.folder, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr.splitlines()[0]) == (1, "Error: No space left on device.")
    assert "Traceback" not in done.stderr


def test_a_reader_that_leaves_early_is_no_error(synced: Synced) -> None:
    with synced.shell.start("leads", "acme", "--json") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=30)) == ("", 0)


@pytest.mark.parametrize("arguments", QUIET, ids=" ".join)
def test_a_command_that_talks_to_nobody_answers_within_a_second(synced: Synced, arguments: tuple[str, ...]) -> None:
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        assert synced.shell.process(*arguments).code == 0
        seconds.append(time.monotonic() - started)
    assert statistics.median(seconds) <= LONGEST, seconds


@pytest.mark.parametrize("arguments", QUIET, ids=" ".join)
def test_a_command_that_talks_to_nobody_imports_nothing_heavy(synced: Synced, arguments: tuple[str, ...]) -> None:
    code = "import sys; from crm_pipeline.cli import main; main(); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=synced.shell.folder, capture_output=True, text=True, check=True
    )
    assert {name.split(".")[0] for name in done.stderr.split()} & set(HEAVY) == set()
