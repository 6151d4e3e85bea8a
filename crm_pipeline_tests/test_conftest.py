"""What every test is given is its own; test_network.py tests the wall around them."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
import pytest

from crm_pipeline.settings import NAMES


def test_a_test_starts_in_a_folder_of_its_own(tmp_path: Path) -> None:
    assert Path.cwd() == tmp_path
    assert os.listdir() == []


def test_no_setting_of_this_computer_is_seen() -> None:
    assert not {*NAMES, "DAGSTER_HOME"} & os.environ.keys()


@pytest.mark.parametrize("_time", [1, 2])
def test_each_test_gets_an_empty_database(_time: int, postgres_url: str) -> None:
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table left_behind (a int)")
