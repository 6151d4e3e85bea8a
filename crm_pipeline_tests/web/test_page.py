"""The page in a real browser, over a store with people in it; no sync runs here, see `test_page_day.py`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import UUID, uuid4

import pytest
from playwright.sync_api import Browser, expect

from crm_pipeline.settings import Settings
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline.warehouse.session import Session
from crm_pipeline.web import reader, words
from crm_pipeline_tests.holder import held_open
from crm_pipeline_tests.walk.world import World, a_payload
from crm_pipeline_tests.warehouse.looking import execute
from crm_pipeline_tests.web.browsing import Window, opened
from crm_pipeline_tests.web.hostile import HOSTILE
from crm_pipeline_tests.web.serving import Api, served, settings_of

ODD = "a/b %2F ..\\ ünï <i>?#&"
"""An account that makes addresses difficult."""
ODD_FIELD = "HubSpot has no field <b>gone</b>, so leads carry no status."
PHONE = 390
FOREIGN = (
    "script, style, link, meta, base, iframe, object, embed, img, svg, math, video, audio, marquee, template, portal"
)
"""What no value of a CRM may have become inside the content."""
TOKEN = "correct-horse-battery"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hostile people in one account, a person in another, and nobody in a third."""
    folder = tmp_path_factory.mktemp("page")
    with Warehouse(f"duckdb:///{folder / 'crm.duckdb'}", data_dir=folder).session() as session:
        World(session, account_id="hostile").sync(*map(_hostile, range(len(HOSTILE))), on="hostile")
        acme = World(session)
        acme.sync(
            a_payload(
                "1", first="Ann", last="Lee", phone="(415) 320-7788", email="ann@example.com", company="Acme Inc"
            ),
            a_payload("2", first="Bob", last="Ray", phone="+44 7911 123456", message="Called\non Monday"),
            a_payload("3", first="Cy", phone="12"),
            a_payload("4", first=None, phone="212 736 5000"),
        )
        acme.sync(a_payload("9", first="Anne", last="Lee", phone="415 320 7788", email="anne@example.com"), on="second")
        notes = f"""cast('["{ODD_FIELD}"]' as json)"""
        execute(session, f"update sync_runs set notes = {notes} where account_id = 'acme' and fetched = 1")
        World(session, account_id="globex").sync(a_payload("1", first="Eve", phone="212 736 5001"), on="theirs")
        World(session, account_id="empty").connection("empty")
        World(session, account_id=ODD).sync(a_payload("1", first="Odd", phone="212 736 5002"), on="odd")
        _text(session, "Ann Lee", minutes=5, contacted=True)
        _text(session, "Bob Ray", minutes=60)
    return folder


def _hostile(number: int) -> dict[str, Any]:
    text, phone = HOSTILE[number], f"+1 212 7{number // 100}6 5{number:03d}"
    return a_payload(str(number), first=text, last="Poe", phone=phone, company=text, message=text)


def _text(session: Session, name: str, *, minutes: int, contacted: bool = False) -> None:
    at = datetime.now(UTC) - timedelta(minutes=minutes)
    lead_id = _lead(session, name)
    body = f"Hello {name}"
    row = f"('acme', '{uuid4()}', '{lead_id}', 'in', '{body}', timestamptz '{at.isoformat()}')"
    execute(session, f"insert into messages (account_id, id, lead_id, direction, body, sent_at) values {row}")
    if contacted:
        execute(session, f"update leads set contacted_at = now() where id = '{lead_id}'")


def _lead(session: Session, name: str) -> UUID:
    ((found,),) = execute(session, f"select id from leads where name = '{name}'").fetchall()
    assert isinstance(found, UUID)
    return found


@pytest.fixture(scope="module")
def ids(store: Path) -> SimpleNamespace:
    with Warehouse(f"duckdb:///{store / 'crm.duckdb'}", data_dir=store).session() as session:
        return SimpleNamespace(ann=_lead(session, "Ann Lee"), eve=_lead(session, "Eve"), odd=_lead(session, "Odd"))


@pytest.fixture(scope="module")
def server(store: Path) -> Iterator[Api]:
    with served(settings_of(store, {})) as api:
        yield api


