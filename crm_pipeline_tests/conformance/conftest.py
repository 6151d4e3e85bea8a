"""Every test here that asks for `name` runs once for each registered provider."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm_pipeline.providers import PROVIDERS
from crm_pipeline.sandbox import CRMS
from crm_pipeline_tests.conformance.ground import SHORT_PAGE, Ground, a_ground


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "name" in metafunc.fixturenames:
        metafunc.parametrize("name", list(PROVIDERS), scope="module")


@pytest.fixture(scope="module")
def small(name: str) -> Iterator[Ground]:
    """A CRM with a few hundred contacts, for looking only."""
    with a_ground(name, 300) as made:
        yield made


@pytest.fixture(scope="module")
def paged(name: str) -> Iterator[Ground]:
    """A CRM whose contacts of each kind fill more than two pages, for looking only."""
    habits = CRMS[name].habits
    limit = SHORT_PAGE if habits.short_pages else habits.page_limit
    with a_ground(name, 1) as nobody:
        kinds = len(nobody.users.object_types)
    with a_ground(name, int(limit * 2.4) * kinds) as made:
        if habits.short_pages:
            made.sandbox.crm(name, "acme").act("set", {habits.short_pages: SHORT_PAGE})
        yield made


@pytest.fixture
def well(paged: Ground) -> Iterator[Ground]:
    """The paged CRM without the disturbances of the test before."""
    paged.sandbox.faults.clear()
    paged.sandbox.journal.clear()
    yield paged
    paged.sandbox.faults.clear()


@pytest.fixture
def ground(name: str, tmp_path: Path, migrated_file: Path) -> Iterator[Ground]:
    """A CRM with sixty contacts of its own, to change, and a store."""
    shutil.copyfile(migrated_file, tmp_path / "crm.duckdb")
    with a_ground(name, 60, tmp_path) as made:
        yield made
