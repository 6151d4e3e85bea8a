"""Zoho CRM leads and contacts: two modules, each with its deleted records and its list by rising Modified_Time.

The deleted come first, so that whoever the list then shows is alive, restored ones too. A page token lives for 24 hours
and 100,000 rows, so what a pass goes on from is always a time; rows seen twice are merged by id. Zoho tells no merges:
the losers are among the deleted.

Status is Lead_Status; contacts have none unless the field mapping names one. Zoho has no field for the stage: a
converted lead says so, and nothing else is made up, since that would hide what another CRM knows of the same person.
A mapped field that a module does not have leaves the usual one in place.

https://www.zoho.com/crm/developer/docs/api/v8/
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Refusal
from crm_pipeline.nango.limits import Budget, Rate
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
from crm_pipeline.providers.reading import items_in, object_in, since_of, text_of, unknown_fields, whole_number
from crm_pipeline.providers.zoho_lists import (
    CONVERSION,
    DETAIL,
    FIELD_LIMIT,
    Rest,
    can_do_without,
    count_of,
    deleted_of,
    fields_of,
    is_refusal,
    list_query,
    pages_of,
    users_of,
)

MODULES = {"lead": "Leads", "contact": "Contacts"}
DONE = "done"
DELETED_BEFORE = timedelta(days=60)
"""How far a complete pass looks back for deleted records: as long as the recycle bin keeps them. Whoever was deleted
while nothing was read is told by absence only where Zoho's own count proves it."""
SHORTEST_PAUSE = 10.0
"""Seconds; Zoho's 429 says neither how long, nor whether it is the day's credits or too many calls at once."""

_PERSON = (
    "First_Name", "Last_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Owner", "Lead_Source", "Description",
    "Tag", "Last_Activity_Time", "Created_Time", "Modified_Time",
)  # fmt: skip
STANDARD = {
    "lead": (*_PERSON, "Company", "Country", "Lead_Status", "Rating"),
    "contact": (*_PERSON, "Account_Name", "Mailing_Country", "Home_Phone", "Other_Phone"),
}
NEEDED = ("Last_Name", "Email", "Phone", "Mobile", "Owner")
"""Fields without which leads lack something; a profile may hide them."""
PHONES = {
    "lead": (("Phone", "phone"), ("Mobile", "mobile")),
    "contact": (("Phone", "phone"), ("Mobile", "mobile"), ("Home_Phone", "home"), ("Other_Phone", "other")),
}
"""Fields and the labels of what they hold; Zoho marks none as the primary one."""
MAPPED = ("status", "stage", "description", "company")
ONLY_ALONE = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
"""Types of fields that only the reading of a single record fills."""
HOST = re.compile(r"https?://www\.zohoapis\.([a-z]+(?:\.[a-z]+)?)/?")
SCREENS = {"ca": "zohocloud.ca"}
"""Where people log in, if not at `zoho.` and the region."""
SCOPES = (
    "ZohoCRM.modules.READ, ZohoCRM.settings.fields.READ, ZohoCRM.settings.layouts.READ, ZohoCRM.users.READ, "
    "ZohoCRM.coql.READ and ZohoSearch.securesearch.READ"
)
"""Layouts and search are for the count alone."""


class Place(NamedTuple):
    """Where a pass stands: the module, what of it is being read, from which time on, and the count it began with."""

    object_type: str = "lead"
    part: str = "deleted"
    since: datetime | None = None
    expected: int | None = None
    unread: tuple[str, ...] = ()
    """What this pass could not read so far: modules, and fields as `contact.Email`."""

    def written(self) -> str:
        """As `Page.resume`."""
        since, expected = self.since.isoformat() if self.since else "", "" if self.expected is None else self.expected
        return f"{self.object_type}|{self.part}|{since}|{expected}|{','.join(self.unread)}"

    def without(self, *names: str) -> Place:
        """The same place, but these could not be read."""
        return self._replace(unread=tuple(dict.fromkeys((*self.unread, *names))))

    def following(self) -> Place:
        """The beginning of the next module."""
        names = [*MODULES, DONE]
        return Place(names[names.index(self.object_type) + 1], unread=self.unread)


