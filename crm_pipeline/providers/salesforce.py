"""Salesforce leads and contacts, by SOQL over REST: keyset pages in the order of `SystemModstamp` and Id.

`queryAll` shows deleted, merged and converted records too, so every pass is also the deletion feed; only a hard delete
is noticed by its absence from a complete pass. Names of owners and accounts are read beside the records, whose stamps
they do not move.

Without a field mapping a lead's status is `Status` and a contact has none; the stage is "Converted" for a converted
lead and else empty. A mapped field that only one of the two objects has leaves the other as it is without a mapping.

https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/intro_rest.htm
https://developer.salesforce.com/docs/atlas.en-us.soql_sosl.meta/soql_sosl/sforce_api_calls_soql.htm
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Any, NamedTuple

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.errors import NangoError, ProviderError
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
from crm_pipeline.providers.reading import items_in, object_in, since_of, text_of
from crm_pipeline.providers.soql import (
    BASE,
    FEWEST_ROWS,
    LONGEST_QUERY,
    MOST_ROWS,
    QUERY,
    QUERY_ALL,
    SHORTEST_QUERY,
    as_soql,
    behind,
    count_of,
    describe,
    is_no_access,
    is_too_much,
    moment,
    place_of,
    rows_of,
    says,
    soql,
    split,
    up_to,
)

MOST_CELLS = 1_000_000
"""Fields times rows of one page: what we hold in memory at once."""
PATIENCE = 10
"""Pages after which a size that was too much is tried again: a server that was busy for a minute would make the rest
of a large pass cost many times its calls."""
CALLS_UNWATCHED = 500
"""Calls after which the day's budget is asked for again, since Nango drops the header that tells it."""
AHEAD = timedelta(minutes=10)
"""How far behind the beginning of a window pass its upper bound lies.

It has to be fixed, so that a pass ends while records go on changing; it must not lie in the past, since a person who
edits a record and asks for a sync wants to see the edit. A transaction that commits minutes after its stamp is met by
the overlap of the next pass.
"""


@dataclass(frozen=True, slots=True)
class Table:
    """One of the two objects that hold people; `needed` are the fields without which leads lack something."""

    name: str
    needed: tuple[str, ...]
    wanted: tuple[str, ...]
    parents: Mapping[str, tuple[str, ...]]
    """What to ask of a parent, by the lookup that leads to it; what a lead's owner shows is less, it may be a queue."""
    phones: tuple[tuple[str, str], ...]
    country: str
    default_status: str | None = None


LEAD = Table(
    "Lead",
    (
        "FirstName", "LastName", "Name", "Email", "Phone", "MobilePhone", "Company", "Status", "Country", "Description",
        "OwnerId", "IsConverted", "ConvertedContactId", "LastActivityDate", "CreatedDate", "MasterRecordId",
    ),
    ("Fax", "Title", "Rating", "LeadSource", "ConvertedDate", "ConvertedAccountId", "LastModifiedDate"),
    {"OwnerId": ("Owner.Name", "Owner.Type", "Owner.Email")},
    (("Phone", "phone"), ("MobilePhone", "mobile"), ("Fax", "fax")),
    "Country",
    "Status",
)  # fmt: skip
CONTACT = Table(
    "Contact",
    (
        "FirstName", "LastName", "Name", "Email", "Phone", "MobilePhone", "AccountId", "MailingCountry", "Description",
        "OwnerId", "LastActivityDate", "CreatedDate", "MasterRecordId",
    ),
    (
        "HomePhone", "OtherPhone", "AssistantPhone", "Fax", "Title", "LeadSource", "LastModifiedDate",
        "IsPersonAccount",
    ),
    {"AccountId": ("Account.Name",), "OwnerId": ("Owner.Name", "Owner.Email", "Owner.IsActive")},
    (
        ("Phone", "phone"), ("MobilePhone", "mobile"), ("HomePhone", "home"), ("OtherPhone", "other"), ("Fax", "fax"),
    ),
    "MailingCountry",
)  # fmt: skip
"""`AssistantPhone` stays in the payload: it is somebody else's number, and would make one person of two."""
TABLES = {"contact": CONTACT, "lead": LEAD}
"""In the order they are read: what a lead was converted to is then known when the lead says so."""
ALWAYS = ("Id", "SystemModstamp", "IsDeleted")
UNREAD_TYPES = frozenset({"address", "location", "base64"})
"""Compounds, whose parts are fields of their own, and files."""
LABELLED = ("status", "stage")

