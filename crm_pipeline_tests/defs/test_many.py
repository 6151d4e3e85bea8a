"""The packed run: many connections, each with its own end, shown account by account. And the schedule that asks."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from crm_pipeline.definitions import defs
from crm_pipeline.defs.old_runs import drop_old_runs
from crm_pipeline.packing import packed
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.walk.checks import CHECKS
from crm_pipeline.walk.connection import Connection, derived_connection_id
from crm_pipeline_tests.defs.running import launch, look, materialized, output_metadata, schedule, sense, settings_of

CONTACTS = 12
THROTTLED = {"status": 429, "headers": {"Retry-After": "3600"}}
RAW = {"hubspot": "raw/hubspot_contacts", "pipedrive": "raw/pipedrive_contacts"}


@pytest.fixture(scope="module")
def shared() -> Iterator[Sandbox]:
    with Sandbox(contacts=CONTACTS, accounts=("acme", "globex"), crms=("hubspot", "pipedrive")) as running:
        yield running


@pytest.fixture
def sandbox(shared: Sandbox, tmp_path: Path) -> Iterator[Sandbox]:
    shared.faults.clear()
    with settings_of(shared, tmp_path):
        yield shared


@pytest.fixture
def instance(sandbox: Sandbox) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        sense(made, "new_connections")
        yield made


def check(result: dg.ExecuteInProcessResult) -> tuple[bool, str]:
    """What the check over all connections found."""
    (one,) = (one for one in result.get_asset_check_evaluations() if one.check_name == "every_connection_synced")
    return one.passed, str(one.description)


def break_connection(sandbox: Sandbox, account: str, answer: object) -> None:
    (one,) = [one for one in sandbox.book.all() if (one.account, one.provider) == (account, "hubspot")]
    sandbox.faults.add(match={"nango_connection_id": one.connection_id}, times=None, answer=answer)  # type: ignore[arg-type]


def test_a_failing_connection_is_red_beside_healthy_ones(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    break_connection(sandbox, "globex", THROTTLED)
    result = launch(instance, "sync_many")
    assert result.success
    every = ["contacts", "rejections", "leads", "recent_threads"]
    assert materialized(result) == sorted(
        [(key, "acme") for key in (*RAW.values(), *every)] + [(key, "globex") for key in (RAW["pipedrive"], *every)]
    )
    assert check(result) == (False, "1 of 4 connections fail: globex/hubspot (rate_limited).")
    assert output_metadata(result, "walk_connections") | {"connections": 4, "succeeded": 3, "failed": 1} == (
        output_metadata(result, "walk_connections")
    )
    of_accounts = [one for one in result.get_asset_check_evaluations() if one.partition]
    assert {(one.check_name, one.partition) for one in of_accounts} == {
        (one.name, account) for one in CHECKS for account in ("acme", "globex")
    }
    assert all(one.passed for one in of_accounts)
    assert len(look(tmp_path, "select distinct sync_id from sync_runs")) == 4
    sandbox.faults.clear()
    passed, _ = check(launch(instance, "sync_many"))
    assert passed


def test_a_packed_run_looks_at_an_account_that_is_red_or_not_fresh_although_nothing_changed(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    def evaluated() -> dict[str, set[str]]:
        found = [one for one in launch(instance, "sync_many").get_asset_check_evaluations() if one.partition]
        red = {"acme": set[str](), "globex": set[str]()}
        for one in found:
            red[str(one.partition)] |= set() if one.passed else {one.check_name}
        return {account: red[account] for account in {str(one.partition) for one in found}}

    assert evaluated() == {"acme": set(), "globex": set()}
    assert evaluated() == {}
    look(tmp_path, "update crm_connections set last_synced_at = last_synced_at - interval 4 hour "
        "where account_id = 'globex' and provider = 'hubspot' returning 1")  # fmt: skip
    break_connection(sandbox, "globex", "daily_limit")
    assert evaluated() == {"globex": {"connections_not_fresh"}}
    sandbox.faults.clear()
    assert evaluated() == {"globex": set()}, "the red check turns green again"
    assert evaluated() == {}


def test_a_connection_that_nango_gave_up_is_red_although_no_sync_of_it_is_started(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    launch(instance, "sync_many")
    look(tmp_path, "update crm_connections set state = 'needs_reconnect' where account_id = 'globex' "
        "and provider = 'hubspot' returning 1")  # fmt: skip
    assert check(launch(instance, "sync_many")) == (
        False,
        "1 of 4 connections fail: globex/hubspot (connection_expired).",
    )


def test_the_numbers_of_a_packed_run_are_those_of_the_books(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    launch(instance, "sync_many")
    (found,) = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("leads"), asset_partitions=["acme"]), limit=1
    ).records
    materialization = found.asset_materialization
    assert materialization is not None
    told = {name: value.value for name, value in materialization.metadata.items()}
    counts = "sum(fetched), sum(created), sum(merged), sum(skipped), sum(requests)"
    ((*booked,),) = look(tmp_path, f"select {counts} from sync_runs where account_id = 'acme'")
    assert [told[name] for name in ("fetched", "created", "merged", "skipped", "requests")] == booked
    assert isinstance(told["seconds"], float)
    assert told["dagster/row_count"] == look(tmp_path, "select count(*) from leads where account_id = 'acme'")[0][0]


def test_a_run_that_is_repeated_does_only_what_is_left(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """As after a daemon that was killed: Dagster starts the run anew, with the configuration of its tick."""
    break_connection(sandbox, "globex", "daily_limit")
    config = {"ops": {"walk_connections": {"config": {"due_at": "2026-01-01T00:00:00+00:00"}}}}
    launch(instance, "sync_many", run_config=config)
    sandbox.faults.clear()
    again = launch(instance, "sync_many", run_config=config)
    told = output_metadata(again, "walk_connections")
    assert (told["connections"], told["succeeded"], told["already synced"]) == (4, 1, 3)
    assert look(tmp_path, "select count(*) from sync_runs where status = 'succeeded'") == [(4,)]


def test_a_run_started_again_tells_what_the_killed_one_did_not(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Syncs commit before Dagster hears of them, so a process that is killed leaves leads that no check has seen."""
    config = {"ops": {"walk_connections": {"config": {"due_at": "2026-01-01T00:00:00+00:00"}}}}
    first = launch(instance, "sync_many", run_config=config)
    repeated = launch(instance, "sync_many", run_config=config)
    assert (materialized(repeated), [one for one in repeated.get_asset_check_evaluations() if one.partition]) == (
        [],
        [],
    )
    again = launch(instance, "sync_many", run_config=config, tags={"dagster/parent_run_id": first.run_id})
    every = ("contacts", "leads", "recent_threads", "rejections")
    assert materialized(again) == sorted((key, account) for key in every for account in ("acme", "globex"))
    assert {(one.check_name, one.partition) for one in again.get_asset_check_evaluations() if one.partition} == {
        (one.name, account) for one in CHECKS for account in ("acme", "globex")
    }
    assert output_metadata(again, "walk_connections")["already synced"] == 4


