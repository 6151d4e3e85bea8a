"""HighLevel (GoHighLevel, LeadConnector) contacts of one location, that is, of one sub-account.

Both passes page `POST /contacts/search` with `searchAfter` as keyset. A window pass filters and orders by
`dateUpdated`: whatever changes meanwhile moves behind the position and is met again. A complete pass has no filter and
goes by `dateAdded`, which every contact has and no edit moves; some have no `dateUpdated`, and where those would stand
in its order is not documented. Deleted and merged contacts are told of nowhere: the daily complete pass misses them. It
also brings what does not move a contact's `dateUpdated`: a business's new name, and perhaps an opportunity's new stage.

Names: the owner is a user. The status is the contact's `type` (`lead`, `customer`), the stage that of the newest open
opportunity; a contact has no description. `field_mapping` names another source of `status`, `stage`, `description` or
`company`: the id of a custom field (of `GET /locations/{locationId}/customFields`; its values are plain labels already)
or one of the words `type`, `tags`, `opportunity_status`, `opportunity_stage`.

https://github.com/GoHighLevel/highlevel-api-docs
https://marketplace.gohighlevel.com/docs/ (100 calls in 10 seconds and 200,000 a day for an app and location)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import orjson

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
from crm_pipeline.providers.reading import halved, items_in, since_of, text_of, unknown_fields, whole_number

SEARCH = "/contacts/search"
USERS = "/users/"
PIPELINES = "/opportunities/pipelines"
CUSTOM_FIELDS = "/locations/{}/customFields"
HEADERS = {"Version": "2021-07-28"}
"""Asked for by every call, and not added by Nango."""
TITLE = "HighLevel"
PAGE_LIMIT = 100
"""500 are documented; 100 is what recordings prove."""
INTERVAL_SECONDS = 10.0
"""Of the burst limit, where an answer does not tell it."""

DEFAULT_SOURCES = {"status": "type", "stage": "opportunity_stage"}
"""Where status and stage come from without a `field_mapping`."""
WORDS = frozenset({"type", "tags", "opportunity_status", "opportunity_stage"})
"""Sources that are no custom fields."""
IN_LOCATION = (
    "Install the app again from inside the sub-account (location), not from the agency view, and connect that: "
    "only such a connection has a locationId and may read contacts."
)
NO_OWNERS = "Owners are not readable (scope users.readonly), so leads carry no owner's name."
NO_STAGES = "Pipelines are not readable (scope opportunities.readonly), so leads carry no opportunity's stage."

PERMANENT = frozenset({"unexpected_response", "connection_misconfigured"})
"""What will be answered again; a user who cannot be read for the moment is no user who is gone."""

_WRONG_CLASS = re.compile(r"user ?type|auth ?class", re.I)
_OTHER_LOCATION = re.compile(r"access to this location", re.I)
_SCOPE = re.compile(r"\bscopes?\b", re.I)
_SCOPE_NAME = re.compile(r"\b[\w/]+\.(?:readonly|write)\b", re.I)
_TOKEN = re.compile(r"invalid jwt|jwt expired|access token|token (?:is|has) (?:invalid|expired)", re.I)
_VERSION = re.compile(r"version header", re.I)


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Everything, or everything changed since; no upper end, since a contact edited meanwhile moves beyond it."""
    body = _search_body(_location(api), pull)
    order = body["sort"][0]["field"]
    position = orjson.loads(pull.resume) if pull.resume else {}
    after, counted = position.get(order), position.get("total")
    owners = _owners(api)
    owners.asked |= pull.known_owners
    guard, limit = PageGuard("HighLevel's contact search"), PAGE_LIMIT
    while True:
        turn = body | {"pageLimit": limit} | ({"searchAfter": after} if after else {})
        try:
            answer = api.post(SEARCH, turn, headers=HEADERS, shape=("contacts",)).object()
        except ProviderError as error:
            if error.code == "missing_scope":
                raise _named(error, "contacts.readonly") from error
            limit = halved(limit, error)
            continue
        items, total = items_in(answer, "contacts", TITLE), _count(answer.get("total"))
        following = _following(items, limit)
        is_last = following is None or (after is None and total == len(items))
        counted = total if after is None else counted
        was_refused, references = owners.is_refused, tuple(owners.by_id(item.get("assignedTo") for item in items))
        # of the counts at both ends the lower: whoever left meanwhile was not shown, and whoever came need not be
        expected = min((count for count in (counted, total) if count is not None), default=None)
        yield Page(
            [_record(item) for item in items],
            resume=orjson.dumps({order: following or after, "total": counted}).decode(),
            references=references,
            proven=(Proven("contact", expected),) if is_last and pull.kind == "complete" else (),
            notes=(NO_OWNERS,) if owners.is_refused and not was_refused else (),
        )
        if is_last:
            return
        guard.check(repr(following), len(items))
        after = following


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Users, and the stages of pipelines where a stage is shown anywhere.

    The list may be empty or lack the agency's users; those that contacts name are asked for one by one, so that a
    renamed one is noticed.
    """
    directory, owners = Directory(), _owners(api)
    directory.references += [*owners.listed(), *owners.by_id(sorted(pull.known_owners))]
    if owners.is_refused:
        directory.notes.append(NO_OWNERS)
    sources = DEFAULT_SOURCES | dict(pull.mapping)
    kinds = sorted({_kind(field) for field, source in sources.items() if source == "opportunity_stage"})
    try:
        directory.references.extend(_stages(api, kinds) if kinds else ())
    except ProviderError as error:
        if error.code != "missing_scope":
            raise
        directory.notes.append(NO_STAGES)
    directory.notes.extend(_unknown(api, pull.mapping))
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing.

    `contactName` is lower-cased by HighLevel, so it stands in only where first and last name are both missing.
    """
    get, mapping = payload.get, references.mapping
    first, last = text_of(get("firstName")), text_of(get("lastName"))
    owner = text_of(get("assignedTo"))
    status_id, status = _coded(payload, references, "status", mapping.get("status") or "type")
    stage_id, stage = _coded(payload, references, "stage", mapping.get("stage") or "opportunity_stage")
    company, company_id = text_of(get("companyName")) or text_of(get("businessName")), text_of(get("businessId"))
    description = None
    if mapping:
        if "company" in mapping:
            company, company_id = _coded(payload, references, "company", mapping["company"])[1], None
        if "description" in mapping:
            description = _coded(payload, references, "description", mapping["description"])[1]
    return Contact(
        crm_id=str(payload["id"]),
        object_type=object_type,
        full_name=None if first or last else text_of(get("contactName")),
        first_name=first,
        last_name=last,
        phones=_phones(payload),
        emails=_emails(payload),
        company=company,
        country=text_of(get("country")),
        owner_id=owner,
        owner_name=references.label("owner", owner) if owner else None,
        owner_email=references.email("owner", owner) if owner else None,
        status_id=status_id,
        status=status,
        stage_id=stage_id,
        stage=stage,
        company_id=company_id,
        description=description,
        last_activity_at=parse_time(get("lastActivity")),
        created_at=parse_time(get("dateAdded")),
        updated_at=parse_time(get("dateUpdated")),
    )


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What HighLevel means by an error answer; None where the status alone says it.

    Four refusals share 401 and 403 without a code, so the words decide.
    """
    if status == 429:
        return _too_many(headers)
    if status not in (401, 403):
        return None
    if not isinstance(body, dict):
        if status == 401:
            return None
        return Refusal("provider_unavailable", "a gateway before HighLevel refused the call", can_retry=True)
    said = body.get("message")
    words = "; ".join(map(str, said)) if isinstance(said, list) else str(said or f"HTTP {status}")
    if _VERSION.search(words):
        return Refusal("unexpected_response", f"HighLevel refused: {words}")
    if _WRONG_CLASS.search(words):
        return Refusal("connection_misconfigured", f"HighLevel refused: {words}", action=IN_LOCATION)
    if _OTHER_LOCATION.search(words):
        return Refusal(
            "connection_misconfigured",
            f"HighLevel refused: {words}",
            action="The connection's locationId is not that of its token: connect the sub-account (location) again.",
        )
    if _SCOPE.search(words):
        names = ", ".join(_SCOPE_NAME.findall(words)) or "(unnamed)"
        return Refusal("missing_scope", f"HighLevel refused: missing scope {names}. {words}")
    if _TOKEN.search(words):
        return Refusal("connection_expired", f"HighLevel refused: {words}", can_retry=True)
    return Refusal("connection_misconfigured", f"HighLevel refused: {words}") if status == 403 else None


def read_budget(headers: Mapping[str, str]) -> Budget | None:
    """The day's calls of this app for this location."""
    limit = whole_number(headers.get("x-ratelimit-limit-daily"))
    remaining = whole_number(headers.get("x-ratelimit-daily-remaining"))
    return None if limit is None or remaining is None else Budget(remaining, limit)


