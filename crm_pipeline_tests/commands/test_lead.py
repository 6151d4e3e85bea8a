"""`lead`: one person whole, for people and as a document."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from crm_pipeline.commands.lead import FIELDS
from crm_pipeline_tests.commands.conftest import Synced
from crm_pipeline_tests.commands.shell import Shell, a_sandbox

ANN = "(415) 555-2671"


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A store with a lead of two contacts, the second of which gave it an e-mail."""
    with a_sandbox() as sandbox:
        portal, made = sandbox.portal("acme"), Shell(tmp_path_factory.mktemp("lead"), sandbox.environment())
        portal.create({"firstname": "Ann", "lastname": "Twice", "phone": ANN, "company": "Acme"})
        made("sync")
        portal.create({"firstname": "Annie", "phone": "+1 415 555 2671", "email": "ann@twice.example"})
        made("sync")
        yield made


@pytest.fixture(scope="module")
def twice(shell: Shell) -> str:
    """Its id."""
    (lead,) = shell("leads", "acme", "--search", "4155552671", "--json").json
    return str(lead["id"])


def test_the_document_of_a_lead(shell: Shell, twice: str) -> None:
    told = shell("lead", twice.upper(), "--json").json
    assert (told["lead_id"], told["account_id"], told["state"]) == (twice, "acme", "active")
    assert [field["field"] for field in told["fields"]] == list(FIELDS)
    assert sorted(one["why"] for one in told["contacts"]) == ["first contact of this person", "same phone +14155552671"]
    assert sum(one["is_primary"] for one in told["contacts"]) == 1
    typed = {one["phones"][0]["typed"]: one["phones"][0]["value"] for one in told["contacts"]}
    assert typed == {ANN: "+14155552671", "+1 415 555 2671": "+14155552671"}
    assert all(one["url"].startswith("https://app.hubspot.com/") for one in told["contacts"])
    fields = {field["field"]: field for field in told["fields"]}
    by_id = {one["crm_id"]: one for one in told["contacts"]}
    assert by_id[fields["email"]["source"]["crm_id"]]["email"] == fields["email"]["value"] == "ann@twice.example"
    assert by_id[fields["company"]["source"]["crm_id"]]["company"] == fields["company"]["value"] == "Acme"
    assert {fields["name"]["value"], fields["name"]["others"][0]["value"]} == {"Ann Twice", "Annie"}
    assert fields["crm_status"]["source"] is None
    email = next(row for row in told["changes"] if row["field"] == "email")
    assert email["contact_crm_id"] == fields["email"]["source"]["crm_id"]


def test_a_lead_for_people(shell: Shell, twice: str) -> None:
    out = shell("lead", twice).out
    assert out.splitlines()[1] == f"{twice} of acme"
    for text in (
        "2 contacts",
        ANN,
        "same phone +14155552671",
        "Where each field comes from",
        "Last changes",
        "HubSpot",
    ):
        assert text in out, text


def test_what_is_typed_again_is_never_cut(shell: Shell, twice: str) -> None:
    contacts = shell("lead", twice, "--json").json["contacts"]
    out = shell("lead", twice, COLUMNS="60").out
    assert all(f"{one['provider']}:{one['crm_id']}" in out for one in contacts)


def test_an_unknown_lead(synced: Synced) -> None:
    answer = synced.shell("lead", str(uuid4()), "--json")
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")


def test_texts_of_a_crm_reach_no_terminal(synced: Synced) -> None:
    for lead in synced.shell("leads", "acme", "--search", "+141555526", "--json").json:
        assert "\x1b" not in synced.shell("lead", lead["id"]).out


def test_a_column_of_the_product_is_told_whatever_its_type(shell: Shell, twice: str) -> None:
    import duckdb

    with duckdb.connect(str(shell.folder / ".crm" / "crm.duckdb")) as store:
        store.execute("alter table leads add column score decimal(9, 2) default 1.25")
    assert shell("lead", twice, "--json").json["lead"]["score"] == "1.25"
