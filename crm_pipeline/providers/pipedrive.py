"""Pipedrive persons. A complete pass pages the list by id; a window pass pages it by `update_time` from `since` on.

https://developers.pipedrive.com/docs/api/v1/Persons#getPersons (version 2: by cursor, 500 a page, 10 tokens)

* Pipedrive has no list of deleted persons: who is absent from a complete pass is gone. A merge looks the same: the
  loser is absent, and the survivor's `update_time` moves; which one it became, only webhooks tell.
* A person that was never changed may have no `update_time`, and no filter by time shows it: the complete pass does.
* A person only names the last activity, so that activity is fetched, and the parts of it that date it are landed in the
  person's payload under `_last_activity`, a key that is ours. That costs 10 tokens for each hundred activities.
* The status is the first label of `label_ids`; there is no stage. The description is `notes`, which like the country of
  `postal_address` exists where contact sync is enabled. Notes pinned to a person are not read: they would have to be
  asked for one person at a time.
* `field_mapping` names a standard field (`job_title`) or the 40-character key of a custom field. Of a field that holds
  several options, a status or a stage is the first, a description or a company all of them. A field that holds the id
  of an organization can be the company. Labels of options are references `<field>:<option>`, of kind `stage` for the
  field mapped to it and else `status`; they are not asked for inside the person, which would then change with a label.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

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
from crm_pipeline.providers.reading import (
    halved,
    items_in,
    object_in,
    readable,
    since_of,
    text_of,
    unknown_fields,
    whole_number,
)

TITLE = "Pipedrive"
PERSONS, ORGANIZATIONS, ACTIVITIES = "/v2/persons", "/v2/organizations", "/v2/activities"
PERSON_FIELDS, USERS = "/v2/personFields", "/v1/users"
LIST_LIMIT, IDS_LIMIT = 500, 100
"""The vendor's maxima: rows of a page, and ids of one call."""
INCLUDED = {"include_fields": "last_activity_id,last_incoming_mail_time,last_outgoing_mail_time"}
LAST_ACTIVITY = "_last_activity"
DATING = ("id", "type", "done", "due_date", "due_time", "marked_as_done_time")
"""What is kept of an activity; its note and its guests are not ours."""
MANY_CUSTOM_FIELDS = 100
"""From here on the empty ones are not landed: a company may have defined thousands, and every one comes as null."""
LABELS = "label_ids"
FIRST_EPOCH = 10**6
"""`x-ratelimit-reset` is seconds from now at Pipedrive; from here on it is an epoch, and Nango's own."""
SCOPES_ACTION = (
    "Add the scopes contacts:read, users:read and activities:read to the app in Pipedrive's Developer Hub (they are "
    "not set at Nango), then connect it again."
)


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Everybody by id, or everybody changed at or after `since` by time of change."""
    kind, _, token = (pull.resume or "").partition(":")
    activities = _Activities(api)
    if kind == "end":
        yield Page([], "end:", proven=(Proven("contact"),))
    elif pull.kind == "complete":
        yield from _listed(api, activities, token)
    else:
        yield from _changed(api, activities, token or _moment(since_of(pull)))


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Owners, those who left too; labels of options; and the organizations that changed."""
    directory = Directory()
    with readable(directory.notes, "Owners are not readable, so leads carry none."):
        directory.references.extend(_owners(api))
    with readable(directory.notes, "Labels are not readable, so leads carry none."):
        fields = [field for page, _ in _pages(api, PERSON_FIELDS, {}) for field in page]
        directory.references.extend(_labels(fields, pull.mapping))
        known = {field.get("field_code") for field in fields}
        directory.notes.extend(unknown_fields(TITLE, pull.mapping, known))
    directory.changed = _organizations(api, pull.references_since, directory.notes)
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. Every phone is kept with its label, the primary one first."""
    get, label, mapping = payload.get, references.label, references.mapping
    owner = text_of(get("owner_id"))
    status_id, status = _option(payload, references, "status", mapping.get("status", LABELS))
    stage_id, stage = _option(payload, references, "stage", mapping["stage"]) if "stage" in mapping else (None, None)
    if "company" in mapping:
        company_id, company = _company(payload, references, mapping["company"])
    else:
        company_id = text_of(get("org_id"))
        company = label("company", company_id)
    note = _words(payload, references, mapping["description"]) if "description" in mapping else text_of(get("notes"))
    created_at = parse_time(get("add_time"))
    return Contact(
        crm_id=str(payload["id"]),
        object_type=object_type,
        full_name=text_of(get("name")),
        first_name=text_of(get("first_name")),
        last_name=text_of(get("last_name")),
        phones=tuple([PhoneText(text, kind) for text, kind in _filled(get("phones"))]),
        emails=tuple([text for text, _ in _filled(get("emails"))]),
        company=company,
        country=text_of(object_in(get("postal_address")).get("country")),
        owner_id=owner,
        owner_name=label("owner", owner),
        owner_email=references.email("owner", owner),
        status_id=status_id,
        status=status,
        stage_id=stage_id,
        stage=stage,
        company_id=company_id,
        description=note,
        last_activity_at=_last_activity_at(payload),
        created_at=created_at,
        updated_at=parse_time(get("update_time")) or created_at,
        is_deleted=get("is_deleted") is True,
    )


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What Pipedrive means by an error answer; None where the status alone says it.

    https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
    https://pipedrive.readme.io/docs/marketplace-scopes-and-permissions-explanations
    """
    envelope = body if isinstance(body, dict) else {}
    message = (
        " ".join(str(envelope[name]) for name in ("error", "error_info") if envelope.get(name)) or f"HTTP {status}"
    )
    code = str(envelope.get("code") or "")
    if status == 402:
        return Refusal(
            "connection_misconfigured",
            f"Pipedrive refused: the company's account is closed or unpaid ({message}).",
            action="Settle the subscription in Pipedrive (Settings, Billing), then run the sync again.",
        )
    if status == 403 and not envelope:  # a page of the gateway before Pipedrive, which knows nothing of scopes
        return Refusal("rate_limited", "Pipedrive's gateway blocks our calls for a while, since they were too many.")
    if status == 403 and code.startswith("feature_capping"):
        return Refusal(
            "connection_misconfigured",
            f"Pipedrive refused: the company's plan does not include this ({code}).",
            action="Raise the company's plan in Pipedrive or free some of its quota, then run the sync again.",
        )
    if status == 403 and "scope" in message.lower():
        return Refusal("missing_scope", f"Pipedrive refused: missing scope ({message}).", action=SCOPES_ACTION)
    if status == 403:
        return Refusal("connection_misconfigured", f"Pipedrive refused: {message}")
    if status == 429 and (budget := read_budget(headers)) is not None and budget.remaining <= 0:
        return Refusal("daily_limit", "Pipedrive's daily token budget of the company is used up.")
    if status == 429:
        reset = whole_number(headers.get("x-ratelimit-reset"))
        wait = float(reset) if reset is not None and reset < FIRST_EPOCH else None
        return Refusal("rate_limited", f"Pipedrive: {message}", can_retry=True, retry_after=wait)
    return None


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The person's page on the company's own host."""
    domain = _api_domain(config)
    return f"{domain}/person/{crm_id}" if domain else None


def read_budget(headers: Mapping[str, str]) -> Budget | None:
    """The company's tokens of the day, shared by all its apps; these headers are sometimes missing."""
    limit, left = (whole_number(headers.get(f"x-daily-ratelimit-token-{name}")) for name in ("limit", "remaining"))
    return Budget(left, limit) if limit and left is not None else None


