"""The API over a real Dagster and the sandbox, on both engines: what a person does in a day, one after another."""

from __future__ import annotations

import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.web.conftest import RealDagster
from crm_pipeline_tests.web.serving import Api, served, settings_of, wait_until

KEY = "signing-key-of-the-tests"
ENGINES = [pytest.param("duckdb", marks=pytest.mark.long), "postgres"]
"""On DuckDB `test_page_day.py` goes the same way, and by the page."""
HUBSPOT = {"account_id": "initech", "provider": "hubspot"}
PATIENCE = 240.0
"""Seconds for one sync; on an idle machine it takes five."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=60, accounts=("globex",), crms=("hubspot",)) as running:
        yield running


@pytest.fixture
def environment(request: pytest.FixtureRequest, sandbox: Sandbox, tmp_path: Path) -> Mapping[str, str]:
    """The settings of the API and of the runs, over the engine that the test names."""
    if request.param == "postgres":
        store = request.getfixturevalue("postgres_url")
    else:
        store = f"duckdb:///{tmp_path / 'crm.duckdb'}"
    ours = {"CRM_WAREHOUSE": store, "CRM_DATA_DIR": str(tmp_path / "data"), "NANGO_WEBHOOK_SIGNING_KEY": KEY}
    return sandbox.environment() | ours


@pytest.fixture
def api(dagster: RealDagster, environment: Mapping[str, str], tmp_path: Path) -> Iterator[Api]:
    dagster.use(environment)
    with served(settings_of(tmp_path, environment, CRM_DAGSTER_URL=dagster.url)) as running:
        yield running


def authorize(link: str) -> None:
    """What a person does on the page behind a connect link."""
    place, _, token = link.partition("?session_token=")
    with urllib.request.urlopen(place, urlencode({"session_token": token, "answer": "authorize"}).encode()) as page:
        assert page.status == 200


def ended(api: Api, sync_id: str, seconds: float = PATIENCE) -> dict[str, Any]:
    """A sync once it is over."""
    until = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = api.get(f"/api/crm/syncs/{sync_id}?account_id=initech").json
        if found["state"] not in ("queued", "running"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.2)


def lead_ids(api: Api) -> set[str]:
    return {lead["id"] for lead in api.get("/api/leads?account_id=initech&limit=500").json["leads"]}


def connected(api: Api, sandbox: Sandbox) -> dict[str, Any]:
    """The CRM of initech, from the invitation to the first sync."""
    authorize(api.post("/api/crm/connect/session", HUBSPOT).json["connect_link"])
    (made,) = sandbox.book.of_account("initech")
    answer = api.post("/api/crm/connect", {**HUBSPOT, "connection_id": made.connection_id})
    assert answer.status == 200, answer.json
    return {**answer.json, "made": made, "sync": ended(api, answer.json["sync_id"])}


@pytest.mark.parametrize("environment", ENGINES, indirect=True)
def test_a_crm_is_connected_synced_previewed_and_let_go_of(api: Api, sandbox: Sandbox) -> None:
    assert api.get("/api/crm/status?account_id=initech").json["connected"] is False
    first = connected(api, sandbox)["sync"]
    assert (first["state"], first["trigger"], first["success"]) == ("succeeded", "connected", True)
    assert first["sentence"].startswith("Synced ")
    before = lead_ids(api)
    assert len(before) == first["results"]["created"] > 0
    status = api.get("/api/crm/status?account_id=initech").json
    assert (status["connected"], status["provider"]) == (True, "hubspot")
    assert status["lastSyncedAt"] == first["finished_at"]

    sandbox.portal("initech").create({"firstname": "Zoe", "lastname": "New", "phone": "+14155550199"})
    asked = api.post("/api/crm/sync", {**HUBSPOT, "strategy": "preview"})
    assert asked.status == 202
    preview = ended(api, asked.json["sync_ids"][0])
    assert (preview["results"]["created"], preview["difference"]["totals"]) == (1, {"created": 1})
    assert preview["difference"]["leads"][0]["name"] == "Zoe New"
    assert lead_ids(api) == before

    assert api.post("/api/crm/disconnect", HUBSPOT).json == {"success": True}
    assert sandbox.book.of_account("initech") == []
    assert api.get("/api/crm/status?account_id=initech").json["connected"] is False
    assert lead_ids(api) == before
    missing = api.post("/api/crm/disconnect", HUBSPOT)
    assert (missing.status, missing.error["code"]) == (404, "connection_not_found")


@pytest.mark.long
@pytest.mark.parametrize("environment", ["duckdb"], indirect=True)
def test_a_crm_that_expired_or_was_let_go_of_is_connected_anew_with_its_leads(api: Api, sandbox: Sandbox) -> None:
    first = connected(api, sandbox)
    made, before = first["made"], lead_ids(api)
    sandbox.book.break_connection(made, "uninstalled")
    failed = ended(api, api.post("/api/crm/sync", HUBSPOT).json["sync_ids"][0])
    assert (failed["state"], failed["error"]["code"]) == ("failed", "connection_expired")
    refused = api.post("/api/crm/sync", HUBSPOT)
    assert (refused.status, refused.error["code"]) == (409, "connection_expired")
    again = connected(api, sandbox)
    assert again["made"] is made, "it is the same connection, healed"
    assert again["connection"]["connection_id"] == first["connection"]["connection_id"]
    assert again["sync"]["state"] == "succeeded"
    api.post("/api/crm/disconnect", HUBSPOT)
    anew = connected(api, sandbox)
    assert anew["made"] is not made
    assert anew["connection"]["connection_id"] == first["connection"]["connection_id"]
    assert anew["sync"]["results"]["created"] == 0
    assert lead_ids(api) == before


@pytest.mark.parametrize("environment", ["duckdb"], indirect=True)
def test_a_second_click_joins_and_a_run_without_books_tells_why(
    api: Api, sandbox: Sandbox, dagster: RealDagster, environment: Mapping[str, str]
) -> None:
    sandbox.webhooks.url, sandbox.webhooks.key = f"{api.url}/api/webhooks/nango", KEY
    authorize(api.post("/api/crm/connect/session", HUBSPOT).json["connect_link"])  # the webhook does the rest
    wait_until(lambda: api.get("/api/crm/status?account_id=initech").json["connected"])
    started = [api.post("/api/crm/sync", {"account_id": "initech"}) for _ in range(3)]
    ids = {one.json["sync_ids"][0] for one in started if one.status == 202}
    assert len(ids) == 1
    (sync_id,) = ids
    assert api.get(f"/api/crm/syncs/{sync_id}?account_id=globex").status == 404
    assert ended(api, sync_id)["trigger"] == "connected"

    broken = {**environment, "CRM_DEFAULT_REGION": "nowhere"}
    dagster.use(broken)  # the run cannot even read its settings
    doomed = ended(api, api.post("/api/crm/sync", HUBSPOT).json["sync_ids"][0])
    assert (doomed["state"], doomed["error"]["code"]) == ("failed", "invalid_setting")
    assert "CRM_DEFAULT_REGION" in doomed["error"]["message"]
    assert api.get(f"/api/crm/syncs/{uuid4()}").status == 404