_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Contacts, then leads: everybody, or whoever changed; deleted, merged and converted ones among them."""
    place = _read_place(pull.resume) or _Place(next(iter(TABLES)))
    _watch_daily_calls(api)
    while place.object_type in TABLES:
        try:
            place = yield from _Sweep(api, pull, place.object_type).pages(place)
        except _Unreadable as reason:
            name, place = TABLES[place.object_type].name, place.without(place.object_type).following()
            if {*TABLES} <= {*place.left_out}:
                message = f"Neither leads nor contacts can be read. {reason}"
                raise ProviderError("missing_scope", message, action=GRANT) from None
            yield Page([], place.text(), notes=(f"{name} is left out: {reason}",), unread=place.left_out)


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """The labels of picklists; users, former ones too, queues and accounts, as far as they changed.

    An org may have a million accounts, and as many users that are its customers.
    """
    directory = Directory()
    directory.references = _labels(api, pull.mapping, directory.notes)
    directory.changed = chain.from_iterable(_names(api, pull, source, directory.notes) for source in SOURCES)
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. `Name`, which may hold a title, stands in for hidden parts."""
    get, table, label = payload.get, TABLES[object_type], references.label
    first, last, email = text_of(get("FirstName")), text_of(get("LastName")), text_of(get("Email"))
    owner, master = text_of(get("OwnerId")), text_of(get("MasterRecordId"))
    shown = object_in(get("Owner")) if owner else {}
    merged = (object_type, master) if master else None
    account = status_id = stage = became = None
    if object_type == "contact":
        if not get("IsPersonAccount"):  # the same person once more, and no employer
            account = text_of(get("AccountId"))
        company = (label("company", account) or text_of(object_in(get("Account")).get("Name"))) if account else None
    else:
        company, status_id, became = text_of(get("Company")), text_of(get("Status")), text_of(get("ConvertedContactId"))
        stage = "Converted" if get("IsConverted") is True else None
        if became and not merged:
            merged = ("contact", became)
    contact = Contact(
        crm_id=str(payload["Id"]),
        object_type=object_type,
        full_name=None if first or last else text_of(get("Name")),
        first_name=first,
        last_name=last,
        phones=tuple([PhoneText(text, kind) for name, kind in table.phones if (text := text_of(get(name)))]),
        emails=(email,) if email else (),
        company=company,
        country=text_of(get(table.country)),
        owner_id=owner,
        owner_name=label("owner", owner) or text_of(shown.get("Name")),
        owner_email=references.email("owner", owner) or text_of(shown.get("Email")),
        status_id=status_id,
        status=(label("status", status_id) or status_id) if status_id else None,
        stage_id=stage,
        stage=stage,
        company_id=account,
        description=text_of(get("Description")),
        last_activity_at=moment(get("LastActivityDate")),
        created_at=moment(get("CreatedDate")),
        updated_at=moment(get("SystemModstamp")),
        is_deleted=get("IsDeleted") is True,
        merged_into=merged,
        is_merge_unknown=stage is not None and not became,
    )
    return _mapped(contact, payload, references) if references.mapping else contact


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What Salesforce means by an error answer; None where the status alone says it.

    https://developer.salesforce.com/docs/atlas.en-us.api_rest.meta/api_rest/errorcodes.htm
    """
    if isinstance(body, dict):  # of the token endpoint; other errors are a list
        if body.get("error") == "invalid_grant":
            return Refusal("connection_expired", f"Salesforce refused the token: {body.get('error_description')}")
        return Refusal("connection_misconfigured", f"Salesforce refused: {body}") if status == 403 else None
    first = body[0] if isinstance(body, list) and body and isinstance(body[0], dict) else {}
    code, said = str(first.get("errorCode") or ""), " ".join(str(first.get("message") or "").split())
    message = f"Salesforce refused ({code}): {said}"
    if code == "REQUEST_LIMIT_EXCEEDED":
        if "TotalRequests" in said:
            return Refusal("daily_limit", f"Salesforce's daily request limit is used up ({code}).", reason=code)
        return Refusal("rate_limited", message, can_retry=True, reason=code)
    if code in REFUSALS:
        ours, can_retry, action = REFUSALS[code]
        return Refusal(ours, message, can_retry=can_retry, action=action, reason=code)
    if code.startswith("INSUFFICIENT_ACCESS"):
        return Refusal("missing_scope", message, action=GRANT)
    if status == 420:
        return Refusal("rate_limited", message if code else "Salesforce asks to slow down.", can_retry=True)
    if status == 403 and not code:  # a page of a gateway: a block, or maintenance, but no word about permissions
        return Refusal("provider_unavailable", "a page that is no answer of Salesforce's API", can_retry=True)
    if status == 403:
        return Refusal("connection_misconfigured", message)
    return Refusal("unexpected_response", message, reason=code) if code and status in (400, 404) else None


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The record's page in Lightning, Salesforce's own screens."""
    instance = str(config.get("instance_url") or "").rstrip("/")
    return f"{instance}/lightning/r/{TABLES[object_type].name}/{crm_id}/view" if instance else None


