"""`status`, `history` and `changes`: what the books say."""

from __future__ import annotations

import re
from uuid import UUID, uuid4

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import Shell

COUNTS = {"created", "updated", "unchanged", "merged", "skipped", "removed", "split"}


def test_status_tells_each_connection(synced: Synced) -> None:
    answer = synced.shell("status", "--json")
    assert (answer.code, answer.err) == (0, "")
    acme, globex = answer.json
    assert (acme["account_id"], globex["account_id"]) == ("acme", "globex")
    assert set(acme) == {
        "account_id", "provider", "connection_id", "nango_connection_id", "connected", "state", "last_synced_at",
        "last_synced", "last_result", "last_error",
    }  # fmt: skip
    assert (acme["provider"], acme["connected"], acme["state"], acme["last_error"]) == ("hubspot", True, "active", None)
    assert UUID(acme["connection_id"])
    assert acme["last_synced_at"].endswith("Z")
    result = acme["last_result"]
    assert result["results"] == synced.sync.json["syncs"][0]["results"]
    assert (result["status"], result["pass"], set(result["results"])) == ("succeeded", "complete", {"fetched"} | COUNTS)


def test_status_for_people(synced: Synced) -> None:
    lines = synced.shell("status", "--account", "acme").out.splitlines()
    assert re.fullmatch(r"acme/hubspot  active  synced (just now|\d+ minutes? ago)", lines[0])
    assert re.fullmatch(r"  Synced \d+ contacts \(\d+ new, \d+ updated\)", lines[1])
    assert len(lines) == 2


def test_status_of_a_failure_says_what_to_do(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.faults.add(match={"path": "/crm/"}, times=None, answer="invalid_token")
    assert shell("sync").code == 1
    (state,) = shell("status", "--json").json
    assert (state["connected"], state["state"], state["last_synced"]) == (False, "needs_reconnect", "never")
    assert set(state["last_error"]) == {"code", "message", "action", "at"}
    assert state["last_error"]["code"] == "connection_expired"
    assert "crm-pipeline connect acme hubspot" in state["last_error"]["action"]
    out = shell("status").out
    assert out.startswith(
        "acme/hubspot  needs_reconnect  never synced\n  The last sync failed.\n  connection_expired: "
    )
    assert "`crm-pipeline connect acme hubspot`" in out


def test_history_tells_past_syncs_the_newest_first(synced: Synced) -> None:
    rows = synced.shell("history", "--json").json
    assert [row["account_id"] for row in rows] == ["globex", "acme"]
    assert [row["sync_id"] for row in rows] == [one["sync_id"] for one in reversed(synced.sync.json["syncs"])]
    for row in rows:
        assert row["fetched"] == sum(row[name] for name in ("created", "updated", "unchanged", "merged", "skipped"))
        assert row["skipped"] == sum(row["skipped_by_reason"].values())
        assert row["started_at"].endswith("Z")
        assert (row["status"], row["trigger"], row["seconds"] > 0) == ("succeeded", "manual", True)
    assert len(synced.shell("history", "--json", "--limit", "1").json) == 1
    assert [row["account_id"] for row in synced.shell("history", "--json", "--account", "acme").json] == ["acme"]


@pytest.mark.parametrize("width", [80, 120])
def test_history_for_people_fits_with_whole_sentences(synced: Synced, width: int) -> None:
    out = synced.shell("history", COLUMNS=str(width)).out
    assert max(map(len, out.splitlines())) <= width
    assert "Started (UTC)" in out
    assert "acme/hubspot" in out
    assert len(re.findall(r"Synced \d+ contacts \(\d+ new, \d+ updated\)", out)) == 2


def test_changes_tell_what_when_and_by_which_sync(shell: Shell, sandbox: Sandbox) -> None:
    shell("sync")
    lead = shell("leads", "acme", "--json").json[0]
    sandbox.portal("acme").edit(lead["crm_id"], {"lifecyclestage": "evangelist", "company": "\x1b[31mNew Ltd"})
    sync = shell("sync", "--json").json["syncs"][0]
    rows = shell("changes", lead["id"], "--json").json
    assert set(rows[0]) == {
        "account_id", "lead_id", "kind", "field", "old_value", "new_value", "changed_at", "sync_id", "provider",
        "trigger", "contact_id", "connection_id", "contact_provider", "contact_crm_id",
    }  # fmt: skip
    changed = {row["field"]: row for row in rows if row["sync_id"] == sync["sync_id"]}
    assert (changed["crm_stage"]["kind"], changed["crm_stage"]["new_value"]) == ("updated", "Evangelist")
    assert (changed["crm_stage"]["contact_provider"], changed["crm_stage"]["contact_crm_id"]) == (
        "hubspot", lead["crm_id"],
    )  # fmt: skip
    assert rows[-1]["kind"] == "created"
    assert all(row["changed_at"].endswith("Z") for row in rows)
    lines = shell("changes", lead["id"].upper()).out.splitlines()
    assert lines[0] == f"{lead['name']}: {len(rows)} changes"
    assert lines[1].split() == ["When", "(UTC)", "What", "Field", "Before", "After", "From", "By"]
    come_from = f"HubSpot {lead['crm_id']}"
    (told,) = (line for line in lines if "crm_stage" in line)
    assert all(text in told for text in ("Evangelist", come_from, "hubspot manual"))
    assert not any("\x1b" in line for line in lines)


def test_changes_of_an_unknown_lead(synced: Synced) -> None:
    key = str(uuid4())
    answer = synced.shell("changes", key, "--json")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    assert key in answer.error["message"]
    assert "crm-pipeline leads ACCOUNT --json" in answer.error["action"]


@pytest.mark.parametrize("name", ["status", "history"])
def test_an_empty_store_says_what_comes_first(empty: Shell, name: str) -> None:
    answer = empty(name)
    assert (answer.code, answer.err, answer.out.count("\n")) == (0, "", 2)
    assert "Run `crm-pipeline sync`" in answer.out
    assert empty(name, "--json").json == []
    assert list(empty.folder.iterdir()) == []


@pytest.mark.parametrize("name", ["status", "history"])
def test_another_account_is_told_of_those_there_are(synced: Synced, name: str) -> None:
    answer = synced.shell(name, "--account", "acne")
    assert (answer.code, answer.out.splitlines()[1]) == (0, "Accounts with connections: acme, globex.")
