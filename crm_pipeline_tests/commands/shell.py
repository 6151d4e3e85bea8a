"""The command line as a shell uses it: in this process where that will do, in one of its own where it matters."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import orjson

from crm_pipeline.cli import main
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.settings import NAMES

DEAD = "http://127.0.0.1:1"
"""An address where nobody listens."""
WRONG_KEY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command left: its exit code, and what it said on either stream."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one document on stdout; anything beside it is an error."""
        return orjson.loads(self.out)

    @property
    def error(self) -> Mapping[str, str]:
        """The published error document."""
        document = self.json
        assert set(document) == {"success", "error"}
        assert document["success"] is False
        assert set(document["error"]) == {"code", "message", "action"}
        assert all(document["error"].values())
        return dict(document["error"])


@dataclass(slots=True)
class Shell:
    """A folder and an environment to type commands in."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, **extra: str) -> Answer:
        """A command in this process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
        with (
            mock.patch.dict(os.environ, self._environ(extra), clear=True),
            contextlib.chdir(self.folder),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = main(arguments)
        return Answer(code, _text(out), _text(err))

    def start(self, *arguments: str, **extra: str) -> subprocess.Popen[str]:
        """A command in a process of its own."""
        return subprocess.Popen(
            [sys.executable, "-m", "crm_pipeline.cli", *arguments],
            cwd=self.folder,
            env=self._environ(extra),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def process(self, *arguments: str, **extra: str) -> Answer:
        """A command in a process of its own, to its end."""
        return ended(self.start(*arguments, **extra))

    def _environ(self, extra: Mapping[str, str]) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name not in (*NAMES, "COLUMNS")}
        fixed = {"PYTHONUTF8": "1", "RUNTIME__DLTHUB_TELEMETRY": "false"}
        return inherited | fixed | self.environment | dict(extra)


def ended(process: subprocess.Popen[str]) -> Answer:
    """The answer of a process, once it is there."""
    out, err = process.communicate(timeout=60)
    return Answer(process.returncode, out, err)


@contextlib.contextmanager
def a_sandbox(
    *, contacts: int = 40, accounts: tuple[str, ...] = ("acme",), crms: tuple[str, ...] = ("hubspot",)
) -> Iterator[Sandbox]:
    """A small one."""
    with Sandbox(contacts=contacts, accounts=accounts, crms=crms) as sandbox:
        yield sandbox


def _text(stream: io.TextIOWrapper) -> str:
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue().decode()