def check_config(config: Mapping[str, Any]) -> None:
    """An install from the agency view gives a token without a location, which can read no contact."""
    if not text_of(config.get("locationId")):
        raise ProviderError(
            "connection_misconfigured",
            "the HighLevel connection has no locationId: it was made for an agency, not for a sub-account (location)",
            action=IN_LOCATION,
        )


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The contact's page in its location."""
    location = config.get("locationId")
    return f"https://app.gohighlevel.com/v2/location/{location}/contacts/detail/{crm_id}" if location else None


class _Owners:
    """The users of a run; each is asked for once, and nobody after the first refusal."""

    def __init__(self, api: CrmApi) -> None:
        self.asked: set[str] = set()
        self.is_refused = False
        self._api = api

    def listed(self) -> list[Reference]:
        """The location's users. Deprecated and gone from v3; where it has gone, users are still found by id."""
        answer = self._read(USERS, "users", 404, query={"locationId": _location(self._api)})
        users = items_in(answer, "users", TITLE, "id") if answer else []
        self.asked.update(str(user["id"]) for user in users)
        return [_owner(user) for user in users]

    def by_id(self, ids: Iterable[object]) -> Iterator[Reference]:
        """Those that nobody has asked for yet. Who was removed is answered 404, or 400; who belongs to the agency or to
        another location by now may be refused, and that must not stop the location's sync."""
        for user_id in map(text_of, ids):
            if user_id is None or user_id in self.asked or self.is_refused:
                continue
            self.asked.add(user_id)
            if not (user_id.isascii() and user_id.isalnum()):
                continue  # no id of HighLevel's, and nothing to build a path from
            if user := self._read(f"{USERS}{user_id}", "id", 400, 403, 404, 422):
                yield _owner(user | {"id": user_id})

    def _read(self, path: str, key: str, *absent: int, query: Mapping[str, str] | None = None) -> Payload:
        """Nothing where they may not be read, or by these statuses are not there; any other error ends the pass."""
        try:
            return self._api.get(path, query, headers=HEADERS, shape=(key,)).object()
        except ProviderError as error:
            if error.code == "missing_scope":
                self.is_refused = True
            elif error.code not in PERMANENT or error.facts.get("status") not in absent:
                raise
            return {}


