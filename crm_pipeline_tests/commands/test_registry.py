"""`connections` and `connect`: whose connection it is, and which are refused."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlencode

import pytest

from crm_pipeline.providers import PROVIDERS
from crm_pipeline.sandbox.server import Sandbox
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import DEAD, Shell, a_sandbox

COLUMNS = {
    "account_id", "provider", "connection_id", "state", "is_active", "nango_integration", "nango_connection_id",
    "last_synced_at", "last_error_code", "last_error_message", "last_error_action", "last_error_at", "created_at",
    "updated_at",
}  # fmt: skip


def connection_id(sandbox: Sandbox, account: str = "acme") -> str:
    return sandbox.book.of_account(account)[0].connection_id


def authorize(link: str, answer: str = "authorize") -> None:
    """What a person does on the page behind a connect link."""
    with urllib.request.urlopen(link) as page:
        assert b"Authorize" in page.read()
    place, _, token = link.partition("?session_token=")
    with urllib.request.urlopen(place, urlencode({"session_token": token, "answer": answer}).encode()) as page:
        assert page.status == 200


def test_connections_are_known_once_nango_was_asked(shell: Shell) -> None:
    before, refreshed = shell("connections"), shell("connections", "--refresh", "--json")
    assert (before.code, before.out.splitlines()[0]) == (0, "No connections are known yet.")
    assert "`crm-pipeline connections --refresh`" in before.out
    (row,) = refreshed.json
    assert (refreshed.code, refreshed.err, set(row)) == (0, "", COLUMNS)
    assert (row["account_id"], row["provider"], row["state"], row["is_active"]) == ("acme", "hubspot", "active", True)
    assert row["created_at"].endswith("Z")
    assert shell("connections", "--json").json == refreshed.json


def test_each_state_is_shown(shell: Shell, sandbox: Sandbox) -> None:
    for account in ("broken", "gone"):
        sandbox.connect(account)
    sandbox.connect("orphan", tags={"project": "x"})
    shell("connections", "--refresh")
    sandbox.book.break_connection(sandbox.book.of_account("broken")[0], "refresh")
    sandbox.book.remove("hubspot", connection_id(sandbox, "gone"))
    rows = shell("connections", "--refresh", "--json").json
    states = {row["account_id"]: row["state"] for row in rows}
    assert states == {"": "unassigned", "acme": "active", "broken": "needs_reconnect", "gone": "disconnected"}
    out = shell("connections").out
    assert all(state in out for state in states.values())


@pytest.mark.parametrize("width", [80, 120])
def test_the_id_to_copy_is_whole_at_every_width(synced: Synced, width: int) -> None:
    out = synced.shell("connections", COLUMNS=str(width)).out
    assert max(map(len, out.splitlines())) <= width
    assert connection_id(synced.sandbox) in out
    assert "…" not in out


def test_a_connect_link_leads_to_a_connection_of_the_account(shell: Shell, sandbox: Sandbox) -> None:
    answer = shell("connect", "initech", "hubspot")
    assert (answer.code, answer.out.count("\n")) == (0, 1)
    assert "Then run `crm-pipeline sync --account initech`." in answer.err
    authorize(answer.out.strip())
    assert shell("sync", "--account", "initech").code == 0
    assert len(sandbox.book.of_account("initech")) == 1


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
def test_a_connect_link_leads_to_the_crm_that_was_named(empty: Shell, provider: str) -> None:
    with a_sandbox(crms=tuple(PROVIDERS)) as sandbox:
        answer = empty("connect", "initech", provider, **sandbox.environment())
        authorize(answer.out.strip())
        (connection,) = sandbox.book.of_account("initech")
    assert connection.integration == PROVIDERS[provider].integration
    assert f"connect {PROVIDERS[provider].title} for initech" in answer.err


def test_a_connection_of_an_agency_is_refused_with_what_to_do(empty: Shell) -> None:
    with a_sandbox(crms=("gohighlevel",)) as sandbox:
        (connection,) = sandbox.book.all()
        connection.config = {"companyId": "agency"}
        arguments = ("connect", "acme", "gohighlevel", "--connection-id", connection.connection_id, "--json")
        answer = empty(*arguments, **sandbox.environment())
    assert (answer.code, answer.error["code"]) == (2, "connection_misconfigured")
    assert "sub-account" in answer.error["action"]


def test_a_connect_link_as_json(shell: Shell) -> None:
    answer = shell("connect", "acme", "hubspot", "--json")
    assert (answer.code, answer.err, set(answer.json)) == (0, "", {"success", "connect_link", "expires_at"})
    assert answer.json["expires_at"].endswith("Z")


def test_a_connection_that_was_made_is_saved_and_synced_at_once(shell: Shell, sandbox: Sandbox) -> None:
    answer = shell("connect", "acme", "hubspot", "--connection-id", connection_id(sandbox), "--json")
    assert (answer.code, answer.err, answer.json["success"]) == (0, "", True)
    assert answer.json["connection"]["nango_connection_id"] == connection_id(sandbox)
    assert answer.json["syncs"][0]["status"] == "succeeded"
    assert shell("history", "--json").json[0]["trigger"] == "connected"
    again = shell("connect", "acme", "hubspot", "--connection-id", connection_id(sandbox))
    assert (again.code, again.out.startswith("acme/hubspot: Synced 0 contacts")) == (0, True)


def test_anothers_connection_is_answered_like_one_that_does_not_exist(synced: Synced) -> None:
    """Otherwise whoever may connect could learn which ids other accounts have."""
    theirs = connection_id(synced.sandbox, "globex")
    unknown = "11111111-1111-4111-8111-111111111111"
    answers = [
        synced.shell("connect", "acme", "hubspot", "--connection-id", key, "--json") for key in (theirs, unknown)
    ]
    assert [(answer.code, answer.error["code"]) for answer in answers] == [(2, "connection_not_found")] * 2
    one, other = answers
    assert one.out.replace(theirs, "…") == other.out.replace(unknown, "…")
    assert "tag `account_id`" in one.error["action"]


def test_a_connection_of_another_crm_is_refused(shell: Shell, sandbox: Sandbox) -> None:
    sandbox.book.of_account("acme")[0].provider = "pipedrive"
    answer = shell("connect", "acme", "hubspot", "--connection-id", connection_id(sandbox), "--json")
    assert (answer.code, answer.error["code"]) == (2, "connection_misconfigured")
    assert "is for Pipedrive, not for HubSpot" in answer.error["message"]
    assert "pipedrive" in answer.error["action"]


@pytest.mark.parametrize(
    ("more", "code"),
    [((), "connection_misconfigured"), (("--connection-id", "x"), "connection_not_found")],
    ids=["link", "adopt"],
)
def test_an_integration_that_nango_does_not_have(shell: Shell, more: tuple[str, ...], code: str) -> None:
    answer = shell("connect", "acme", "hubspot", "--integration", "hubspot-eu", *more, "--json")
    assert (answer.code, answer.error["code"]) == (2, code)
    assert "hubspot-eu" in answer.error["message"] + answer.error["action"]


def test_the_integration_is_named_in_the_advice(shell: Shell) -> None:
    answer = shell("connect", "acme", "hubspot", "--integration", "hubspot-eu")
    assert "integration with the key hubspot-eu" in answer.err.splitlines()[1]


@pytest.mark.parametrize("arguments", [("connections", "--refresh"), ("connect", "acme", "hubspot")], ids=" ".join)
def test_an_unreachable_nango_is_told_within_seconds(shell: Shell, arguments: tuple[str, ...]) -> None:
    answer = shell(*arguments, "--json", NANGO_HOST=DEAD)
    assert (answer.code, answer.error["code"]) == (1, "nango_unavailable")
    assert "NANGO_HOST" in answer.error["action"]