def _read_place(resume: str | None) -> Place | None:
    """A place as `Place.written` wrote it; None to begin from the start."""
    parts = (resume or "").split("|")
    if len(parts) != 5 or parts[0] not in (*MODULES, DONE) or parts[1] not in ("list", "deleted"):
        return None
    object_type, part, since, expected, unread = parts
    return Place(
        object_type, part, parse_time(since), whole_number(expected), tuple(unread.split(",")) if unread else ()
    )


class Option(NamedTuple):
    """A value of a status or stage: by what its label is found, and the label."""

    id: str | None = None
    label: str | None = None


NO_OPTION = Option()


class Columns(NamedTuple):
    """Fields of a module: those a list call can ask for, those only a query can, and what could not be known."""

    listed: tuple[str, ...]
    queried: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Leads, then contacts. A module out of reach is left out and told; both end the pass."""
    place = _read_place(pull.resume) or Place()
    while place.object_type in MODULES:
        try:
            place = yield from _module(api, pull, place)
        except ProviderError as error:
            if not is_refusal(error):
                raise
            note = f"{MODULES[place.object_type]} are left out. {error.message}"
            place = place.without(place.object_type).following()
            if {*MODULES} <= {*place.unread}:
                raise
            yield Page([], place.written(), notes=(note,), unread=place.unread)


def _module(api: CrmApi, pull: Pull, place: Place) -> Generator[Page, None, Place]:
    """Whoever was deleted, then the list; answers the beginning of the next module."""
    object_type, module, is_complete = place.object_type, MODULES[place.object_type], pull.kind == "complete"
    since = None if is_complete else since_of(pull)
    columns = _columns(api, pull.mapping, object_type)
    place, notes = place.without(*columns.hidden), columns.notes
    if place.part == "deleted":
        if is_complete:
            expected, said = _count(api, module)
            place, notes = place._replace(expected=expected), notes + said
        listed = place._replace(part="list", since=since)
        for items, start, is_last, note in deleted_of(api, module, place.since or since or _far_back(pull)):
            gone = [RawRecord(item.get("id"), item, object_type, is_deleted=True) for item in items]
            resume = listed if is_last else place._replace(since=start)
            if gone or note:
                yield Page(gone, resume.written(), notes=(note,) if note else ())
        place = listed
    query = list_query(columns.listed) | {"approved": "both"}
    rest = Rest(api, module, columns.queried)
    if object_type == "lead":
        query["converted"] = "both"
    for items, position, is_last in pages_of(api, module, query, place.since):
        notes += rest.add(items) + (rest.add_conversions(items) if object_type == "lead" else ())
        place = place._replace(since=position)
        resume = place.following() if is_last else place
        is_proof = is_last and is_complete and place.expected is not None
        proven = (Proven(object_type, place.expected),) if is_proof else ()
        records = [_record(item, object_type) for item in items]
        yield Page(records, resume.written(), proven=proven, notes=notes, unread=place.unread)
        notes = ()
    return place.following()


def _far_back(pull: Pull) -> datetime:
    return pull.started_at - DELETED_BEFORE


def _record(item: Payload, object_type: str) -> RawRecord:
    moment = parse_time(item.get("Modified_Time") or item.get("Created_Time"))
    return RawRecord(item.get("id"), item, object_type, moment)


def _count(api: CrmApi, module: str) -> tuple[int | None, tuple[str, ...]]:
    """How many records Zoho counts; what is lost without, in words. It needs scopes of its own."""
    try:
        return count_of(api, module), ()
    except ProviderError as error:
        if not can_do_without(error):
            raise
        lost = f"The number of {module} is not readable, so only those that Zoho lists as deleted are taken for that"
        return None, (f"{lost}. {error.message}",)


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Users, former ones too (records still name them), the labels of status and stage, and the accounts' names."""
    directory = Directory()
    readings = (
        (_users(api, "AllUsers"), "Users are not readable, so an owner's new name waits for each record to change"),
        (_users(api, "DeletedUsers"), "Former users are not readable"),
        (_labels(api, pull.mapping, "lead"), "Labels of Leads are not readable"),
        (_labels(api, pull.mapping, "contact"), "Labels of Contacts are not readable"),
    )
    for reading, lost in readings:
        directory.references.extend(_readable(reading, directory.notes, lost))
    lost = "Accounts are not readable, so a company's new name waits for each contact to change"
    directory.changed = _readable(_companies(api, pull.references_since), directory.notes, lost)
    directory.notes += _unknown(api, pull.mapping)
    return directory


