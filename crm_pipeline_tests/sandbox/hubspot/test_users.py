from __future__ import annotations

import pytest

from crm_pipeline.sandbox.crm import BadControl, Card, NoSuchRecord, Users
from crm_pipeline.sandbox.hubspot.api import HubSpotApi, open_hubspot
from crm_pipeline_tests.sandbox.caller import START, Caller, SetClock, a_sandbox, where


def an_api(contacts: int = 0, clock: SetClock | None = None) -> HubSpotApi:
    return open_hubspot("acme", 7, contacts, clock or SetClock())


def everything(first: str = "Ada") -> dict[str, str | None]:
    return {
        "first": first, "last": "Lovelace", "phone": "1", "mobile": "2", "email": "ada@x.example",
        "company": "Engines Ltd", "country": "GB", "note": "Call back",
    }  # fmt: skip


def test_an_added_contact_has_an_owner_a_status_a_stage_and_a_company() -> None:
    users: Users = an_api().users
    crm_id = users.add(**everything())
    card = users.cards()[crm_id]
    assert card == Card(
        object_type="contact", first="Ada", last="Lovelace", phones=("1", "2"), emails=("ada@x.example",),
        company="Engines Ltd", country="GB", owner="Jo Reed", owner_email="owner1@acme.example", status="New",
        stage="Subscriber", note="Call back", human=card.human,
    )  # fmt: skip


def test_every_added_contact_is_somebody_else_in_every_portal() -> None:
    one, other = an_api(300), open_hubspot("globex", 7, 300, SetClock())
    known = {card.human for api in (one, other) for card in api.users.cards().values()}
    added = [(api, api.users.add(first="A")) for api in (one, one, other)]
    humans = {api.users.cards()[crm_id].human for api, crm_id in added}
    assert len(humans) == 3
    assert not humans & known


def test_an_owner_without_a_name_shows_the_address_and_one_without_both_nothing() -> None:
    api = an_api()
    crm_id = api.users.add(first="Ada")
    api.users.rename_owner(crm_id, "", "jo@acme.example")
    assert api.users.cards()[crm_id].owner == "jo@acme.example"
    api.users.rename_owner(crm_id, "", "")
    assert (api.users.cards()[crm_id].owner, api.users.cards()[crm_id].owner_email) == (None, None)
    api.users.rename_owner(crm_id, "Joanna van Reed", "jvr@acme.example")
    assert api.users.cards()[crm_id].owner == "Joanna van Reed"


def test_a_renamed_owner_and_company_leave_the_contact_untouched() -> None:
    clock = SetClock()
    api = an_api(clock=clock)
    crm_id = api.users.add(first="Ada", company="Engines Ltd")
    other = api.users.add(first="Bea", company="Engines Ltd")
    before = api.oracle()
    clock.move(60)
    api.users.rename_owner(crm_id, "New Name", "new@acme.example")
    api.users.rename_company(crm_id, "Engines Group")
    assert api.oracle() == before
    cards = api.users.cards()
    assert (cards[crm_id].company, cards[other].company) == ("Engines Group", "Engines Group")
    assert (cards[crm_id].owner, cards[other].owner) == ("New Name", "Amara Okafor")


def test_an_edit_changes_what_it_names_and_none_clears() -> None:
    clock = SetClock()
    api = an_api(clock=clock)
    crm_id = api.users.add(**everything())
    clock.move(60)
    api.users.edit(crm_id, touch=False, phone="3", company=None)
    card = api.users.cards()[crm_id]
    assert (card.phones, card.company, card.first) == (("3", "2"), None, "Ada")
    assert api.portal.live[int(crm_id)].updated_ms == START * 1000
    api.users.edit(crm_id, company="Other Ltd")
    assert api.users.cards()[crm_id].company == "Other Ltd"
    assert api.portal.live[int(crm_id)].updated_ms == (START + 60) * 1000


def test_deleted_restored_purged_and_merged_contacts() -> None:
    users = an_api().users
    a, b, c = (users.add(first=name, email=f"{name}@x.example") for name in ("a", "b", "c"))
    users.delete(a)
    assert list(users.cards()) == [b, c]
    users.restore(a)
    survivor = users.merge(b, a)
    assert set(users.cards()) == {c, survivor}
    assert users.cards()[survivor].emails == ("b@x.example", "a@x.example")
    users.purge(c)
    assert set(users.cards()) == {survivor}
    with pytest.raises(NoSuchRecord):
        users.restore(c)


