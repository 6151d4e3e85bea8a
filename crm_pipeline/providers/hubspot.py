"""HubSpot contacts. A complete pass pages the list by record id; a window pass searches by `lastmodifieddate` with the
id as keyset.

A contact's company is its primary associated company, else its own text property. Its description is `message`, the
text of a form, since HubSpot has none of its own. `field_mapping` names other properties, whose options show as labels;
a company named there is always taken from that property.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
https://developers.hubspot.com/docs/api-reference/search/guide (200 a page, 10,000 per query by offset, 5 requests a
second)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
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
    Proven,
    Provider,
    Pull,
    RawRecord,
    Reference,
    References,
)
from crm_pipeline.providers.reading import halved, items_in, object_in, readable, since_of, text_of, unknown_fields

TITLE = "HubSpot"
CONTACTS = "/crm/v3/objects/contacts"
SEARCH = f"{CONTACTS}/search"
BATCH_READ = f"{CONTACTS}/batch/read"
OWNERS = "/crm/v3/owners"
PROPERTIES = "/crm/v3/properties/contacts"
COMPANIES = "/crm/v3/objects/companies"
RECORD_COUNTS = "/crm/v3/limits/records"

LIST_LIMIT, SEARCH_LIMIT, BATCH_LIMIT = 100, 200, 100
"""The vendor's maxima; that owners may come 500 a page is only hearsay."""
LONGEST_PROPERTIES = 4_000
"""Characters of property names in an address; HubSpot refuses longer addresses from about 8,000 on."""