def check_config(config: Mapping[str, Any]) -> None:
    """Nango needs the company's host, which comes with the token; without it every call fails as if Nango were down."""
    if _api_domain(config) is None:
        raise ProviderError(
            "connection_misconfigured",
            "The Pipedrive connection has no api_domain (https://COMPANY.pipedrive.com) in its connection_config.",
            action="Connect it again, so that Nango stores the api_domain that Pipedrive sends with the token.",
        )


# --- persons


def _listed(api: CrmApi, activities: _Activities, cursor: str) -> Iterator[Page]:
    """Everybody by rising id.

    How long a cursor lives is not documented. One that is refused after an interruption, or right behind which the list
    seems to end, starts the list anew: believed, that end would delete everybody who comes after it.
    """
    query = {"sort_by": "id", "sort_direction": "asc"} | INCLUDED
    try:
        for items, following in _pages(api, PERSONS, query, cursor):
            if cursor and not items:
                break
            cursor = ""
            page = activities.join(items)
            if following:
                yield page._replace(resume=f"list:{following}")
            else:
                yield page._replace(resume="end:", proven=(Proven("contact"),))
        else:
            return
    except ProviderError as error:
        status = error.facts.get("status")
        if not (cursor and error.code == "unexpected_response" and isinstance(status, int) and 400 <= status < 500):
            raise
    yield from _listed(api, activities, "")


