"""One tick of the schedule over many accounts with five CRMs each, on each store: when is every connection done?

Three ticks: the first sync of all; one without news; and one while a connection is refused (401), one is throttled
(429, for an hour) and a new one has very many contacts. What is told of the last is when all the others were done,
beside the tick before. The runs are those that the schedule asks for, a process each, as many at once as the queue
lets.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import psycopg

from benchmarks import processes
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import aligned
from crm_pipeline_tests.postgres import running_postgres

ACCOUNTS, CRMS = 50, ("hubspot", "salesforce", "pipedrive", "zoho", "gohighlevel")
CONTACTS, HUGE_CONTACTS = 20, 200_000
HUGE = "huge"
REFUSED, THROTTLED = ("account00", "hubspot"), ("account01", "pipedrive")
BESIDE = {REFUSED, THROTTLED, (HUGE, "hubspot")}
HEADINGS = (
    "",
    "connections",
    "runs",
    "all others done, s",
    "half done, s",
    "slowest sync, s",
    "whole tick, s",
    "ended",
)


def measure(folder: Path, accounts: int = ACCOUNTS) -> tuple[str, bool]:
    """The table, and whether nobody was held up by the three: by no more than a tenth and ten seconds."""
    rows: list[Sequence[str]] = [HEADINGS]
    is_met = True
    with tempfile.TemporaryDirectory(prefix="crm-postgres-") as data, running_postgres(Path(data)) as server:
        for store in ("duckdb", "postgres"):
            place = folder / store
            place.mkdir()
            url = f"duckdb:///{place / 'crm.duckdb'}"
            if store == "postgres":
                with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                    connection.execute("create database fleet template template0 encoding 'UTF8' locale 'C'")
                url = server.url("fleet")
            ticks = list(_ticks(place, url, accounts))
            rows += [(f"{store}: {name}", *cells) for name, cells, _ in ticks]
            (_, _, usual), (_, _, beside) = ticks[1:]
            is_met &= beside <= 1.1 * usual + 10
    return aligned(rows, left=(0, 7)), is_met


def _ticks(place: Path, url: str, accounts: int) -> Iterator[tuple[str, Sequence[str], float]]:
    with _sandbox(place, accounts) as environment:
        settings = {
            **environment,
            "CRM_WAREHOUSE": url,
            "CRM_DATA_DIR": str(place / "data"),
            "DAGSTER_HOME": str(place),
        }
        (place / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        for name in ("first syncs", "no news", "no news, three in trouble"):
            if name.endswith("trouble"):
                _ask(environment, "trouble")
            yield (name, *_tick(settings, place))


def _tick(settings: Mapping[str, str], place: Path) -> tuple[Sequence[str], float]:
    """What the schedule asks for, run to its end; the cells, and when all but the three were done."""
    began = datetime.now(UTC)
    asked = orjson.loads(processes.run(("benchmarks.fleet", "asked"), settings, place).output)
    waiting, running = list(asked["requests"]), list[subprocess.Popen[bytes]]()
    while waiting or running:
        while waiting and len(running) < asked["at_once"]:
            config = {**settings, "FLEET_RUN": orjson.dumps(waiting.pop(0)).decode()}
            running.append(processes.start(("benchmarks.fleet", "run"), config, place, stdout=subprocess.DEVNULL))
        time.sleep(0.1)
        for process in [one for one in running if one.poll() is not None]:
            running.remove(process)
            if process.returncode:
                raise BenchmarkFailed(f"a run ended with {process.returncode}")
    whole = (datetime.now(UTC) - began).total_seconds()
    synced = orjson.loads(processes.run(("benchmarks.fleet", "synced"), settings, place).output)
    ours = [row for row in synced if datetime.fromisoformat(row["started_at"]) >= began]
    others = [row for row in ours if (row["account_id"], row["provider"]) not in BESIDE]
    if any(row["status"] != "succeeded" for row in others):
        raise BenchmarkFailed(f"not all were synced: {[row for row in others if row['status'] != 'succeeded'][:3]}")
    done = sorted((datetime.fromisoformat(row["finished_at"]) - began).total_seconds() for row in others)
    took = [
        (datetime.fromisoformat(row["finished_at"]) - datetime.fromisoformat(row["started_at"])).total_seconds()
        for row in others
    ]
    ends: dict[str, int] = {}
    for row in ours:
        end = row["status"] if row["error_code"] is None else f"{row['status']} ({row['error_code']})"
        ends[end] = ends.get(end, 0) + 1
    cells = (
        f"{len(ours)}", f"{len(asked['requests'])}", f"{done[-1]:.0f}", f"{done[len(done) // 2]:.0f}",
        f"{max(took):.1f}", f"{whole:.0f}", ", ".join(f"{count} {end}" for end, count in sorted(ends.items())),
    )  # fmt: skip
    return cells, done[-1]


@contextlib.contextmanager
def _sandbox(folder: Path, accounts: int) -> Iterator[dict[str, str]]:
    process = processes.start(
        ("benchmarks.fleet", "sandbox"), {"FLEET_ACCOUNTS": str(accounts)}, folder, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        yield orjson.loads(process.stdout.readline())
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _ask(environment: Mapping[str, str], what: str) -> None:
    import urllib3

    answer = urllib3.request("GET", f"{environment['NANGO_HOST']}/fleet/{what}", timeout=600)
    if answer.status != 200:
        raise BenchmarkFailed(f"the sandbox answered {answer.status}")


def serve() -> None:
    """The sandbox, in a process of its own; asked for `/fleet/trouble` it makes the three that are in trouble."""
    from crm_pipeline.sandbox import CRMS as KINDS
    from crm_pipeline.sandbox.crm import Crm
    from crm_pipeline.sandbox.exchange import Reply, Request
    from crm_pipeline.sandbox.fault_answers import Answer
    from crm_pipeline.sandbox.server import Sandbox

    class Fleet(Sandbox):
        _huge: Crm | None = None

        def crm(self, provider: str, account: str) -> Crm:
            if account != HUGE:
                return super().crm(provider, account)
            if self._huge is None:
                self._huge = KINDS[provider].open(account, 7, HUGE_CONTACTS, time.time)
            return self._huge

        def answer(self, request: Request) -> tuple[Reply, Answer | None]:
            if request.path != "/fleet/trouble":
                return super().answer(request)
            self.crm("hubspot", HUGE)
            self.connect(HUGE, "hubspot")
            troubles: Mapping[tuple[str, str], Mapping[str, Any]] = {
                REFUSED: {"status": 401},
                THROTTLED: {"status": 429, "headers": {"Retry-After": "3600"}},
            }
            for (account, crm), answer in troubles.items():
                (one,) = [one for one in self.book.all() if (one.account, one.provider) == (account, crm)]
                self.faults.add(match={"nango_connection_id": one.connection_id}, times=None, answer=answer)
            return Reply(200), None

    names = [f"account{number:02}" for number in range(int(os.environ["FLEET_ACCOUNTS"]))]
    sandbox = Fleet(contacts=CONTACTS, accounts=names, crms=CRMS)
    for name in names:
        for crm in CRMS:
            sandbox.crm(crm, name)
    print(orjson.dumps(sandbox.environment()).decode(), flush=True)
    sandbox.serve_forever()


def asked() -> None:
    """The registry brought in line, the schedule's tick, and what it asks for, on stdout."""
    import dagster as dg

    from crm_pipeline.definitions import defs
    from crm_pipeline.defs.queue import runs_at_once
    from crm_pipeline.defs.resources import CrmPipeline
    from crm_pipeline.steps import refresh_connections

    with CrmPipeline().opened() as pipeline:
        refresh_connections(pipeline)
    with (
        dg.DagsterInstance.get() as instance,
        dg.build_schedule_context(
            instance=instance,
            scheduled_execution_time=datetime.now(UTC),
            resources={"crm": CrmPipeline()},
            repository_def=defs.get_repository_def(),
        ) as context,
    ):
        requests = defs.resolve_schedule_def("hourly_sync").evaluate_tick(context).run_requests or []
    told = [{"run_config": one.run_config, "tags": dict(one.tags)} for one in requests]
    print(orjson.dumps({"at_once": runs_at_once(), "requests": told}).decode())


def run() -> None:
    """One run that the schedule asked for."""
    import dagster as dg

    from crm_pipeline.definitions import defs

    request = orjson.loads(os.environ["FLEET_RUN"])
    with dg.DagsterInstance.get() as instance:
        defs.resolve_job_def("sync_many").execute_in_process(
            instance=instance, run_config=request["run_config"], tags=request["tags"]
        )


def synced() -> None:
    """How the newest sync of each connection ended, on stdout."""
    from crm_pipeline.defs.resources import CrmPipeline
    from crm_pipeline.walk import registry

    with CrmPipeline().warehouse().session() as session:
        providers = {one.id: one.provider for one in registry.connections(session)}
        rows: list[dict[str, Any]] = [
            {**row, "provider": providers[row["connection_id"]]} for row in session.rows("reports/last_syncs")
        ]
    print(orjson.dumps(rows, default=str).decode())


CHILDREN = {"sandbox": serve, "asked": asked, "run": run, "synced": synced}

if __name__ == "__main__":
    CHILDREN[sys.argv[1]]()
