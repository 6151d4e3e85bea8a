"""The graph as Dagster sees it: the same on every computer, without secrets or network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.columns import CONTACTS, LEADS, RAW, RECENT_THREADS, REJECTIONS, Columns
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.walk.checks import CHECKS
from crm_pipeline.warehouse.database import Warehouse

ROOT = Path(__file__).resolve().parents[2]
PARTITION = "accounts"
CRMS = tuple(PROVIDERS)
MADE = (*(f"raw/{name}_contacts" for name in CRMS), "contacts", "rejections", "leads")


def keys(*parts: str) -> set[dg.AssetKey]:
    return {dg.AssetKey(part.split("/")) for part in parts}


def test_the_graph_loads_as_a_whole() -> None:
    dg.Definitions.validate_loadable(defs)


def test_the_assets_and_what_they_read() -> None:
    graph = defs.resolve_asset_graph()
    parents = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
    }
    raw = {f"raw/{name}_contacts": [f"crm/{name}"] for name in CRMS}
    assert parents == {
        **{f"crm/{name}": [] for name in CRMS},
        **raw,
        "contacts": sorted(raw),
        "rejections": sorted(raw),
        "leads": ["contacts"],
        "messages": [],
        "recent_threads": ["leads", "messages"],
    }


def test_every_asset_that_is_made_is_partitioned_by_account_and_described() -> None:
    graph = defs.resolve_asset_graph()
    for key in keys(*MADE, "recent_threads"):
        node = graph.get(key)
        assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
        assert node.partitions_def.name == PARTITION
        assert node.description
        assert node.group_name == "crm_to_leads"
        assert node.kinds
        assert list(node.owners) == ["team:data"]
        assert len(node.metadata["dagster/column_schema"].columns) > 5


def test_every_asset_that_is_made_links_to_its_code() -> None:
    graph = defs.resolve_asset_graph()
    for key in keys(*MADE):
        (link,) = graph.get(key).metadata["dagster/code_references"].code_references
        assert Path(link.file_path).parent.name == "defs"


@pytest.mark.parametrize(
    ("table", "columns"),
    [
        ("raw.hubspot_contacts", RAW),
        ("staging.contacts", CONTACTS),
        ("staging.rejections", REJECTIONS),
        ("leads", LEADS),
        ("recent_threads", RECENT_THREADS),
    ],
)
def test_the_columns_that_are_shown_are_in_the_store(table: str, columns: Columns, tmp_path: Path) -> None:
    with Warehouse(f"duckdb:///{tmp_path / 'x.duckdb'}", data_dir=tmp_path).session() as session:
        session.ensure_raw("hubspot")
        there = {row[0]: row[1] for row in session.execute(f"describe {table}").fetchall()}  # type: ignore[attr-defined]
    types = {"VARCHAR": "text", "TIMESTAMP WITH TIME ZONE": "timestamptz"}
    shown = {name: type for name, (type, _) in columns.items()}
    assert shown == {name: types.get(there[name], there[name].lower()) for name in shown}


def test_the_job_takes_the_whole_walk() -> None:
    job = defs.resolve_job_def("sync_connection")
    assert job.asset_layer.executable_asset_keys == keys(*MADE)


def test_the_schedule_is_hourly_and_on_and_so_are_the_sensors() -> None:
    schedule = defs.resolve_schedule_def("hourly_sync")
    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert schedule.job_name == "sync_many"
    for name in ("new_connections", "unfinished_syncs", "leads_follow"):
        assert defs.resolve_sensor_def(name).default_status == dg.DefaultSensorStatus.RUNNING


@pytest.mark.parametrize("job", ["sync_connection", "sync_many", "preview", "rebuild", "maintenance"])
def test_the_launchpad_explains_every_field(job: str) -> None:
    """What a person may set, and what it does, without reading the code."""
    found = defs.resolve_job_def(job)
    assert found.description
    for node in found.nodes_in_topological_order:
        schema = node.definition.config_schema
        for name, field in getattr(schema and schema.config_type, "fields", {}).items():
            assert field.description, f"{node.name}.{name}"


def test_what_keeps_order_is_on_by_itself() -> None:
    schedule = defs.resolve_schedule_def("nightly_maintenance")
    assert (schedule.cron_schedule, schedule.job_name) == ("30 3 * * *", "maintenance")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert defs.resolve_sensor_def("failed_syncs").default_status == dg.DefaultSensorStatus.RUNNING


def test_every_check_is_of_the_leads_by_account_and_blocks_where_a_lead_would_be_wrong() -> None:
    graph = defs.resolve_asset_graph()
    checks = {key: graph.get_check_spec(key) for key in graph.asset_check_keys if key.name != "every_connection_synced"}
    assert {key.asset_key.to_user_string() for key in checks} == {"leads"}
    assert {key.name: spec.blocking for key, spec in checks.items()} == {
        check.name: check.is_blocking for check in CHECKS
    }
    assert all(spec.partitions_def is not None and spec.description for spec in checks.values())


def test_the_executor_is_one_process() -> None:
    assert defs.executor is dg.in_process_executor


def test_the_code_location_loads_in_four_seconds() -> None:
    """Of a processor's time, so that a busy computer is not to blame; here it takes about half of that."""
    load = "import time, crm_pipeline.definitions as found\nfound.defs.get_repository_def()\nprint(time.process_time())"
    took = [
        float(subprocess.run([sys.executable, "-c", load], check=True, capture_output=True, cwd=ROOT).stdout)
        for _ in "ab"
    ]
    assert min(took) < 4
