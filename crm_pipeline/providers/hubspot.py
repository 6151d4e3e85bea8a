"""HubSpot contacts. A complete pass pages the list by record id; a window pass searches by `lastmodifieddate` with the
id as keyset.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
https://developers.hubspot.com/docs/api-reference/search/guide (200 a page, 10,000 per query by offset, 5 requests a
second)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Refusal
from crm_pipeline.nango.limits import Rate
from crm_pipeline.nango.paging import PageGuard
from crm_pipeline.providers.provider import (
    CrmApi,
    Directory,
    Page,
    Payload,
    Provider,
    Pull,
    RawRecord,
    Reference,
    References,
)

CONTACTS = "/crm/v3/objects/contacts"
SEARCH = f"{CONTACTS}/search"
BATCH_READ = f"{CONTACTS}/batch/read"
OWNERS = "/crm/v3/owners"
PROPERTIES = "/crm/v3/properties/contacts"

LIST_LIMIT, SEARCH_LIMIT, BATCH_LIMIT, OWNER_LIMIT = 100, 200, 100, 100
"""The vendor's maxima; 500 owners a page is only hearsay."""

FIELDS = (
    "hs_object_id", "firstname", "lastname", "email", "hs_additional_emails", "phone", "mobilephone", "jobtitle",
    "company", "associatedcompanyid", "country", "hubspot_owner_id", "hs_lead_status", "lifecyclestage", "message",
    "notes_last_updated", "notes_last_contacted", "hs_last_sales_activity_timestamp", "createdate", "lastmodifieddate",
    "hs_merged_object_ids", "hs_is_contact",
)  # fmt: skip
LABELLED = {"hs_lead_status": "status", "lifecyclestage": "stage"}
"""Properties whose values are codes, and the kind of reference their labels become."""


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """The pass that `pull` asks for, then the archived sweep, which neither list nor search shows."""
    stage, _, token = (pull.resume or "").partition(":")
    if stage != "archived":
        yield from _listed(api, token) if pull.kind == "complete" else _searched(api, pull.since, token)
    yield from _archived(api, pull.known_archived)


def fetch_references(api: CrmApi) -> Directory:
    """Owners, former ones too (contacts still name them), and the labels of status and stage."""
    directory = Directory()
    for archived in ("false", "true"):
        try:
            directory.references.extend(_owners(api, archived))
        except ProviderError as error:
            if error.code != "missing_scope":
                raise
            directory.notes.append(f"Owners are not readable, so leads carry no owner. {error.message}")
            break
    directory.references.extend(_labels(api))
    return directory


def to_contact(payload: Payload, references: References) -> Contact:
    """Rename fields, look labels up; judge nothing. Both phones are kept, the one HubSpot calls mobile says so."""
    get = (payload.get("properties") or {}).get
    crm_id = str(payload["id"])
    owner, status, stage = _text(get("hubspot_owner_id")), _text(get("hs_lead_status")), _text(get("lifecyclestage"))
    phones = (("phone", _text(get("phone"))), ("mobile", _text(get("mobilephone"))))
    return Contact(
        crm_id=crm_id,
        object_type="contact",
        first_name=_text(get("firstname")),
        last_name=_text(get("lastname")),
        phones=tuple([PhoneText(number, label) for label, number in phones if number]),
        emails=tuple(_split(get("email")) + _split(get("hs_additional_emails"))),
        company=_text(get("company")),
        country=_text(get("country")),
        owner_id=owner,
        owner_name=references.label("owner", owner),
        owner_email=references.email("owner", owner),
        status_id=status,
        status=references.label("status", status) or status,
        stage_id=stage,
        stage=references.label("stage", stage) or stage,
        description=_text(get("message")),
        last_activity_at=parse_time(get("notes_last_updated")),
        created_at=parse_time(payload.get("createdAt") or get("createdate")),
        updated_at=parse_time(payload.get("updatedAt") or get("lastmodifieddate")),
        is_deleted=bool(payload.get("archived")),
        is_purged=bool(payload.get("purged")),
        merged_ids=tuple([loser for loser in _split(get("hs_merged_object_ids")) if loser != crm_id]),
    )


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What HubSpot means by an error answer; None where the status alone says it.

    https://developers.hubspot.com/docs/api-reference/error-handling
    """
    envelope = body if isinstance(body, dict) else {}
    category = str(envelope.get("category") or envelope.get("errorType") or "")
    message = str(envelope.get("message") or f"HTTP {status}")
    if status == 403 and category == "MISSING_SCOPES":
        return Refusal(
            "missing_scope", f"HubSpot refused: missing scope {', '.join(_scopes(envelope)) or '(unnamed)'}."
        )
    if status == 403:
        return Refusal("connection_misconfigured", f"HubSpot refused: {message}")
    if status == 429 and envelope.get("policyName") == "DAILY":
        return Refusal("daily_limit", "HubSpot's daily request limit is used up.")
    if status == 429:
        return Refusal("rate_limited", f"HubSpot: {message}", can_retry=True)
    if status in (423, 477):
        return Refusal("provider_unavailable", f"HubSpot is moving or locking this portal: {message}", can_retry=True)
    return None


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The contact's page; needs the portal id that Nango stores after connecting."""
    portal = config.get("portalId")
    return f"https://app.hubspot.com/contacts/{portal}/record/0-1/{crm_id}" if portal else None