def test_a_run_in_which_everything_fails_is_red(sandbox: Sandbox, instance: dg.DagsterInstance) -> None:
    sandbox.faults.add(match={"path": "."}, times=None, answer=THROTTLED)
    result = launch(instance, "sync_many")
    assert not result.success
    assert check(result)[0] is False


def test_a_preview_is_no_packed_run(sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path) -> None:
    config = {"ops": {"walk_connections": {"config": {"strategy": "preview"}}}}
    assert not launch(instance, "sync_many", run_config=config).success
    assert look(tmp_path, "select * from sync_runs") == []


def test_the_schedule_asks_for_a_run_each_while_connections_are_few(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    requests = schedule(tmp_path).run_requests
    assert [request.tags["crm_pipeline/sync"] for request in requests] == [
        "acme/hubspot", "acme/pipedrive", "globex/hubspot", "globex/pipedrive",
    ]  # fmt: skip
    for request in requests:
        assert request.tags["crm_pipeline/trigger"] == "schedule"
        assert request.tags["crm_pipeline/strategy"] == "append"
    assert len({request.run_key for request in requests}) == 4
    assert {request.run_key for request in schedule(tmp_path).run_requests} == {one.run_key for one in requests}


def test_slow_connections_have_runs_of_their_own_after_the_others(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody knows how long a first sync takes, and one that took long once is taken to do so again."""
    monkeypatch.setenv("CRM_SYNC_RUNS", "1")
    assert {one.tags["dagster/priority"] for one in schedule(tmp_path).run_requests} == {"-2"}
    assert launch(instance, "sync_many").success
    look(tmp_path, "update sync_runs set started_at = started_at - interval '5 minutes' where provider = 'pipedrive' "
        "and account_id = 'acme' returning sync_id")  # fmt: skip
    requests = schedule(tmp_path, datetime.now(UTC)).run_requests
    told = [(one.tags["dagster/priority"], one.tags.get("crm_pipeline/sync")) for one in requests]
    assert told == [("-1", None), ("-2", "acme/pipedrive")]


def test_the_schedule_packs_many_connections_and_its_runs_sync_them(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRM_SYNC_RUNS", "2")
    requests = schedule(tmp_path).run_requests
    assert [request.tags["crm_pipeline/account"] for request in requests] == ["acme", "globex"]
    assert {request.tags["crm_pipeline/provider"] for request in requests} == {"several"}
    result = launch(instance, "sync_many", run_config=requests[0].run_config, tags=requests[0].tags)
    assert result.success
    booked = "select account_id, trigger, count(*) from sync_runs group by account_id, trigger"
    assert look(tmp_path, booked) == [("acme", "schedule", 2)]


def test_connections_that_cannot_be_synced_are_passed_over_with_the_reason(
    sandbox: Sandbox, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    look(tmp_path, "update crm_connections set state = 'needs_reconnect' where account_id = 'acme' returning id")
    assert {one.tags["crm_pipeline/account"] for one in schedule(tmp_path).run_requests} == {"globex"}
    look(tmp_path, "update crm_connections set state = 'disconnected', is_active = false returning id")
    tick = schedule(tmp_path)
    assert not tick.run_requests
    assert "globex/hubspot: it is disconnected" in tick.skip_message


def test_accounts_stay_whole_and_the_quick_begin_first() -> None:
    def connection(account: str, provider: str) -> Connection:
        id = derived_connection_id(account, provider, "1")
        return Connection(
            id=id, account_id=account, provider=provider, nango_integration=provider, nango_connection_id="1",
            state="active", is_active=True,
        )  # fmt: skip

    due = [connection(f"a{number}", provider) for number in range(6) for provider in ("hubspot", "zoho")]
    seconds = {one.id: float(number) for number, one in enumerate(reversed(due)) if number}
    runs = packed(due, 4, seconds)
    assert sorted(len(run) for run in runs) == [2, 2, 4, 4]
    assert sorted(one.id for run in runs for one in run) == sorted(one.id for one in due)
    for run in runs:
        lasts = [seconds.get(one.id, 1e9) for one in run]
        assert lasts == sorted(lasts)
        for one in run:
            assert {other.id for other in due if other.account_id == one.account_id} <= {other.id for other in run}


def evaluate(instance: dg.DagsterInstance, cursor: Any = None) -> Any:
    """One look of the sensor `leads_follow`."""
    followers = dg.AssetSelection.assets("contacts", "rejections", "leads")
    return dg.evaluate_automation_conditions(defs, instance, asset_selection=followers, cursor=cursor)


def test_raw_rows_that_landed_alone_are_followed_and_a_packed_run_is_not(
    sandbox: Sandbox, instance: dg.DagsterInstance
) -> None:
    first = evaluate(instance)
    launch(instance, "sync_many")
    second = evaluate(instance, first.cursor)
    third = evaluate(instance, second.cursor)
    assert (first.total_requested, second.total_requested, third.total_requested) == (0, 0, 0)
    raw = dg.AssetKey(["raw", "hubspot_contacts"])
    job = defs.resolve_implicit_global_asset_job_def()
    assert job.execute_in_process(instance=instance, partition_key="acme", asset_selection=[raw]).success
    fourth = evaluate(instance, third.cursor)
    fifth = evaluate(instance, fourth.cursor)
    assert fourth.total_requested == 0  # it may be a sync that is not over
    for key in ("contacts", "rejections", "leads"):
        assert fifth.get_requested_partitions(dg.AssetKey(key)) == {"acme"}


def test_old_runs_go_and_every_account_still_shows_as_synced(sandbox: Sandbox, tmp_path: Path) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        sense(instance, "new_connections")
        first, second = (launch(instance, "sync_many").run_id for _ in range(2))
        look(tmp_path, "update crm_connections set is_active = false where account_id = 'globex' returning 1")
        third = launch(instance, "sync_many").run_id
        leads = dg.AssetKey("leads")
        assert instance.get_materialized_partitions(leads) == {"acme", "globex"}
        at_work = instance.create_run_for_job(defs.resolve_job_def("sync_many"))
        assert drop_old_runs(instance, before=datetime.now(UTC) - timedelta(days=1)) == 0
        assert drop_old_runs(instance, before=datetime.now(UTC) + timedelta(days=1), most=0) == 0
        assert drop_old_runs(instance, before=datetime.now(UTC) + timedelta(days=1)) == 1
        assert {one.run_id for one in instance.get_runs()} == {second, third, at_work.run_id}
        assert {one.name for one in tmp_path.rglob("*") if first in str(one)} == set()
        assert instance.get_materialized_partitions(leads) == {"acme", "globex"}
        assert launch(instance, "maintenance").success
        assert {second, third} < {one.run_id for one in instance.get_runs()}, "a month is kept"
