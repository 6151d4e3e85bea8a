"""Runs of the graph over the sandbox: a whole sync, single assets, failures, the sensor and the schedule."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.jobs import preview_connections
from crm_pipeline.defs.partitions import ACCOUNTS
from crm_pipeline.defs.resources import CrmPipeline
from crm_pipeline.defs.syncs import active_connections
from crm_pipeline.defs.tables import markdown_table
from crm_pipeline.fleet import Asked, sync_connections
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.walk.books import SyncResult
from crm_pipeline_tests.defs.running import look, sense, settings_of

WALK = (dg.AssetKey(["raw", "hubspot_contacts"]), dg.AssetKey("contacts"), dg.AssetKey("leads"))


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(contacts=120, accounts=("acme", "globex")) as running, settings_of(running, tmp_path):
        yield running


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as made:
        yield made


def tick(instance: dg.DagsterInstance) -> dg.SensorResult:
    """One look of the sensor at Nango."""
    result = sense(instance, "new_connections")
    assert isinstance(result, dg.SensorResult)
    return result


def run(
    instance: dg.DagsterInstance,
    *assets: dg.AssetKey,
    account: str = "acme",
    tags: dict[str, str] | None = None,
    config: dict[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """What the Materialize button does; `config` is the raw asset's."""
    job = defs.resolve_implicit_global_asset_job_def()
    return job.execute_in_process(
        instance=instance,
        partition_key=account,
        asset_selection=list(assets or WALK),
        raise_on_error=False,
        tags=tags,
        run_config={"ops": {"raw__hubspot_contacts": {"config": config}}} if config else None,
    )


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    view = dg.AssetKey("recent_threads")  # the leads tell of it too
    (found,) = [one for one in result.asset_materializations_for_node(asset) if one.asset_key != view]
    return {name: value.value for name, value in found.metadata.items()}


