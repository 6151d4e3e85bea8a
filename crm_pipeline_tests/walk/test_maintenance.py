"""Maintenance drops what nobody can ask for any more, and changes no lead: not now, not by a rebuild or a later sync.

On both engines; the folders and locks on DuckDB.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline.providers.provider import Reference
from crm_pipeline.walk.maintenance import RAW_KEPT, REMOVED_KEPT, Freed, drop_folders, drop_rows, maintain
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.walk.world import START, World, a_payload, a_world, fingerprint

RAW = ("raw.hubspot_contacts", "raw.set_aside", "raw.crm_references", "raw.complete_passes", "staging.landings")
OWNER = Reference("owner", "7", "Jo Reed", "jo@acme.example")
BROKEN: dict[str, Any] = {"id": None, "properties": {}, "updatedAt": None}


def rows(world: World) -> Counter[str]:
    return Counter({table: world.select(f"select count(*) as n from {table}")[0]["n"] for table in RAW})


def tidied(world: World) -> dict[str, int]:
    freed = Freed()
    for connection in world.connections.values():
        drop_rows(world.session, connection, freed, now=world.clock)
    return freed.rows


def somebody(dice: random.Random, now: datetime) -> dict[str, Any]:
    """A version of one of six contacts: another name or phone, changed at any time, archived, or without a time."""
    crm_id = str(dice.randrange(6))
    payload = a_payload(
        crm_id,
        first=dice.choice(("Ann", "Bob", "Cy")),
        phone=dice.choice((None, f"212 736 50{dice.randrange(12):02}", "12")),
        email=dice.choice((None, f"{crm_id}@x.example")),
        archived=dice.random() < 0.15,
        updated=now - timedelta(days=dice.randrange(60)),
        hubspot_owner_id="7",
    )
    return payload if dice.random() < 0.8 else payload | {"updatedAt": None}


def test_no_lead_changes_by_maintenance_nor_by_a_rebuild_after_it(world: World) -> None:
    dice = random.Random(1)
    for _ in range(8):
        crowd = [somebody(dice, world.clock) for _ in range(dice.randrange(2, 7))]
        references = [OWNER._replace(label=f"Jo {dice.randrange(3)}")]
        world.sync(*crowd, on=dice.choice(("main", "second")), references=references, complete=dice.random() < 0.2,
                   force=True)  # fmt: skip
        world.clock += timedelta(days=dice.randrange(5, 40))
    world.rebuild()
    before, known = fingerprint(world), rows(world)
    freed = tidied(world)
    assert fingerprint(world) == before
    assert freed["raw versions"] == known["raw.hubspot_contacts"] - rows(world)["raw.hubspot_contacts"] > 5
    world.rebuild()
    assert fingerprint(world) == before
    assert tidied(world) == dict.fromkeys(freed, 0), "twice does no more than once"


def test_what_is_dropped_and_what_is_kept(world: World) -> None:
    """Of Ann the newest two of five versions stay: one is too young, one is the newest of its kind."""
    day = timedelta(days=1)
    for number in range(5):
        world.sync(
            a_payload("1", phone=f"212 736 500{number}", updated=world.clock),
            a_payload("2", first="Bob", phone="212 736 5010") if number == 0 else BROKEN,
            references=[OWNER._replace(label=f"Jo {number}")],
            complete=number == 1,
            force=True,
        )
        world.clock += 30 * day
    world.land(a_payload("3", first="Eve", phone="212 736 5030"))
    world.clock += 20 * day
    freed = tidied(world)
    versions = world.select("select crm_id, count(*) as n from raw.hubspot_contacts group by crm_id order by crm_id")
    assert [(row["crm_id"], row["n"]) for row in versions] == [("1", 2), ("2", 1), ("3", 1)]
    assert freed == {
        "raw versions": 3, "records set aside": 2, "references": 3, "complete passes": 1, "landings": 2, "syncs": 0,
    }  # fmt: skip
    world.match_everybody()
    world.sync()
    states = [(lead["name"], lead["crm_inactive_reason"]) for lead in world.leads()]
    assert states == [("Ann", None), ("Bob", "deleted"), ("Eve", None)]


def test_versions_that_came_late_still_lose_to_a_deletion_that_had_no_time(world: World) -> None:
    """The deletion counts as of the newest change known; so the version with that change has to stay."""
    day = timedelta(days=1)
    changes = (START - 1 * day, START - 9 * day, None, START - 8 * day)
    for changed in changes:
        version = a_payload("1", phone="212 736 5001", archived=changed is None, updated=changed or START)
        world.sync(version | {"updatedAt": changed and changed.isoformat()})
    world.clock += 100 * day
    assert tidied(world)["raw versions"] == 1
    world.rebuild()
    assert world.leads()[0]["crm_inactive_reason"] == "deleted"
    world.sync(a_payload("1", phone="212 736 5001", updated=START - 7 * day))
    assert world.leads()[0]["crm_inactive_reason"] == "deleted"


def test_a_record_set_aside_stays_behind_the_good_one_that_came_later(world: World) -> None:
    day, phone = timedelta(days=1), "212 736 5001"
    large = a_payload("1", phone=phone)
    large["properties"] |= {f"note{n}": "x" * (1 << 20) for n in range(5)}
    for version in (
        a_payload("1", phone=phone, updated=START),
        large,
        a_payload("1", phone=phone, updated=START - day),
    ):
        world.sync(version)
    world.clock += 100 * day
    tidied(world)
    world.rebuild()
    assert world.leads()[0]["crm_inactive_reason"] is None


def test_a_sync_that_changed_a_lead_stays_explained(world: World) -> None:
    world.sync(a_payload("1", phone="212 736 5001"))
    for _ in range(3):
        world.sync(a_payload("1", phone="212 736 5001"))
    world.clock += RAW_KEPT + timedelta(days=1)
    assert tidied(world)["syncs"] == 2
    left = world.select("select r.created, r.unchanged from sync_runs r order by r.started_at")
    assert [(row["created"], row["unchanged"]) for row in left] == [(1, 0), (0, 1)]


@pytest.fixture
def place(tmp_path: Path) -> tuple[Warehouse, World]:
    """A store with one connection, closed; what it was is in the world."""
    url = f"duckdb:///{tmp_path / 'store.duckdb'}"
    with a_world(url, tmp_path) as world:
        world.sync(a_payload("1", phone="212 736 5001"), a_payload("2", first="Bob", phone="212 736 5002"))
        world.sync(a_payload("1", phone="212 736 5001"), strategy="overwrite", force=True)
        return Warehouse(url, data_dir=tmp_path), world


def files(warehouse: Warehouse, world: World) -> tuple[Path, Path]:
    """What a sync leaves on disk: dlt's folder and the spool."""
    connection = world.connections["main"]
    dlt, spool = warehouse.data_dir / "dlt" / f"hubspot_{connection.id.hex}", warehouse.data_dir / "spool"
    loaded, rest = dlt / "load/loaded/1/part.parquet", spool / str(connection.id) / "rest"
    for file in (loaded, rest):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * 1000)
    return dlt, rest


