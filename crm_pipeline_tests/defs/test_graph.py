"""The graph as Dagster sees it: the same on every computer, without secrets or network."""

from __future__ import annotations

import dagster as dg

from crm_pipeline.definitions import defs
from crm_pipeline.providers import PROVIDERS
from crm_pipeline.walk.checks import CHECKS

PARTITION = "accounts"
CRMS = tuple(PROVIDERS)


def keys(*parts: str) -> set[dg.AssetKey]:
    return {dg.AssetKey(part.split("/")) for part in parts}


def test_the_assets_and_what_they_read() -> None:
    graph = defs.resolve_asset_graph()
    parents = {
        key.to_user_string(): sorted(parent.to_user_string() for parent in graph.get(key).parent_keys)
        for key in graph.get_all_asset_keys()
    }
    raw = {f"raw/{name}_contacts": [f"crm/{name}"] for name in CRMS}
    assert parents == {**{f"crm/{name}": [] for name in CRMS}, **raw, "contacts": sorted(raw), "leads": ["contacts"]}


def test_every_asset_that_is_made_is_partitioned_by_account_and_described() -> None:
    graph = defs.resolve_asset_graph()
    for key in keys(*(f"raw/{name}_contacts" for name in CRMS), "contacts", "leads"):
        node = graph.get(key)
        assert isinstance(node.partitions_def, dg.DynamicPartitionsDefinition)
        assert node.partitions_def.name == PARTITION
        assert node.description
        assert node.group_name == "crm_to_leads"
        assert node.kinds


def test_the_job_takes_the_whole_walk() -> None:
    job = defs.resolve_job_def("sync_connection")
    assert job.asset_layer.executable_asset_keys == keys(
        *(f"raw/{name}_contacts" for name in CRMS), "contacts", "leads"
    )


def test_the_schedule_is_hourly_and_on_and_so_is_the_sensor() -> None:
    schedule = defs.resolve_schedule_def("hourly_sync")
    assert schedule.cron_schedule == "0 * * * *"
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert defs.resolve_sensor_def("new_connections").default_status == dg.DefaultSensorStatus.RUNNING


def test_what_keeps_order_is_on_by_itself() -> None:
    schedule = defs.resolve_schedule_def("nightly_maintenance")
    assert (schedule.cron_schedule, schedule.job_name) == ("30 3 * * *", "maintenance")
    assert schedule.default_status == dg.DefaultScheduleStatus.RUNNING
    assert defs.resolve_sensor_def("failed_syncs").default_status == dg.DefaultSensorStatus.RUNNING


def test_every_check_is_of_the_leads_by_account_and_blocks_where_a_lead_would_be_wrong() -> None:
    graph = defs.resolve_asset_graph()
    checks = {key: graph.get_check_spec(key) for key in graph.asset_check_keys}
    assert {key.asset_key.to_user_string() for key in checks} == {"leads"}
    assert {key.name: spec.blocking for key, spec in checks.items()} == {
        check.name: check.is_blocking for check in CHECKS
    }
    assert all(spec.partitions_def is not None and spec.description for spec in checks.values())


def test_the_executor_is_one_process() -> None:
    assert defs.executor is dg.in_process_executor