def _readable(reading: Iterator[Reference], notes: list[str], lost: str) -> Iterator[Reference]:
    """What can be read, and a note of what cannot."""
    try:
        yield from reading
    except ProviderError as error:
        if not can_do_without(error):
            raise
        notes.append(f"{lost}. {error.message}")


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. Salutations are left out, every phone is kept."""
    get = payload.get
    crm_id = str(payload["id"])
    if "deleted_time" in payload:
        is_purged = get("type") == "permanent"
        name = text_of(get("display_name"))
        return Contact(crm_id, object_type, full_name=name, is_deleted=True, is_purged=is_purged)
    owner, account, detail = object_in(get("Owner")), object_in(get("Account_Name")), get(DETAIL)
    owner_id, company_id = text_of(owner.get("id")), text_of(account.get("id"))
    is_lead = object_type == "lead"
    became = _contact_of(detail) if is_lead and detail else None
    is_converted = is_lead and bool(became or get("Converted__s") is True or get("$converted") is True)
    status = stage = NO_OPTION
    if is_lead:
        status = _option(references, object_type, "status", "Lead_Status", get("Lead_Status"))
        if is_converted:
            stage = Option("Converted", "Converted")
        company = text_of(get("Company"))
    else:
        company = references.label("company", company_id) or text_of(account.get("name"))
    description = text_of(get("Description"))
    if mapping := references.mapping:
        field = {key: name for key, name in mapping.items() if name in payload}
        if "status" in field:
            status = _option(references, object_type, "status", field["status"], get(field["status"]))
        if "stage" in field:
            stage = _option(references, object_type, "stage", field["stage"], get(field["stage"]))
        company = _words(get(field["company"])) if "company" in field else company
        description = _words(get(field["description"])) if "description" in field else description
    phones = [(text_of(get(name)), label) for name, label in PHONES[object_type]]
    return Contact(
        crm_id=crm_id,
        object_type=object_type,
        first_name=text_of(get("First_Name")),
        last_name=text_of(get("Last_Name")),
        phones=tuple([PhoneText(text, label) for text, label in phones if text]),
        emails=tuple([text for text in (text_of(get("Email")), text_of(get("Secondary_Email"))) if text]),
        company=company,
        country=text_of(get("Country" if is_lead else "Mailing_Country")),
        owner_id=owner_id,
        owner_name=references.label("owner", owner_id) or text_of(owner.get("name")),
        owner_email=references.email("owner", owner_id) or text_of(owner.get("email")),
        status_id=status.id,
        status=status.label,
        stage_id=stage.id,
        stage=stage.label,
        company_id=company_id,
        description=description,
        last_activity_at=parse_time(get("Last_Activity_Time")),
        created_at=parse_time(get("Created_Time")),
        updated_at=parse_time(get("Modified_Time") or get("Created_Time")),
        merged_into=("contact", became) if became else None,
        is_merge_unknown=is_converted and not became,
    )


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What Zoho means by an error answer; None where the status alone says it. A missing scope is a 401 here.

    https://www.zoho.com/crm/developer/docs/api/v8/status-codes.html
    """
    code = body.get("code") if isinstance(body, dict) else None
    said = _sentence(body) if isinstance(body, dict) and isinstance(code, str) else f"Zoho answered HTTP {status}"
    if status == 429:
        if headers.get("x-api-credits-remaining", "").strip() == "0":
            return Refusal("daily_limit", f"The API credits of these 24 hours are used up. {said}.")
        return Refusal("rate_limited", f"{said}.", can_retry=True, retry_after=_pause(headers))
    if status == 403 and not isinstance(code, str):
        return Refusal("provider_unavailable", f"{said} with something that is no answer of its API.", can_retry=True)
    if not isinstance(code, str) or status < 400:
        return None
    if code == "OAUTH_SCOPE_MISMATCH":
        return Refusal(
            "missing_scope",
            f"{said}, a missing scope.",
            action=f"Give the integration at Nango the scopes {SCOPES}, then connect it again.",
        )
    if status == 401:
        return Refusal(
            "connection_expired", f"{said}. A token of another data centre is refused like this too.", can_retry=True
        )
    if status == 403:
        return Refusal(
            "connection_misconfigured",
            f"{said}.",
            action="Let an administrator of Zoho CRM give the profile of the user who connected it the right to view "
            "leads, contacts, accounts and users, and to use the API; then run the sync again.",
        )
    if code == "INVALID_MODULE":
        return Refusal(
            "connection_misconfigured", f"{said}.", action="Switch the module on in Zoho CRM, then run the sync again."
        )
    return Refusal("unexpected_response", f"{said}.", reason=code) if status == 400 else None


