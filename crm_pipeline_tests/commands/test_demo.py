"""`demo` and `sandbox`: what somebody sees who has no account anywhere."""

from __future__ import annotations

import re
import signal
import socket
from pathlib import Path

import pytest

from crm_pipeline.commands.demo_work import work
from crm_pipeline.providers import PROVIDERS
from crm_pipeline_tests.commands.conftest import Shown, Synced
from crm_pipeline_tests.commands.shell import Shell, a_sandbox, ended


def chapter(shown: Shown, title: str) -> str:
    """The story from a title on to the next one."""
    return re.split(r"^(?:\d\. |What next)", shown.answer.err.split(title)[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_the_demo_tells_its_story_of_five_crms(shown: Shown) -> None:
    assert shown.answer.code == 0
    first, second = chapter(shown, "The first sync reads everything"), chapter(shown, "The second sync of acme")
    labels = [f"{account}/{name}" for account in ("acme", "globex") for name in sorted(PROVIDERS)]
    assert re.findall(r"^(\w+/\w+)(?: +[\d.]+){6}$", first, re.MULTILINE) == labels
    assert re.search(r"\d  missing_phone +.+ in (?:GoHighLevel|HubSpot)", first)
    assert len(re.findall(r"\+\d{8,15}", chapter(shown, "The leads of acme"))) == 10
    assert re.findall(r"^(acme/\w+)(?: +\d+){6}$", second, re.MULTILINE) == labels[:5]
    for title in (provider.title for provider in PROVIDERS.values()):
        assert title in chapter(shown, f"A local Nango with {len(PROVIDERS)} CRMs")
        assert re.search(rf"^{title} ", chapter(shown, "People work in the CRMs"), re.MULTILINE)


def test_the_demo_shows_who_is_one_person_in_several_crms(shown: Shown) -> None:
    people = chapter(shown, "People in several CRMs became one lead each")
    assert re.search(r"Of \d+ leads of acme, \d+ are known in 2 CRMs", " ".join(people.split()))
    assert people.count("met first") == 3
    assert people.count("same phone") >= 3


def test_every_change_in_a_crm_is_seen_on_a_lead(shown: Shown) -> None:
    changed = chapter(shown, "The second sync of acme").split("What the sync changed")[1]
    for text in (
        "merged into", "Demo-Married", "→ In Pflege", "→ Demo In", "Ada New", "a new lead", "→ +14155552671",
        "not to be texted any more: deleted",
    ):  # fmt: skip
        assert text in changed
    known = re.search(r"^acme/gohighlevel +(\d+) +(\d+) +(\d+)", chapter(shown, "The second sync"), re.MULTILINE)
    assert known is not None
    assert known.groups() == ("2", "0", "1"), "one more contact of a person known by e-mail makes no new lead"


def test_the_story_fits_its_terminal_and_its_commands_work(shown: Shown) -> None:
    from rich.cells import cell_len

    lines = shown.answer.err.splitlines()
    assert [line for line in lines if cell_len(line) > 80 and not line.startswith("  CRM_")] == []
    commands = re.findall(r"^  CRM_WAREHOUSE=(\S+) crm-pipeline (.+)$", shown.answer.err, re.MULTILINE)
    assert len(commands) == 4
    for store, line in commands:
        assert shown.shell(*line.split(), CRM_WAREHOUSE=store).code == 0


def test_the_demo_is_one_document_and_leaves_a_real_key_and_store_alone(shown: Shown) -> None:
    assert (set(shown.answer.json), shown.answer.json["success"]) == ({"success", "syncs", "leads"}, True)
    assert [sync["account_id"] for sync in shown.answer.json["syncs"]] == ["acme"] * 5 + ["globex"] * 5 + ["acme"] * 5
    assert len(shown.answer.json["leads"]) == 10
    assert [path.name for path in shown.shell.folder.iterdir()] == [".crm"]
    assert not (shown.shell.folder / ".crm" / "crm.duckdb").exists()


@pytest.mark.parametrize("width", [80, 120])
def test_commands_read_well_with_five_crms(shown: Shown, width: int) -> None:
    from rich.cells import cell_len

    titles = [provider.title for provider in PROVIDERS.values()]
    for arguments in (("connections",), ("rejections", "acme", "--reason", "missing_phone"), ("history",)):
        out = shown.shell(*arguments, COLUMNS=str(width)).out
        assert max(map(cell_len, out.splitlines())) <= width
        assert arguments == ("history",) or all(title in out for title in titles)
    assert all(f"acme/{name}  active" in shown.shell("status").out for name in PROVIDERS)


def test_a_rejection_links_to_its_record_in_every_crm(shown: Shown) -> None:
    links = {row["provider"]: row["url"] for row in shown.shell("rejections", "acme", "--json").json}
    hosts = {name: re.match(r"https://([^/]+)/", link)[1] for name, link in links.items()}  # type: ignore[index]
    assert set(hosts) == set(PROVIDERS)
    assert len(set(hosts.values())) == len(PROVIDERS)


def test_a_change_that_needs_somebody_who_is_not_there_is_left_out() -> None:
    with a_sandbox(contacts=0, crms=tuple(PROVIDERS)) as sandbox:
        assert [provider for provider, _ in work(sandbox, "acme", [])] == ["pipedrive"]


def test_the_demo_refuses_the_store_of_another_nango(synced: Synced) -> None:
    answer = synced.shell("demo", "--seed", "8", "--json", CRM_WAREHOUSE="duckdb:///.crm/crm.duckdb")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    assert "CRM_WAREHOUSE" in answer.error["action"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_prints_two_lines_serves_and_ends_in_order(empty: Shell, number: signal.Signals) -> None:
    process = empty.start("sandbox", "--contacts", "30")
    assert process.stdout is not None
    lines = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
    try:
        assert set(lines) == {"NANGO_HOST", "NANGO_SECRET_KEY"}
        checks = [check["name"] for check in empty("doctor", "--json", **lines).json["checks"]]
        assert checks[-10:] == [f"{account}/{name}" for account in ("acme", "globex") for name in sorted(PROVIDERS)]
    finally:
        process.send_signal(number)
    answer = ended(process)
    assert (answer.code, answer.out) == (0, "")
    assert "30 contacts in each CRM: HubSpot, Salesforce, Pipedrive, Zoho CRM, GoHighLevel." in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize("chosen", ["hubspot,myspace", " , "])
def test_the_sandbox_names_the_crms_it_can_play(empty: Shell, chosen: str) -> None:
    answer = empty("sandbox", "--crms", chosen)
    assert (answer.code, answer.out) == (2, "")
    assert all(name in answer.err for name in ("--crms", *PROVIDERS))


def test_a_port_that_is_taken(empty: Shell) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = empty("sandbox", "--port", str(taken.getsockname()[1]))
    assert (answer.code, answer.out) == (2, "")
    assert "--port" in answer.err.splitlines()[1]


def test_the_demo_says_the_path_of_a_command_that_the_shell_would_not_find(
    empty: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from crm_pipeline.commands.demo import _program

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", [".venv/bin/crm-pipeline"])
    assert _program() == ".venv/bin/crm-pipeline"
    monkeypatch.setattr("sys.argv", [str(Path.cwd() / "bin" / "crm-pipeline")])
    assert _program() == "bin/crm-pipeline"
    monkeypatch.setattr("sys.argv", ["pytest"])
    assert _program() == "crm-pipeline"
