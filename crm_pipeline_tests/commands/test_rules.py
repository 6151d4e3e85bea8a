"""`together`, `apart`, `split`, `rules` and `review`: what a person says takes effect at once, without Nango."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from crm_pipeline_tests.commands.shell import DEAD, Answer, Shell, a_sandbox

PHONE, OFFICE = "+14155552671", "+12125552000"
WORKERS = ("Ann", "Bob", "Cy", "Dee", "Eve", "Fay")


@dataclass(frozen=True, slots=True)
class Office:
    """A shell over a synced store: Jim and Kim on one phone, six people on another; Nango is gone."""

    shell: Shell
    ids: dict[str, str]
    """The id in the CRM, by name."""

    def leads(self) -> dict[str, str]:
        return {lead["name"]: lead["id"] for lead in self.shell("leads", "acme", "--json").json}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    people: list[dict[str, str | None]] = [
        {"firstname": "Jim", "lastname": "One", "phone": PHONE},
        {"firstname": "Kim", "lastname": "Two", "phone": PHONE},
    ]
    people += [{"firstname": name, "lastname": f"Office{name}", "phone": OFFICE} for name in WORKERS]
    with a_sandbox(contacts=5) as sandbox:
        ids = {str(one["firstname"]): str(sandbox.portal("acme").create(one)) for one in people}
        shell = Shell(tmp_path, sandbox.environment())
        assert shell("sync", "--json").code == 0
    shell.environment["NANGO_HOST"] = DEAD
    return Office(shell, {name: f"hubspot:{crm_id}" for name, crm_id in ids.items()})


def refused(answer: Answer) -> str:
    assert (answer.code, answer.error["code"]) == (2, "invalid_setting")
    return answer.error["message"]


def test_apart_and_back(office: Office) -> None:
    before = office.leads()
    said = office.shell("apart", "acme", office.ids["Jim"], office.ids["Kim"], "--note", "two brothers", "--json")
    assert said.json["success"]
    leads = {contact["name"]: contact["lead_id"] for contact in said.json["contacts"]}
    assert len(set(leads.values())) == 2
    assert leads.items() <= office.leads().items()
    (rule,) = office.shell("rules", "acme", "--json").json
    assert (rule["kind"], rule["note"], rule["is_kept"]) == ("apart", "two brothers", True)
    gone = office.shell("rules", "acme", "--remove", office.ids["Kim"], office.ids["Jim"])
    assert (gone.code, "The rule is gone" in gone.out) == (0, True)
    assert office.shell("rules", "acme", "--json").json == []
    assert office.leads() == before


def test_together(office: Office) -> None:
    shown = office.shell("together", "acme", office.ids["Ann"], office.ids["Bob"])
    assert (shown.code, shown.err) == (0, "")
    assert "Kept together from now on." in shown.out
    leads = office.leads()
    assert ("Ann OfficeAnn" in leads) != ("Bob OfficeBob" in leads)
    lead = next(leads[name] for name in leads if name[:3] in ("Ann", "Bob"))
    assert office.shell("changes", lead, "--json").code == 0


def test_together_says_so_when_they_are_not(office: Office) -> None:
    ann, bob, cy = (office.ids[name] for name in ("Ann", "Bob", "Cy"))
    office.shell("together", "acme", ann, bob)
    office.shell("apart", "acme", bob, cy)
    shown = office.shell("together", "acme", ann, cy)
    assert "They are not together yet: another rule keeps them apart." in shown.out


def test_a_rule_said_again_keeps_its_note_and_its_opposite_does_not(office: Office) -> None:
    pair = office.ids["Jim"], office.ids["Kim"]
    notes = []
    for kind, note in (("apart", ("--note", "two brothers")), ("apart", ()), ("together", ())):
        assert office.shell(kind, "acme", *pair, *note).code == 0
        notes += [rule["note"] for rule in office.shell("rules", "acme", "--json").json]
    assert notes == ["two brothers", "two brothers", None]


def test_split(office: Office) -> None:
    (lead_id,) = (key for name, key in office.leads().items() if name.startswith(("Jim", "Kim")))
    parted = office.shell("split", lead_id, office.ids["Kim"])
    assert (parted.code, parted.err) == (0, "")
    assert {"Jim One", "Kim Two"} <= set(office.leads())
    told = [office.shell("changes", office.leads()[name]).out for name in ("Jim One", "Kim Two")]
    assert any("by hand" in line for text in told for line in text.splitlines() if " split " in line)
    table = office.shell("rules", "acme").out
    assert "apart" in table
    assert "1 rule" in table
    kim, jim = office.ids["Kim"], office.ids["Jim"]
    assert "all the contacts" in refused(office.shell("split", office.leads()["Kim Two"], kim, "--json"))
    elsewhere = office.shell("split", office.leads()["Kim Two"], jim, "--json")
    assert refused(elsewhere).endswith(f"does not have {jim}.")
    assert elsewhere.error["action"] == f"It has {kim}."


def test_review_names_the_phone_and_who_has_it(office: Office) -> None:
    (value,) = (one for one in office.shell("review", "acme", "--json").json if one["value"] == OFFICE)
    assert (value["kind"], value["why"], value["names"], value["contacts"], value["leads"]) == (
        "phone", "many_names", 6, 6, 6,
    )  # fmt: skip
    assert len(value["examples"]) == 5
    assert {f"hubspot:{one['crm_id']}" for one in value["examples"]} < set(office.ids.values())
    shown = office.shell("review", "acme", COLUMNS="100").out
    assert OFFICE in shown
    assert max(map(len, shown.splitlines())) <= 100


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("together", "acme", "hubspot:none", "hubspot:none"), "no contact"),
        (("apart", "globex", "hubspot:1", "hubspot:2"), "no contact"),
        (("split", "5f0c1c3a-1c2e-5d0c-9a6e-7d3b6f1f2b11", "hubspot:1"), "No lead"),
        (("split", "lead", "hubspot:1"), "UUID"),
    ],
    ids=str,
)
def test_what_is_not_there_is_refused(empty: Shell, arguments: tuple[str, ...], message: str) -> None:
    assert message in refused(empty(*arguments, "--json"))


def test_an_empty_store_has_nothing_to_show(empty: Shell) -> None:
    for command, told in (("rules", "has no rules"), ("review", "Nothing to review")):
        answer = empty(command, "acme")
        assert (answer.code, told in answer.out) == (0, True)
        document: Any = empty(command, "acme", "--json").json
        assert document == []