def read_budget(headers: Mapping[str, str]) -> Budget | None:
    """The header tells no limit, so that only its last value says something: no credits are left."""
    return Budget(0, 1) if headers.get("x-api-credits-remaining", "").strip() == "0" else None


def check_config(config: Mapping[str, Any]) -> None:
    """Nango needs the region to know the API's host."""
    if not (text_of(config.get("extension")) or text_of(config.get("api_domain"))):
        raise ProviderError(
            "connection_misconfigured",
            "The connection knows neither `extension` nor `api_domain`, so Nango cannot tell Zoho's data centre.",
            action="Set `extension` (com, eu, in, com.au, com.cn or jp) at Nango, or connect it again.",
        )


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The record's page, in the region of the connection."""
    region = text_of(config.get("extension"))
    if region is None:
        host = HOST.fullmatch(str(config.get("api_domain") or ""))
        region = host[1] if host else None
    if region is None or not re.fullmatch(r"[a-z]+(\.[a-z]+)?", region) or object_type not in MODULES:
        return None
    return f"https://crm.{SCREENS.get(region) or f'zoho.{region}'}/crm/tab/{MODULES[object_type]}/{crm_id}"


def _columns(api: CrmApi, mapping: Mapping[str, str], object_type: str) -> Columns:
    """What to ask for: fields can be renamed, removed or hidden, and one that is not there fails the whole call."""
    module, standard = MODULES[object_type], STANDARD[object_type]
    system = ("id", *CONVERSION) if object_type == "lead" else ("id",)
    try:
        fields = fields_of(api, module)
    except ProviderError as error:
        if not can_do_without(error):
            raise
        note = f"Fields of {module} are not readable: custom and mapped fields are left out. {error.message}"
        return Columns((*system, *standard), notes=(note,))
    found = [name for name in standard if name in fields]
    if not found:
        note = f"Zoho lists none of the usual fields of {module}: custom and mapped fields are left out."
        return Columns((*system, *standard), notes=(note,))
    hidden = [name for name in NEEDED if name not in fields]
    notes = (f"Fields that the connected user does not see in {module}: {', '.join(hidden)}.",) if hidden else ()
    mapped = [mapping[key] for key in MAPPED if mapping.get(key) in fields]
    custom = [name for name, field in fields.items() if field.get("custom_field") and field.get("visible") is not False]
    wanted = dict.fromkeys([*system, *found, *mapped, *custom])
    names = [name for name in wanted if fields.get(name, {}).get("data_type") not in ONLY_ALONE]
    missing = tuple(f"{object_type}.{name}" for name in hidden)
    return Columns(tuple(names[:FIELD_LIMIT]), tuple(names[FIELD_LIMIT:]), missing, notes)


