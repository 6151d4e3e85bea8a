"""The server each test gets of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from crm_pipeline_tests.nango.fake_nango import FakeNango, running


@pytest.fixture
def nango() -> Iterator[FakeNango]:
    with running() as server:
        yield server
