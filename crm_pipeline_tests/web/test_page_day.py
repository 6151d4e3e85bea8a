"""A day at the page: connect, first sync, leads, a change in the CRM, preview, refresh, expiry, reconnect, disconnect.

In a real browser, over the sandbox and a real Dagster; nothing is done that a person could not do with a mouse.
"""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.web.browsing import Window
from crm_pipeline_tests.web.conftest import RealDagster
from crm_pipeline_tests.web.serving import Api, served, settings_of

PEOPLE = 40
ONE_SYNC = 180_000.0
"""Milliseconds a sync may take, on a machine that does other things as well."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(contacts=PEOPLE, accounts=("globex",)) as running:
        yield running


@pytest.fixture(params=["duckdb", pytest.param("postgres", marks=pytest.mark.long)])
def server(request: pytest.FixtureRequest, dagster: RealDagster, sandbox: Sandbox, tmp_path: Path) -> Iterator[Api]:
    is_file = request.param == "duckdb"
    store = f"duckdb:///{tmp_path / 'crm.duckdb'}" if is_file else request.getfixturevalue("postgres_url")
    environment = sandbox.environment() | {"CRM_WAREHOUSE": store, "CRM_DATA_DIR": str(tmp_path / "data")}
    dagster.use(environment)
    with served(settings_of(tmp_path, environment, CRM_DAGSTER_URL=dagster.url)) as api:
        yield api


def test_a_day(server: Api, sandbox: Sandbox, window: Window) -> None:
    page = window.open(server.url)
    page.get_by_role("link", name="Connect a CRM").click()
    page.get_by_label("Account").fill("initech")
    page.get_by_label("HubSpot").check()
    page.get_by_role("button", name="Continue").click()
    sign_in(page)
    first_sync(page, server)
    somebody = leads_appear(page)
    edit_in_crm(sandbox, somebody, "Zaphod")
    previewed(page, server)
    refreshed(page, server)
    expired(page, server, sandbox)
    reconnected(page, server)
    disconnected(page, server, sandbox)


def sign_in(page: Page) -> None:
    """In the tab that opens, as at the CRM; the page itself notices."""
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Sign in to HubSpot").click()
    tab = opened.value
    tab.get_by_role("button", name="Authorize").click()
    expect(tab.locator("h1")).to_have_text("Connected")
    tab.close()


def first_sync(page: Page, server: Api) -> None:
    expect(page).to_have_url(re.compile(r"/accounts/initech\?sync="), timeout=ONE_SYNC)
    busy = page.locator(".connection .progress")
    expect(busy).to_be_visible()
    expect(page.get_by_role("button", name="Refreshing…")).to_be_disabled()
    expect(page.locator(".connection")).to_contain_text(
        re.compile(r"Synced \d+ contacts \(\d+ new, \d+ updated\)"), timeout=ONE_SYNC
    )
    expect(busy).to_have_count(0)
    expect(page.locator(".connection")).to_contain_text("Last synced: just now")
    expect(page.get_by_role("button", name="Refresh CRM")).to_be_enabled()


def leads_appear(page: Page) -> str:
    """The id in the CRM of one of them."""
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Leads").click()
    expect(page.locator("tbody tr").first).to_be_visible()
    assert page.locator("tbody tr").count() > PEOPLE // 2
    page.locator("tbody a").first.click()
    expect(page.locator(".contacts > li")).to_have_count(1)
    return str(page.locator(".contacts dd").last.inner_text()).split()[0]


def edit_in_crm(sandbox: Sandbox, crm_id: str, first: str) -> None:
    body = {"id": crm_id, "properties": {"firstname": first}}
    request = urllib.request.Request(
        f"{sandbox.url}/sandbox/hubspot/initech/edit", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request) as answer:
        assert answer.status == 200


def previewed(page: Page, server: Api) -> None:
    page.goto(f"{server.url}/accounts/initech")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Preview a refresh").click()
    expect(page.locator("h1")).to_have_text("Preview of a refresh: HubSpot")
    expect(page.locator(".sum")).to_have_text("1 lead would change: 1 changed.", timeout=ONE_SYNC)
    expect(page.locator(".difference")).to_contain_text("Zaphod")
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Leads").click()
    expect(page.locator("main")).not_to_contain_text("Zaphod")
    page.go_back()


def refreshed(page: Page, server: Api) -> None:
    page.get_by_role("button", name="Apply this refresh").click()
    expect(page).to_have_url(re.compile(r"/accounts/initech\?sync="))
    expect(page.locator(".connection")).to_contain_text("(0 new, 1 updated)", timeout=ONE_SYNC)
    page.goto(f"{server.url}/accounts/initech/leads?q=zaphod")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").first.click()
    expect(page.locator("section[aria-labelledby=changes-title]")).to_contain_text("Zaphod")


def expired(page: Page, server: Api, sandbox: Sandbox) -> None:
    (connection,) = sandbox.book.of_account("initech")
    sandbox.book.break_connection(connection, "uninstalled")
    page.goto(f"{server.url}/accounts/initech")
    page.get_by_role("button", name="Refresh CRM").click()
    expect(page.get_by_role("button", name="Reconnect")).to_be_visible(timeout=ONE_SYNC)
    expect(page.locator(".connection")).to_contain_text("Sign-in expired")
    expect(page.locator(".trouble")).to_contain_text("Press Reconnect and sign in again.")


def reconnected(page: Page, server: Api) -> None:
    page.get_by_role("button", name="Reconnect").click()
    sign_in(page)
    expect(page).to_have_url(re.compile(r"/accounts/initech\?sync="), timeout=ONE_SYNC)
    expect(page.get_by_role("button", name="Refresh CRM")).to_be_enabled(timeout=ONE_SYNC)
    expect(page.locator(".connection .state")).to_have_text("Connected")
    page.goto(f"{server.url}/accounts/initech/leads?q=zaphod")
    expect(page.locator("tbody tr")).to_have_count(1)


def disconnected(page: Page, server: Api, sandbox: Sandbox) -> None:
    page.goto(f"{server.url}/accounts/initech")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Disconnect HubSpot").click()
    page.get_by_role("link", name="Keep it connected").click()
    page.get_by_text("More", exact=True).click()
    page.get_by_role("link", name="Disconnect HubSpot").click()
    page.get_by_role("button", name="Disconnect HubSpot").click()
    expect(page.locator("#connections .empty")).to_contain_text("No CRM is connected.")
    expect(page.locator("#connections .empty")).to_contain_text("leads from before are kept as they are")
    assert sandbox.book.of_account("initech") == []
    page.goto(f"{server.url}/accounts/initech/history")
    expect(page.locator("tbody tr").first).to_be_visible()