def test_what_a_crm_says_is_text_and_nothing_else(window: Window, server: Api, store: Path) -> None:
    """120 texts in names, companies and notes, on the lists and on the pages of some."""
    with Warehouse(f"duckdb:///{store / 'crm.duckdb'}", data_dir=store).session() as session:
        rows = execute(session, "select id, name, company, crm_description from leads where account_id = 'hostile'")
        stored = {str(row[0]): row[1:] for row in rows.fetchall()}
    assert len(stored) >= 115, "some are no names, and so no leads"
    seen: dict[str, tuple[str, ...]] = {}
    for number in (1, 2, 3):
        page = window.open(f"{server.url}/accounts/hostile/leads?sort=name&page={number}")
        seen |= page.eval_on_selector_all(
            "tbody tr",
            "rows => Object.fromEntries(rows.map(row => [row.querySelector('th a').href.split('/').pop(),"
            " ['Name', 'Company', 'Notes'].map(name => row.querySelector(`[data-label=${name}] bdi`).textContent)]))",
        )
        assert page.locator(f"main :is({FOREIGN})").count() == 0
    assert {lead: tuple(values) for lead, values in seen.items()} == stored
    for lead in list(stored)[::20]:
        page = window.open(f"{server.url}/accounts/hostile/leads/{lead}")
        assert page.locator("h1").text_content() == stored[lead][0]
        assert page.locator(".notes bdi").text_content() == stored[lead][2]
        assert page.locator(f"main :is({FOREIGN})").count() == 0
    page = window.open(f"{server.url}/accounts/hostile/not-synced")
    assert page.locator(f"main :is({FOREIGN})").count() == 0


def test_what_is_searched_for_is_text_as_well(server: Api) -> None:
    for text in HOSTILE[::8]:
        body = server.get(f"/accounts/empty/leads?q={quote(text)}").body.decode()
        found = re.findall(r'<input id="q" name="q" type="search" value="([^"]*)"', body)
        assert [unescape(value) for value in found] == [" ".join(text.split())]
        assert body.count("<script") == 1, "our own"