def _listed(api: CrmApi, after: str) -> Iterator[Page]:
    """Every contact, by record id; the cursor is a record id, so pages stay stable while records change."""
    query = {"properties": ",".join(FIELDS), "archived": "false"}
    guard, limit = PageGuard("HubSpot's contact list"), LIST_LIMIT
    while True:
        try:
            turn = {"limit": str(limit)} | ({"after": after} if after else {})
            answer = api.get(CONTACTS, query | turn, shape=("results",)).object()
        except ProviderError as error:
            if error.facts.get("body") != "too_large" or limit == 1:
                raise
            limit //= 2  # contacts with very long texts: ask for fewer at a time
            continue
        records = [_record(item) for item in _items(answer)]
        next_after = _next_after(answer)
        yield Page(records, resume=f"list:{next_after}" if next_after else "archived:")
        if not next_after:
            return
        guard.check(next_after, len(records))
        after = next_after


def _searched(api: CrmApi, since: datetime | None, last_id: str) -> Iterator[Page]:
    """Everything modified since, by ascending record id: no offset, no 10,000 cap, no loop on equal timestamps."""
    if since is None:
        raise ValueError("a window pass needs `since`")
    position = last_id or "0"
    guard = PageGuard("HubSpot's contact search")
    while True:
        filters = [
            {"propertyName": "lastmodifieddate", "operator": "GTE", "value": str(int(since.timestamp() * 1000))},
            {"propertyName": "hs_object_id", "operator": "GT", "value": position},
        ]
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(FIELDS),
            "limit": SEARCH_LIMIT,
        }
        answer = api.post(SEARCH, body, bucket="search", shape=("results",)).object()
        records = [_record(item) for item in _items(answer)]
        if not records:
            return
        position = str(max(_number(record.crm_id) for record in records))
        guard.check(position, len(records))
        yield Page(records, resume=f"search:{position}")
        if len(records) < SEARCH_LIMIT and answer.get("total") == len(records):
            return  # the page is all that its own total announced: nothing lies behind the last id


def _archived(api: CrmApi, known: Mapping[str, datetime | None]) -> Iterator[Page]:
    """Contacts in the recycle bin that we do not hold as archived yet, then those that left it: restored or purged."""
    query = {"limit": str(LIST_LIMIT), "properties": ",".join(FIELDS), "archived": "true"}
    guard, after, still_archived = PageGuard("HubSpot's archived list"), "", set[str]()
    while True:
        answer = api.get(CONTACTS, query | ({"after": after} if after else {}), shape=("results",)).object()
        records = [_record(item) for item in _items(answer)]
        still_archived.update(str(record.crm_id) for record in records)
        yield Page([record for record in records if str(record.crm_id) not in known], resume="archived:")
        next_after = _next_after(answer)
        if not next_after:
            break
        guard.check(next_after, len(records))
        after = next_after
    left = sorted(known.keys() - still_archived)
    yield from _left_archive(api, {crm_id: known[crm_id] for crm_id in left})


