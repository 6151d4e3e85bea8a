"""The endpoints around contacts: owners, companies, property definitions, the account, record counts."""

from __future__ import annotations

import base64
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, json_reply
from crm_pipeline.sandbox.hubspot.desk import Desk, batch_reply
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal, whole
from crm_pipeline.sandbox.hubspot.records import READ_ONLY
from crm_pipeline.sandbox.hubspot.requests import (
    BASE_URL,
    Refused,
    flag,
    inputs,
    json_object,
    parameters,
    texts,
    whole_limit,
)

OWNER_LIMIT = 500
"""What several clients use; HubSpot documents only the default of 100."""
OWNER_PARAMETERS = frozenset({"limit", "after", "email", "archived"})
PROPERTY_PARAMETERS = frozenset({"archived", "dataSensitivity", "properties"})
LABELS = {
    "hs_lead_status": "Lead Status", "lifecyclestage": "Lifecycle Stage", "firstname": "First Name",
    "lastname": "Last Name",
}  # fmt: skip
FIELD_TYPES = {"enumeration": "select", "datetime": "date", "number": "number", "bool": "booleancheckbox"}


def read_companies(desk: Desk, request: Request) -> Reply:
    """Found ones in `results`, the ids of the others in `errors` with 207."""
    parameters(request, frozenset({"archived"}))
    body = json_object(request)
    names = desk.companies.property_names(",".join(texts(body.get("properties"))))
    asked = dict.fromkeys(inputs(body))
    found = {number: company for number in asked if (company := desk.portal.companies.get(whole(number)))}
    results = [orjson.Fragment(company.as_json(names)) for company in found.values()]
    return batch_reply(desk, results, [number for number in asked if number not in found], "COMPANY")


def search_companies(desk: Desk, request: Request) -> Reply:
    """Like the search for contacts, but the moment of change is called `hs_lastmodifieddate`."""
    return desk.companies.search(request)


def list_owners(desk: Desk, request: Request) -> Reply:
    """Active ones, or with `archived=true` those who left."""
    asked = parameters(request, OWNER_PARAMETERS)
    archived, limit = flag(asked, "archived"), whole_limit(asked, 100, OWNER_LIMIT)
    start = _opened(asked.get("after", ""))
    email = asked.get("email")
    owners = [o for o in desk.portal.owners if o.archived is archived and o.id >= start and email in (None, o.email)]
    answer: dict[str, Any] = {"results": [owner.as_object() for owner in owners[:limit]]}
    if len(owners) > limit:
        answer["paging"] = {"next": {"after": _sealed(owners[limit].id), "link": f"{BASE_URL}{request.path}"}}
    return json_reply(200, answer)


def read_owner(desk: Desk, request: Request, number: str) -> Reply:
    asked = parameters(request, frozenset({"idProperty", "archived"}))
    key = "userId" if asked.get("idProperty") == "userId" else "id"
    for owner in desk.portal.owners:
        if str(owner.as_object()[key]) == number and owner.archived is flag(asked, "archived"):
            return json_reply(200, owner.as_object())
    raise Refused(404, "OBJECT_NOT_FOUND", f"Owner {number} not found")


def list_properties(desk: Desk, request: Request) -> Reply:
    asked = parameters(request, PROPERTY_PARAMETERS)
    if flag(asked, "archived"):
        return json_reply(200, {"results": []})
    return json_reply(200, {"results": [_definition(desk.portal, name) for name in desk.portal.types]})


def read_property(desk: Desk, request: Request, name: str) -> Reply:
    parameters(request, PROPERTY_PARAMETERS)
    if name not in desk.portal.types:
        raise Refused(404, "OBJECT_NOT_FOUND", f"Property {name} does not exist")
    return json_reply(200, _definition(desk.portal, name))


def account(desk: Desk, request: Request) -> Reply:
    parameters(request, frozenset())
    details = {
        "portalId": desk.portal.portal_id, "accountType": "STANDARD", "timeZone": "US/Eastern",
        "companyCurrency": "USD", "additionalCurrencies": [], "utcOffset": "-05:00",
        "utcOffsetMilliseconds": -18_000_000, "uiDomain": "app.hubspot.com", "dataHostingLocation": "na1",
    }  # fmt: skip
    return json_reply(200, details)


def record_counts(desk: Desk, request: Request) -> Reply:
    used, most = len(desk.portal.ids()), 15_000_000
    usage = {
        "objectTypeId": "0-1", "singularLabel": "Contact", "pluralLabel": "Contacts", "usage": used, "limit": most,
        "percentage": round(100 * used / most, 2),
    }  # fmt: skip
    return json_reply(200, {"hubspotDefinedObjectTypes": [usage], "customObjectTypes": []})


def _definition(portal: HubSpotPortal, name: str) -> dict[str, Any]:
    kind, custom = portal.types[name], portal.custom.get(name)
    return {
        "name": name, "label": custom or LABELS.get(name, name.replace("_", " ").capitalize()), "type": kind,
        "fieldType": FIELD_TYPES.get(kind, "text"), "groupName": "contactinformation", "description": "",
        "options": [
            {"label": label, "value": value, "displayOrder": place, "hidden": False}
            for place, (value, label) in enumerate(portal.options.get(name, ()))
        ],
        "calculated": False, "hubspotDefined": custom is None, "hasUniqueValue": name == "email", "hidden": False,
        "formField": True, "externalOptions": name == "hubspot_owner_id", "dataSensitivity": "non_sensitive",
        **({"referencedObjectType": "OWNER"} if name == "hubspot_owner_id" else {}),
        "modificationMetadata": {
            "archivable": custom is not None, "readOnlyDefinition": custom is None, "readOnlyOptions": custom is None,
            "readOnlyValue": name in READ_ONLY,
        },
        "archived": False, "createdAt": "2020-06-30T15:57:37.197Z", "updatedAt": "2024-08-19T20:22:48.812Z",
    }  # fmt: skip


def _sealed(number: int) -> str:
    return base64.urlsafe_b64encode(str(number).encode()).decode().rstrip("=")


def _opened(token: str) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError:
        raise Refused(400, "VALIDATION_ERROR", "after is not a valid paging cursor") from None
