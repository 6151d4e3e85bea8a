"""The same tests on both engines: a DuckDB file and a PostgreSQL database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline_tests.walk.world import World, a_world


@pytest.fixture(params=["duckdb", "postgres"])
def store_url(request: pytest.FixtureRequest) -> str:
    if request.param == "duckdb":
        return f"duckdb:///{request.getfixturevalue('new_file')}"
    return str(request.getfixturevalue("new_database"))


@pytest.fixture
def world(store_url: str, tmp_path: Path) -> Iterator[World]:
    with a_world(store_url, tmp_path) as made:
        yield made