def _owners(api: CrmApi) -> _Owners:
    return api.once("owners", lambda: _Owners(api))


def _search_body(location: str, pull: Pull) -> dict[str, Any]:
    """The location goes on every page: without it the next one is refused."""
    if pull.kind == "complete":
        return {"locationId": location, "sort": [{"field": "dateAdded", "direction": "asc"}]}
    changed = {"field": "dateUpdated", "operator": "range", "value": {"gte": _iso(since_of(pull))}}
    return {"locationId": location, "sort": [{"field": "dateUpdated", "direction": "asc"}], "filters": [changed]}


def _following(items: list[Payload], limit: int) -> object:
    """Where the next page starts; None behind an empty page. A short one need not be the last."""
    following = items[-1].get("searchAfter") if items else None
    if isinstance(following, list) and following:
        return following
    if len(items) < limit:
        return None
    raise ProviderError(
        "unexpected_response", "HighLevel's contact search answered a full page whose last contact has no searchAfter."
    )


def _owner(user: Mapping[str, Any]) -> Reference:
    parts = (text_of(user.get("firstName")), text_of(user.get("lastName")))
    email = text_of(user.get("email"))
    name = text_of(user.get("name")) or " ".join(part for part in parts if part) or email
    return Reference("owner", str(user["id"]), name, email)


def _stages(api: CrmApi, kinds: Iterable[str]) -> Iterator[Reference]:
    """Stages of every pipeline; their ids do not repeat between pipelines."""
    answer = api.get(PIPELINES, {"locationId": _location(api)}, headers=HEADERS, shape=("pipelines",)).object()
    stages = [
        stage
        for pipeline in items_in(answer, "pipelines", TITLE)
        for stage in items_in(pipeline, "stages", TITLE, "id")
    ]
    for kind in kinds:
        yield from [Reference(kind, str(stage["id"]), text_of(stage.get("name"))) for stage in stages]


def _unknown(api: CrmApi, mapping: Mapping[str, str]) -> list[str]:
    """A custom field that nobody knows would leave a field empty without a word; who may not list them is not told."""
    wanted = {field: source for field, source in mapping.items() if source not in WORDS}
    if not wanted:
        return []
    path = CUSTOM_FIELDS.format(quote(_location(api), safe=""))
    try:
        answer = api.get(path, {"model": "contact"}, headers=HEADERS, shape=("customFields",)).object()
    except ProviderError as error:
        if error.code != "missing_scope":
            raise
        return []
    return unknown_fields(TITLE, wanted, {str(one["id"]) for one in items_in(answer, "customFields", TITLE, "id")})


