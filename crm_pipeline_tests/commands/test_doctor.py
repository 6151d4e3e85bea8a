"""`doctor`: what is well, what is not, and what to do."""

from __future__ import annotations

import pytest

from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline.warehouse.database import Warehouse
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import DEAD, WRONG_KEY, Answer, Shell
from crm_pipeline_tests.holder import held_open
from crm_pipeline_tests.notices.servers import webhook


def states(answer: Answer) -> dict[str, str]:
    assert set(answer.json) == {"success", "checks"}
    assert all(set(check) == {"name", "state", "detail", "action", "code"} for check in answer.json["checks"])
    return {check["name"]: check["state"] for check in answer.json["checks"]}


def failure(answer: Answer) -> dict[str, str]:
    (check,) = [check for check in answer.json["checks"] if check["state"] == "failed"]
    assert check["action"]
    return dict(check)


def test_all_is_well(synced: Synced) -> None:
    answer = synced.shell("doctor", "--json")
    assert (answer.code, answer.err, answer.json["success"]) == (0, "", True)
    names = ["program", "settings", "data folder", "store", "notices", "Nango", "acme/hubspot", "globex/hubspot"]
    assert states(answer) == dict.fromkeys(names, "ok")


def test_all_is_well_in_words(synced: Synced) -> None:
    answer = synced.shell("doctor")
    lines = answer.out.splitlines()
    assert (answer.code, answer.err, lines[-1]) == (0, "", "All is well.")
    assert all(line.startswith("ok       ") for line in lines[:-1])
    assert any("schema up to date" in line and "2 connections" in line for line in lines)


def test_before_the_first_sync_nothing_is_made(shell: Shell) -> None:
    answer = shell("doctor")
    assert answer.code == 0
    assert "the first sync makes it" in answer.out
    assert list(shell.folder.iterdir()) == []


def test_wrong_settings_come_first(empty: Shell) -> None:
    answer = empty("doctor", "--json", CRM_DEFAULT_REGION="Mars")
    assert (answer.code, failure(answer)["code"]) == (2, "invalid_setting")
    assert "CRM_DEFAULT_REGION" in failure(answer)["detail"]
    assert states(answer) == {"program": "ok", "settings": "failed", "store": "skipped", "Nango": "skipped"}


def test_no_key(empty: Shell) -> None:
    answer = empty("doctor", "--json")
    assert (answer.code, failure(answer)["name"]) == (2, "Nango")
    assert "crm-pipeline sandbox" in failure(answer)["action"]


def test_a_wrong_key(shell: Shell) -> None:
    answer = shell("doctor", "--json", NANGO_SECRET_KEY=WRONG_KEY)
    assert (answer.code, failure(answer)["name"], failure(answer)["code"]) == (2, "Nango", "nango_unauthorized")
    assert "NANGO_SECRET_KEY" in failure(answer)["action"]
    assert "1 problem found." in shell("doctor", NANGO_SECRET_KEY=WRONG_KEY).out


def test_an_unreachable_nango(shell: Shell) -> None:
    answer = shell("doctor", "--json", NANGO_HOST=DEAD)
    assert (answer.code, failure(answer)["code"]) == (1, "nango_unavailable")
    assert failure(answer)["detail"].startswith("GET /connections: Nango could not be reached")


def test_a_locked_store_does_not_hide_the_rest(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("crm_pipeline.commands.app.READING_WAIT", 0.1)
    with held_open(shell.folder / ".crm" / "crm.duckdb") as holder:
        answer = shell("doctor", "--json")
    assert (answer.code, failure(answer)["name"], failure(answer)["code"]) == (1, "store", "warehouse_locked")
    assert f"process {holder.pid}" in failure(answer)["detail"]
    assert states(answer)["acme/hubspot"] == "ok"


@pytest.mark.parametrize(("setting", "name"), [("CRM_DATA_DIR", "data folder"), ("CRM_WAREHOUSE", "store")])
def test_a_place_that_cannot_be_written(shell: Shell, setting: str, name: str) -> None:
    """/proc takes no file, not even from root; permission bits say otherwise."""
    value = "duckdb:////proc/crm/crm.duckdb" if setting == "CRM_WAREHOUSE" else "/proc/crm"
    answer = shell("doctor", "--json", **{setting: value})
    assert (answer.code, failure(answer)["name"]) == (2, name)
    assert setting in failure(answer)["action"]


def test_a_broken_connection(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.book.break_connection(sandbox.book.of_account("acme")[0], "refresh")
    answer = shell("doctor", "--json")
    assert (answer.code, failure(answer)["name"]) == (1, "acme/hubspot")
    assert failure(answer)["action"] == "Connect it again: `crm-pipeline connect acme hubspot`."


def test_a_connection_of_nobody_is_no_problem(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.connect("orphan", tags={"project": "x"})
    answer = shell("doctor", "--json")
    assert (answer.code, states(answer)["(unassigned)/hubspot"]) == (0, "skipped")


def test_who_is_told_of_failures_is_said_and_tried(shell: Shell, sandbox: Sandbox) -> None:
    assert "nobody is told" in shell("doctor").out
    assert shell("notices", "--test").code == 2
    with webhook() as received:
        hook = {"CRM_NOTICE_WEBHOOK": f"http://127.0.0.1:{received.port}/s3cret"}
        assert "a webhook at 127.0.0.1" in shell("doctor", **hook).out
        assert shell("notices", "--test", **hook).out == "a webhook at 127.0.0.1: sent\n"
        sandbox.faults.add(match={"path": "/crm/"}, times=None, answer="missing_scopes")
        assert [shell("sync", **hook).code for _ in range(2)] == [1, 1]
        (trouble,) = shell("notices", "--json", **hook).json["troubles"]
        assert (trouble["code"], trouble["told_at"] is not None) == ("missing_scope", True)
        sandbox.faults.clear()
        received.answer = 500
        broken = shell("sync", **hook)
        assert broken.code == 0, "a notice that cannot be sent fails no sync"
        assert "answered 500" in broken.err
        assert "s3cret" not in broken.err + broken.out
        received.answer = 200
        assert shell("sync", **hook).code == 0
    told = [post["text"].splitlines()[0] for post in received.posts]
    works = "CRM sync works again: acme, HubSpot"
    assert told == ["A test notice", "CRM sync failing: acme, HubSpot", works, works]


def test_check_says_what_is_wrong_with_the_leads(shell: Shell) -> None:
    assert shell("check").out.startswith("There is nothing to check.\n")
    assert shell("sync").code == 0
    well = shell("check", "--json")
    assert (well.code, well.json["success"], {one["account_id"] for one in well.json["checks"]}) == (0, True, {"acme"})
    with Warehouse(f"duckdb:///{shell.folder / '.crm/crm.duckdb'}", data_dir=shell.folder).session() as session:
        session.execute("update leads set phone = 'none'")  # type: ignore[attr-defined]
    people = shell("check", "--account", "acme")
    assert people.code == 1
    assert people.out.startswith("wrong    acme: phones_not_e164: ")
    assert "crm-pipeline rebuild --account acme" in people.out
    assert people.out.endswith("7 checks of 8 passed.\n")
    assert shell("rebuild").code == 0
    assert shell("check").code == 0
    unknown = shell("check", "--account", "acne")
    assert (unknown.code, "There are: acme." in unknown.err) == (2, True), "a clock's command must not stay green"