def _changed(api: CrmApi, activities: _Activities, since: str) -> Iterator[Page]:
    """Everybody changed at or after `since`, oldest change first, without an upper bound that a wrong clock could miss.

    A person that changes meanwhile moves to the end and is seen again.
    """
    query = {"updated_since": since, "sort_by": "update_time", "sort_direction": "asc"} | INCLUDED
    for items, _ in _pages(api, PERSONS, query):
        page = activities.join(items)
        times = [record.source_updated_at for record in page.records if record.source_updated_at]
        since = max(since, _moment(max(times))) if times else since
        yield page._replace(resume=f"window:{since}")


def _pages(api: CrmApi, path: str, query: Mapping[str, str], cursor: str = "") -> Iterator[tuple[list[Payload], str]]:
    """The pages of a list of version 2, each with the cursor of the next one, "" at the end."""
    guard, limit = PageGuard(f"Pipedrive's list {path}"), LIST_LIMIT
    while True:
        turn = {"limit": str(limit), **query} | ({"cursor": cursor} if cursor else {})
        try:
            answer = api.get(path, turn, shape=("data",)).object()
        except ProviderError as error:
            limit = halved(limit, error)
            continue
        items = items_in(answer, "data", TITLE)
        cursor = str(object_in(answer, "additional_data").get("next_cursor") or "")
        yield items, cursor
        if not cursor:
            return
        guard.check(cursor, len(items))


class _Activities:
    """Finds the last activities of a page's persons, a hundred at a time, as long as the connection may read them."""

    def __init__(self, api: CrmApi) -> None:
        self._api = api
        self._is_readable = True

    def join(self, items: list[Payload]) -> Page:
        """The persons of a page as records, and a note when their activities are out of reach."""
        notes: list[str] = []
        found: dict[Any, Payload] = {}
        if self._is_readable:
            with readable(notes, "Activities are not readable, so only mails count as last activity."):
                found = self._read(items)
            self._is_readable = not notes
        records = [_record(item, found.get(item.get("last_activity_id"))) for item in items]
        return Page(records, "", notes=tuple(notes))

    def _read(self, items: list[Payload]) -> dict[Any, Payload]:
        """By id; a deleted activity is not found."""
        ids = list(
            dict.fromkeys(item["last_activity_id"] for item in items if type(item.get("last_activity_id")) is int)
        )
        found: dict[Any, Payload] = {}
        for start in range(0, len(ids), IDS_LIMIT):
            query = {"ids": ",".join(map(str, ids[start : start + IDS_LIMIT])), "limit": str(IDS_LIMIT)}
            answer = self._api.get(ACTIVITIES, query, shape=("data",)).object()
            found.update((activity.get("id"), activity) for activity in items_in(answer, "data", TITLE))
        return found


def _record(item: Payload, activity: Payload | None) -> RawRecord:
    if activity is not None:
        item = {**item, LAST_ACTIVITY: {name: activity.get(name) for name in DATING}}
    custom = item.get("custom_fields")
    if isinstance(custom, dict) and len(custom) > MANY_CUSTOM_FIELDS:
        item = {**item, "custom_fields": {key: value for key, value in custom.items() if value is not None}}
    return RawRecord(
        crm_id=item.get("id"),
        payload=item,
        source_updated_at=parse_time(item.get("update_time")) or parse_time(item.get("add_time")),
        is_deleted=item.get("is_deleted") is True,
    )


# --- references


def _owners(api: CrmApi) -> Iterator[Reference]:
    """`GET /v1/users` is not paginated, and shows those who left too: persons still name them."""
    for user in items_in(api.get(USERS, shape=("data",)).object(), "data", TITLE, "id"):
        email = text_of(user.get("email"))
        yield Reference("owner", str(user["id"]), text_of(user.get("name")) or email, email)


def _labels(fields: Iterable[Payload], mapping: Mapping[str, str]) -> Iterator[Reference]:
    """Labels of the options that a contact can carry: of `label_ids`, and of the fields that are mapped."""
    stage = mapping.get("stage")
    others = {mapping.get("status", LABELS), *(field for name, field in mapping.items() if name != "stage")}
    for field in fields:
        code = field.get("field_code")
        kinds = [kind for kind, asked in (("stage", code == stage), ("status", code in others)) if asked]
        for option in items_in({"options": field.get("options") or []}, "options", TITLE, "id") if kinds else []:
            for kind in kinds:
                yield Reference(kind, f"{code}:{option['id']}", text_of(option.get("label")))