FIELDS = (
    "hs_object_id", "firstname", "lastname", "email", "hs_additional_emails", "phone", "mobilephone", "jobtitle",
    "company", "associatedcompanyid", "country", "hubspot_owner_id", "hs_lead_status", "lifecyclestage", "message",
    "notes_last_updated", "notes_last_contacted", "hs_last_sales_activity_timestamp", "createdate", "lastmodifieddate",
    "hs_merged_object_ids", "hs_is_contact",
)  # fmt: skip
STANDARD = frozenset(FIELDS)
USUAL = {"status": "hs_lead_status", "stage": "lifecyclestage", "description": "message", "company": "company"}
"""The property behind a field where `field_mapping` names no other."""
LABELLED = ("status", "stage")


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """The pass that `pull` asks for, then the archived sweep, which neither list nor search shows.

    A resume token is `stage:position`, and behind a bar the companies that are still to be asked for.
    """
    token, _, waiting = (pull.resume or "").partition("|")
    stage, _, position = token.partition(":")
    names, companies = _property_names(api, pull.mapping), _Companies(api, waiting)
    if stage != "archived":
        is_complete = pull.kind == "complete"
        pages = _listed(api, position, names) if is_complete else _searched(api, since_of(pull), position, names)
        yield from map(companies.beside, pages)
    count = _record_count(api) if pull.kind == "complete" else None
    in_archive = set(pull.known_archived)
    for page in _archived(api, pull.known_archived, names):
        for record in page.records:
            (in_archive.add if record.is_deleted else in_archive.discard)(str(record.crm_id))
        yield companies.beside(page)
    # whether HubSpot counts archived contacts too is not said, so they are allowed for
    proven = Proven("contact", None if count is None else count - len(in_archive))
    yield companies.last_page((proven,) if pull.kind == "complete" else ())


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Owners, former ones too (contacts still name them), the labels of status and stage, companies that changed."""
    directory = Directory()
    with readable(directory.notes, "Owners are not readable, so leads carry no owner."):
        for archived in ("false", "true"):
            directory.references.extend(_owners(api, archived))
    directory.references.extend(_labels(api, pull.mapping))
    known = {item["name"] for item in _definitions(api)}  # what HubSpot does not know, it leaves out without a word
    directory.notes.extend(unknown_fields(TITLE, pull.mapping, known))
    if pull.references_since is not None:
        directory.changed = _changed_companies(api, pull.references_since)
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. Both phones are kept, the one HubSpot calls mobile says so."""
    get = (payload.get("properties") or {}).get
    crm_id = str(payload["id"])
    owner, company_id = text_of(get("hubspot_owner_id")), text_of(get("associatedcompanyid"))
    status, stage, merged = text_of(get("hs_lead_status")), text_of(get("lifecyclestage")), get("hs_merged_object_ids")
    phones = (("phone", text_of(get("phone"))), ("mobile", text_of(get("mobilephone"))))
    contact = Contact(
        crm_id=crm_id,
        object_type=object_type,
        first_name=text_of(get("firstname")),
        last_name=text_of(get("lastname")),
        phones=tuple([PhoneText(number, label) for label, number in phones if number]),
        emails=tuple(_split(get("email")) + _split(get("hs_additional_emails"))),
        company=(company_id and references.label("company", company_id)) or text_of(get("company")),
        company_id=company_id,
        country=text_of(get("country")),
        owner_id=owner,
        owner_name=references.label("owner", owner),
        owner_email=references.email("owner", owner),
        status_id=status,
        status=references.label("status", status) or status,
        stage_id=stage,
        stage=references.label("stage", stage) or stage,
        description=text_of(get("message")),
        last_activity_at=parse_time(get("notes_last_updated")),
        created_at=parse_time(payload.get("createdAt") or get("createdate")),
        updated_at=parse_time(payload.get("updatedAt") or get("lastmodifieddate")),
        is_deleted=bool(payload.get("archived")),
        is_purged=bool(payload.get("purged")),
        merged_ids=tuple([loser for loser in _split(merged) if loser != crm_id]) if merged else (),
    )
    return _mapped(contact, get, references) if references.mapping else contact


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
    if status == 403 and not envelope:  # a page of a gateway before HubSpot, which knows nothing of the connection
        return Refusal("provider_unavailable", "a gateway before HubSpot refused the call", can_retry=True)
    if status == 403:
        return Refusal("connection_misconfigured", f"HubSpot refused: {message}")
    if status == 429 and envelope.get("policyName") == "DAILY":
        return Refusal("daily_limit", "HubSpot's daily request limit is used up.")
    if status == 429:
        return Refusal("rate_limited", f"HubSpot: {message}", can_retry=True)
    return None


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The contact's page; needs the portal id that Nango stores after connecting."""
    portal = config.get("portalId")
    return f"https://app.hubspot.com/contacts/{portal}/record/0-1/{crm_id}" if portal else None


def _listed(api: CrmApi, after: str, names: tuple[str, ...]) -> Iterator[Page]:
    """Every contact, by record id; the cursor is a record id, so pages stay stable while records change."""
    is_short = len(",".join(names)) <= LONGEST_PROPERTIES
    query = {"properties": ",".join(names if is_short else FIELDS), "archived": "false"}

    def filled(items: list[Payload]) -> list[Payload]:
        """With more properties than fit into an address; whoever a batch leaves out is here as the list has them."""
        if is_short or not items:
            return items
        found, _ = _read_by_id(api, [str(item.get("id")) for item in items], names)
        return [found.get(str(item.get("id")), item) for item in items]

    for items, following in _pages(api, CONTACTS, query, "contact list", after, filled):
        yield Page(list(map(_record, items)), resume=f"list:{following}" if following else "archived:")


def _pages(
    api: CrmApi,
    path: str,
    query: Mapping[str, str],
    what: str,
    after: str = "",
    filled: Callable[[list[Payload]], list[Payload]] = lambda items: items,
) -> Iterator[tuple[list[Payload], str]]:
    """The pages of a list, each with the cursor of the next one, "" at the end."""
    guard, limit = PageGuard(f"HubSpot's {what}"), LIST_LIMIT
    while True:
        turn = {"limit": str(limit), **query} | ({"after": after} if after else {})
        try:
            answer = api.get(path, turn, shape=("results",)).object()
            items = filled(items_in(answer, "results", TITLE))
        except ProviderError as error:
            limit = halved(limit, error)
            continue
        after = str(object_in(answer, "paging", "next").get("after") or "")
        yield items, after
        if not after:
            return
        guard.check(after, len(items))


