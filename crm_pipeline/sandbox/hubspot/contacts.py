"""The contact endpoints: list, read, search, write, merge, delete.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request
from crm_pipeline.sandbox.hubspot.desk import Desk, batch_reply
from crm_pipeline.sandbox.hubspot.portal import HubSpotPortal, whole
from crm_pipeline.sandbox.hubspot.records import READ_ONLY, Record
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

LIST_LIMIT = 100
UNSERVED = frozenset({"propertiesWithHistory", "associations"})
LIST_PARAMETERS = frozenset({"limit", "after", "properties", "archived"}) | UNSERVED
READ_PARAMETERS = frozenset({"properties", "archived", "idProperty"}) | UNSERVED


def list_contacts(desk: Desk, request: Request) -> Reply:
    """Keyset by id: `after` is the id where the page starts."""
    asked = parameters(request, LIST_PARAMETERS)
    refuse_unserved(asked)
    archived = flag(asked, "archived")
    limit = whole_limit(asked, 10, LIST_LIMIT)
    after = asked.get("after", "0")
    if not (after.isascii() and after.isdigit() and len(after) <= 18):
        raise Refused(400, "VALIDATION_ERROR", f"after: {after!r} is not a valid paging cursor")
    names = desk.contacts.property_names(asked.get("properties", ""))
    records, following = desk.portal.page(int(after), limit, archived=archived)
    body = b'{"results":[' + b",".join([record.as_json(names) for record in records]) + b"]"
    if following is not None:
        kept = [part for part in request.query.split("&") if part and not part.startswith("after=")]
        link = f"{BASE_URL}{request.path}?{'&'.join([*kept, f'after={following}'])}"
        body += b',"paging":' + orjson.dumps({"next": {"after": str(following), "link": link}})
    return Reply(200, body + b"}")


def read_contact(desk: Desk, request: Request, contact: str) -> Reply:
    """By id, or by e-mail with `idProperty=email`; a merged-away id answers the survivor."""
    asked = parameters(request, READ_PARAMETERS)
    refuse_unserved(asked)
    record = find(desk, contact, asked.get("idProperty"), flag(asked, "archived"))
    if record is None:
        raise Refused(404, "OBJECT_NOT_FOUND", "Object not found. objectId are usually numeric.")
    return Reply(200, record.as_json(desk.contacts.property_names(asked.get("properties", ""))))


def create_contact(desk: Desk, request: Request) -> Reply:
    """The primary e-mail is unique in a portal."""
    properties = written(desk.portal, json_object(request).get("properties"))
    refuse_taken(desk.portal, properties, None)
    return one_reply(desk.portal, desk.portal.create(properties), 201)


def update_contact(desk: Desk, request: Request, contact: str) -> Reply:
    """Takes merged-away ids too; "" clears a property."""
    asked = parameters(request, frozenset({"idProperty"}))
    record = find(desk, contact, asked.get("idProperty"), False)
    if record is None:
        raise Refused(404, "OBJECT_NOT_FOUND", f"resource not found: {contact}")
    properties = written(desk.portal, json_object(request).get("properties"))
    refuse_taken(desk.portal, properties, record.id)
    desk.portal.edit(record.id, properties)
    return one_reply(desk.portal, record.id, 200)


def archive_contact(desk: Desk, request: Request, contact: str) -> Reply:
    """204 whether or not it was there."""
    if desk.portal.find(contact) is not None:
        desk.portal.archive(contact)
    return Reply(204)


def search_contacts(desk: Desk, request: Request) -> Reply:
    """Sees a contact only when the index has it."""
    return desk.contacts.search(request)


def batch_read(desk: Desk, request: Request) -> Reply:
    """Found ones in `results`, the ids of the others in `errors` with 207; a merged-away id answers the survivor."""
    asked = parameters(request, frozenset({"archived"}))
    body = json_object(request)
    archived, id_property = flag(asked, "archived"), body.get("idProperty")
    names = desk.contacts.property_names(",".join(texts(body.get("properties"))))
    found: dict[int, Record] = {}
    missing = []
    for contact in inputs(body):
        record = find(desk, contact, id_property, archived)
        if record is None:
            missing.append(contact)
        else:
            found[record.id] = record
    results = [orjson.Fragment(record.as_json(names)) for record in found.values()]
    return batch_reply(desk, results, missing, "CONTACT")


def batch_update(desk: Desk, request: Request) -> Reply:
    """Merged-away ids are not followed here; one bad property refuses the whole batch."""
    body = json_object(request)
    ids = inputs(body)
    writes = [written(desk.portal, item.get("properties")) for item in body["inputs"]]
    missing = [contact for contact in ids if whole(contact) not in desk.portal.live]
    done = []
    for contact, write in zip(ids, writes, strict=True):
        if contact not in missing:
            desk.portal.edit(contact, write)
            done.append(desk.portal.live[whole(contact)].as_object(desk.contacts.property_names(",".join(write))))
    return batch_reply(desk, done, missing, "CONTACT")


def merge_contacts(desk: Desk, request: Request) -> Reply:
    """Answers the survivor."""
    body = json_object(request)
    primary, other = str(body.get("primaryObjectId", "")), str(body.get("objectIdToMerge", ""))
    if not primary or not other or primary == other:
        raise Refused(400, "VALIDATION_ERROR", "primaryObjectId and objectIdToMerge must name two contacts")
    return one_reply(desk.portal, desk.portal.merge(primary, other), 200)


def gdpr_delete(desk: Desk, request: Request) -> Reply:
    """Gone for good, from the recycle bin too."""
    body = json_object(request)
    contact, id_property = str(body.get("objectId", "")), body.get("idProperty")
    record = find(desk, contact, id_property, False) or find(desk, contact, id_property, True)
    if record is None:
        raise Refused(404, "OBJECT_NOT_FOUND", "Object not found")
    desk.portal.purge(record.id)
    return Reply(204)


def find(desk: Desk, contact: str, id_property: str | None, archived: bool) -> Record | None:
    """A contact by id, or by e-mail where `idProperty` says so."""
    if id_property == "email":
        return desk.portal.find_email(unquote(contact))
    if id_property not in (None, "", "hs_object_id"):
        raise Refused(400, "VALIDATION_ERROR", f"{id_property} is not a unique property")
    return desk.portal.find(contact, archived=archived)


def one_reply(portal: HubSpotPortal, contact: int | str, status: int) -> Reply:
    """A contact with all its filled properties, as after a write."""
    record = portal.live[int(contact)]
    return Reply(status, orjson.dumps(record.as_object(record.properties)))


def refuse_unserved(asked: dict[str, str]) -> None:
    """Better no answer than one without the history or associations that were asked for."""
    for name in UNSERVED & asked.keys():
        raise Refused(501, "NOT_IMPLEMENTED", f"This sandbox does not serve {name}")


def refuse_taken(portal: HubSpotPortal, properties: dict[str, str], own: int | None) -> None:
    """409 when another contact has the primary e-mail."""
    known = portal.find_email(properties.get("email", ""))
    if known is not None and known.id != own:
        raise Refused(409, "CONFLICT", f"Contact already exists. Existing ID: {known.id}")


def written(portal: HubSpotPortal, properties: Any) -> dict[str, str]:
    """The properties of a write, each checked."""
    if not isinstance(properties, dict) or not properties:
        raise Refused(400, "VALIDATION_ERROR", "No properties found to update, please provide at least one.")
    for name, value in properties.items():
        if isinstance(value, dict | list):
            raise Refused(400, "VALIDATION_ERROR", f"Invalid input JSON: {name} must be a text")
        code = _flaw(portal, name, value)
        if code:
            errors = [{"message": f"{name}: {code}", "code": code, "context": {"propertyName": [name]}}]
            raise Refused(400, "VALIDATION_ERROR", f"Property values were not valid: {code} {name}", errors=errors)
    return {name: _text(value) for name, value in properties.items()}


def _flaw(portal: HubSpotPortal, name: str, value: Any) -> str | None:
    if name not in portal.types:
        return "PROPERTY_DOESNT_EXIST"
    if name in READ_ONLY:
        return "READ_ONLY_VALUE"
    options = portal.options.get(name)
    return "INVALID_OPTION" if options and _text(value) not in {"", *(code for code, _ in options)} else None


def _text(value: Any) -> str:
    """A written value as HubSpot keeps it: null clears, `true` is "true"."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