@pytest.mark.parametrize("change", ["edit", "delete", "rename_owner", "rename_company"])
def test_changing_nobody_is_an_error(change: str) -> None:
    users = an_api(3).users
    arguments = {"rename_owner": ("1", "A", "a@x.example"), "rename_company": ("1", "A")}.get(change, ("1",))
    with pytest.raises(NoSuchRecord):
        getattr(users, change)(*arguments)


def test_words_that_hubspot_does_not_know_are_refused() -> None:
    users = an_api().users
    with pytest.raises(BadControl, match="shoe_size"):
        users.add(shoe_size="43")
    with pytest.raises(BadControl, match="lead"):
        users.add(object_type="lead")


def test_a_card_shows_the_company_by_its_name_and_else_by_the_text() -> None:
    api = an_api(400)
    linked = [record for record in api.portal.live.values() if "associatedcompanyid" in record.properties]
    alone = next(
        record
        for record in api.portal.live.values()
        if "company" in record.properties and "associatedcompanyid" not in record.properties
    )
    api.users.rename_company(str(linked[0].id), "Renamed Ltd")
    cards = api.users.cards()
    assert cards[str(linked[0].id)].company == "Renamed Ltd"
    assert cards[str(alone.id)].company == alone.properties["company"]


def _changed_since(caller: Caller, moment: float) -> int:
    total: int = caller.search(**where("lastmodifieddate", "GTE", str(int(moment * 1000)))).json["total"]
    return total


def test_everybody_gets_one_time_of_change() -> None:
    with a_sandbox(200, clock=SetClock()) as caller:
        live = len(caller.everyone())
        caller.sandbox.crm("hubspot", "acme").users.stamp_all(int(START * 1000))
        assert (_changed_since(caller, START), _changed_since(caller, START + 0.001)) == (live, 0)
        assert {contact["updatedAt"] for contact in caller.everyone()} == {"2026-09-21T14:13:20.000Z"}


def test_custom_fields_are_filled_in_every_contact_and_more_may_follow() -> None:
    with a_sandbox(20) as caller:
        users = caller.sandbox.crm("hubspot", "acme").users
        users.add_custom_fields(2)
        users.add_custom_fields(1)
        names = [f"custom_field_{number:04d}" for number in (1, 2, 3)]
        contacts = caller.everyone(properties=",".join(names))
        assert all(contact["properties"][name] for contact in contacts for name in names)
        defined = caller.crm("GET", "/crm/v3/properties/contacts").json["results"]
        assert [item["name"] for item in defined if item["hubspotDefined"] is False] == names


def test_a_custom_enumeration_has_labels_and_takes_nothing_else() -> None:
    with a_sandbox(3) as caller:
        change = {"add_property": {"name": "fit", "kind": "enumeration", "options": {"1": "Good", "2": "Bad"}}}
        assert caller.control("POST", "hubspot/acme/set", change).status == 200
        options = caller.crm("GET", "/crm/v3/properties/contacts/fit").json["options"]
        assert [(option["value"], option["label"]) for option in options] == [("1", "Good"), ("2", "Bad")]
        contact = f"/crm/v3/objects/contacts/{caller.everyone()[0]['id']}"
        assert caller.crm("PATCH", contact, {"properties": {"fit": "2"}}).status == 200
        assert caller.crm("PATCH", contact, {"properties": {"fit": "3"}}).status == 400


def test_a_lag_hides_changes_from_search_alone() -> None:
    clock = SetClock()
    with a_sandbox(5, clock=clock) as caller:
        users = caller.sandbox.crm("hubspot", "acme").users
        users.set_lag(90)
        crm_id = users.add(first="Ada")
        assert crm_id in {contact["id"] for contact in caller.everyone()}
        assert _changed_since(caller, START) == 0
        clock.move(90)
        assert _changed_since(caller, START) == 1


def test_owners_and_companies_can_be_renamed_by_control() -> None:
    with a_sandbox(60) as caller:
        portal = caller.sandbox.portal("acme")
        owner, company = portal.owners[0].id, min(portal.companies)
        name = {"id": owner, "first": "Joan", "last": "Reed", "email": "joan@acme.example"}
        assert caller.control("POST", "hubspot/acme/rename_owner", name).status == 200
        assert caller.crm("GET", f"/crm/v3/owners/{owner}").json["firstName"] == "Joan"
        assert caller.control("POST", "hubspot/acme/rename_company", {"id": company, "name": "New"}).status == 200
        assert portal.companies[company].properties["name"] == "New"
        assert caller.control("POST", "hubspot/acme/rename_company", {"id": "1", "name": "New"}).status == 404
