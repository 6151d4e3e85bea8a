"""The embedded store: alone in its file, waited for, never left open, and clear about what stands in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pyarrow as pa
import pytest

from crm_pipeline.errors import ConfigError, WarehouseError
from crm_pipeline.warehouse import duckdb_store
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.duckdb_store import open_duckdb
from crm_pipeline_tests.holder import held_open, is_free, let_go
from crm_pipeline_tests.warehouse.looking import die_after, execute, look

ROOT = Path(__file__).resolve().parents[2]
CONNECTION = UUID("00000000-0000-4000-8000-000000000001")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "down" / "crm.duckdb"


def test_missing_folders_are_made(path: Path) -> None:
    with open_duckdb(path) as session:
        assert look(session, "select 1") == [(1,)]
    assert path.is_file()


def test_what_was_committed_is_there_the_next_time(path: Path) -> None:
    with open_duckdb(path) as session, session.transaction():
        execute(session, "create table kept (a int)")
        execute(session, "insert into kept values (1)")
    with open_duckdb(path) as session:
        assert look(session, "select * from kept") == [(1,)]


def test_a_file_another_process_has_open_is_waited_for(path: Path) -> None:
    with held_open(path) as holder:
        timer = threading.Timer(0.3, let_go, [holder])
        timer.start()
        started = time.monotonic()
        with open_duckdb(path, wait=20) as session:
            waited = time.monotonic() - started
            assert look(session, "select 1") == [(1,)]
        timer.join()
    assert 0.2 < waited < 15


def test_a_file_that_stays_open_elsewhere_is_an_error_that_names_who_has_it(path: Path) -> None:
    with held_open(path) as holder:
        started = time.monotonic()
        with pytest.raises(WarehouseError) as caught, open_duckdb(path, wait=0.3):
            pass
        took = time.monotonic() - started
    assert caught.value.code == "warehouse_locked"
    assert f"process {holder.pid} (" in caught.value.message
    assert str(path) in caught.value.message
    assert "process named above" in caught.value.action
    assert 0.3 <= took < 5


def test_the_pauses_grow_and_stay_short_of_the_longest() -> None:
    """Many waiting processes must not poll a file to death, nor sleep long after it is free."""
    assert 0 < duckdb_store.FIRST_PAUSE < 0.1
    assert duckdb_store.LONGEST_PAUSE <= 2
    assert duckdb_store.LOCK_WAIT <= 120


def test_the_file_is_closed_after_an_exception_in_the_block(path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), open_duckdb(path) as session:
        die_after(session, "create table kept (a int)", RuntimeError("mine"))
    assert is_free(path)


def test_the_file_is_closed_after_a_statement_that_failed(path: Path) -> None:
    with pytest.raises(WarehouseError) as caught, open_duckdb(path) as session:
        execute(session, "select * from nowhere")
    assert caught.value.code == "warehouse_error"
    assert "nowhere" in caught.value.message
    assert "\n" not in caught.value.message
    assert is_free(path)


def test_the_file_is_closed_after_ctrl_c(path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), open_duckdb(path):
        raise KeyboardInterrupt
    assert is_free(path)


def test_a_transaction_that_raises_leaves_nothing(path: Path) -> None:
    with open_duckdb(path) as session:
        execute(session, "create table kept (a int)")
        with pytest.raises(KeyboardInterrupt), session.transaction():
            die_after(session, "insert into kept values (1)", KeyboardInterrupt())
        assert look(session, "select * from kept") == []
        with session.transaction():
            execute(session, "insert into kept values (2)")
    with open_duckdb(path) as session:
        assert look(session, "select * from kept") == [(2,)]


def test_a_file_that_is_no_store_is_told_at_once(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_text("a text, and a long one, so that it is no new file\n" * 500)
    started = time.monotonic()
    with pytest.raises(WarehouseError) as caught, open_duckdb(path):
        pass
    assert caught.value.code == "warehouse_error"
    assert str(path) in caught.value.message
    assert time.monotonic() - started < 5
    assert path.read_text().startswith("a text")


def test_a_folder_in_the_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir(parents=True)
    with pytest.raises(WarehouseError) as caught, open_duckdb(path):
        pass
    assert caught.value.code == "warehouse_error"


READ_ONLY = """
import os, sys
from pathlib import Path
from crm_pipeline.errors import WarehouseError
from crm_pipeline.warehouse.duckdb_store import open_duckdb
if os.getuid() == 0:  # root may write everything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    with open_duckdb(Path(sys.argv[1]), wait=5):
        print("opened")
except WarehouseError as error:
    print(error.code, error.message)