def test_the_sensor_finds_the_accounts_and_asks_for_their_first_sync(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    result = tick(instance)
    assert instance.get_dynamic_partitions("accounts") == ["acme", "globex"]
    requests = result.run_requests or []
    assert [request.partition_key for request in requests] == ["acme", "globex"]
    assert len({request.run_key for request in requests}) == 2


def test_a_partition_is_materialized_from_the_crm_to_the_leads(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    result = run(instance)
    assert result.success
    told = metadata(result, "leads")
    assert told["fetched"] == 120
    assert told["created"] == told["dagster/row_count"] == look(tmp_path, "select count(*) from leads")[0][0]
    assert f"({told['created']:,} new" in told["summary"]
    runs = look(tmp_path, "select account_id, status, pass, fetched, requests from sync_runs")
    assert runs == [("acme", "succeeded", "complete", 120, metadata(result, "raw__hubspot_contacts")["requests"])]


def test_assets_materialized_one_by_one_give_the_same_leads_and_close_their_books(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    for asset in WALK:
        assert run(instance, asset).success
    assert look(tmp_path, "select count(*) from sync_runs where status = 'running'") == [(0,)]
    assert look(tmp_path, "select max(fetched) from sync_runs") == [(120,)]
    assert look(tmp_path, "select count(*) from leads")[0][0] > 80


def test_a_run_that_stops_before_the_leads_closes_its_books_and_loses_nothing(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    assert run(instance, *WALK[:2]).success
    assert look(tmp_path, "select count(*) from sync_runs where status <> 'succeeded'") == [(0,)]
    result = run(instance, WALK[2])
    assert result.success
    assert metadata(result, "leads")["fetched"] == 120


def test_between_its_assets_a_run_lets_nobody_sync_its_connection(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """A packed run that took it over would find open books, and close them as those of a dead process."""
    tick(instance)
    seen: list[str] = []

    @dg.asset(key=["raw", "between"], deps=[WALK[0]], partitions_def=ACCOUNTS, op_tags={"dagster/priority": "1"})
    def between(crm: CrmPipeline) -> None:
        assert isinstance(sense(instance, "failed_syncs"), dg.SkipReason)
        with crm.opened() as pipeline:
            known = active_connections(pipeline.warehouse, "acme")
            seen.extend(type(one).__name__ for one in sync_connections(pipeline, known, Asked(), at_once=1))

    graph = dg.Definitions.merge(
        defs,
        dg.Definitions(
            assets=[between],
            jobs=[dg.define_asset_job("with_between", ["raw/hubspot_contacts", "raw/between", "contacts", "leads"])],
        ),
    )
    result = graph.resolve_job_def("with_between").execute_in_process(
        instance=instance, partition_key="acme", raise_on_error=False
    )
    assert result.success
    assert seen == ["Joined"]
    assert look(tmp_path, "select trigger, status, fetched from sync_runs") == [("manual", "succeeded", 120)]
    with CrmPipeline().opened() as pipeline:  # and afterwards anybody may
        known = active_connections(pipeline.warehouse, "acme")
        (after,) = sync_connections(pipeline, known, Asked(), at_once=1)
    assert isinstance(after, SyncResult)
    assert after.success


def test_contacts_and_rejections_without_the_leads_close_their_books(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    assert run(instance, WALK[0], WALK[1], dg.AssetKey("rejections")).success
    assert look(tmp_path, "select status, count(*) from sync_runs group by 1") == [("succeeded", 2)]


def test_a_dead_crm_of_an_account_does_not_keep_the_others_from_the_leads(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sandbox.connect("acme", "zoho")
    tick(instance)
    sandbox.faults.add(match={"path": "/crm/v3/"}, times=None, answer="daily_limit")
    job = defs.resolve_job_def("sync_connection")
    result = job.execute_in_process(instance=instance, partition_key="acme", raise_on_error=False)
    assert not result.success, "it is told"
    booked = look(tmp_path, "select provider, status, error_code from sync_runs order by provider")
    assert booked == [("hubspot", "failed", "daily_limit"), ("zoho", "succeeded", None)]
    assert look(tmp_path, "select count(*) from leads")[0][0] > 80
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    assert (failed.step_key, "daily request limit" in str(failed.event_specific_data)) == ("leads", True)


def test_a_refusal_of_the_crm_fails_the_run_with_code_and_advice(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    sandbox.faults.add(match={"path": "/crm/v3/owners"}, times=None, answer="daily_limit")
    result = run(instance)
    assert not result.success
    (failed,) = [event for event in result.all_events if event.is_step_failure]
    failure = failed.step_failure_data.user_failure_data
    assert failure is not None
    assert failure.metadata["code"].value == "daily_limit"
    assert failure.metadata["what to do"].value
    (check,) = result.get_asset_check_evaluations()
    assert (check.passed, "acme/hubspot (daily_limit)" in str(check.description)) == (False, True)
    assert look(tmp_path, "select status, error_code from sync_runs") == [("failed", "daily_limit")]
    sandbox.faults.clear()
    assert run(instance).success


def test_one_failing_connection_of_an_account_stops_no_other(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    second = sandbox.connect("acme")
    tick(instance)
    match = {"nango_connection_id": second.connection_id, "path": "/crm/"}
    sandbox.faults.add(match=match, times=None, answer="daily_limit")
    assert run(instance).success
    runs = sorted(look(tmp_path, "select status, error_code, fetched from sync_runs"), key=repr)
    assert ("failed", "daily_limit", 0) in runs
    assert ("succeeded", None, 120) in runs
    assert "running" not in {status for status, *_ in runs}
    assert look(tmp_path, "select count(*) from leads")[0][0] > 80


def test_one_dead_crm_stops_no_other_and_both_meet_in_the_leads(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    sandbox.connect("acme", "zoho")
    requests = [request for request in tick(instance).run_requests or [] if request.partition_key == "acme"]
    sandbox.faults.add(match={"path": "/crm/v3/"}, times=None, answer="daily_limit")
    done = {}
    for request in requests:
        assert request.asset_selection is not None
        done[request.tags["crm_pipeline/provider"]] = run(instance, *request.asset_selection).success
    assert done == {"hubspot": False, "zoho": True}
    sandbox.faults.clear()
    assert run(instance, *(requests[0].asset_selection or ())).success
    providers = look(
        tmp_path, "select provider, count(*) from sync_runs where status = 'succeeded' group by 1 order by 1"
    )
    assert providers == [("hubspot", 1), ("zoho", 1)]
    in_both = (
        "select count(*) from (select i.lead_id from staging.identity_map i join staging.contacts c using (contact_id) "
        "where i.is_member group by 1 having count(distinct c.provider) = 2)"
    )
    assert look(tmp_path, in_both)[0][0] > 0


def test_a_dead_connection_beside_a_healthy_one_of_its_crm_is_not_shown_as_synced(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    second = sandbox.connect("acme")
    tick(instance)
    match = {"nango_connection_id": second.connection_id, "path": "/crm/"}
    sandbox.faults.add(match=match, times=None, answer="daily_limit")
    assert run(instance).success
    shown = dict(
        look(
            tmp_path,
            "select last_error_code, last_synced_at is not null from crm_connections where account_id = 'acme'",
        )
    )
    assert shown == {None: True, "daily_limit": False}
    assert look(tmp_path, "select count(*) from sync_runs where account_id = 'acme'") == [(2,)]


def test_materializing_contacts_alone_says_nothing_of_a_connection(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    assert run(instance, *WALK[1:]).success
    assert look(tmp_path, "select count(*) from crm_connections where last_synced_at is not null") == [(0,)]


def test_a_run_for_a_connection_that_there_is_not_is_red(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    tick(instance)
    config = {"ops": {"raw__hubspot_contacts": {"config": {"connection_id": "nobody"}}}}
    job = defs.resolve_implicit_global_asset_job_def()
    result = job.execute_in_process(
        instance=instance, partition_key="acme", asset_selection=list(WALK), run_config=config, raise_on_error=False
    )
    assert not result.success


def test_a_hold_is_in_the_books_of_the_run(sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    tick(instance)
    assert run(instance).success
    users = sandbox.crm("hubspot", "acme").users
    for crm_id in list(users.cards()):
        users.purge(crm_id)
    config = {"ops": {"raw__hubspot_contacts": {"config": {"full": True}}}}
    job = defs.resolve_implicit_global_asset_job_def()
    held = job.execute_in_process(
        instance=instance, partition_key="acme", asset_selection=list(WALK), run_config=config, raise_on_error=False
    )
    assert not held.success
    query = "select status from sync_runs where account_id = 'acme' order by started_at desc limit 1"
    assert look(tmp_path, query) == [("held",)]
    assert look(tmp_path, "select count(*) from leads where crm_inactive_at is not null") == [(0,)]


def test_materializing_everything_of_an_account_with_one_crm_is_green(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    tick(instance)
    raw = [dg.AssetKey(["raw", f"{name}_contacts"]) for name in ("hubspot", "salesforce", "zoho")]
    result = run(instance, *raw, *WALK[1:])
    assert result.success
    assert "no active Salesforce connection" in metadata(result, "raw__salesforce_contacts")["note"]
    assert metadata(result, "leads")["fetched"] == 120


@pytest.mark.parametrize("by", ["tags", pytest.param("config", marks=pytest.mark.long)])
def test_an_overwrite_spans_the_three_assets_and_so_does_its_hold(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, by: str
) -> None:
    tick(instance)
    assert run(instance).success
    before = look(tmp_path, "select count(*) from leads")
    portal = sandbox.portal("acme")
    for crm_id in portal.ids()[:40]:
        portal.purge(crm_id)
    asked: dict[str, Any] = {"tags": {"crm_pipeline/strategy": "overwrite"}, "config": {"strategy": "overwrite"}}
    assert not run(instance, **{by: asked[by]}).success
    last = "select strategy, status, error_code, pass from sync_runs order by started_at desc limit 1"
    assert look(tmp_path, last) == [("overwrite", "held", "mass_removal_held", "complete")]
    assert look(tmp_path, "select count(*) from leads") == before
    for crm_id in portal.ids()[:40]:
        portal.purge(crm_id)
    assert not run(instance, config={"strategy": "overwrite", "force": True}).success, "forty more than were shown"
    assert look(tmp_path, last) == [("overwrite", "held", "mass_removal_held", "complete")]
    assert look(tmp_path, "select count(*) from leads") == before
    forced = run(instance, config={"strategy": "overwrite", "force": True})
    assert forced.success
    assert metadata(forced, "leads")["removed"] == look(tmp_path, "select count(*) from removed_leads")[0][0] > 20


def test_a_preview_or_half_an_overwrite_is_no_run_of_the_assets(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    tick(instance)
    assert not run(instance, config={"strategy": "preview"}).success
    assert not run(instance, WALK[0], config={"strategy": "overwrite"}).success
    assert look(tmp_path, "select * from sync_runs") == []


def test_the_preview_of_an_account_for_a_job(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    tick(instance)
    with CrmPipeline().opened() as pipeline:
        connections = active_connections(pipeline.warehouse, "acme")
        (result,) = preview_connections(pipeline, connections, limit=3)
    assert result.difference is not None
    assert (result.strategy, len(result.difference.leads), result.results.fetched) == ("preview", 3, 120)


def test_an_account_without_a_connection_is_told_so(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    tick(instance)
    instance.add_dynamic_partitions("accounts", ["nobody"])
    result = run(instance, account="nobody")
    assert not result.success
    assert "no active connection" in str([event.event_specific_data for event in result.all_events if event.is_failure])


def test_without_a_key_the_sensor_says_what_is_missing(
    sandbox: Sandbox, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NANGO_SECRET_KEY")
    sensor = defs.resolve_sensor_def("new_connections")
    with dg.build_sensor_context(instance=instance, definitions=defs, resources={"crm": CrmPipeline()}) as context:
        skipped = sensor(context)
    assert isinstance(skipped, dg.SkipReason)
    assert "NANGO_SECRET_KEY" in str(skipped.skip_message)


def test_what_a_crm_wrote_is_shown_as_text() -> None:
    table = markdown_table(("name",), [{"name": "<img src=x> | [x](http://evil.example) *b*"}])
    cell = table.splitlines()[2]
    assert "<img" not in cell
    assert r"\[x\]\(http" in cell
    assert r"\|" in cell
