"""A store that was synced once, for commands that look at it; and a shell of their own for those that change things."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.commands.shell import DEAD, Answer, Shell, a_sandbox

ELSEWHERE = {"NANGO_HOST": DEAD, "NANGO_SECRET_KEY": "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"}
HOSTILE = "\x1b]0;owned\x07\x1b[31mMallory\x9b2J"
PEOPLE: tuple[dict[str, str | None], ...] = (
    {"firstname": "=1+1", "lastname": HOSTILE, "phone": "+14155552671", "company": "=cmd|' /C calc'!A0"},
    {"firstname": "Ada", "lastname": "Markup", "phone": "+14155552672", "company": "[bold red]Acme[/] :smile:"},
    {"firstname": "Zoë", "lastname": "Line", "phone": "+14155552673", "company": "Two\nLines, \"Quoted\""},
    {"firstname": "Mallory", "lastname": "Rejected", "phone": "\x1b[2J\u202ecall me"},
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Synced:
    """A shell over a synced store, what the sync said, and the sandbox behind it."""

    shell: Shell
    sandbox: Sandbox
    sync: Answer


@pytest.fixture(scope="session")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Synced]:
    """Two accounts of 60 contacts, synced once; acme's have hostile texts among them. For looking only."""
    with a_sandbox(contacts=60, accounts=("acme", "globex")) as sandbox:
        for person in PEOPLE:
            sandbox.portal("acme").create(person)
        shell = Shell(tmp_path_factory.mktemp("synced"), sandbox.environment())
        answer = shell("sync", "--json")
        assert answer.code == 0, answer
        yield Synced(shell, sandbox, answer)


@dataclass(frozen=True, slots=True)
class Shown:
    """The demo once run: a shell over the store it left, and what it answered; with `--json` the story is on stderr."""

    shell: Shell
    answer: Answer


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Five CRMs in each of two accounts, on 80 columns, next to settings of a real Nango. For looking only."""
    folder = tmp_path_factory.mktemp("shown")
    answer = Shell(folder, ELSEWHERE)("demo", "--contacts", "40", "--json", COLUMNS="80")
    return Shown(Shell(folder, {"CRM_WAREHOUSE": "duckdb:///.crm/demo.duckdb"}), answer)


@pytest.fixture
def empty(tmp_path: Path) -> Shell:
    """A folder with nothing in it, and no setting made."""
    return Shell(tmp_path)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with a_sandbox() as running:
        yield running


@pytest.fixture
def shell(sandbox: Sandbox, tmp_path: Path) -> Shell:
    """A folder with nothing in it, and the settings that lead to a sandbox of its own."""
    return Shell(tmp_path, sandbox.environment())
