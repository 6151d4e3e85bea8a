"""The pages of one account with very many leads, as a browser asks for them: over HTTP, one request after the other.

The store is that of `scale.py`, tidied as PostgreSQL does by itself and `maintenance` does every night. Every request
opens the store anew; nothing is answered from memory.
"""

from __future__ import annotations

import http.client
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

import orjson

from benchmarks import processes
from benchmarks.processes import BenchmarkFailed
from benchmarks.report import aligned
from benchmarks.scale import ACCOUNT, COUNT
from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.database import Warehouse

LEADS = 200_000
CONTACTS_PER_LEAD = 1.23
"""In the people of `scale.py`: some are typed in twice, some have no phone."""
TIMES = "BENCH_TIMES"
MOST_MS = 300.0
HALFWAY = "sort by company, halfway"
SETTLED = 10.0
"""Seconds before each of two: while PostgreSQL itself looks at the new rows, no vacuum can mark them as seen by all."""
RARE = (HALFWAY,)
"""Nobody pages so far through an order: told, without a target."""
HEADINGS = ("", "median ms", "p95 ms", "CPU ms", "target", "")
Facts = dict[str, Any]


def measure(leads: int, times: int, folder: Path, *, postgres: str | None = None) -> tuple[str, bool]:
    """The table, and whether every page is fast enough."""
    store = {
        "CRM_WAREHOUSE": postgres or f"duckdb:///{folder / 'crm.duckdb'}",
        "CRM_DATA_DIR": str(folder / "data"),
        COUNT: str(round(leads * CONTACTS_PER_LEAD)),
        TIMES: str(times),
    }
    for stage in ("put", "first"):
        processes.run(("benchmarks", "stage", stage), store, folder)
    facts = orjson.loads(processes.run(("benchmarks", "stage", "look"), store, folder).output)
    if facts["leads"] < leads * 0.98:
        raise BenchmarkFailed(f"there are {facts['leads']:,} leads, not {leads:,}")
    rows = [_cells(name, found) for name, found in facts["pages"].items()]
    table = aligned([HEADINGS, *rows], left=(0, 4, 5))
    is_met = all(_p95(found["wall"]) <= MOST_MS for name, found in facts["pages"].items() if name not in RARE)
    return f"{facts['leads']:,} leads, {times} requests each\n\n{table}", is_met


def look() -> Facts:
    """Ask for each page many times; milliseconds of each."""
    times = int(os.environ[TIMES])
    settings = Settings.from_environment()
    for _ in range(2):
        time.sleep(SETTLED)
        with Warehouse(settings.warehouse, data_dir=settings.data_dir).session() as session:
            session.tidy()
    with _serving() as get:
        total = _total(get)
        pages = {name: _timed(get, query, times) for name, query in _queries(total).items()}
    return {"leads": total, "pages": pages}


STAGES: dict[str, Callable[[], Facts]] = {"look": look}


def _queries(total: int) -> dict[str, Mapping[str, object]]:
    last = total // 50
    return {
        "first page": {},
        "deep page": {"page": last - 3},
        "sort by name": {"sort": "name"},
        "sort by company": {"sort": "company"},
        "sort by company, page 100": {"sort": "company", "page": 100},
        HALFWAY: {"sort": "company", "page": last // 2},
        "search: a name": {"q": "smith"},
        "search: one person": {"q": "kofi mensah"},
        "search: letters beyond ASCII": {"q": "müller"},
        "search: a phone": {"q": "(415) 320"},
        "search: nothing found": {"q": "qqzzqq"},
    }


@contextmanager
def _serving() -> Iterator[Callable[[str], bytes]]:
    """The application on a port of its own, and how to get a page of it."""
    import uvicorn

    from crm_pipeline.web.app import create_app

    config = uvicorn.Config(create_app(Settings.from_environment()), port=0, log_level="warning", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    def get(path: str) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != 200:
            raise BenchmarkFailed(f"{path} was answered {answer.status}")
        return body

    try:
        yield get
    finally:
        server.should_exit = True
        thread.join()


def _total(get: Callable[[str], bytes]) -> int:
    return int(orjson.loads(get(f"/api/leads?account_id={ACCOUNT}&limit=1"))["total"])


def _timed(get: Callable[[str], bytes], query: Mapping[str, object], times: int) -> dict[str, list[float]]:
    """Milliseconds of the clock and of this process's processor time, which other processes disturb less."""
    wall, cpu = [], []
    for _ in range(times):
        started, used = time.perf_counter(), time.process_time()
        get(f"/accounts/{ACCOUNT}/leads?{urlencode(query)}")
        wall.append((time.perf_counter() - started) * 1000)
        cpu.append((time.process_time() - used) * 1000)
    return {"wall": wall, "cpu": cpu}


def _p95(found: list[float]) -> float:
    return quantiles(found, n=20, method="inclusive")[-1] if len(found) > 1 else found[0]


def _cells(name: str, found: Mapping[str, list[float]]) -> tuple[str, ...]:
    p95 = _p95(found["wall"])
    target = () if name in RARE else (f"<= {MOST_MS:.0f} ms", "met" if p95 <= MOST_MS else "MISSED")
    figures = (median(found["wall"]), p95, median(found["cpu"]))
    return name, *(f"{figure:.0f}" for figure in figures), *(target or ("", ""))
