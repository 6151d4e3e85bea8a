"""Four CRMs of one account into one PostgreSQL: a process each, all at once, beside one after the other."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median

import orjson
import psycopg

from benchmarks import processes, sandbox
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import aligned
from crm_pipeline_tests.postgres import PostgresServer, running_postgres

CRMS = ("hubspot", "salesforce", "pipedrive", "zoho")
HEADINGS = ("", "seconds", "contacts/s", "x one after another")


def measure(contacts: int, runs: int, folder: Path) -> tuple[str, bool]:
    """The table, and whether all at once was the faster way."""
    with (
        tempfile.TemporaryDirectory(prefix="crm-postgres-") as data,
        running_postgres(Path(data)) as server,
        sandbox.running(contacts, folder, crms=CRMS) as environment,
    ):
        _one_after_another(_place(server, environment, folder, "warm"))  # so that the sandbox has made what it serves
        ordered, together = [], []
        for run in range(runs):
            ordered.append(_timed(_one_after_another, _place(server, environment, folder, f"ordered_{run}")))
            together.append(_timed(_all_at_once, _place(server, environment, folder, f"together_{run}")))
    one, other = median(ordered), median(together)
    rows = [
        HEADINGS,
        *(
            (name, f"{seconds:.2f}", f"{len(CRMS) * contacts / seconds:,.0f}", f"{one / seconds:.2f}")
            for name, seconds in (("4 syncs, one after another", one), ("4 syncs at once", other))
        ),
    ]
    return aligned(rows, left=(0,)), other < one


def _place(server: PostgresServer, environment: Mapping[str, str], folder: Path, name: str) -> dict[str, str]:
    """An empty database, migrated and with the connections in it, and the settings that lead there."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0 encoding 'UTF8' locale 'C'".encode())
    place = {**environment, "CRM_WAREHOUSE": server.url(name), "CRM_DATA_DIR": str(folder / name)}
    processes.run(("crm_pipeline.cli", "connections", "--refresh"), place, folder)
    return place


def _timed(work: object, place: dict[str, str]) -> float:
    started = time.perf_counter()
    assert callable(work)
    work(place)
    return time.perf_counter() - started


def _one_after_another(place: dict[str, str]) -> None:
    for crm in CRMS:
        _finished(crm, _sync(crm, place))


def _all_at_once(place: dict[str, str]) -> None:
    for crm, process in [(crm, _sync(crm, place)) for crm in CRMS]:
        _finished(crm, process)


def _sync(crm: str, place: dict[str, str]) -> subprocess.Popen[bytes]:
    command = ("crm_pipeline.cli", "sync", "--provider", crm, "--json")
    return processes.start(command, place, Path(place["CRM_DATA_DIR"]).parent, stdout=subprocess.PIPE)


def _finished(crm: str, process: subprocess.Popen[bytes]) -> None:
    out, _ = process.communicate()
    (told,) = orjson.loads(out)["syncs"] if out else ({"status": "no answer", "error": None},)
    if told["status"] != "succeeded":
        raise BenchmarkFailed(f"{crm}: {told['status']}: {told['error']}")