"""


def opened_by_an_ordinary_user(path: Path) -> str:
    """Open the file in a process without root's powers; what it says."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", READ_ONLY, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + done.stderr[-600:]


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that other users can reach, unlike pytest's."""
    with tempfile.TemporaryDirectory(prefix="crm-read-only-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        folder.chmod(0o755)


@pytest.mark.parametrize("made", [True, False], ids=["file and folder", "folder only"])
def test_a_place_that_may_not_be_written_is_told_at_once(public: Path, made: bool) -> None:
    path = public / "crm.duckdb"
    if made:
        with open_duckdb(path) as session:
            execute(session, "create table kept (a int)")
        path.chmod(0o444)
    public.chmod(0o555)
    said = opened_by_an_ordinary_user(path)
    assert said.startswith("warehouse_error ")
    assert str(path) in said
    assert path.exists() is made


def test_the_memory_limit_is_small_and_grows_with_the_store(tmp_path: Path) -> None:
    small = tmp_path / "small.duckdb"
    with open_duckdb(small) as session:
        ((before,),) = look(session, "select current_setting('memory_limit')")
    assert before == f"{duckdb_store.LEAST_MEMORY >> 20}.0 MiB"
    assert duckdb_store.LEAST_MEMORY <= 256 << 20
    with small.open("ab") as file:
        file.truncate(300 << 20)  # what is behind the end of the data is not looked at
    with open_duckdb(small) as session:
        ((after,),) = look(session, "select current_setting('memory_limit')")
    assert after == f"{duckdb_store.MEMORY_PER_BYTE * 300}.0 MiB"
    with small.open("ab") as file:
        file.truncate(duckdb_store.MOST_MEMORY)
    with open_duckdb(small) as session:
        ((most,),) = look(session, "select current_setting('memory_limit')")
    assert most == "1.0 GiB"


def test_more_rows_than_memory_are_sorted_all_the_same(path: Path) -> None:
    with open_duckdb(path) as session:
        rows = look(
            session,
            "select count(*), min(n) from (select md5(cast(range as text)) || repeat('x', 100) as t, range as n, "
            "row_number() over (order by md5(cast(range as text))) as nth from range(1500000)) where nth > 0",
        )
    assert rows == [(1_500_000, 0)]


def test_the_clock_zone_is_utc(path: Path) -> None:
    with open_duckdb(path) as session:
        assert look(session, "select cast(timestamptz '2026-03-01 12:00:00+02' as text)") == [
            ("2026-03-01 10:00:00+00",)
        ]


def test_temporary_tables_of_an_earlier_step_can_be_dropped(path: Path) -> None:
    with open_duckdb(path) as session:
        execute(session, "create table kept (a int)")
        execute(session, "create temp table gone (a int)")
        session.drop_temporary()
        session.drop_temporary()
        execute(session, "create temp table gone (a int)")
        assert look(session, "select count(*) from kept") == [(0,)]


def test_copied_rows_are_counted_and_go_by_name(path: Path) -> None:
    with open_duckdb(path) as session:
        execute(session, "create table kept (a int, b text, c int)")
        part = pa.table({"b": ["x", None], "a": pa.array([1, 2], pa.int32())})
        assert session.copy("kept", iter([part, part])) == 4
        assert look(session, "select distinct a, b, c from kept order by a") == [(1, "x", None), (2, None, None)]
        assert session.copy("kept", []) == 0


@pytest.mark.parametrize("url", ["", "crm.duckdb", "sqlite:///x", "duckdb:/x", "http://x", "mysql://x"])
def test_a_url_that_is_no_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        Warehouse(url, data_dir=tmp_path)
    assert caught.value.code == "invalid_setting"


# --- one sync of a connection at a time

WAIT = 0.2


def test_a_connection_is_locked_for_others_and_its_holder_named(tmp_path: Path) -> None:
    warehouse = Warehouse("duckdb:///x.duckdb", data_dir=tmp_path / "data")
    with warehouse.connection_lock(CONNECTION):
        with pytest.raises(WarehouseError) as caught, warehouse.connection_lock(CONNECTION, wait=WAIT):
            pass
        with warehouse.connection_lock(UUID(int=7), wait=WAIT):
            pass
    assert caught.value.code == "warehouse_locked"
    assert f"process {os.getpid()}" in caught.value.message
    with warehouse.connection_lock(CONNECTION, wait=WAIT):
        pass


def test_a_connections_lock_is_free_again_after_an_exception(tmp_path: Path) -> None:
    warehouse = Warehouse("duckdb:///x.duckdb", data_dir=tmp_path)
    with pytest.raises(RuntimeError), warehouse.connection_lock(CONNECTION):
        raise RuntimeError
    with warehouse.connection_lock(CONNECTION, wait=WAIT):
        pass


LOCKER = """
import sys, time
from pathlib import Path
from uuid import UUID
from crm_pipeline.warehouse.database import Warehouse
with Warehouse("duckdb:///x.duckdb", data_dir=Path(sys.argv[1])).connection_lock(UUID(sys.argv[2])):
    print("locked", flush=True)
    time.sleep(60)
"""


def test_a_connections_lock_dies_with_its_process(tmp_path: Path) -> None:
    warehouse = Warehouse("duckdb:///x.duckdb", data_dir=tmp_path)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", LOCKER, str(tmp_path), str(CONNECTION)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "locked\n"
        with pytest.raises(WarehouseError) as caught, warehouse.connection_lock(CONNECTION, wait=WAIT):
            pass
        other.kill()
        other.wait()
        with warehouse.connection_lock(CONNECTION, wait=5):
            pass
    assert f"process {other.pid}" in caught.value.message


def test_a_store_below_a_folder_called_blocks_fails_at_once(tmp_path: Path) -> None:
    """DuckDB's message holds the path; the word `lock` in it is not the trouble."""
    path = tmp_path / "blocks" / "crm.duckdb"
    path.mkdir(parents=True)
    with pytest.raises(WarehouseError) as caught, open_duckdb(path, wait=0.2):
        pass
    assert caught.value.code == "warehouse_error"
