from __future__ import annotations

from crm_pipeline_tests.sandbox.caller import Caller, a_sandbox


def _owners(caller: Caller, **query: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = caller.crm("GET", "/crm/v3/owners", query=query).json["results"]
    return found


def test_contacts_belong_to_active_and_to_former_owners() -> None:
    with a_sandbox(400) as caller:
        active = {str(owner["id"]) for owner in _owners(caller)}
        former = {str(owner["id"]) for owner in _owners(caller, archived="true")}
        used = {c["properties"]["hubspot_owner_id"] for c in caller.everyone(properties="hubspot_owner_id")} - {None}
        assert used <= active | former
        assert used & active
        assert used & former


def test_an_owner_who_left_has_no_user_id() -> None:
    with a_sandbox() as caller:
        former = _owners(caller, archived="true")
        assert all(owner["userId"] is None and owner["userIdIncludingInactive"] for owner in former)
        assert "QUEUE" in {owner["type"] for owner in _owners(caller)}


def test_owners_come_in_pages() -> None:
    with a_sandbox() as caller:
        whole = _owners(caller)
        first = caller.crm("GET", "/crm/v3/owners?limit=5").json
        rest = caller.crm("GET", "/crm/v3/owners", query={"limit": 100, "after": first["paging"]["next"]["after"]}).json
        assert first["results"] + rest["results"] == whole
        assert "paging" not in rest
        assert caller.crm("GET", "/crm/v3/owners?after=!").status == 400


def test_one_owner_by_id_and_by_user_id() -> None:
    with a_sandbox() as caller:
        owner = _owners(caller)[0]
        assert caller.crm("GET", f"/crm/v3/owners/{owner['id']}").json == owner
        assert caller.crm("GET", f"/crm/v3/owners/{owner['userId']}?idProperty=userId").json == owner
        assert caller.crm("GET", "/crm/v3/owners/1").status == 404


def test_status_and_stage_have_labels_and_custom_stages_are_numbers() -> None:
    with a_sandbox() as caller:
        items = {item["name"]: item for item in caller.crm("GET", "/crm/v3/properties/contacts").json["results"]}
        stages = {option["value"]: option["label"] for option in items["lifecyclestage"]["options"]}
        assert stages["salesqualifiedlead"] == "Sales Qualified Lead"
        assert any(value.isdigit() for value in stages)
        assert {"value": "NEW", "label": "New", "displayOrder": 0, "hidden": False} in items["hs_lead_status"][
            "options"
        ]
        assert items["hubspot_owner_id"]["referencedObjectType"] == "OWNER"
        assert items["hs_object_id"]["modificationMetadata"]["readOnlyValue"] is True


def test_stages_of_contacts_are_among_the_options() -> None:
    with a_sandbox(300) as caller:
        options = caller.crm("GET", "/crm/v3/properties/contacts/lifecyclestage").json["options"]
        used = {c["properties"]["lifecyclestage"] for c in caller.everyone(properties="lifecyclestage")}
        assert used - {None} == {option["value"] for option in options}


def test_the_companies_of_contacts_can_be_read() -> None:
    with a_sandbox(200) as caller:
        contacts = caller.everyone(properties="company,associatedcompanyid")
        named = {c["properties"]["associatedcompanyid"]: c["properties"]["company"] for c in contacts}
        named.pop(None)
        inputs = [{"id": number} for number in list(named)[:50]]
        answer = caller.crm("POST", "/crm/v3/objects/companies/batch/read", {"inputs": inputs, "properties": ["name"]})
        assert {c["id"]: c["properties"]["name"] for c in answer.json["results"]}.items() <= named.items()
        assert len(answer.json["results"]) == len(inputs)


def test_the_account_is_the_one_of_the_connection() -> None:
    with a_sandbox() as caller:
        details = caller.crm("GET", "/account-info/v3/details").json
        target = f"/connections/{caller.connection_id}?provider_config_key=hubspot"
        assert caller.nango("GET", target).json["connection_config"] == {"portalId": details["portalId"]}


def test_record_counts_count_live_contacts() -> None:
    with a_sandbox(300) as caller:
        usage = caller.crm("GET", "/crm/v3/limits/records").json["hubspotDefinedObjectTypes"][0]
        assert (usage["objectTypeId"], usage["usage"]) == ("0-1", len(caller.everyone()))
