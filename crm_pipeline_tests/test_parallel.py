"""Four CRMs of one account synced at once into one PostgreSQL: the same people as one after another, and sooner.

Which id a person gets, and by what they were matched, may follow the order; who is one person and what is known of them
may not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.killing import SAME, Mother, Place, mother
from crm_pipeline_tests.postgres import PostgresServer

CRMS = ("hubspot", "salesforce", "pipedrive", "zoho")
SLOWNESS = 0.15
"""Seconds that a CRM thinks about each call; real ones take longer."""
PEOPLE = (
    "select array_agg(i.contact_id order by i.contact_id), l.name, l.first_name, l.last_name, l.phone, l.email, "
    "l.company, l.lead_type, l.crm_id, l.crm_source, l.crm_status, l.crm_stage, l.crm_description, l.crm_owner, "
    "l.crm_owner_email, l.crm_last_activity_at, l.crm_inactive_reason "
    "from leads l join staging.identity_map i on i.account_id = l.account_id and i.lead_id = l.id and i.is_member "
    "group by l.account_id, l.id order by 1"
)
LEADS = "select sum(created + split), (select count(*) from leads) + (select count(*) from lead_merges) from sync_runs"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=150, accounts=("acme",), crms=CRMS) as running:
        yield running


@pytest.fixture(scope="module")
def commands() -> Iterator[Mother]:
    with mother() as one:
        yield one


def place(server: PostgresServer, folder: Path, name: str) -> Place:
    """An empty store."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template template0 encoding 'UTF8' locale 'C'".encode())
    (folder / name).mkdir()
    return Place(server.url(name), folder / name)


def one_after_another(commands: Mother, sandbox: Sandbox, at: Place) -> float:
    began = time.monotonic()
    for crm in CRMS:
        commands.run(["sync", "--provider", crm, "--json"], sandbox.environment() | at.settings, folder(at, crm))
    return time.monotonic() - began


def all_at_once(commands: Mother, sandbox: Sandbox, at: Place) -> float:
    began, settings = time.monotonic(), sandbox.environment() | at.settings
    started = [(commands.start(["sync", "--provider", crm, "--json"], settings, folder(at, crm)), crm) for crm in CRMS]
    for process, crm in started:
        assert commands.wait(process) == 0, (folder(at, crm) / "out").read_text()[-1500:]
    return time.monotonic() - began


def folder(at: Place, crm: str) -> Path:
    """Where a command says what it has to say."""
    (at.folder / crm).mkdir(exist_ok=True)
    return at.folder / crm


def known(at: Place) -> dict[str, list[tuple[Any, ...]]]:
    names = ("contacts", "points", "rejections")
    return {"people": at.found(PEOPLE)} | {name: at.found(SAME[name]) for name in names}


def test_syncs_at_once_come_to_the_same_as_one_after_another(
    sandbox: Sandbox, commands: Mother, postgres_server: PostgresServer, tmp_path: Path
) -> None:
    """A first sync of four CRMs, from four processes that all find an empty database; then one after changes."""
    ordered, together = (place(postgres_server, tmp_path, name) for name in ("ordered", "together"))
    sandbox.faults.add(match={"path": "."}, times=None, answer={"delay": SLOWNESS})
    slow, fast = one_after_another(commands, sandbox, ordered), all_at_once(commands, sandbox, together)
    sandbox.faults.clear()
    check_same(ordered, together)
    assert len(known(ordered)["people"]) > 250
    assert fast < slow

    portal = sandbox.portal("acme")
    shared = [row[0] for row in ordered.found(SHARED)]
    assert len(shared) > 20
    for number, crm_id in enumerate(shared[:20]):
        portal.edit(crm_id, {"phone": f"+1 212 736 {number:04d}", "email": None} if number % 2 else {"lastname": "X"})
    portal.archive(shared[-1])
    one_after_another(commands, sandbox, ordered)
    all_at_once(commands, sandbox, together)
    check_same(ordered, together)


SHARED = (
    "select c.crm_id from staging.contacts c join staging.identity_map i using (account_id, contact_id) "
    "where c.provider = 'hubspot' and i.is_member and i.lead_id in "
    "(select lead_id from staging.identity_map where is_member group by lead_id having count(*) > 1) order by c.crm_id"
)
"""HubSpot's contacts that are one person with others."""


def check_same(ordered: Place, together: Place) -> None:
    ours, theirs = known(ordered), known(together)
    for name, rows in ours.items():
        assert theirs[name] == rows, name
    for at in (ordered, together):
        assert at.wrong() == {}
        ((made, there),) = at.found(LEADS)
        assert made == there
