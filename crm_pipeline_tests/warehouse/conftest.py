"""The store itself, on both engines where they should behave alike."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline.warehouse.database import Warehouse


@pytest.fixture(params=["duckdb", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Warehouse:
    if request.param == "duckdb":
        return Warehouse(f"duckdb:///{tmp_path / 'store.duckdb'}", data_dir=tmp_path)
    return Warehouse(request.getfixturevalue("postgres_url"), data_dir=tmp_path)
