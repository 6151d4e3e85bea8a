"""What README.md tells people to type works, in its order; and it names every command and option there is."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest

from crm_pipeline.cli import commands
from crm_pipeline.errors import ACTIONS, ConfigError
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.settings import NAMES
from crm_pipeline.walk.connection import MAPPED, Connection

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
ROW = {
    "id": "11111111-1111-4111-8111-111111111111", "account_id": "acme", "provider": "hubspot", "state": "active",
    "nango_integration": "hubspot", "nango_connection_id": "x", "is_active": True, "last_synced_at": None,
    "last_error_code": None, "last_error_message": None, "last_error_action": None,
    "held_at": None,
    "unproven_at": None,
}  # fmt: skip
QUICK = ("--contacts", "30", "--crms", "hubspot,pipedrive")
"""What a sandbox is made smaller by for a test."""
PROGRAM = str(Path(sys.executable).with_name("crm-pipeline"))


def block(part: str) -> list[str]:
    """The lines of the one console block that holds a text, without their comments."""
    (found,) = [block for block in BLOCKS if part in block]
    return [line.split(" #")[0].strip() for line in found.splitlines()]


def run(line: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A line of the README; what it calls `crm-pipeline` is the one under test."""
    _, *arguments = shlex.split(line)
    return subprocess.run(
        [PROGRAM, *arguments], env=os.environ | environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=60,
    )  # fmt: skip


def test_what_is_to_be_typed_works_as_it_is_written() -> None:
    """The sandbox's part, then the one for one's own Nango, with the sandbox in its place."""
    (first,) = block("sandbox --port")
    second, *rest = block("export NANGO_HOST")
    own = block("connections --refresh")
    assert all(line.startswith(".venv/bin/crm-pipeline ") for line in (first, *rest))
    assert all(line.startswith("crm-pipeline ") for line in own)
    environment = {"RUNTIME__DLTHUB_TELEMETRY": "false"}
    arguments = [*shlex.split(first.replace("--port 8900", "--port 0"))[1:], *QUICK]
    with subprocess.Popen([PROGRAM, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as sandbox:
        try:
            assert sandbox.stdout is not None
            printed = [sandbox.stdout.readline().strip() for _ in range(2)]
            exported = [word.split("=")[0] for word in shlex.split(second)[1:]]
            assert exported == [line.split("=")[0] for line in printed] == ["NANGO_HOST", "NANGO_SECRET_KEY"]
            assert shlex.split(second)[2] == printed[1]
            environment |= dict(line.split("=", 1) for line in printed)
            answers = {line.split("crm-pipeline ")[1]: run(line, environment) for line in (*rest, *own)}
        finally:
            sandbox.terminate()
    assert {line: answer.returncode for line, answer in answers.items()} == dict.fromkeys(answers, 0)
    assert re.search(r"acme/hubspot: Synced \d+ contacts", answers["sync"].stdout)
    assert re.search(r"^5 of \d+ leads", answers["leads acme --limit 5"].stdout, re.MULTILINE)
    assert "missing_phone" in answers["rejections acme"].stdout
    assert "All is well." in answers["doctor"].stdout
    assert answers["connect acme hubspot"].stdout.startswith("http")


def test_every_make_target_shown_is_there() -> None:
    targets = re.findall(r"^([a-z-]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    shown = re.findall(r"^make ([a-z-]+)", "".join(BLOCKS), re.MULTILINE)
    assert shown
    assert set(shown) <= set(targets)


def section(title: str) -> str:
    return README.split(f"\n## {title}\n")[1].split("\n## ")[0]


@pytest.mark.parametrize("name", sorted(commands.commands))
def test_every_command_and_option_is_in_the_table(name: str) -> None:
    told = section("Commands")
    assert re.search(rf"`(?:[^`]*, )?{name}[ `]|`{name}\b", told)
    for parameter in commands.commands[name].params:
        if isinstance(parameter, click.Option):
            options = [option for option in parameter.opts if option.startswith("--")]
            assert any(option in told for option in options), (name, options)


def test_every_setting_and_every_error_code_is_told() -> None:
    assert [name for name in NAMES if f"`{name}`" not in section("Settings")] == []
    assert [code for code in ACTIONS if f"`{code}`" not in section("Errors")] == []


def test_every_crm_said_to_work_does() -> None:
    told, summary = section("The CRMs"), README.split("```")[0]
    assert set(re.findall(r"^\| [\w ]+ `(\w+)` \|", told, re.MULTILINE)) == set(PROVIDERS)
    for provider in PROVIDERS.values():
        assert provider.title in summary
        assert provider.title in told
        assert all(f"`{name}`" in told for name in (provider.integration, *provider.also_named))
        (row,) = re.findall(rf"^\| [\w ]+ `{provider.name}` \|.*$", told, re.MULTILINE)
        assert ("every sync" if provider.deletions == "feed" else "once a day") in row


def test_every_setting_of_a_connection_is_told() -> None:
    told = section("With your own Nango")
    example = re.search(r"```json\n(.*?)```", told, re.DOTALL)
    assert example is not None
    connection = Connection.from_row(ROW | {"connection_metadata": json.dumps(json.loads(example[1])["crm_pipeline"])})
    connection.check_settings()
    assert connection.metadata.keys() <= set(re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE))
    assert all(f"`{name}`" in told for name in MAPPED)
    for name in re.findall(r"^\| `(\w+)` \|", told, re.MULTILINE):
        wrong = Connection.from_row(ROW | {"connection_metadata": json.dumps({name: [-1]})})
        with pytest.raises(ConfigError, match=name):
            wrong.check_settings()
