"""`leads` and `rejections`: the tables, the JSON, the spreadsheet; and texts of a CRM that mean harm."""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime

import pytest

from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import Shell

COLUMNS = {
    "account_id", "id", "name", "first_name", "last_name", "phone", "email", "company", "lead_type", "crm_id",
    "crm_source", "crm_connection_id", "crm_contact_id", "crm_status", "crm_stage", "crm_description", "crm_owner",
    "crm_owner_email", "crm_last_activity_at", "crm_inactive_at", "crm_inactive_reason", "last_crm_sync_at",
    "contacted_at", "created_at", "updated_at",
}  # fmt: skip
REJECTION = {
    "account_id", "name", "provider", "crm_id", "object_type", "reason", "value", "contact_id", "connection_id",
    "sync_id", "rejected_at", "meaning", "advice", "url",
}  # fmt: skip
OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]")
"""What a terminal would obey, but for the end of a line."""


def test_json_is_a_list_of_leads_with_the_columns_of_the_table(synced: Synced) -> None:
    answer = synced.shell("leads", "acme", "--json")
    created = synced.sync.json["syncs"][0]["results"]["created"]
    assert (answer.code, answer.err, len(answer.json)) == (0, "", created)
    assert all(set(lead) == COLUMNS for lead in answer.json)
    assert {lead["account_id"] for lead in answer.json} == {"acme"}


def test_json_tells_times_in_utc_with_z(synced: Synced) -> None:
    for lead in synced.shell("leads", "acme", "--json").json:
        for name in ("created_at", "updated_at", "last_crm_sync_at", "crm_last_activity_at"):
            moment = lead[name]
            assert moment is None or (moment.endswith("Z") and datetime.fromisoformat(moment))


def test_the_latest_activity_comes_first(synced: Synced) -> None:
    moments = [lead["crm_last_activity_at"] for lead in synced.shell("leads", "acme", "--json").json]
    known = [moment for moment in moments if moment]
    assert moments == sorted(known, reverse=True) + [None] * (len(moments) - len(known))


@pytest.mark.parametrize("text", ["ada mark", "+1 (415) 555-2672", "5552672", "[bold red]"])
def test_a_search_finds_by_name_phone_and_company(synced: Synced, text: str) -> None:
    assert [lead["name"] for lead in synced.shell("leads", "acme", "--search", text, "--json").json] == ["Ada Markup"]


def test_a_limit_is_kept_and_the_rest_is_told(synced: Synced) -> None:
    total = len(synced.shell("leads", "acme", "--json").json)
    assert len(synced.shell("leads", "acme", "--json", "--limit", "3").json) == 3
    lines = synced.shell("leads", "acme", "--limit", "3").out.splitlines()
    assert len(lines) == 6
    assert lines[-1] == f"3 of {total} leads; see more with --limit, or all with --json."


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_the_table_fits_and_holds_name_and_phone(synced: Synced, width: int) -> None:
    from rich.cells import cell_len

    lines = synced.shell("leads", "acme", COLUMNS=str(width)).out.splitlines()
    assert max(map(cell_len, lines)) <= width
    assert "Name" in lines[0]
    assert "Phone" in lines[0]
    assert any("Ada Markup" in line and "+14155552672" in line for line in lines)


def test_the_spreadsheet_has_every_lead_and_column(synced: Synced) -> None:
    answer = synced.shell("leads", "acme", "--csv")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    leads = synced.shell("leads", "acme", "--json").json
    assert set(rows[0]) == COLUMNS
    assert [row["id"] for row in rows] == [lead["id"] for lead in leads]
    assert [row["phone"] for row in rows] == [lead["phone"] for lead in leads]
    assert [row["created_at"] for row in rows] == [lead["created_at"] for lead in leads]


def test_the_spreadsheet_runs_nothing(synced: Synced) -> None:
    rows = list(csv.reader(io.StringIO(synced.shell("leads", "acme", "--csv").out)))
    cells = [cell for row in rows for cell in row]
    assert "'=cmd|' /C calc'!A0" in cells
    assert [cell for cell in cells if re.match(r"[=+\-@\t\r]", cell) and not re.fullmatch(r"\+\d{7,15}", cell)] == []