def read_budget(headers: Mapping[str, str]) -> Budget | None:
    """`Sforce-Limit-Info: api-usage=18/5000`, which Nango passes on with some answers only."""
    found = _USAGE.search(headers.get("sforce-limit-info", ""))
    return Budget(int(found[2]) - int(found[1]), int(found[2])) if found and int(found[2]) else None


def check_config(config: Mapping[str, Any]) -> None:
    """Every call goes to the org's own address, which Nango learns with the token."""
    if not str(config.get("instance_url") or "").startswith("https://"):
        raise NangoError(
            "connection_misconfigured",
            "the connection has no instance_url, the address of the Salesforce org",
            action="Connect it again: Nango stores instance_url from Salesforce's answer to the login.",
        )


GRANT = (
    "In Salesforce, give the connected user read access to leads and contacts and their fields (API Enabled, "
    "best View All), then run the sync again."
)
ENABLE_API = "Use a Salesforce edition with API access, or give the connected user the permission API Enabled."
REFUSALS: dict[str, tuple[str, bool, str | None]] = {
    "INVALID_SESSION_ID": ("connection_expired", True, None),
    "INVALID_AUTH_HEADER": ("connection_expired", True, None),
    "INVALID_JWT_FORMAT": ("connection_expired", True, None),
    "API_DISABLED_FOR_ORG": ("connection_misconfigured", False, ENABLE_API),
    "API_CURRENTLY_DISABLED": ("connection_misconfigured", False, ENABLE_API),
    "TXN_SECURITY_METERING_ERROR": (
        "connection_misconfigured", False,
        "Ask the Salesforce admin to exempt the connected user from the transaction security policy.",
    ),
    "INVALID_TYPE": ("missing_scope", False, GRANT),
    "INVALID_FIELD": ("unexpected_response", False, None),
    "QUERY_TOO_COMPLICATED": ("unexpected_response", False, None),
    # Not tried again as it is: the same query takes as long the next time, a smaller one does not.
    "QUERY_TIMEOUT": ("provider_unavailable", False, None),
    "OPERATION_TOO_LARGE": ("provider_unavailable", False, None),
    "SERVER_UNAVAILABLE": ("provider_unavailable", True, None),
}  # fmt: skip
"""Salesforce's error codes: our code, whether trying again may help, and what a person can do."""


class _Place(NamedTuple):
    """Where a pass goes on: the object, and the stamp and Id of the last record that was landed of it."""

    object_type: str
    stamp: str = ""
    crm_id: str = ""
    expected: str = ""
    """The live records that Salesforce counted before the first page of a complete pass."""
    unread: str = ""
    """What this pass could not read so far: objects, and fields as `contact.Email`."""

    def text(self) -> str:
        return "|".join(self)

    @property
    def left_out(self) -> tuple[str, ...]:
        return tuple(self.unread.split(",")) if self.unread else ()

    def without(self, *names: str) -> _Place:
        """The same place, but these could not be read."""
        return self._replace(unread=",".join(dict.fromkeys((*self.left_out, *names))))

    def following(self) -> _Place:
        """The beginning of the next object."""
        names = [*TABLES, DONE]
        return _Place(names[names.index(self.object_type) + 1], unread=self.unread)


