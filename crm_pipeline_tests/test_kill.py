"""kill -9 at a random moment of the walk, then one more run: the same leads as without the kill.

Twelve moments in the suite; `make test-kill` tries many more. A failing moment is named, so that it can be repeated.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.killing import (
    CONTACTS,
    IDENTITY,
    LEAD_FACTS,
    LOOSE_ENDS,
    OPEN_RUNS,
    UNBALANCED,
    sync_killed_after,
    sync_to_the_end,
)

KILLS = int(os.environ.get("CRM_KILLS", "12"))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=3000, accounts=("acme",)) as running:
        yield running


def environment(sandbox: Sandbox, folder: Path) -> dict[str, str]:
    store = {"CRM_WAREHOUSE": f"duckdb:///{folder / 'crm.duckdb'}", "CRM_DATA_DIR": str(folder / "data")}
    return sandbox.environment() | store


def look(folder: Path, query: str) -> list[tuple[object, ...]]:
    with Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder / "data").unmigrated_session() as session:
        return session.execute(query).fetchall()  # type: ignore[attr-defined, no-any-return]


def test_a_kill_at_any_moment_costs_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    started = time.monotonic()
    sync_to_the_end(environment(sandbox, whole), whole)
    length = time.monotonic() - started
    expected = {query: look(whole, query) for query in (LEAD_FACTS, IDENTITY, CONTACTS)}
    assert len(expected[LEAD_FACTS]) > 2000

    dice, killed = random.Random(os.environ.get("CRM_KILL_SEED", "1")), 0
    for number in range(KILLS):
        folder = tmp_path / str(number)
        folder.mkdir()
        moments = [
            dice.uniform(0.1, length) for _ in range(1 + number % 2)
        ]  # every other time, the recovery is killed too
        for moment in moments:
            killed += sync_killed_after(moment, environment(sandbox, folder), folder)
        sync_to_the_end(environment(sandbox, folder), folder)
        what = f"kill {number} after {[round(moment, 3) for moment in moments]} s"
        for query, rows in expected.items():
            assert look(folder, query) == rows, f"{what}: {query}"
        for query in (LOOSE_ENDS, OPEN_RUNS, UNBALANCED):
            assert look(folder, query) == [(0,)], f"{what}: {query}"
    assert killed >= KILLS // 2
