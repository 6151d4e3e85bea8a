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
SLOWNESS = 0.15
"""Seconds a call: about what a CRM behind a proxy takes."""
HEADINGS = ("", "seconds", "contacts/s", "x one after another")


def measure(contacts: int, runs: int, folder: Path) -> tuple[str, bool]:
    """The table, and whether all at once was the faster way with CRMs that take time to answer."""
    rows, is_met = [HEADINGS], False
    with (
        tempfile.TemporaryDirectory(prefix="crm-postgres-") as data,
        running_postgres(Path(data)) as server,
        sandbox.running(contacts, folder, crms=CRMS) as environment,
    ):
        _one_after_another(_place(server, environment, folder, "warm"))  # so that the sandbox has made what it serves
        for name, seconds in (("CRMs that answer at once", 0.0), (f"CRMs that take {SLOWNESS:g} s a call", SLOWNESS)):
            if seconds:
                sandbox.slow_down(environment, seconds)
            one, other = _both_ways(server, environment, folder, f"slow_{seconds:g}".replace(".", "_"), runs)
            is_met = other < one
            rows += [
                (name, "", "", ""),
                *(
                    (f"  4 syncs {how}", f"{took:.2f}", f"{len(CRMS) * contacts / took:,.0f}", f"{one / took:.2f}")
                    for how, took in (("one after another", one), ("at once", other))
                ),
            ]
    return aligned(rows, left=(0,)), is_met


def _both_ways(
    server: PostgresServer, environment: Mapping[str, str], folder: Path, name: str, runs: int
) -> tuple[float, float]:
    """Seconds one after another, and at once."""
    ordered, together = [], []
    for run in range(runs):
        ordered.append(_timed(_one_after_another, _place(server, environment, folder, f"{name}_ordered_{run}")))
        together.append(_timed(_all_at_once, _place(server, environment, folder, f"{name}_together_{run}")))
    return median(ordered), median(together)


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
