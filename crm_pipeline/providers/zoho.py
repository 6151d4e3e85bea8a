"""Zoho CRM leads and contacts: two modules, each listed by rising Modified_Time, and each with its deleted records.

A page token lives for 24 hours and 100,000 rows, so what a pass goes on from is always a time: `If-Modified-Since` is
inclusive, and rows seen twice are merged by id. Zoho tells no merges: the losers are among the deleted.

Status is Lead_Status; contacts have none unless the field mapping names one. Zoho has no field for the stage: a
converted lead says so, and nothing else is made up, since that would hide what another CRM knows of the same person.
A mapped field that a module does not have leaves the usual one in place.

https://www.zoho.com/crm/developer/docs/api/v8/get-records.html (50 fields, 200 rows a page)
https://www.zoho.com/crm/developer/docs/api/v8/get-deleted-records.html
https://www.zoho.com/crm/developer/docs/api/v8/COQL-Limitations.html (500 fields, 100 ids)
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import ProviderError
from crm_pipeline.nango.answers import Refusal
from crm_pipeline.nango.limits import Budget, Rate
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

API = "/crm/v8"
FIELDS, USERS, COQL, ACCOUNTS = f"{API}/settings/fields", f"{API}/users", f"{API}/coql", "Accounts"
MODULES = {"lead": "Leads", "contact": "Contacts"}

PAGE_LIMIT, FIELD_LIMIT, COQL_FIELDS, COQL_IDS = 200, 50, 500, 100
"""The vendor's maxima."""
CHAIN_ROWS = 90_000
"""Rows after which a new chain of page tokens is begun; the vendor ends one at 100,000."""
LAST_DELETED_PAGE = 10
"""Nobody documents that the deleted records go on behind row 2,000, where page numbers end elsewhere."""
MOST_SINGLE_READS = 1_000
"""Leads a pass reads alone for their conversion, if the list keeps it back; each costs a call."""
DELETED_BEFORE = timedelta(days=1)
"""How far a complete pass looks back for deleted records when nothing says since when; absence tells the rest."""
SHORTEST_PAUSE = 10.0
"""Seconds; Zoho's 429 says neither how long, nor whether it is the day's credits or too many calls at once."""
NO_ROWS, NOT_MODIFIED = 204, 304

DETAIL = "$converted_detail"
_PERSON = (
    "First_Name", "Last_Name", "Email", "Secondary_Email", "Phone", "Mobile", "Owner", "Lead_Source", "Description",
    "Tag", "Last_Activity_Time", "Created_Time", "Modified_Time",
)  # fmt: skip
STANDARD = {
    "lead": (*_PERSON, "Company", "Country", "Lead_Status", "Rating", "Converted__s", "Converted_Date_Time"),
    "contact": (*_PERSON, "Account_Name", "Mailing_Country", "Home_Phone", "Other_Phone"),
}
PHONES = {
    "lead": (("Phone", "phone"), ("Mobile", "mobile")),
    "contact": (("Phone", "phone"), ("Mobile", "mobile"), ("Home_Phone", "home"), ("Other_Phone", "other")),
}
"""Fields and the labels of what they hold; Zoho marks none as the primary one."""
NOTHING_LINKED: Mapping[str, Any] = {}
MAPPED = ("status", "stage", "description", "company")
ONLY_ALONE = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
"""Types of fields that only the reading of a single record fills."""
TOKEN_TROUBLE = ("PAGINATION_LIMIT_EXCEEDED", "EXPIRED_VALUE", "INVALID_DATA", "TOKEN_BOUND_DATA_MISMATCH")
HOST = re.compile(r"https?://www\.zohoapis\.([a-z]+(?:\.[a-z]+)?)/?")
SCREENS = {"ca": "zohocloud.ca"}
"""Where people log in, if not at `zoho.` and the region."""


class Place(NamedTuple):
    """Where a pass stands: the module, what of it is being read, from which time on, and the count it began with."""

    object_type: str = "lead"
    part: str = "list"
    since: datetime | None = None
    expected: int | None = None

    def written(self) -> str:
        """As `Page.resume`."""
        since = self.since.isoformat() if self.since else ""
        return "|".join((self.object_type, self.part, since, "" if self.expected is None else str(self.expected)))