DONE = "done"


def _read_place(resume: str | None) -> _Place | None:
    """None for a token that is not ours any more: the pass then begins anew, which is always right."""
    parts = (resume or "").split("|")
    return _Place(*parts) if len(parts) == len(_Place._fields) and parts[0] in (*TABLES, DONE) else None


class _Unreadable(Exception):
    """Why an object cannot be read, in words."""


class _Sweep:
    """All pages of one object."""

    def __init__(self, api: CrmApi, pull: Pull, object_type: str) -> None:
        self._api, self._pull, self._object_type = api, pull, object_type
        self._table = TABLES[object_type]
        self._longest, self._good, self._is_described_again = LONGEST_QUERY, 0, False
        self._first: list[str] = []
        self._others: list[str] = []
        self._hidden: list[str] = []
        self._notes: tuple[str, ...] = ()
        self._choose_fields()
        self._most = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // (len(self._first) + len(self._others))))
        self._limit = self._most

    def pages(self, place: _Place) -> Generator[Page, None, _Place]:
        """From `place` to the end of the object; answers the beginning of the next one."""
        guard = PageGuard(f"Salesforce's query of {self._table.name}")
        if self._pull.kind == "complete" and not place.stamp:
            count = self._count()
            place = place._replace(expected="" if count is None else str(count))
        while True:
            limit = self._limit
            page = self._page(place)
            if page is None:
                continue  # asked for in another way
            rows, is_whole = page
            last = place_of(rows[-1]) if rows else ("", "")
            # An answer that ends where the last one did is the last one once more, and says nothing of the end.
            is_end = is_whole and len(rows) < limit and (not rows or last != (place.stamp, place.crm_id))
            if rows:
                place = place._replace(stamp=last[0], crm_id=last[1])
            place = place.without(*self._hidden)
            proven = (Proven(self._object_type, int(place.expected)),) if is_end and place.expected else ()
            resume = place.following() if is_end else place
            records = [self._record(row) for row in rows]
            yield Page(records, resume.text(), proven=proven, notes=self._notes, unread=place.left_out)
            self._notes = ()
            if is_end:
                return resume
            guard.check(f"{place.stamp} {place.crm_id}", len(rows))
            _watch_daily_calls(self._api)

    def _record(self, row: Payload) -> RawRecord:
        stamp = moment(row.get("SystemModstamp"))
        return RawRecord(row.get("Id"), row, self._object_type, stamp, row.get("IsDeleted") is True)

    def _choose_fields(self) -> None:
        """What to select, and what is missing, in words. The second time, parents' fields are left out, to be safe."""
        table, again = self._table, self._is_described_again
        try:
            described = describe(self._api, table.name, again=again)
        except ProviderError as error:
            if not is_no_access(error):
                raise
            raise _Unreadable(error.message) from error
        by_name = {name: field for name, field in described.items() if not field.get("deprecatedAndHidden")}
        if not (by_name.keys() >= set(ALWAYS) and by_name["SystemModstamp"].get("filterable", True)):
            raise _Unreadable("its SystemModstamp cannot be asked for in this org.")
        missing = [name for name in table.needed if name not in by_name]
        said = f"Fields of {table.name} that the connected user may not read: {', '.join(missing)}."
        self._notes = (said,) if missing else ()
        self._hidden = [f"{self._object_type}.{name}" for name in missing]
        readable = [name for name, field in by_name.items() if field.get("type") not in UNREAD_TYPES]
        wanted = dict.fromkeys([*ALWAYS, *table.needed, *table.wanted, *self._pull.mapping.values()])
        self._first = [name for name in wanted if name in readable]
        self._others = [name for name in readable if by_name[name].get("custom") and name not in wanted]
        if not again:
            self._first += [name for lookup, names in table.parents.items() if lookup in by_name for name in names]

    def _count(self) -> int | None:
        try:
            return count_of(self._api, self._table.name)
        except ProviderError as error:
            raise self._judged(error) from error

    def _judged(self, error: ProviderError) -> Exception:
        return _Unreadable(error.message) if says(error, "INVALID_TYPE") else error

    def _page(self, place: _Place) -> tuple[list[Payload], bool] | None:
        """The rows behind `place` and whether these are all that was asked for; None if another try has to be made."""
        try:
            page = self._read(place)
        except ProviderError as error:
            self._good = 0
            if is_too_much(error) and self._limit > FEWEST_ROWS:
                self._limit = max(FEWEST_ROWS, self._limit // 2)
            elif _has_too_many_fields(error) and self._longest > SHORTEST_QUERY:
                self._longest //= 2
            elif says(error, "INVALID_FIELD") and not self._is_described_again:
                # A field went away since describe, or a parent's is out of reach although its lookup is not.
                self._is_described_again = True
                self._choose_fields()
            else:
                raise self._judged(error) from error
            return None
        self._good += 1
        if self._good % PATIENCE == 0:
            self._limit = min(self._most, self._limit * 2)
        return page

    def _read(self, place: _Place) -> tuple[list[Payload], bool]:
        name, bounds = self._table.name, self._bounds(place)
        first, *others = split(self._first, self._others, self._longest)
        rows, is_whole = rows_of(self._api, QUERY_ALL, name, soql(first, name, bounds, self._limit))
        if rows:
            by_id = {row.get("Id"): row for row in rows}
            for part in others:
                self._join(part, place, place_of(rows[-1]), by_id)
        return rows, is_whole

    def _bounds(self, place: _Place) -> list[str]:
        """A complete pass has no upper bound: a record that changes before we come to it moves up, and is met there.

        With a bound it would be missed and then taken for gone.
        """
        after = behind(place.stamp, place.crm_id) if place.stamp else []
        if self._pull.kind == "complete":
            return after
        until = f"SystemModstamp < {as_soql(self._pull.started_at + AHEAD)}"
        return [until, *(after or [f"SystemModstamp >= {as_soql(since_of(self._pull))}"])]

    def _join(
        self, fields: tuple[str, ...], place: _Place, last: tuple[str, str], by_id: Mapping[Any, Payload]
    ) -> None:
        """More fields of the same rows. Who changed meanwhile has left the stretch and is met again further up."""
        name = self._table.name
        guard = PageGuard(f"Salesforce's query of more fields of {name}")
        while True:
            query = soql(fields, name, [*up_to(*last), *self._bounds(place)], self._limit)
            rows, is_whole = rows_of(self._api, QUERY_ALL, name, query)
            for row in rows:
                known = by_id.get(row.get("Id"))
                if known is not None and known.get("SystemModstamp") == row.get("SystemModstamp"):
                    known.update(row)
            stamp, crm_id = place_of(rows[-1]) if rows else (place.stamp, place.crm_id)
            if is_whole and (len(rows) < self._limit or (stamp, crm_id) == last):
                return
            place = place._replace(stamp=stamp, crm_id=crm_id)
            guard.check(f"{place.stamp} {place.crm_id}", len(rows))


def _has_too_many_fields(error: ProviderError) -> bool:
    """Too long for the address, or too many formulas in one query."""
    return says(error, "QUERY_TOO_COMPLICATED") or error.facts.get("status") in (414, 431)


def _labels(api: CrmApi, mapping: Mapping[str, str], notes: list[str]) -> list[Reference]:
    """The options of the fields that status and stage come from; objects that cannot be read are told elsewhere."""
    labels: list[Reference] = []
    unknown = set(mapping.values())
    for object_type, table in TABLES.items():
        if not (mapping or table.default_status):
            continue
        try:
            fields = describe(api, table.name)
        except ProviderError as error:
            if not is_no_access(error):
                raise
            continue
        unknown -= fields.keys()
        sources = {kind: mapping[kind] for kind in LABELLED if mapping.get(kind) in fields}
        for kind, name in sources.items():
            for value, label in _options(fields[name]):
                labels.append(Reference(kind, _option(object_type, name, value), label))
        if table.default_status in fields and "status" not in sources:
            labels += [Reference("status", value, label) for value, label in _options(fields[table.default_status])]
    if unknown:
        notes.append(f"The field mapping names what no lead or contact shows: {', '.join(sorted(unknown))}.")
    return labels


def _options(field: Payload) -> list[tuple[str, str | None]]:
    if not field.get("picklistValues"):
        return []
    options = items_in(field, "picklistValues", "Salesforce", "value")
    return [(str(option["value"]), text_of(option.get("label"))) for option in options]


def _option(object_type: str, field: str, value: object) -> str:
    """Key of a mapped field's value: two fields, or the same on both objects, may label one value differently."""
    return f"{object_type}.{field}:{value}"


class _Source(NamedTuple):
    """Records whose names stand on leads and contacts, and what is lost where they cannot be read."""

    name: str
    kind: str
    fields: tuple[str, ...]
    where: tuple[str, ...]
    loss: str


SOURCES = (
    _Source("User", "owner", ("Id", "Name", "Email"), (), "names of owners may be missing"),
    _Source("Group", "owner", ("Id", "Name", "Email"), ("Type = 'Queue'",), "leads of a queue may show no owner"),
    _Source("Account", "company", ("Id", "Name"), (), "names of companies may be missing"),
)


def _names(api: CrmApi, pull: Pull, source: _Source, notes: list[str]) -> Iterator[Reference]:
    """The names that changed since we last asked; without addresses where those are hidden."""
    guard, since = PageGuard(f"Salesforce's query of {source.name}"), pull.references_since
    fields, limit = [*source.fields, "SystemModstamp"], MOST_ROWS
    upper = f"SystemModstamp < {as_soql(pull.started_at + AHEAD)}"
    lower = [f"SystemModstamp >= {as_soql(since)}"] if since else []
    while True:
        try:
            query = soql(fields, source.name, [*source.where, upper, *lower], limit)
            rows, is_whole = rows_of(api, QUERY, source.name, query)
        except ProviderError as error:
            if says(error, "INVALID_FIELD") and "Email" in fields:
                fields.remove("Email")
                notes.append(f"{source.name}.Email is not readable, so addresses of owners are missing.")
            elif is_too_much(error) and limit > FEWEST_ROWS:
                limit = max(FEWEST_ROWS, limit // 2)
            elif is_no_access(error) or says(error, "INVALID_FIELD"):
                notes.append(f"{source.name} is not readable, so {source.loss}. {error.message}")
                return
            else:
                raise
            continue
        for row in rows:
            yield Reference(source.kind, place_of(row)[1], text_of(row.get("Name")), text_of(row.get("Email")))
        if is_whole and len(rows) < limit:
            return
        if rows:
            lower = behind(*place_of(rows[-1]))
        guard.check(lower[-1] if lower else "", len(rows))
        _watch_daily_calls(api)


def _watch_daily_calls(api: CrmApi) -> None:
    """The org's calls of the day, which all its integrations share; a user without setup rights is not told."""

    def note() -> None:
        try:
            limits = api.get(f"{BASE}/limits", shape=()).object()
        except ProviderError as error:
            if error.code not in ("missing_scope", "connection_misconfigured", "unexpected_response"):
                raise
            return  # whatever else is wrong, the calls that matter will say so
        daily = object_in(limits, "DailyApiRequests")
        left, most = daily.get("Remaining"), daily.get("Max")
        if type(left) is int and type(most) is int and most > 0:
            api.note_budget(Budget(left, most))

    api.once(f"limits {api.requests // CALLS_UNWATCHED}", note)


def _mapped(contact: Contact, payload: Payload, references: References) -> Contact:
    """The contact with what the connection's field mapping says, for those fields that its object has."""
    changed: dict[str, Any] = {}
    for ours, name in references.mapping.items():
        value = payload.get(name)
        if name not in payload or isinstance(value, (dict, list)):  # a parent is no field
            continue
        text = str(value) if value is True else text_of(value)
        if ours in LABELLED:
            key = _option(contact.object_type, name, text) if text else None
            changed |= {f"{ours}_id": key, ours: references.label(ours, key) or text}
        elif ours == "description":
            changed[ours] = text
        elif ours == "company":
            changed |= {ours: text, "company_id": None}
    return contact._replace(**changed)


SALESFORCE = Provider(
    name="salesforce",
    title="Salesforce",
    integration="salesforce",
    also_named=("salesforce-sandbox",),
    identity="instance_url",
    rates={"default": Rate(10, 10)},
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
    deletions="feed",
    read_budget=read_budget,
    check_config=check_config,
)
