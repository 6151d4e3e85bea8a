"""Two ticks, a person and a sensor ask for one connection at once: one works, the rest wait or join."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.defs.running import HOUR, launch, sense, settings_of
from crm_pipeline_tests.warehouse import looking

CONTACTS = 40


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.long)])
def sandbox(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox(contacts=CONTACTS, accounts=("acme",)) as running, settings_of(running, tmp_path):
        if request.param == "postgres":
            monkeypatch.setenv("CRM_WAREHOUSE", request.getfixturevalue("postgres_url"))
        yield running


def test_one_works_and_the_rest_wait_or_join(sandbox: Sandbox, tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        asked = sense(instance, "new_connections")
        assert isinstance(asked, dg.SensorResult)
        (first,) = asked.run_requests or []
        due = {"ops": {"walk_connections": {"config": {"due_at": HOUR.isoformat()}}}}
        tick = {"dagster/schedule_name": "hourly_sync"}
        sandbox.faults.add(match={"path": "/crm/v3/objects/contacts"}, times=None, answer={"delay": 1.0})
        ways: list[Callable[[], dg.ExecuteInProcessResult]] = [
            lambda: launch(instance, "sync_many", run_config=due, tags=tick),
            lambda: launch(instance, "sync_many", run_config=due, tags=tick),
            lambda: launch(instance, "sync_connection", partition_key="acme"),
            lambda: launch(
                instance, "sync_connection", partition_key="acme", run_config=first.run_config, tags=first.tags,
                asset_selection=list(first.asset_selection or ()),
            ),
        ]  # fmt: skip
        with ThreadPoolExecutor(len(ways)) as pool:
            results = [one.result() for one in [pool.submit(way) for way in ways]]
    assert [result.success for result in results] == [True] * len(ways), "no error page"
    with CrmPipeline().warehouse().session() as session:
        booked = looking.look(session, "select status, pass, fetched, started_at, finished_at from sync_runs")
        (leads,) = looking.look(session, "select count(*), count(distinct phone) from leads")
    booked.sort(key=lambda row: row[3])
    assert {status for status, *_ in booked} == {"succeeded"}, "nobody took another's sync over"
    assert [pass_kind for _, pass_kind, *_ in booked].count("complete") == 1, "what was fetched is not fetched again"
    assert sum(fetched for _, _, fetched, *_ in booked) < 2 * CONTACTS
    assert 2 <= len(booked) <= 3, "of the two ticks at least one joined"
    for (*_, ended), (*_, began, _) in pairwise(booked):
        assert ended <= began, "one after another"
    assert leads[0] == leads[1] > 0