def at(world: World, after: timedelta) -> datetime:
    return world.clock + after


def test_working_files_go_but_for_what_is_still_to_be_loaded(place: tuple[Warehouse, World]) -> None:
    warehouse, world = place
    dlt, rest = files(warehouse, world)
    pending = dlt / "load/normalized/2/part.parquet"
    pending.parent.mkdir(parents=True)
    pending.write_bytes(b"x")
    assert drop_folders(warehouse.data_dir, world.connections["main"]) == 1000
    assert (pending.exists(), rest.exists()) == (True, False)
    pending.unlink()
    pending.parent.rmdir()
    assert maintain(warehouse, now=at(world, timedelta())).folder_bytes == 1000
    assert not dlt.exists()


def test_a_connection_that_is_being_synced_is_left_alone(place: tuple[Warehouse, World]) -> None:
    warehouse, world = place
    _, rest = files(warehouse, world)
    connection = world.connections["main"]
    with warehouse.connection_lock(connection.id):
        freed = maintain(warehouse, now=at(world, RAW_KEPT * 2))
    assert (freed.busy, freed.connections, rest.exists()) == (["acme/hubspot"], 0, True)
    assert "raw versions" not in freed.rows


def test_a_removed_lead_can_be_put_back_for_a_year(place: tuple[Warehouse, World]) -> None:
    warehouse, world = place
    assert maintain(warehouse, now=at(world, REMOVED_KEPT - timedelta(days=1))).rows["removed leads"] == 0
    freed = maintain(warehouse, now=at(world, REMOVED_KEPT + timedelta(days=1)))
    assert freed.rows["removed leads"] == 1
    assert freed.size_after > 0