def test_the_overview_tells_an_account_manager_what_matters(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/accounts/acme")
    expect(page.locator(".connection")).to_have_count(2)
    expect(page.locator("#connections")).to_contain_text("Auto-syncs hourly")
    expect(page.locator("#connections")).to_contain_text("Last synced:")
    expect(page.locator("#connections")).to_contain_text("Synced 2 contacts (2 new, 0 updated)")
    expect(page.locator("#connections .note")).to_have_text([ODD_FIELD])
    rows = page.locator("#threads tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(0)).to_contain_text("Hello Ann Lee")
    expect(rows.nth(0).get_by_role("img", name="Contacted")).to_have_text("✅")
    expect(rows.nth(1)).to_contain_text("1 hour ago")
    expect(rows.nth(1).get_by_role("img", name="Contacted")).to_have_count(0)


def test_a_lead_says_who_it_is_in_each_crm_and_why(server: Api, window: Window, ids: SimpleNamespace) -> None:
    page = window.open(f"{server.url}/accounts/acme/leads/{ids.ann}")
    contacts = page.locator(".contacts > li")
    expect(contacts).to_have_count(2)
    expect(page.locator(".contacts")).to_contain_text("Same phone: +14153207788")
    expect(page.locator(".contacts")).to_contain_text("typed as (415) 320-7788")
    fields = page.locator(".fields tbody tr")
    expect(fields.filter(has_text="E-mail").first).to_contain_text("anne@example.com")
    expect(page.locator("section[aria-labelledby=changes-title] tbody")).to_contain_text("New")


def test_what_was_not_synced_says_why_and_what_to_do(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/accounts/acme/not-synced")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="No name").click()
    expect(page.locator(".advice")).to_contain_text("Enter the person's first or last name.")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_leads_are_searched_sorted_and_shown_page_by_page(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/accounts/hostile/leads")
    page.get_by_role("link", name="Name", exact=True).click()
    expect(page.locator("th[aria-sort=ascending]")).to_have_text("Name ↑")
    names = page.locator("tbody th bdi").all_text_contents()
    assert names == sorted(names, key=str.lower)
    page.get_by_role("link", name="Name").first.click()
    expect(page.locator("th[aria-sort=descending]")).to_have_text("Name ↓")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".pages span")).to_have_text("Page 2 of 3")
    page.get_by_role("searchbox").fill("O'Brien")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator(".count")).to_contain_text("1 lead with “O'Brien”")


def test_another_accounts_lead_is_answered_as_one_that_never_was(server: Api, ids: SimpleNamespace) -> None:
    answers = [
        server.get(f"/accounts/{path}")
        for path in (
            f"acme/leads/{ids.eve}", f"acme/leads/{uuid4()}", "acme/leads/x", f"globex/leads/{ids.ann}",
            f"empty/leads/{ids.ann}", f"nobody/leads/{ids.ann}", "nobody", "nobody/leads", "nobody/leads.csv",
            "nobody/not-synced", "nobody/history", "acme/nothing", "%00", "acme/preview/x", "acme/disconnect/zoho",
        )
    ]  # fmt: skip
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert b"This page is not there." in answers[0].body


def test_an_account_of_any_name_has_its_pages(server: Api, window: Window, ids: SimpleNamespace) -> None:
    page = window.open(server.url)
    page.get_by_role("link", name=ODD).click()
    expect(page.locator(".whose")).to_have_text(ODD)
    for name in ("Leads", "Not synced", "History", "Overview"):
        page.get_by_role("navigation", name="Account").get_by_role("link", name=name).click()
        expect(page.locator(".whose")).to_have_text(ODD)
    page.get_by_role("navigation", name="Account").get_by_role("link", name="Leads").click()
    page.get_by_role("link", name="Odd").click()
    expect(page.locator("h1")).to_have_text("Odd")


@pytest.mark.parametrize("account", ["acme", ODD, "..", ".", "%2F", "a b", "a%20b", "ä", "\\", "//", "a?b#c"])
def test_a_part_of_an_address_is_the_account_it_was_made_of(account: str) -> None:
    from urllib.parse import unquote

    part = words.segment(account)
    assert "/" not in unquote(part)
    assert unquote(part) not in (".", "..")
    assert words.account_of(unquote(part)) == account


def test_everything_is_reached_and_seen_with_the_keyboard_alone(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/accounts/acme")
    page.keyboard.press("Tab")
    expect(page.locator(":focus")).to_have_text("Skip to the content")
    wanted = page.evaluate(
        "() => [...document.querySelectorAll('a[href], button, input:not([type=hidden]), select, summary')]"
        ".filter(one => one.checkVisibility({contentVisibilityAuto: true}) && !one.disabled).length"
    )
    reached = 1
    while reached < wanted:
        page.keyboard.press("Tab")
        style = page.evaluate(
            "() => { const style = getComputedStyle(document.activeElement);"
            " return [document.activeElement.tagName, style.outlineStyle, parseFloat(style.outlineWidth)]; }"
        )
        assert style[0] != "BODY", f"{reached} of {wanted} were reached"
        assert style[1] == "solid", style
        assert style[2] >= 2, style
        reached += 1
    page = window.open(f"{server.url}/accounts/acme/leads")
    page.locator("#q").focus()
    page.keyboard.type("ann lee")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody a").focus()
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Ann Lee")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_page_without_sideways_scrolling(
    server: Api, browser: Browser, ids: SimpleNamespace, scheme: str
) -> None:
    """And every text is dark enough on its ground, or light enough."""
    with opened(browser, viewport={"width": PHONE, "height": 844}, color_scheme=scheme) as window:
        for path in (
            "", "connect", "accounts/acme", f"accounts/acme/leads/{ids.ann}", "accounts/hostile/leads",
            "accounts/acme/not-synced", "accounts/acme/history", "accounts/empty/leads",
        ):  # fmt: skip
            page = window.open(f"{server.url}/{path}")
            width = page.evaluate("document.documentElement.scrollWidth")
            assert width <= PHONE, (path, width)
            assert page.evaluate(FAINT) == [], (path, scheme)


FAINT = """() => {
  const light = (text) => {
    const [red, green, blue] = text.match(/[\\d.]+/g).map(Number).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const ground = (one) => {
    for (; one; one = one.parentElement) {
      const colour = getComputedStyle(one).backgroundColor;
      if (!colour.includes(", 0)")) return colour;
    }
    return "rgb(255, 255, 255)";
  };
  const faint = [];
  for (const one of document.querySelectorAll("body *")) {
    const own = [...one.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!own || !one.checkVisibility() || one.disabled) continue;
    const [a, b] = [light(getComputedStyle(one).color), light(ground(one))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) faint.push([one.tagName, one.textContent.slice(0, 40), (a + 0.05) / (b + 0.05)]);
  }
  return faint;
}"""
"""Elements whose text has less contrast than 4.5:1."""


def test_an_export_has_every_field_and_no_formula(server: Api, ids: SimpleNamespace) -> None:
    answer = server.get("/accounts/hostile/leads.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert 'filename="leads.csv"' in answer.headers["content-disposition"]
    text = answer.body.decode("utf-8")
    assert text.startswith("\ufeffaccount_id,id,name,"), "a spreadsheet that is given no sign reads another alphabet"
    rows = list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    assert len(rows) >= 115
    told = {row["company"] for row in rows}
    assert {"'=1+1", "'@SUM(1+1)", "'+1-1cmd", "'-1+1|cmd"} <= told
    started = [value for row in rows for value in row.values() if value.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert started == [row["phone"] for row in rows], "phones stay what other programs can read"
    assert len(server.get("/accounts/acme/leads.csv?q=ann").body.splitlines()) == 2


def test_what_a_person_searched_for_is_what_they_export(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/accounts/acme/leads?q=bob")
    with page.expect_download() as download:
        page.get_by_role("link", name="Export CSV").click()
    lines = download.value.path().read_text(encoding="utf-8-sig").splitlines()
    assert "Bob Ray" in lines[1]


def test_nothing_yet_says_what_to_do(server: Api, window: Window, tmp_path: Path) -> None:
    page = window.open(f"{server.url}/accounts/empty/leads")
    expect(page.locator(".empty")).to_contain_text("No leads yet.")
    page = window.open(f"{server.url}/accounts/empty/leads?q=nobody")
    expect(page.locator(".empty")).to_contain_text("No lead has “nobody”")
    page = window.open(f"{server.url}/accounts/empty/history")
    expect(page.locator(".empty")).to_contain_text("No syncs yet.")
    with served(settings_of(tmp_path, {})) as nothing:
        page = window.open(nothing.url)
        expect(page.locator(".empty")).to_contain_text("No account has connected a CRM yet.")
        assert not (tmp_path / "crm.duckdb").exists(), "who looks makes no store"


def test_while_a_sync_writes_there_is_what_was_seen_or_a_page_that_waits(
    store: Path, window: Window, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "WAIT", 1.0)
    with served(settings_of(store, {})) as api:
        window.open(f"{api.url}/accounts/acme/leads")
        with held_open(store / "crm.duckdb"):
            page = window.open(f"{api.url}/accounts/acme/leads")
            expect(page.locator(".note")).to_contain_text("A sync is writing now.")
            expect(page.locator("tbody tr")).to_have_count(2)
            page = window.open(f"{api.url}/accounts/globex", status=503)
            expect(page.locator("h1")).to_have_text("A sync is writing to the store.")
        expect(page.locator("#connections")).to_be_visible()
        window.complaints.clear()  # it asked again while the store was held


def test_a_page_without_a_script_does_all_that_matters(server: Api, browser: Browser) -> None:
    with opened(browser, java_script_enabled=False) as window:
        page = window.open(f"{server.url}/accounts/acme/leads")
        page.get_by_role("searchbox").fill("bob")
        page.get_by_role("button", name="Search").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        expect(page.locator("tbody")).to_contain_text("UTC")


def test_with_a_token_nothing_is_shown_before_the_login(store: Path, window: Window) -> None:
    with served(settings_of(store, {"CRM_API_TOKEN": TOKEN})) as api:
        page = window.open(f"{api.url}/accounts/acme/leads?q=ann")
        expect(page.locator("h1")).to_have_text("Log in")
        page.get_by_label("Access code").fill("wrong-wrong-wrong-wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.get_by_role("alert")).to_have_text("This is not the access code.")
        window.complaints.clear()  # the browser notes a 401
        page.get_by_label("Access code").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("tbody tr")).to_have_count(1)
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("h1")).to_have_text("Log in")
        window.open(f"{api.url}/accounts/acme/leads")
        expect(page.locator("h1")).to_have_text("Log in")


def test_a_page_that_follows_a_sync_goes_to_the_login_when_the_session_is_over(store: Path, window: Window) -> None:
    with served(settings_of(store, {"CRM_API_TOKEN": TOKEN})) as api:
        page = window.open(f"{api.url}/accounts/acme")
        page.get_by_label("Access code").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("#connections")).to_be_visible()
        window.context.clear_cookies()
        page.evaluate("() => { document.querySelector('#connections').dataset.busy = ''; follow(); }")
        expect(page.locator("h1")).to_have_text("Log in")
        page.get_by_label("Access code").fill(TOKEN)
        page.get_by_role("button", name="Log in").click()
        expect(page).to_have_url(f"{api.url}/accounts/acme")


def test_settings_without_a_token_have_no_login(server: Api, window: Window) -> None:
    page = window.open(f"{server.url}/login?next=//evil.example")
    assert page.url == f"{server.url}/"
    assert Settings.from_environment({}).api_token is None