def _read_by_id(api: CrmApi, ids: list[str], names: tuple[str, ...]) -> tuple[dict[str, Payload], bool]:
    """Live contacts by id, and whether those left out were not found: a batch may also fail in part."""
    body = {"inputs": [{"id": crm_id} for crm_id in ids], "properties": list(names)}
    answer = api.post(BATCH_READ, body, shape=("results",)).object()
    found = {str(item.get("id")): item for item in items_in(answer, "results", TITLE)}
    errors = answer.get("errors") or []
    return found, all(object_in(error).get("category") == "OBJECT_NOT_FOUND" for error in errors)


def _searched(api: CrmApi, since: datetime, last_id: str, names: tuple[str, ...]) -> Iterator[Page]:
    """Everything modified since."""
    for items, position in _modified(api, SEARCH, "lastmodifieddate", since, last_id, names):
        yield Page([_record(item) for item in items], resume=f"search:{position}")


def _modified(
    api: CrmApi, path: str, changed: str, since: datetime, last_id: str, names: tuple[str, ...]
) -> Iterator[tuple[list[Payload], str]]:
    """Objects modified since, by ascending record id: no offset, no 10,000 cap, no loop on equal timestamps."""
    position = last_id or "0"
    guard, limit = PageGuard(f"HubSpot's search of {path.split('/')[-2]}"), SEARCH_LIMIT
    while True:
        filters = [
            {"propertyName": changed, "operator": "GTE", "value": str(int(since.timestamp() * 1000))},
            {"propertyName": "hs_object_id", "operator": "GT", "value": position},
        ]
        body = {
            "filterGroups": [{"filters": filters}],
            "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
            "properties": list(names),
            "limit": limit,
        }
        try:
            answer = api.post(path, body, bucket="search", shape=("results",)).object()
        except ProviderError as error:
            limit = halved(limit, error)
            continue
        items = items_in(answer, "results", TITLE)
        if not items:
            return
        position = str(max(_number(item.get("id")) for item in items))
        guard.check(position, len(items))
        yield items, position
        if len(items) < limit and answer.get("total") == len(items):
            return  # the page is all that its own total announced: nothing lies behind the last id


def _archived(api: CrmApi, known: Mapping[str, datetime | None], names: tuple[str, ...]) -> Iterator[Page]:
    """Contacts in the recycle bin that we do not hold as archived yet, then those that left it: restored or purged."""
    query, still_archived = {"properties": ",".join(FIELDS), "archived": "true"}, set[str]()
    for items, _ in _pages(api, CONTACTS, query, "archived list"):
        records = [_record(item) for item in items]
        still_archived.update(str(record.crm_id) for record in records)
        yield Page([record for record in records if str(record.crm_id) not in known], resume="archived:")
    left = sorted(known.keys() - still_archived)
    yield from _left_archive(api, {crm_id: known[crm_id] for crm_id in left}, names)


def _left_archive(api: CrmApi, left: Mapping[str, datetime | None], names: tuple[str, ...]) -> Iterator[Page]:
    """A restore need not touch `lastmodifieddate`, so ask for the ids by name; who is not found is gone for good.

    A purge carries the last time we know of the contact, not ours: if it was a mistake, the next fetch wins over it.
    """
    ids, limit = list(left), BATCH_LIMIT
    while ids:
        asked = ids[:limit]
        try:
            found, is_sure = _read_by_id(api, asked, names)
        except ProviderError as error:
            limit = halved(limit, error)
            continue
        ids = ids[limit:]
        purged = [_purged(crm_id, left[crm_id]) for crm_id in asked if crm_id not in found] if is_sure else []
        yield Page([_record(found[crm_id]) for crm_id in asked if crm_id in found] + purged, resume="archived:")


