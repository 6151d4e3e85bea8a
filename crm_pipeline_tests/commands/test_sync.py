"""`sync`: its answer in words and as the published document, its exit code, and what a signal leaves."""

from __future__ import annotations

import re
import signal
import time
from datetime import datetime
from uuid import UUID

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import WRONG_KEY, Answer, Shell, a_sandbox, ended

SHAPE: dict[str, type | tuple[type, ...]] = {
    "sync_id": str, "account_id": str, "provider": str, "connection_id": str, "nango_connection_id": str,
    "strategy": str, "pass": (str, type(None)), "status": str, "success": bool, "results": dict,
    "skipped_by_reason": dict, "requests": int, "seconds": float, "started_at": str, "finished_at": str,
    "error": (dict, type(None)), "notes": list,
}  # fmt: skip
RESULTS = ["fetched", "created", "updated", "unchanged", "merged", "skipped", "removed", "split"]
CONTACTS = "/crm/v3/objects/contacts$"


def entries(answer: Answer) -> list[dict[str, object]]:
    """The syncs of the one document on stdout, each of the published shape."""
    assert {"success", "syncs"} <= set(answer.json)
    for entry in answer.json["syncs"]:
        assert set(entry) == set(SHAPE)
        for name, kind in SHAPE.items():
            assert isinstance(entry[name], kind), name
        assert set(entry["results"]) == set(RESULTS)
        assert all(type(count) is int for count in entry["results"].values())
    return list(answer.json["syncs"])


def test_the_document_of_a_sync(synced: Synced) -> None:
    assert (synced.sync.code, synced.sync.err, synced.sync.json["success"]) == (0, "", True)
    acme, globex = entries(synced.sync)
    assert (acme["account_id"], globex["account_id"]) == ("acme", "globex")
    known = {name: acme[name] for name in ("provider", "strategy", "pass", "status", "success", "error", "notes")}
    assert known == {
        "provider": "hubspot", "strategy": "append", "pass": "complete", "status": "succeeded", "success": True,
        "error": None, "notes": [],
    }  # fmt: skip
    assert UUID(str(acme["sync_id"])) != UUID(str(globex["sync_id"]))
    for name in ("started_at", "finished_at"):
        moment = str(acme[name])
        assert moment.endswith("Z")
        assert datetime.fromisoformat(moment)


def test_the_counts_of_the_document_add_up(synced: Synced) -> None:
    for entry in synced.sync.json["syncs"]:
        results = entry["results"]
        assert results["fetched"] == sum(results[name] for name in RESULTS[1:6])
        assert results["skipped"] == sum(entry["skipped_by_reason"].values())
        assert list(entry["skipped_by_reason"].values()) == sorted(entry["skipped_by_reason"].values(), reverse=True)


def test_words_and_a_second_sync_without_changes(shell: Shell) -> None:
    first, second = shell("sync"), shell("sync")
    assert (first.code, first.err, second.code, second.err) == (0, "", 0, "")
    lines = first.out.splitlines()
    assert re.fullmatch(r"acme/hubspot: Synced \d+ contacts \(\d+ new, \d+ updated\)", lines[0])
    assert re.fullmatch(r"  \d+ contacts skipped:", lines[1])
    assert any(re.match(r"    +\d+  missing_phone +The contact has no phone number\.", line) for line in lines)
    assert re.fullmatch(r"  \d+\.\d s, \d+ requests", lines[-1])
    assert re.fullmatch(
        r"acme/hubspot: Synced 0 contacts \(0 new, 0 updated\)\n  \d+\.\d s, \d+ requests\n", second.out
    )


def test_what_to_preview_belongs_to_a_preview(shell: Shell) -> None:
    answer = shell("sync", "--as", "overwrite", "--json")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    assert "--strategy preview --as overwrite" in answer.error["action"]
    assert list(shell.folder.iterdir()) == []