@pytest.mark.parametrize(
    ("name", "form"), [("leads", None), ("leads", "--json"), ("rejections", None), ("rejections", "--json")]
)
def test_no_text_of_the_crm_steers_the_terminal(synced: Synced, name: str, form: str | None) -> None:
    out = synced.shell(name, "acme", *([form] if form else [])).out
    assert "Mallory" in out
    assert OBEYED.findall(out) == []


def test_markup_is_shown_and_a_row_stays_on_its_line(synced: Synced) -> None:
    lines = synced.shell("leads", "acme").out.splitlines()
    assert [line for line in lines if "Ada Markup" in line and "[bold red]Acme[/] :smile:" in line]
    assert [line for line in lines if "Zoë Line" in line and 'Two Lines, "Quoted"' in line]


def test_rejections_say_why_where_and_what_to_do(synced: Synced) -> None:
    answer = synced.shell("rejections", "acme", "--json")
    rows = answer.json
    assert (answer.code, answer.err) == (0, "")
    assert all(set(row) == REJECTION for row in rows)
    assert all(row["meaning"] and row["advice"] for row in rows)
    assert all(row["rejected_at"].endswith("Z") for row in rows)
    portal = synced.sandbox.portal("acme").portal_id
    assert rows[0]["url"] == f"https://app.hubspot.com/contacts/{portal}/record/0-1/{rows[0]['crm_id']}"
    skipped = dict(synced.sync.json["syncs"][0]["skipped_by_reason"])
    skipped.pop("deleted", None)
    assert {code: sum(row["reason"] == code for row in rows) for code in skipped} == skipped


def test_rejections_are_shown_by_reason_with_a_link_where_a_terminal_can(synced: Synced) -> None:
    answer = synced.shell("rejections", "acme", "--reason", "missing_phone")
    assert re.match(r"missing_phone  \d+ contacts\nThe contact has no phone number. Add a phone", answer.out)
    on_a_terminal = synced.shell("rejections", "acme", "--reason", "missing_phone", FORCE_COLOR="1", TERM="xterm")
    assert "]8;id=" in on_a_terminal.out
    assert "https://app.hubspot.com/contacts/" in on_a_terminal.out
    assert "https://" not in answer.out


def test_rejections_can_be_limited(synced: Synced) -> None:
    assert len(synced.shell("rejections", "acme", "--json", "--limit", "2").json) == 2
    assert re.search(r"2 of \d+ contacts; see more", synced.shell("rejections", "acme", "--limit", "2").out)


@pytest.mark.parametrize("name", ["leads", "rejections"])
def test_another_account_is_told_of_those_there_are(synced: Synced, name: str) -> None:
    answer = synced.shell(name, "acne")
    assert (answer.code, answer.err) == (0, "")
    assert "acne" in answer.out
    assert answer.out.splitlines()[1] == "Accounts with connections: acme, globex."
    assert synced.shell(name, "acne", "--json").json == []


def test_a_search_without_a_hit_does_not_advise_a_sync(synced: Synced) -> None:
    assert synced.shell("leads", "acme", "--search", "zzz\x1b").out == "No leads of acme with 'zzz\ufffd'.\n"
    assert synced.shell("rejections", "acme", "--reason", "deleted").out.count("\n") == 1


@pytest.mark.parametrize("name", ["leads", "rejections"])
def test_a_store_that_is_not_there_is_empty_and_is_not_made(empty: Shell, name: str) -> None:
    answer = empty(name, "acme")
    assert (answer.code, answer.err) == (0, "")
    assert "crm-pipeline sync" in answer.out
    assert empty(name, "acme", "--json").json == []
    assert list(empty.folder.iterdir()) == []


def test_an_empty_spreadsheet_has_its_heading(empty: Shell) -> None:
    assert set(empty("leads", "acme", "--csv").out.strip().split(",")) == COLUMNS