class Option(NamedTuple):
    """A value of a status or stage: by what its label is found, and the label."""

    id: str | None = None
    label: str | None = None


NO_OPTION = Option()


class Columns(NamedTuple):
    """Fields of a module: those a list call can ask for, those only a query can, and what could not be known."""

    listed: tuple[str, ...]
    queried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Leads and the deleted ones among them, then contacts alike. A module out of reach is noted; both end the pass."""
    if pull.kind == "window" and pull.since is None:
        raise ValueError("a window pass needs `since`")
    resumed = _read_place(pull.resume)
    place, notes, unread = resumed or _start(pull, "lead"), tuple[str, ...](), tuple[str, ...]()
    for object_type in list(MODULES)[list(MODULES).index(place.object_type) :]:
        if object_type != place.object_type:
            place = _start(pull, object_type)
        if place.part == "list":
            refusal = yield from _listed(api, pull, place, notes)
            if refusal is not None and (notes or place is resumed):
                raise refusal
            notes = (f"{MODULES[object_type]} are left out. {refusal.message}",) if refusal else ()
            if refusal is not None:
                unread += (object_type,)
                continue
        since = place.since if place.part == "deleted" else None
        yield from _deleted(api, object_type, since or pull.since or pull.started_at - DELETED_BEFORE)
    if notes or unread:
        yield Page([], Place("lead", "deleted").written(), notes=notes, unread=unread)


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
        try:
            directory.references.extend(reading)
        except ProviderError as error:
            if not _can_do_without(error):
                raise
            directory.notes.append(f"{lost}. {error.message}")
    pages = _pages(api, ACCOUNTS, _list_query(("id", "Account_Name", "Modified_Time")), pull.references_since)
    try:
        first = next(pages)
    except ProviderError as error:
        if not _can_do_without(error):
            raise
        lost = "Accounts are not readable, so a company's new name waits for each contact to change"
        directory.notes.append(f"{lost}. {error.message}")
        return directory
    directory.changed = _companies(chain([first], pages))
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. Salutations are left out, every phone is kept."""
    get = payload.get
    crm_id = str(payload["id"])
    if "deleted_time" in payload:
        is_purged = get("type") == "permanent"
        name = _text(get("display_name"))
        return Contact(crm_id, object_type, full_name=name, is_deleted=True, is_purged=is_purged)
    owner, account, detail = _lookup(get("Owner")), _lookup(get("Account_Name")), get(DETAIL)
    owner_id, company_id = _text(owner.get("id")), _text(account.get("id"))
    is_lead = object_type == "lead"
    became = _contact_of(detail) if is_lead and detail else None
    status = stage = NO_OPTION
    if is_lead:
        status = _option(references, object_type, "status", "Lead_Status", get("Lead_Status"))
        if became or get("Converted__s") is True or get("$converted") is True:
            stage = Option("Converted", "Converted")
        company = _text(get("Company"))
    else:
        company = references.label("company", company_id) or _text(account.get("name"))
    description = _text(get("Description"))
    if mapping := references.mapping:
        field = {key: name for key, name in mapping.items() if name in payload}
        if "status" in field:
            status = _option(references, object_type, "status", field["status"], get(field["status"]))
        if "stage" in field:
            stage = _option(references, object_type, "stage", field["stage"], get(field["stage"]))
        company = _words(get(field["company"])) if "company" in field else company
        description = _words(get(field["description"])) if "description" in field else description
    phones = [(_text(get(name)), label) for name, label in PHONES[object_type]]
    return Contact(
        crm_id=crm_id,
        object_type=object_type,
        first_name=_text(get("First_Name")),
        last_name=_text(get("Last_Name")),
        phones=tuple([PhoneText(text, label) for text, label in phones if text]),
        emails=tuple([text for text in (_text(get("Email")), _text(get("Secondary_Email"))) if text]),
        company=company,
        country=_text(get("Country" if is_lead else "Mailing_Country")),
        owner_id=owner_id,
        owner_name=references.label("owner", owner_id) or _text(owner.get("name")),
        owner_email=references.email("owner", owner_id) or _text(owner.get("email")),
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
            action="Give the integration at Nango the scopes ZohoCRM.modules.READ, ZohoCRM.settings.fields.READ, "
            "ZohoCRM.users.READ and ZohoCRM.coql.READ, then connect it again.",
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
    if not (_text(config.get("extension")) or _text(config.get("api_domain"))):
        raise ProviderError(
            "connection_misconfigured",
            "The connection knows neither `extension` nor `api_domain`, so Nango cannot tell Zoho's data centre.",
            action="Set `extension` (com, eu, in, com.au, com.cn or jp) at Nango, or connect it again.",
        )


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The record's page, in the region of the connection."""
    region = _text(config.get("extension"))
    if region is None:
        host = HOST.fullmatch(str(config.get("api_domain") or ""))
        region = host[1] if host else None
    if region is None or not re.fullmatch(r"[a-z]+(\.[a-z]+)?", region) or object_type not in MODULES:
        return None
    return f"https://crm.{SCREENS.get(region) or f'zoho.{region}'}/crm/tab/{MODULES[object_type]}/{crm_id}"


def _listed(
    api: CrmApi, pull: Pull, place: Place, notes: tuple[str, ...]
) -> Generator[Page, None, ProviderError | None]:
    """The records of a module from a time on; answers Zoho's refusal if it may not be read at all."""
    object_type, module, is_complete = place.object_type, MODULES[place.object_type], pull.kind == "complete"
    columns = _columns(api, pull.mapping, object_type)
    if is_complete and place.since is None and place.expected is None:
        place = place._replace(expected=_count(api, module))
    after = Place(object_type, "deleted")
    query = (
        _list_query(columns.listed) | {"approved": "both"} | ({"converted": "both"} if object_type == "lead" else {})
    )
    pages = _pages(api, module, query, place.since)
    try:
        first = next(pages)
    except ProviderError as error:
        if not _is_refusal(error):
            raise
        return error
    rest = _Rest(api, module, columns.queried)
    notes += columns.notes
    for items, position, is_last in chain([first], pages):
        notes += rest.add(items) + (rest.add_conversions(items) if object_type == "lead" else ())
        proven = (Proven(object_type, place.expected),) if is_last and is_complete else ()
        resume = after if is_last else place._replace(since=position)
        yield Page([_record(item, object_type) for item in items], resume.written(), proven=proven, notes=notes)
        notes = ()
    return None


def _pages(
    api: CrmApi, module: str, query: dict[str, str], since: datetime | None
) -> Iterator[tuple[list[Payload], datetime | None, bool]]:
    """Pages of a module by rising Modified_Time: the rows, the time reached, and whether it is the last page.

    A chain of page tokens that is worn out is followed by another from the time reached.
    """
    start = position = since
    guard, token, rows = PageGuard(f"Zoho's list of {module}"), "", 0
    while True:
        try:
            answer = _page(api, module, query, start, token)
        except ProviderError as error:
            if not token and _simplify(query, error):
                continue
            if not token or not _says(error, *TOKEN_TROUBLE):
                raise
            start, token, rows = _new_start(module, start, position, error), "", 0
            continue
        if answer is None:
            yield [], position, True
            return
        items, token = _items(answer, "data"), _next_token(answer)
        reached = next((moment for item in reversed(items) if (moment := parse_time(item.get("Modified_Time")))), None)
        position = max(reached, position) if reached and position else reached or position
        rows += len(items)
        yield items, position, not token
        if not token:
            return
        guard.check(token, len(items))
        if rows >= CHAIN_ROWS and position is not None and position != start:
            start, token, rows = position, "", 0


def _page(
    api: CrmApi, module: str, query: Mapping[str, str], start: datetime | None, token: str
) -> Mapping[str, Any] | None:
    """One page; None for no rows. That nothing was modified is an answer only to who asked since when."""
    headers = {"If-Modified-Since": start.isoformat(timespec="seconds")} if start else None
    nothing = (NO_ROWS, NOT_MODIFIED) if start else (NO_ROWS,)
    turn = {"page_token": token} if token else {}
    answer = api.get(f"{API}/{module}", {**query, **turn}, headers=headers, shape=("data", "info"), nothing=nothing)
    return None if answer.status in nothing else answer.object()


def _simplify(query: dict[str, str], error: ProviderError) -> bool:
    """Take out what Zoho names for this call without saying that every org takes it; whether there was any of it."""
    if not _says(error, "INVALID_DATA"):
        return False
    if "approved" in query and "approved" in error.message:
        del query["approved"]
        return True
    names = query["fields"].split(",")
    if DETAIL in names and "converted_detail" in error.message:
        query["fields"] = ",".join(name for name in names if name != DETAIL)
        return True
    return False


def _new_start(module: str, start: datetime | None, position: datetime | None, error: ProviderError) -> datetime:
    """From when a new chain starts; one that ended within the second it began in would end there for ever."""
    if position is not None and (start is None or position > start):
        return position
    advice = (
        "More than 100,000 records were changed in one second, as by an import. Change some of them in Zoho CRM, so "
        "that their times differ, and run the sync again."
    )
    raise ProviderError(
        "unexpected_response",
        f"Zoho's list of {module} goes no further, and beginning anew would end there again ({error.message})",
        action=advice if _says(error, "PAGINATION_LIMIT_EXCEEDED") else None,
    ) from error


def _deleted(api: CrmApi, object_type: str, since: datetime) -> Iterator[Page]:
    """Records deleted since, from the recycle bin and for good. Behind page 10 it goes on from the time reached.

    That needs the oldest first, which nobody documents: newest first, the older ones could not be reached.
    """
    module, start, page, first = MODULES[object_type], since, 1, since
    while True:
        query = {"type": "all", "page": str(page), "per_page": str(PAGE_LIMIT)}
        nothing = (NO_ROWS, NOT_MODIFIED)
        headers = {"If-Modified-Since": start.isoformat(timespec="seconds")}
        call = f"{API}/{module}/deleted"
        answer = api.get(call, query, headers=headers, shape=("data", "info"), nothing=nothing)
        if answer.status in nothing:
            return
        items = _items(answer.object(), "data")
        gone = [RawRecord(item.get("id"), item, object_type, is_deleted=True) for item in items]
        resume = Place(object_type, "deleted", start).written()
        yield Page(gone, resume)
        if not items or not _info(answer.object()).get("more_records"):
            return
        if page == 1:
            first = parse_time(items[0].get("deleted_time")) or since
        page += 1
        if page > LAST_DELETED_PAGE:
            last = parse_time(items[-1].get("deleted_time"))
            if last is None or last <= start or last < first:
                note = f"More {module} were deleted than Zoho lists at once; the next complete pass finds the others."
                yield Page([], resume, notes=(note,))
                return
            start, page = last, 1


def _columns(api: CrmApi, mapping: Mapping[str, str], object_type: str) -> Columns:
    """What to ask for: fields can be renamed or removed, and one that is not there fails the whole call."""
    module, standard = MODULES[object_type], STANDARD[object_type]
    system = ("id", DETAIL) if object_type == "lead" else ("id",)
    try:
        fields = _read_fields(api, module)
    except ProviderError as error:
        if not _can_do_without(error):
            raise
        note = f"Fields of {module} are not readable: custom and mapped fields are left out. {error.message}"
        return Columns((*system, *standard), notes=(note,))
    found = [name for name in standard if name in fields]
    if not found:
        note = f"Zoho lists none of the usual fields of {module}: custom and mapped fields are left out."
        return Columns((*system, *standard), notes=(note,))
    mapped = [mapping[key] for key in MAPPED if mapping.get(key) in fields]
    custom = [name for name, field in fields.items() if field.get("custom_field") and field.get("visible") is not False]
    wanted = dict.fromkeys([*system, *found, *mapped, *custom])
    names = [name for name in wanted if fields.get(name, {}).get("data_type") not in ONLY_ALONE]
    return Columns(tuple(names[:FIELD_LIMIT]), tuple(names[FIELD_LIMIT:]))


class _Rest:
    """What a list call does not bring: the fields beyond the fiftieth, and conversions that it keeps back."""

    def __init__(self, api: CrmApi, module: str, names: tuple[str, ...]) -> None:
        self._api, self._module = api, module
        size = COQL_FIELDS - 1
        self._selects = [names[start : start + size] for start in range(0, len(names), size)]
        self._reads = 0

    def add(self, items: list[Payload]) -> tuple[str, ...]:
        """Fill more fields in, joined by id; says so once if Zoho refuses."""
        by_id = {str(item.get("id")): item for item in items}
        ids = [crm_id for crm_id in by_id if crm_id.isascii() and crm_id.isdigit()]
        try:
            for start in range(0, len(ids) if self._selects else 0, COQL_IDS):
                listed = ", ".join(f"'{crm_id}'" for crm_id in ids[start : start + COQL_IDS])
                for names in self._selects:
                    query = f"select id, {', '.join(names)} from {self._module} where id in ({listed})"
                    answer = self._api.post(COQL, {"select_query": query}, shape=("data",), nothing=(NO_ROWS,))
                    for row in [] if answer.status == NO_ROWS else _items(answer.object(), "data"):
                        by_id.get(str(row.get("id")), {}).update({name: row.get(name) for name in names})
        except ProviderError as error:
            if not _can_do_without(error):
                raise
            self._selects = []
            return (f"{self._module} have more than {FIELD_LIMIT} fields; the others were left out. {error.message}",)
        return ()

    def add_conversions(self, items: list[Payload]) -> tuple[str, ...]:
        """Which contact a converted lead became, read lead by lead where the list does not say."""
        for item in items:
            if item.get("Converted__s") is not True or item.get(DETAIL) or not str(item.get("id")).isdigit():
                continue
            self._reads += 1
            if self._reads > MOST_SINGLE_READS:
                is_first = self._reads == MOST_SINGLE_READS + 1
                return ("Not every converted lead could be linked to its contact.",) if is_first else ()
            path = f"{API}/{self._module}/{item['id']}"
            try:
                answer = self._api.get(path, shape=("data",), nothing=(NO_ROWS,))
            except ProviderError as error:
                if not _can_do_without(error):
                    raise
                continue  # deleted since it was listed
            for record in [] if answer.status == NO_ROWS else _items(answer.object(), "data"):
                item[DETAIL] = record.get(DETAIL)
        return ()


def _users(api: CrmApi, kind: str) -> Iterator[Reference]:
    guard, page = PageGuard("Zoho's list of users"), 1
    while True:
        query = {"type": kind, "page": str(page), "per_page": str(PAGE_LIMIT)}
        answer = api.get(USERS, query, shape=("users", "info"), nothing=(NO_ROWS,))
        if answer.status == NO_ROWS:
            return
        users = _items(answer.object(), "users", "id")
        for user in users:
            parts = (_text(user.get("first_name")), _text(user.get("last_name")))
            name = _text(user.get("full_name")) or " ".join(filter(None, parts))
            email = _text(user.get("email"))
            yield Reference("owner", str(user["id"]), name or email, email)
        if not _info(answer.object()).get("more_records"):
            return
        guard.check(str(users[-1]["id"]) if users else f"empty {page}", len(users))
        page += 1


def _companies(pages: Iterable[tuple[list[Payload], datetime | None, bool]]) -> Iterator[Reference]:
    for items, _, _ in pages:
        for item in items:
            if item.get("id"):
                yield Reference("company", str(item["id"]), _text(item.get("Account_Name")))


def _labels(api: CrmApi, mapping: Mapping[str, str], object_type: str) -> Iterator[Reference]:
    """Options of the fields that hold status and stage, by field, so that two fields cannot be mistaken."""
    wanted = [(kind, mapping[kind]) for kind in ("status", "stage") if mapping.get(kind)]
    if object_type == "lead" and ("status", "Lead_Status") not in wanted:
        wanted.append(("status", "Lead_Status"))
    fields = _read_fields(api, MODULES[object_type]) if wanted else {}
    for kind, name in wanted:
        options = fields.get(name, {}).get("pick_list_values") or []
        for option in _items({"pick_list_values": options}, "pick_list_values"):
            display = _text(option.get("display_value"))
            actual = _text(option.get("actual_value")) or display
            if actual:
                yield Reference(kind, _option_id(object_type, name, actual), display)


def _read_fields(api: CrmApi, module: str) -> dict[str, Payload]:
    """The module's fields by name; labels and lists both need them."""

    def read() -> dict[str, Payload]:
        answer = api.get(FIELDS, {"module": module}, shape=("fields",), nothing=(NO_ROWS,))
        items = [] if answer.status == NO_ROWS else _items(answer.object(), "fields", "api_name")
        return {str(item["api_name"]): item for item in items}

    return api.once(f"fields of {module}", read)


def _count(api: CrmApi, module: str) -> int | None:
    """How many records Zoho itself counts, if it tells."""
    try:
        count = api.get(f"{API}/{module}/actions/count", shape=("count",)).object()["count"]
    except ProviderError as error:
        if not _can_do_without(error):
            raise
        return None
    return int(count) if type(count) is int or (isinstance(count, str) and count.isdecimal()) else None


def _list_query(names: Iterable[str]) -> dict[str, str]:
    return {
        "fields": ",".join(names), "per_page": str(PAGE_LIMIT), "sort_by": "Modified_Time", "sort_order": "asc",
    }  # fmt: skip


def _start(pull: Pull, object_type: str) -> Place:
    """The beginning of a module."""
    return Place(object_type, since=pull.since if pull.kind == "window" else None)


def _read_place(resume: str | None) -> Place | None:
    """A place as `Place.written` wrote it; None to begin from the start."""
    parts = (resume or "").split("|")
    if len(parts) != 4 or parts[0] not in MODULES or parts[1] not in ("list", "deleted"):
        return None
    expected = int(parts[3]) if parts[3].isdecimal() else None
    return Place(parts[0], parts[1], parse_time(parts[2]), expected)


def _record(item: Payload, object_type: str) -> RawRecord:
    moment = parse_time(item.get("Modified_Time") or item.get("Created_Time"))
    return RawRecord(item.get("id"), item, object_type, moment)


def _items(answer: Mapping[str, Any], key: str, *required: str) -> list[Payload]:
    """The objects of a page; anything else in it is no answer to what we asked."""
    items = answer[key]
    if isinstance(items, list) and all(isinstance(item, dict) and item.keys() >= set(required) for item in items):
        return items
    wanted = f" with {', '.join(required)}" if required else ""
    raise ProviderError("unexpected_response", f"Zoho answered `{key}` that is no list of objects{wanted}.")


def _info(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    info = answer["info"]
    if isinstance(info, dict):
        return info
    raise ProviderError("unexpected_response", "Zoho answered `info` that is no object.")


def _next_token(answer: Mapping[str, Any]) -> str:
    """The token of the next page, empty on the last one; more rows without a token would be lost."""
    info = _info(answer)
    if not info.get("more_records"):
        return ""
    token = _text(info.get("next_page_token"))
    if token is None:
        raise ProviderError("unexpected_response", "Zoho promised more records and gave no `next_page_token`.")
    return token


def _sentence(body: Mapping[str, Any]) -> str:
    """Zoho's code and words."""
    details = body.get("details")
    facts = [f"{name} {value}" for name, value in details.items() if value] if isinstance(details, dict) else []
    words = ", ".join([str(body.get("message") or "no explanation"), *facts[:3]])
    return f"Zoho answered {body['code']} ({words})"


def _says(error: ProviderError, *codes: str) -> bool:
    return error.facts.get("reason") in codes


def _is_refusal(error: ProviderError) -> bool:
    """Zoho, not Nango, says that this connection may not read it or that there is no such module."""
    return error.code in ("missing_scope", "connection_misconfigured") and error.facts.get("nango_code") is None


def _can_do_without(error: ProviderError) -> bool:
    """What only adds to the records may fail in more ways: a value or a call that this org's Zoho does not know."""
    is_unknown = error.code == "unexpected_response" and error.facts.get("status") in (400, 404)
    return is_unknown or _is_refusal(error)


def _pause(headers: Mapping[str, str]) -> float:
    asked = headers.get("retry-after", "").strip()
    return max(SHORTEST_PAUSE, float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0.0)


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
    contact = detail.get("contact") if isinstance(detail, dict) else None
    return _text(contact.get("id") if isinstance(contact, dict) else contact)


def _lookup(value: object) -> Mapping[str, Any]:
    """A record another one points to; nothing for anything else."""
    return value if isinstance(value, dict) else NOTHING_LINKED


def _words(value: object) -> str | None:
    """Whatever a field that somebody chose may hold, as text: a lookup by its name, a list by its parts."""
    if isinstance(value, dict):
        return _text(value.get("name"))
    if isinstance(value, list):
        return ", ".join([text for text in map(_words, value) if text]) or None
    if isinstance(value, bool):
        return "Yes" if value else "No"
    return _text(value)


def _text(value: object) -> str | None:
    """Zoho sends text or null; absent, null and blank mean the same, and what is neither text nor number is nothing."""
    if type(value) is str:
        return value.strip() or None
    return str(value) if type(value) in (int, float) else None


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