def _purged(crm_id: str, last_change: datetime | None) -> RawRecord:
    payload = {"id": crm_id, "archived": True, "purged": True, "updatedAt": last_change and last_change.isoformat()}
    return RawRecord(crm_id, payload, source_updated_at=last_change, is_deleted=True)


def _owners(api: CrmApi, archived: str) -> Iterator[Reference]:
    for items, _ in _pages(api, OWNERS, {"archived": archived}, "owner list"):
        for owner in items_in({"results": items}, "results", TITLE, "id"):
            name = " ".join(part for part in (text_of(owner.get("firstName")), text_of(owner.get("lastName"))) if part)
            email = text_of(owner.get("email"))
            yield Reference("owner", str(owner["id"]), name or email, email)


def _definitions(api: CrmApi) -> list[Payload]:
    """Every property of a contact, read once a run."""

    def read() -> list[Payload]:
        answer = api.get(PROPERTIES, {"archived": "false"}, shape=("results",)).object()
        return items_in(answer, "results", TITLE, "name")

    return api.once("properties", read)


def _property_names(api: CrmApi, mapping: Mapping[str, str]) -> tuple[str, ...]:
    """What to ask for: our fields, those the connection maps, and every property the customer defined."""
    custom = (str(item["name"]) for item in _definitions(api) if not item.get("hubspotDefined"))
    return tuple(dict.fromkeys((*FIELDS, *mapping.values(), *custom)))


def _labels(api: CrmApi, mapping: Mapping[str, str]) -> Iterator[Reference]:
    """The options of the properties behind our fields. Status and stage are kinds of their own; others share one."""
    definitions = {str(item["name"]): item for item in _definitions(api)}
    for field in dict.fromkeys((*LABELLED, *mapping)):
        name = mapping.get(field) or USUAL[field]
        options = definitions.get(name, {}).get("options") or []
        for option in items_in({"options": options}, "options", TITLE, "value"):
            value = str(option["value"])
            kind, key = (field, value) if field in LABELLED else ("status", _shared_key(name, value))
            yield Reference(kind, key, text_of(option.get("label")))


def _shared_key(name: str, value: str) -> str:
    """Of a label among those of other properties."""
    return f"{name}={value}"


def _mapped(contact: Contact, get: Callable[[str], object], references: References) -> Contact:
    """The contact with the fields that the connection takes from other properties."""
    new: dict[str, str | None] = {}
    for field, name in references.mapping.items():
        value = text_of(get(name))
        if field in LABELLED:
            new |= {f"{field}_id": value, field: value and _option(references, field, value)}
        else:
            new[field] = value and _option(references, "status", value, name)
            if field == "company":
                new["company_id"] = None
    return contact._replace(**new)  # type: ignore[arg-type]


def _option(references: References, kind: str, value: str, name: str = "") -> str:
    """The label of an option, or of several, which HubSpot joins by semicolons; a text that is no option stays."""

    def label(part: str) -> str | None:
        return references.label(kind, _shared_key(name, part) if name else part)

    if found := label(value):
        return found
    parts = _split(value)
    words = [label(part) or part for part in parts]
    return value if words == parts else "; ".join(words)


def _record_count(api: CrmApi) -> int | None:
    """How many contacts HubSpot counts; None where it does not say."""
    try:
        kinds = api.get(RECORD_COUNTS).object().get("hubspotDefinedObjectTypes")
    except ProviderError as error:
        is_refused = error.code in ("missing_scope", "connection_misconfigured", "unexpected_response")
        if not is_refused and error.facts.get("status") != 403:
            raise
        return None
    for kind in kinds if isinstance(kinds, list) else []:
        if isinstance(kind, dict) and kind.get("objectTypeId") == "0-1" and isinstance(kind.get("usage"), int):
            return int(kind["usage"])
    return None