def _users(api: CrmApi, kind: str) -> Iterator[Reference]:
    for user in users_of(api, kind):
        parts = (text_of(user.get("first_name")), text_of(user.get("last_name")))
        name = text_of(user.get("full_name")) or " ".join(filter(None, parts))
        email = text_of(user.get("email"))
        yield Reference("owner", str(user["id"]), name or email, email)


def _companies(api: CrmApi, since: datetime | None) -> Iterator[Reference]:
    query = list_query(("id", "Account_Name", "Modified_Time"))
    for item in chain.from_iterable(items for items, _, _ in pages_of(api, "Accounts", query, since)):
        if item.get("id"):
            yield Reference("company", str(item["id"]), text_of(item.get("Account_Name")))


def _labels(api: CrmApi, mapping: Mapping[str, str], object_type: str) -> Iterator[Reference]:
    """Options of the fields that hold status and stage, by field, so that two fields cannot be mistaken."""
    wanted = [(kind, mapping[kind]) for kind in ("status", "stage") if mapping.get(kind)]
    if object_type == "lead" and ("status", "Lead_Status") not in wanted:
        wanted.append(("status", "Lead_Status"))
    fields = fields_of(api, MODULES[object_type]) if wanted else {}
    for kind, name in wanted:
        field = fields.get(name, {})
        for option in items_in(field, "pick_list_values", "Zoho") if field.get("pick_list_values") else ():
            display = text_of(option.get("display_value"))
            actual = text_of(option.get("actual_value")) or display
            if actual:
                yield Reference(kind, _option_id(object_type, name, actual), display)


def _unknown(api: CrmApi, mapping: Mapping[str, str]) -> list[str]:
    """Mapped fields that neither module has; nothing where the fields cannot be read, which is told elsewhere."""
    if not mapping:
        return []
    try:
        known = {name for module in MODULES.values() for name in fields_of(api, module)}
    except ProviderError as error:
        if not can_do_without(error):
            raise
        return []
    return unknown_fields("Zoho CRM", mapping, known)


def _sentence(body: Mapping[str, Any]) -> str:
    """Zoho's code and words."""
    details = body.get("details")
    facts = [f"{name} {value}" for name, value in details.items() if value] if isinstance(details, dict) else []
    words = ", ".join([str(body.get("message") or "no explanation"), *facts[:3]])
    return f"Zoho answered {body['code']} ({words})"


def _pause(headers: Mapping[str, str]) -> float:
    return max(SHORTEST_PAUSE, float(whole_number(headers.get("retry-after")) or 0))


def _option(references: References, object_type: str, kind: str, field: str, value: object) -> Option:
    """The value of a status or stage with its label; of several chosen at once, every label and the first id."""
    if not value:
        return NO_OPTION
    texts = [text for text in map(_words, value if isinstance(value, list) else (value,)) if text]
    ids = [_option_id(object_type, field, text) for text in texts]
    labels = [references.label(kind, crm_id) or text for crm_id, text in zip(ids, texts, strict=True)]
    return Option(ids[0], ", ".join(labels)) if texts else NO_OPTION


def _option_id(object_type: str, field: str, value: str) -> str:
    return f"{object_type}.{field}:{value}"


def _contact_of(detail: object) -> str | None:
    """The contact a lead became; its id stands alone or in an object."""
    contact = object_in(detail).get("contact")
    return text_of(object_in(contact).get("id") if isinstance(contact, dict) else contact)


def _words(value: object) -> str | None:
    """Whatever a field that somebody chose may hold, as text: a lookup by its name, a list by its parts."""
    if isinstance(value, dict):
        return text_of(value.get("name"))
    if isinstance(value, list):
        return ", ".join([text for text in map(_words, value) if text]) or None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return text_of(value)


ZOHO = Provider(
    name="zoho",
    title="Zoho CRM",
    integration="zoho-crm",
    also_named=("zoho",),
    identity=None,
    config_keys=("extension", "api_domain"),
    rates={"default": Rate(5, 5)},
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
    deletions="feed",
    read_budget=read_budget,
    check_config=check_config,
)