def test_what_a_sync_could_not_read_is_told_until_it_can(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.faults.add(match={"path": "/crm/v3/owners"}, times=None, answer="missing_scopes")
    (note,) = re.findall(r"(?m)^  Note: (.+)$", shell("sync", "--account", "acme").out)
    assert f"  Note: {note}\n" in shell("status", "--account", "acme").out
    assert shell("status", "--account", "acme", "--json").json[0]["last_result"]["notes"] == [note]
    assert shell("history", "--account", "acme", "--json").json[0]["notes"] == [note]
    sandbox.faults.clear()
    assert shell("sync", "--account", "acme").code == 0
    assert "Note:" not in shell("status", "--account", "acme").out


def test_a_preview_an_overwrite_and_the_way_back(shell: Shell, sandbox: Sandbox) -> None:
    (first,) = shell("sync", "--strategy", "preview", "--json").json["syncs"]
    assert (first["strategy"], first["preview_of"], first["status"]) == ("preview", "append", "succeeded")
    difference = first["difference"]
    assert difference["totals"] == {"created": difference["total"]} == {"created": len(difference["leads"])}
    assert shell("leads", "acme", "--json").json == []
    people = shell("sync", "--strategy", "preview").out
    assert people.startswith("acme/hubspot: Preview of append: Would sync ")
    assert f"  {difference['total']} leads would change: {difference['total']} created." in people
    assert f"  20 of {difference['total']} are shown; --json tells all." in people

    assert shell("sync").code == 0
    leads = shell("leads", "acme", "--json").json
    sandbox.portal("acme").archive(leads[0]["crm_id"])
    preview = shell("sync", "--strategy", "preview", "--as", "overwrite").out
    assert "Nothing was written." in preview
    assert re.search(r"1 lead would change: 1 inactive, 1 removed\.", preview)
    overwrite = shell("sync", "--strategy", "overwrite").out
    assert ", 1 lead removed\n" in overwrite
    (command,) = re.findall(r"`crm-pipeline (restore --sync \S+)`", overwrite)
    assert len(shell("leads", "acme", "--json").json) == len(leads) - 1
    assert "; 1 lead removed" in shell("history").out
    assert "Preview of overwrite: " in shell("history").out
    assert "Preview" not in shell("status").out
    assert f"`crm-pipeline restore {leads[0]['id']}`" in shell("changes", leads[0]["id"]).out
    assert shell("lead", leads[0]["id"], "--json").json["state"] == "removed"

    restored = shell(*command.split())
    assert restored.out.endswith("1 lead restored, inactive until a contact comes back.\n")
    back = next(one for one in shell("leads", "acme", "--json").json if one["id"] == leads[0]["id"])
    assert (back["crm_inactive_reason"], back["name"]) == ("deleted", leads[0]["name"])
    again = shell(*command.split(), "--json")
    assert (again.code, again.error["code"]) == (2, "invalid_setting")


def test_a_preview_of_what_is_held_shows_what_would_go(shell: Shell, sandbox: Sandbox) -> None:
    assert shell("sync").code == 0
    leads = shell("leads", "acme", "--json").json
    for lead in leads:
        sandbox.portal("acme").archive(lead["crm_id"])
    look = ("sync", "--account", "acme", "--provider", "hubspot", "--strategy", "preview", "--as", "overwrite")
    held = shell(*look)
    assert held.code == 1
    assert f"`crm-pipeline {' '.join(look)}` shows what it would remove." in held.err
    (removed,) = re.findall(r"If the removal were released with --force:\n .* (\d+) removed", held.out)
    assert int(removed) > len(leads) / 2
    assert f", {removed} leads would be removed\n" in shell(*look, "--force").out
    assert len(shell("leads", "acme", "--json").json) == len(leads)


def test_an_unknown_account_is_told_which_there_are(synced: Synced) -> None:
    answer = synced.shell("sync", "--account", "acne", "--json")
    assert (answer.code, answer.error["code"]) == (2, "connection_not_found")
    assert answer.error["message"] == "No connection matches acne. There are: acme/hubspot, globex/hubspot."


def test_a_nango_without_connections(empty: Shell) -> None:
    with a_sandbox(accounts=()) as sandbox:
        answer = empty("sync", "--json", **sandbox.environment())
    assert (answer.code, answer.error["code"]) == (2, "connection_not_found")
    assert "crm-pipeline connect ACCOUNT PROVIDER" in answer.error["action"]


def test_a_wrong_key(shell: Shell) -> None:
    answer = shell("sync", "--json", NANGO_SECRET_KEY=WRONG_KEY)
    assert (answer.code, answer.error["code"]) == (2, "nango_unauthorized")
    assert "NANGO_SECRET_KEY" in answer.error["action"]
    assert WRONG_KEY not in answer.out


def test_one_account_that_fails_does_not_stop_the_rest(empty: Shell) -> None:
    with a_sandbox(accounts=("acme", "globex")) as sandbox:
        empty.environment = sandbox.environment()
        sandbox.faults.add(match={"account": "acme", "path": CONTACTS}, times=None, answer="daily_limit")
        answer = empty("sync", "--json")
        people = empty("sync", "--account", "acme")
    acme, globex = entries(answer)
    assert (answer.code, answer.json["success"]) == (1, False)
    assert (acme["status"], acme["success"], globex["status"]) == ("failed", False, "succeeded")
    assert isinstance(acme["error"], dict)
    assert set(acme["error"]) == {"code", "message", "action"}
    assert acme["error"]["code"] == "daily_limit"
    assert (people.code, people.out) == (1, "")
    assert people.err.startswith("acme/hubspot: failed (daily_limit): GET ")
    assert people.err.splitlines()[1] == "  The CRM's daily budget is used up. The next sync after its reset continues."


def test_full_reads_everything_and_account_chooses(empty: Shell) -> None:
    with a_sandbox(accounts=("acme", "globex")) as sandbox:
        empty.environment = sandbox.environment()
        empty("sync", "--account", "globex")
        (changes,) = entries(empty("sync", "--account", "globex", "--json"))
        (full,) = entries(empty("sync", "--account", "globex", "--provider", "hubspot", "--full", "--json"))
    assert (changes["pass"], full["pass"], full["account_id"]) == ("window", "complete", "globex")


@pytest.mark.parametrize(
    ("named", "missing"),
    [((), "--account and --provider"), (("--account", "acme"), "--provider"), (("--provider", "zoho"), "--account")],
)
def test_a_force_has_to_say_of_which_crm(empty: Shell, named: tuple[str, ...], missing: str) -> None:
    answer = empty("sync", *named, "--force", "--json")
    error = answer.json["error"]
    assert (answer.code, error["code"]) == (2, "invalid_setting")
    assert f"Add {missing}: " in error["action"]


def test_a_mass_removal_is_held_until_it_is_forced(empty: Shell) -> None:
    with a_sandbox(contacts=60) as sandbox:
        empty.environment = sandbox.environment()
        empty("sync")
        portal = sandbox.portal("acme")
        for crm_id in list(portal.ids())[:30]:
            portal.archive(crm_id)
            portal.purge(crm_id)
        held = empty("sync", "--full", "--json")
        forced = empty("sync", "--account", "acme", "--provider", "hubspot", "--full", "--force", "--json")
    (entry,) = entries(held)
    assert (held.code, entry["status"], entry["success"]) == (1, "held", False)
    assert isinstance(entry["error"], dict)
    assert (entry["error"]["code"], "--force" in entry["error"]["action"]) == ("mass_removal_held", True)
    assert (forced.code, entries(forced)[0]["status"]) == (0, "succeeded")


def test_an_expired_connection_is_told_with_the_command_that_revives_it(shell: Shell, sandbox: Sandbox) -> None:
    (connection,) = sandbox.book.all()
    sandbox.book.break_connection(connection, "uninstalled")
    failed, passed_over = shell("sync", "--json"), shell("sync", "--json")
    (entry,) = entries(failed)
    assert (failed.code, passed_over.code) == (1, 1)
    assert isinstance(entry["error"], dict)
    for error in (entry["error"], passed_over.error):
        assert error["code"] == "connection_expired"
        assert error["action"] == "Connect it again: `crm-pipeline connect acme hubspot`."
    sandbox.book.heal(connection)
    assert shell("sync").code == 0


def test_a_connection_of_nobody_is_passed_over_and_told(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.connect("orphan", tags={"project": "x"})
    answer, people = shell("sync", "--json"), shell("sync")
    assert (answer.code, len(entries(answer))) == (0, 1)
    (orphan,) = answer.json["passed_over"]
    assert (orphan["state"], orphan["reason"]) == ("unassigned", "it belongs to no account")
    assert "tag `account_id`" in orphan["action"]
    assert people.err.startswith("(unassigned)/hubspot: not synced, it belongs to no account\n")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_closes_the_books_and_the_next_sync_goes_on(
    shell: Shell, sandbox: Sandbox, number: signal.Signals, code: int
) -> None:
    sandbox.faults.add(match={"path": CONTACTS}, times=None, answer={"delay": 1.0})
    process = shell.start("sync", "--json")
    wait_for_request(sandbox)
    process.send_signal(number)
    answer = ended(process)
    (entry,) = entries(answer)
    assert (answer.code, entry["status"], answer.json["success"]) == (code, "interrupted", False)
    assert answer.err.strip() == "Stopped. Nothing is lost: the next sync continues."
    (row,) = shell("history", "--json").json
    assert (row["sync_id"], row["status"], bool(row["finished_at"])) == (entry["sync_id"], "interrupted", True)
    assert "The last sync was interrupted; the next one continues." in shell("status").out
    sandbox.faults.clear()
    assert shell("sync").code == 0


def test_a_second_sync_of_the_same_connection_waits_for_the_first(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.faults.add(match={"path": CONTACTS}, answer={"delay": 1.0})
    first = shell.start("sync", "--json")
    wait_for_request(sandbox)
    second = shell.start("sync", "--json")
    (one,), (other,) = entries(ended(first)), entries(ended(second))
    assert (one["status"], other["status"]) == ("succeeded", "succeeded")
    assert (one["pass"], other["pass"]) == ("complete", "window")
    assert isinstance(other["results"], dict)
    assert (other["results"]["created"], str(other["finished_at"]) > str(one["finished_at"])) == (0, True)


def wait_for_request(sandbox: Sandbox) -> None:
    """Until the CRM is asked for contacts; the answer is then under way for a second."""
    give_up = time.monotonic() + 20
    while not any(fault.hits for fault in sandbox.faults.all()):
        assert time.monotonic() < give_up
        time.sleep(0.02)