class _Companies:
    """Names of the companies that contacts are associated with, each asked for once a run, a hundred at a time."""

    def __init__(self, api: CrmApi, waiting: str) -> None:
        self._api = api
        self._waiting = waiting.split(",") if waiting else []
        self._seen = set(self._waiting)
        self._notes: list[str] = []
        self._is_readable = True

    def beside(self, page: Page) -> Page:
        """The page with names, and with those still to be asked for in its token: a later run may continue there."""
        for record in page.records:
            properties = object_in(record.payload, "properties")
            number = None if record.is_deleted else text_of(properties.get("associatedcompanyid"))
            if number and number not in self._seen and number.isascii() and number.isdigit():
                self._seen.add(number)
                self._waiting.append(number)
        found: list[Reference] = []
        while len(self._waiting) >= BATCH_LIMIT:
            found += self._read()
        waiting = f"|{','.join(self._waiting)}" if self._waiting else ""
        return page._replace(resume=page.resume + waiting, references=tuple(found), notes=self._told())

    def last_page(self, proven: tuple[Proven, ...]) -> Page:
        """The names that are left."""
        found = self._read() if self._waiting else []
        return Page([], "archived:", tuple(found), proven, self._told())

    def _told(self) -> tuple[str, ...]:
        told, self._notes = tuple(self._notes), []
        return told

    def _read(self) -> list[Reference]:
        asked, self._waiting = self._waiting[:BATCH_LIMIT], self._waiting[BATCH_LIMIT:]
        if not self._is_readable:
            return []
        body = {"inputs": [{"id": number} for number in asked], "properties": ["name"]}
        found: list[Reference] = []
        with readable(self._notes, "Companies are not readable, so the text in the contact is taken."):
            answer = self._api.post(f"{COMPANIES}/batch/read", body, shape=("results",)).object()
            found = [_company(item) for item in items_in(answer, "results", TITLE, "id")]
        self._is_readable = not self._notes
        return found


def _changed_companies(api: CrmApi, since: datetime) -> Iterator[Reference]:
    """Companies that may have a new name. Their own modified date has another name than that of contacts."""
    try:
        for items, _ in _modified(api, f"{COMPANIES}/search", "hs_lastmodifieddate", since, "", ("name",)):
            yield from map(_company, items)
    except ProviderError as error:
        if error.code != "missing_scope":
            raise


def _company(item: Payload) -> Reference:
    return Reference("company", str(item["id"]), text_of(object_in(item, "properties").get("name")))


def _record(item: Payload) -> RawRecord:
    properties = object_in(item, "properties")
    if len(properties) > len(FIELDS) + 2:
        # a customer may have defined thousands, and what is not filled comes as null
        item = item | {"properties": {k: v for k, v in properties.items() if v is not None or k in STANDARD}}
    return RawRecord(
        crm_id=item.get("id"),
        payload=item,
        source_updated_at=parse_time(item.get("updatedAt")),
        is_deleted=bool(item.get("archived")),
    )


def _number(crm_id: object) -> int:
    """Record ids are numeric strings, and the search compares them as numbers."""
    try:
        return int(str(crm_id))
    except ValueError:
        raise ProviderError(
            "unexpected_response",
            f"HubSpot's search answered a record whose id is not a number: {str(crm_id)[:40]!r}.",
        ) from None


def _scopes(envelope: Mapping[str, Any]) -> Iterable[str]:
    for error in envelope.get("errors") or []:
        yield from object_in(error, "context").get("requiredGranularScopes") or []


def _split(value: object) -> list[str]:
    """The parts of a list that HubSpot writes into one text, separated by semicolons."""
    if not value:
        return []
    text = str(value)
    if ";" not in text:
        return [text] if text.strip() else []
    return [part.strip() for part in text.split(";") if part.strip()]


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
    deletions="feed",
)
