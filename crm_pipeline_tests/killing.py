"""Runs the real command in processes of their own that can be killed at a chosen moment, and looks at what is left.

The processes are forked off one that has imported everything, so that a moment falls into the work and not into
imports. `python -m crm_pipeline_tests.killing` is that one: a command as a line of JSON in, its process id out, and how
it ended.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn

from crm_pipeline.warehouse.database import Warehouse

IMPORTS = (
    "crm_pipeline.cli", "crm_pipeline.commands.app", "crm_pipeline.steps", "crm_pipeline.ingest.landing",
    "crm_pipeline.walk.contacts", "crm_pipeline.walk.leads", "crm_pipeline.walk.removal",
    "crm_pipeline.warehouse.duckdb_store", "crm_pipeline.warehouse.postgres_store",
)  # fmt: skip
SAME = {
    "leads": "select id, name, phone, email, company, crm_id, crm_source, crm_status, crm_stage, crm_owner, "
    "crm_inactive_reason from leads order by id",
    "identity": "select contact_id, lead_id, is_member from staging.identity_map order by contact_id",
    "contacts": "select contact_id, state, reason, content_hash from staging.contacts order by contact_id",
    "points": "select contact_id, kind, position, value from staging.contact_points order by 1, 2, 3, 4",
    "rejections": "select contact_id, reason from staging.rejections order by contact_id",
    "changes": "select kind, field, old_value, new_value, lead_id, count(*) from lead_changes "
    "group by 1, 2, 3, 4, 5 order by kind, field, old_value, new_value, lead_id",
    "removed": "select lead_id from removed_leads order by lead_id",
}
"""What is the same after a kill and one more run as after a run that nobody disturbed."""
NONE = {
    "contacts that wait": "select count(*) from staging.match_queue",
    "runs that are open": "select count(*) from sync_runs where status = 'running'",
    "runs that do not add up": "select count(*) from sync_runs "
    "where fetched <> created + updated + unchanged + merged + skipped",
    "leads without a contact": "select count(*) from leads where crm_inactive_at is null and id not in "
    "(select i.lead_id from staging.identity_map i where i.is_member)",
    "contacts without a lead": "select count(*) from staging.identity_map where is_member and lead_id not in "
    "(select l.id from leads l)",
}
"""What there must be none of."""
LANDED = "select table_name from information_schema.tables where table_schema = 'raw' and table_name like '%contacts'"
NOT_READ = "select count(*) from raw.{} where cast(sync_id as uuid) not in (select l.sync_id from staging.landings l)"
"""Records of a landing that was not read, of which there must be none either."""


@dataclass(frozen=True, slots=True)
class Place:
    """A store and the data directory that belongs to it."""

    url: str
    folder: Path

    @property
    def settings(self) -> dict[str, str]:
        return {"CRM_WAREHOUSE": self.url, "CRM_DATA_DIR": str(self.folder / "data")}

    def found(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with Warehouse(self.url, data_dir=self.folder).unmigrated_session() as session:
            return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]

    def facts(self) -> dict[str, list[tuple[Any, ...]]]:
        return {name: self.found(query) for name, query in SAME.items()}

    def wrong(self) -> dict[str, int]:
        """What is there although there must be none of it."""
        not_read = {f"not read: {table}": NOT_READ.format(table) for (table,) in self.found(LANDED)}
        counts = {name: int(self.found(query)[0][0]) for name, query in (NONE | not_read).items()}
        return {name: count for name, count in counts.items() if count}


class Mother:
    """Forks the processes. One command after another may run, or several at once."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._ended: dict[int, int] = {}

    def start(self, arguments: list[str], settings: Mapping[str, str], folder: Path) -> int:
        """The id of a new process that runs the command in `folder`, where `out` then holds what it says."""
        assert self._process.stdin is not None
        print(json.dumps([arguments, {**settings}, str(folder)]), file=self._process.stdin, flush=True)
        return int(self._answer("started")[0])

    def wait(self, process: int) -> int:
        """How it ended: its exit code, or minus the signal."""
        while process not in self._ended:
            ended, code = self._answer("ended")
            self._ended[int(ended)] = int(code)
        return self._ended.pop(process)

    def kill_after(self, seconds: float, arguments: list[str], settings: Mapping[str, str], folder: Path) -> bool:
        """Start a command and kill -9 it after a while; whether it was still alive then."""
        process = self.start(arguments, settings, folder)
        time.sleep(seconds)
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        return self.wait(process) == -signal.SIGKILL

    def run(self, arguments: list[str], settings: Mapping[str, str], folder: Path) -> float:
        """A command that nobody disturbs, and the seconds it took; raises when it fails."""
        began = time.monotonic()
        code = self.wait(self.start(arguments, settings, folder))
        if code != 0:
            raise AssertionError(f"{arguments} ended with {code}: {(folder / 'out').read_text()[-1500:]}")
        return time.monotonic() - began

    def _answer(self, kind: str) -> list[str]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            said, *rest = line.split()
            if said == kind:
                return rest
            self._ended[int(rest[0])] = int(rest[1])
        raise AssertionError("the mother of the processes is gone")


@contextmanager
def mother() -> Iterator[Mother]:
    """A process ready to fork others; it ends with the block."""
    command = [sys.executable, "-W", "ignore", "-m", "crm_pipeline_tests.killing"]
    path = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        yield Mother(process)
        assert process.stdin is not None
        process.stdin.close()


def serve() -> None:
    """Fork a process for each line of standard input; a child that ended is told at the next chance."""
    for module in IMPORTS:
        import_module(module)
    os.set_blocking(0, False)
    waiting = b""
    children: set[int] = set()
    while True:
        for child in list(children):
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                children.remove(child)
                print("ended", child, os.waitstatus_to_exitcode(status), flush=True)
        try:
            some = os.read(0, 1 << 16)
        except BlockingIOError:
            time.sleep(0.005)
            continue
        if not some:
            return
        *lines, waiting = (waiting + some).split(b"\n")
        for line in lines:
            child = os.fork()
            if child == 0:
                _work(*json.loads(line))
            children.add(child)
            print("started", child, flush=True)


def _work(arguments: list[str], settings: dict[str, str], folder: str) -> NoReturn:
    """The command, in a process that then ends at once."""
    code = 70
    try:
        os.chdir(folder)
        out = os.open("out", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(out, stream)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.environ.update(settings)
        code = import_module("crm_pipeline.cli").main(arguments)
        sys.stdout.flush()
    finally:
        os._exit(code)


if __name__ == "__main__":
    serve()