def _left_archive(api: CrmApi, left: Mapping[str, datetime | None]) -> Iterator[Page]:
    """A restore need not touch `lastmodifieddate`, so ask for the ids by name; who is not found is gone for good.

    A purge carries the last time we know of the contact, not ours: if it was a mistake, the next fetch wins over it.
    """
    ids = list(left)
    for start in range(0, len(ids), BATCH_LIMIT):
        asked = ids[start : start + BATCH_LIMIT]
        body = {"inputs": [{"id": crm_id} for crm_id in asked], "properties": list(FIELDS)}
        answer = api.post(BATCH_READ, body, shape=("results",)).object()
        found = {str(record.crm_id): record for record in map(_record, _items(answer))}
        purged = [_purged(crm_id, left[crm_id]) for crm_id in asked if crm_id not in found]
        yield Page([found[crm_id] for crm_id in asked if crm_id in found] + purged, resume="archived:")


def _purged(crm_id: str, last_change: datetime | None) -> RawRecord:
    payload = {"id": crm_id, "archived": True, "purged": True, "updatedAt": last_change and last_change.isoformat()}
    return RawRecord(crm_id, payload, source_updated_at=last_change, is_deleted=True)


def _owners(api: CrmApi, archived: str) -> Iterator[Reference]:
    guard, after = PageGuard("HubSpot's owner list"), ""
    while True:
        query = {"limit": str(OWNER_LIMIT), "archived": archived} | ({"after": after} if after else {})
        answer = api.get(OWNERS, query, shape=("results",)).object()
        for owner in _items(answer, "id"):
            name = " ".join(part for part in (_text(owner.get("firstName")), _text(owner.get("lastName"))) if part)
            email = _text(owner.get("email"))
            yield Reference("owner", str(owner["id"]), name or email, email)
        next_after = _next_after(answer)
        if not next_after:
            return
        guard.check(next_after, len(_items(answer)))
        after = next_after


def _labels(api: CrmApi) -> Iterator[Reference]:
    answer = api.get(PROPERTIES, {"archived": "false"}, shape=("results",)).object()
    for item in _items(answer, "name"):
        kind = LABELLED.get(item["name"])
        for option in _items({"results": item.get("options") or []}, "value") if kind else []:
            yield Reference(str(kind), str(option["value"]), _text(option.get("label")))


def _record(item: Payload) -> RawRecord:
    return RawRecord(
        crm_id=item.get("id"),
        payload=item,
        source_updated_at=parse_time(item.get("updatedAt")),
        is_deleted=bool(item.get("archived")),
    )


def _items(answer: Mapping[str, Any], *required: str) -> list[Payload]:
    """The objects of a page; anything else in it is no answer to what we asked."""
    items = answer["results"]
    if isinstance(items, list) and all(isinstance(item, dict) and item.keys() >= set(required) for item in items):
        return items
    wanted = f" with {', '.join(required)}" if required else ""
    raise ProviderError("unexpected_response", f"HubSpot answered `results` that is no list of objects{wanted}.")


def _next_after(answer: Mapping[str, Any]) -> str:
    following = (answer.get("paging") or {}).get("next") or {}
    return str(following.get("after") or "")


def _number(crm_id: object) -> int:
    """Record ids are numeric strings, and the search compares them as numbers."""
    try:
        return int(str(crm_id))
    except ValueError:
        raise ProviderError(
            "unexpected_response",
            f"HubSpot's search answered a contact whose id is not a number: {str(crm_id)[:40]!r}.",
        ) from None


def _scopes(envelope: Mapping[str, Any]) -> Iterable[str]:
    for error in envelope.get("errors") or []:
        yield from (error.get("context") or {}).get("requiredGranularScopes") or []


def _split(value: object) -> list[str]:
    """The parts of a list that HubSpot writes into one text, separated by semicolons."""
    if not value:
        return []
    text = str(value)
    if ";" not in text:
        return [text] if text.strip() else []
    return [part.strip() for part in text.split(";") if part.strip()]


def _text(value: object) -> str | None:
    """HubSpot sends text or null; absent, null and blank mean the same."""
    if type(value) is str:
        return value.strip() or None
    return (str(value).strip() or None) if value else None


HUBSPOT = Provider(
    name="hubspot",
    title="HubSpot",
    integration="hubspot",
    identity="portalId",
    rates={"default": Rate(8, 8), "search": Rate(4, 4)},
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
)
