"""`rebuild`: its answer in words and as the published document, without a key of Nango and without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from crm_pipeline_tests.commands.shell import Shell, a_sandbox


@pytest.fixture(scope="module")
def synced(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Two accounts synced once; whoever sent them is gone, and so is the key."""
    folder = tmp_path_factory.mktemp("rebuilt")
    with a_sandbox(contacts=60, accounts=("acme", "globex")) as sandbox:
        assert Shell(folder, sandbox.environment())("sync", "--json").code == 0
    return Shell(folder)


def test_the_document_of_a_rebuild(synced: Shell) -> None:
    answer = synced("rebuild", "--json")
    assert (answer.code, answer.err) == (0, "")
    assert (answer.json["success"], list(answer.json)) == (True, ["success", "accounts"])
    acme, globex = answer.json["accounts"]
    assert (acme["account_id"], globex["account_id"]) == ("acme", "globex")
    assert list(acme) == ["account_id", "success", "results", "seconds", "error", "connections"]
    assert acme["results"]["fetched"] == acme["results"]["unchanged"] + acme["results"]["skipped"] == 60
    (connection,) = acme["connections"]
    told = {name: connection[name] for name in ("provider", "strategy", "pass", "status", "requests")}
    assert told == {
        "provider": "hubspot", "strategy": "rebuild", "pass": None, "status": "succeeded", "requests": 0,
    }  # fmt: skip


def test_people_read_what_came_of_it(synced: Shell) -> None:
    answer = synced("rebuild", "--account", "globex")
    assert answer.code == 0
    assert "globex: 60 contacts read again, nothing changed" in answer.out
    assert "acme" not in answer.out


def test_other_settings_change_leads_and_the_change_is_in_the_books(synced: Shell) -> None:
    german = synced("rebuild", "--account", "acme", CRM_DEFAULT_REGION="DE")
    assert german.code == 0
    assert "updated" in german.out
    (connection,) = synced("rebuild", "--account", "acme", "--json").json["accounts"][0]["connections"]
    assert connection["results"]["updated"] > 0
    past = synced("history", "--account", "acme").out
    assert "Rebuilt without the CRM" in past
    state = next(one for one in synced("status", "--json").json if one["account_id"] == "acme")
    assert state["last_result"]["pass"] == "complete"


def test_an_unknown_account_is_told_which_there_are(synced: Shell) -> None:
    answer = synced("rebuild", "--account", "nobody", "--json")
    assert answer.code == 2
    assert "acme, globex" in answer.error["action"]


def test_a_store_without_accounts_says_what_to_do(tmp_path: Path) -> None:
    answer = Shell(tmp_path)("rebuild")
    assert answer.code == 2
    assert "crm-pipeline sync" in answer.err
