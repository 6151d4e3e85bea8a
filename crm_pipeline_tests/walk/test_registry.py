"""The registry: whose a connection is, and what happens to its row when that or the CRM behind it changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from crm_pipeline.errors import NangoError
from crm_pipeline.nango.connections import NangoConnection
from crm_pipeline.walk import registry
from crm_pipeline.walk.connection import Connection
from crm_pipeline_tests.walk.world import World

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def found(name: str = "c1", account: str | None = "acme", **changes: Any) -> NangoConnection:
    portal = {"portalId": changes.pop("portal", 11)}
    return NangoConnection(1, name, "hubspot", "hubspot", account, connection_config=portal, **changes)


def refresh(world: World, *listed: NangoConnection, gone: tuple[Connection, ...] = ()) -> dict[str, Connection]:
    known = registry.refresh(world.session, listed, {one.id for one in gone}, now=NOW)
    return {one.nango_connection_id: one for one in known}


def test_a_connection_without_a_tenant_is_kept_apart_until_somebody_claims_it(world: World) -> None:
    unassigned = refresh(world, found(account=None))["c1"]
    assert (unassigned.account_id, unassigned.state) == ("", "unassigned")
    claimed = refresh(world, found(account="acme"))["c1"]
    assert (claimed.account_id, claimed.state) == ("acme", "active")


def test_a_connection_that_moves_to_another_account_leaves_the_old_ones_row_behind(world: World) -> None:
    before = refresh(world, found(account="acme"))["c1"]
    after = refresh(world, found(account="globex"))
    assert after["c1"].account_id == "globex"
    assert after["c1"].id != before.id
    (left,) = registry.connections(world.session, account_id="acme")
    assert (left.id, left.state, left.is_active) == (before.id, "disconnected", False)


def test_a_connection_missing_in_the_list_stays_unless_nango_does_not_know_it(world: World) -> None:
    before = refresh(world, found("c1"), found("c2", portal=12))
    assert refresh(world)["c1"].is_active
    after = refresh(world, gone=(before["c1"],))
    assert (after["c1"].state, after["c2"].state) == ("disconnected", "active")


def test_connecting_the_same_portal_anew_keeps_the_row(world: World) -> None:
    before = refresh(world, found("old"))["old"]
    refresh(world, gone=(before,))
    after = refresh(world, found("new"))
    assert after["new"].id == before.id
    assert "old" not in after


def test_a_reconnect_that_one_refresh_sees_as_a_whole_keeps_the_row(world: World) -> None:
    before = refresh(world, found("old"))["old"]
    after = refresh(world, found("new"), gone=(before,))
    assert after["new"].id == before.id


def test_connecting_another_portal_is_a_connection_of_its_own(world: World) -> None:
    before = refresh(world, found("old"))["old"]
    refresh(world, gone=(before,))
    after = refresh(world, found("new", portal=99))
    assert after["new"].id != before.id
    assert after["old"].state == "disconnected"


def test_another_portal_behind_the_same_connection_is_refused(world: World) -> None:
    known = refresh(world, found())["c1"]
    registry.refuse_other_crm(known, found())
    with pytest.raises(NangoError, match="another CRM account") as caught:
        registry.refuse_other_crm(known, found(portal=12))
    assert caught.value.code == "connection_misconfigured"


def test_an_error_at_nango_asks_for_a_reconnect_and_its_end_heals(world: World) -> None:
    assert refresh(world, found(errors=("auth",)))["c1"].state == "needs_reconnect"
    assert refresh(world, found())["c1"].state == "active"


def test_settings_at_nango_win_over_ours_and_a_refresh_without_news_keeps_both(world: World) -> None:
    set_there = replace(found(), metadata={"crm_pipeline": {"rank": 5, "default_region": "DE"}})
    assert refresh(world, set_there)["c1"].default_region("US") == "DE"
    kept = refresh(world, replace(set_there, connection_config={}))["c1"]
    assert (kept.metadata["rank"], kept.config) == (5, {"portalId": 11})
