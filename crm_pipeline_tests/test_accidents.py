"""Places where nothing can be written, and Ctrl-C where a library swallows it: told as what they are."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest

from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.duckdb_store import open_duckdb
from crm_pipeline_tests.ingest.test_landing import CountingWarehouse, Place, a_page


def test_ctrl_c_in_the_middle_of_a_page_is_ctrl_c(tmp_path: Path) -> None:
    """dlt wraps it. Now a person's Ctrl-C, or a scheduler's SIGTERM, ends as `internal_error`, not as interrupted."""
    warehouse = CountingWarehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path)
    place = Place(warehouse, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        place.land(a_page("1"), KeyboardInterrupt)
    assert place.land(a_page("1")).plan.kind == "complete"
    assert place.ids() == ["1"]


def test_a_place_where_no_folder_can_be_made_is_told(tmp_path: Path) -> None:
    """As on a disk mounted read-only (F7)."""
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(WarehouseError), open_duckdb(tmp_path / "file" / "crm.duckdb"):
        pass


def test_a_data_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """`sync_connection` promises never to raise, and one sync among many must not end the others (F7)."""
    (tmp_path / "file").write_text("no folder")
    warehouse = Warehouse(f"duckdb:///{tmp_path / 'crm.duckdb'}", data_dir=tmp_path / "file")
    with pytest.raises(WarehouseError), warehouse.connection_lock(UUID(int=1)):
        pass