def _coded(payload: Payload, references: References, field: str, source: str) -> tuple[str | None, str | None]:
    """Id and text of what stands for one of our fields: a key of the contact, its opportunity, or a custom field."""
    if source == "opportunity_stage":
        stage_id = text_of(_newest(payload, only_open=True).get("pipelineStageId"))
        return stage_id, references.label(_kind(field), stage_id) if stage_id else None
    if source == "type":
        value: object = payload.get("type")
    elif source == "tags":
        value = payload.get("tags")
    elif source == "opportunity_status":
        value = (_newest(payload, only_open=True) or _newest(payload, only_open=False)).get("status")
    else:
        fields = payload.get("customFields")
        of_it = [one.get("value") for one in _objects(fields) if one.get("id") == source] if fields else []
        value = of_it[0] if of_it else None
    text = _joined(value)
    return text, text


def _kind(field: str) -> str:
    """The kind of reference that the stages of pipelines are, for one of our fields."""
    return "status" if field == "status" else "stage"


def _newest(payload: Payload, *, only_open: bool) -> Payload:
    """Opportunities inside a contact carry no time; they are taken to be listed oldest first."""
    opportunities = payload.get("opportunities")
    if opportunities:
        for opportunity in reversed(_objects(opportunities)):
            if not only_open or opportunity.get("status") == "open":
                return opportunity
    return {}


def _phones(payload: Payload) -> tuple[PhoneText, ...]:
    """The first one, then the additional ones, each with its own label."""
    found = []
    if number := text_of(payload.get("phone")):
        found.append(PhoneText(number, (text_of(payload.get("phoneLabel")) or "phone").lower()))
    for number, entry in _more(payload.get("additionalPhones"), "phone"):
        found.append(PhoneText(number, (text_of(entry.get("phoneLabel")) or "other").lower()))
    return tuple(found)


def _emails(payload: Payload) -> tuple[str, ...]:
    found = [email] if (email := text_of(payload.get("email"))) else []
    return tuple(found + [email for email, _ in _more(payload.get("additionalEmails"), "email")])


def _more(value: object, key: str) -> Iterator[tuple[str, Payload]]:
    """Additional phones or e-mails: their shape is not documented, so a bare text counts like an object with a key."""
    for one in value if isinstance(value, list) else ():
        entry = one if isinstance(one, dict) else {key: one}
        if text := text_of(entry.get(key)):
            yield text, entry


def _record(item: Payload) -> RawRecord:
    return RawRecord(crm_id=item.get("id"), payload=item, source_updated_at=parse_time(item.get("dateUpdated")))


def _objects(value: object) -> list[Payload]:
    """The objects in a list; nothing for anything else, for one odd value must not stop the others."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _named(error: ProviderError, scope: str) -> ProviderError:
    """The same refusal with the scope, which HighLevel itself need not name."""
    status = error.facts.get("status")
    return ProviderError(error.code, f"{error.message} It needs the scope {scope}.", action=error.action, status=status)


def _too_many(headers: Mapping[str, str]) -> Refusal:
    """HighLevel does not document its 429: the day's remainder tells which limit it was."""
    if headers.get("x-ratelimit-daily-remaining", "").strip() == "0":
        return Refusal("daily_limit", "HighLevel's daily limit of calls for this location is used up.")
    interval = whole_number(headers.get("x-ratelimit-interval-milliseconds"))
    wait = INTERVAL_SECONDS if interval is None else interval / 1000
    return Refusal("rate_limited", "HighLevel's burst limit is reached.", can_retry=True, retry_after=wait)


def _location(api: CrmApi) -> str:
    return str(api.config["locationId"])


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _joined(value: object) -> str | None:
    """A value as one text: several options by commas, the parts of a TEXTBOX_LIST too; a file has none."""
    if isinstance(value, list | dict):
        parts = value.values() if isinstance(value, dict) else value
        return (
            ", ".join(text for part in parts if not isinstance(part, list | dict) and (text := text_of(part))) or None
        )
    return text_of(value)


GOHIGHLEVEL = Provider(
    name="gohighlevel",
    title="GoHighLevel",
    integration="highlevel",
    also_named=("highlevel-white-label",),
    identity="locationId",
    rates={"default": Rate(9, 9)},
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
    deletions="sweep",
    read_budget=read_budget,
    check_config=check_config,
)