def _organizations(api: CrmApi, since: datetime | None, notes: list[str]) -> Iterator[Reference]:
    """Names of organizations, those that changed or all of them; persons name them by id only."""
    query = {"sort_by": "id", "sort_direction": "asc"}
    if since is not None:
        query = {"updated_since": _moment(since), "sort_by": "update_time", "sort_direction": "asc"}
    with readable(notes, "Organizations are not readable, so leads carry no company."):
        for items, _ in _pages(api, ORGANIZATIONS, query):
            for item in items:
                yield Reference("company", str(item.get("id")), text_of(item.get("name")))


# --- values


def _option(payload: Payload, references: References, kind: str, field: str) -> tuple[str | None, str | None]:
    """Key and label of the first option in a field; a text is its own label and has no key."""
    value = _value(payload, field)
    if type(value) is list:
        value = value[0] if value else None
    if value is None or value == "":
        return None, None
    code = value.get("id") if type(value) is dict else value
    if type(code) is int:
        key = f"{field}:{code}"
        return key, references.label(kind, key) or _shown(value)
    return None, _shown(value)


def _words(payload: Payload, references: References, field: str) -> str | None:
    """Everything a field says, options by their labels."""
    value = _value(payload, field)
    parts = value if type(value) is list else [value]
    shown = [references.label("status", f"{field}:{part}") or _shown(part) for part in parts]
    return ", ".join(part for part in shown if part) or None


def _company(payload: Payload, references: References, field: str) -> tuple[str | None, str | None]:
    """A number without an option's label is the id of an organization."""
    value = _value(payload, field)
    if type(value) is int and references.label("status", f"{field}:{value}") is None:
        return str(value), references.label("company", str(value))
    return None, _words(payload, references, field)


def _value(payload: Payload, field: str) -> Any:
    """A custom field by its key, or a standard one."""
    custom = payload.get("custom_fields")
    return custom[field] if type(custom) is dict and field in custom else payload.get(field)


def _shown(value: Any) -> str | None:
    """A value of any type of field: options and addresses are objects, so are amounts of money and ranges of dates."""
    if type(value) is not dict:
        return None if type(value) is list else text_of(value)
    text = text_of(value.get("label")) or text_of(value.get("value")) or text_of(value.get("id"))
    currency, until = text_of(value.get("currency")), text_of(value.get("until"))
    if text and until:
        return f"{text} to {until}"
    return f"{text} {currency}" if text and currency else text


def _filled(items: Any) -> list[tuple[str, str]]:
    """Texts and labels of phones or e-mails that hold something, the primary one first."""
    if type(items) is not list or not items:
        return []
    found: list[tuple[str, str]] = []
    for item in items:
        if type(item) is dict and (text := text_of(item.get("value"))):
            pair = text, (text_of(item.get("label")) or "").lower()
            if item.get("primary") is True:
                found.insert(0, pair)
            else:
                found.append(pair)
    return found


def _last_activity_at(payload: Payload) -> datetime | None:
    """When the last activity was done, else when it was due; else the later one of the last mails."""
    activity = payload.get(LAST_ACTIVITY)
    if type(activity) is dict:
        done_at = parse_time(activity.get("marked_as_done_time"))
        day, hour = text_of(activity.get("due_date")), text_of(activity.get("due_time"))
        if found := done_at or parse_time(f"{day} {hour}" if hour else day) or parse_time(day):
            return found
    mailed = (payload.get("last_incoming_mail_time"), payload.get("last_outgoing_mail_time"))
    return max(filter(None, map(parse_time, mailed)), default=None) if any(mailed) else None


def _moment(moment: datetime) -> str:
    """`2026-08-14T15:55:10Z`: a fraction of a second or a blank for the T is refused."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _api_domain(config: Mapping[str, Any]) -> str | None:
    domain = config.get("api_domain")
    return domain.rstrip("/") if isinstance(domain, str) and domain.startswith("https://") else None


PIPEDRIVE = Provider(
    name="pipedrive",
    title="Pipedrive",
    integration="pipedrive",
    identity="api_domain",
    rates={"default": Rate(20, 20)},  # of 80 in 2 seconds on the smallest plan
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
    deletions="sweep",
    read_budget=read_budget,
    check_config=check_config,
)
