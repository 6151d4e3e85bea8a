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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain
from typing import Any, NamedTuple
from urllib.parse import quote

from crm_pipeline.domain.contact import Contact, PhoneText
from crm_pipeline.domain.times import parse_time
from crm_pipeline.errors import NangoError, ProviderError
from crm_pipeline.nango.answers import Refusal
from crm_pipeline.nango.limits import Budget, Rate
from crm_pipeline.nango.paging import PageGuard, path_of
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

BASE = "/services/data/v62.0"
QUERY, QUERY_ALL, LIMITS = f"{BASE}/query", f"{BASE}/queryAll", f"{BASE}/limits"

MOST_ROWS, FEWEST_ROWS = 2000, 25
"""The vendor's largest page, and the smallest that we try where a query is too much for it."""
MOST_CELLS = 1_000_000
"""Fields times rows of one page: what we hold in memory at once."""
LONGEST_QUERY = 7000
"""Bytes of one query as it is sent. Salesforce takes 16,384 for address and headers together, gateways often 8,192."""
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

_ID = re.compile(r"[A-Za-z0-9]{15,18}")
_USAGE = re.compile(r"(?<![\w-])api-usage=(\d+)/(\d+)")


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Contacts, then leads: everybody, or whoever changed; deleted, merged and converted ones among them."""
    place = _read_place(pull.resume) or _Place(next(iter(TABLES)))
    api.once("limits", lambda: _note_daily_calls(api))
    unreadable: list[str] = []
    while place.object_type in TABLES:
        table, following = TABLES[place.object_type], _following(place.object_type)
        try:
            parts, notes = _find_fields(api, table, pull.mapping)
            yield from _Sweep(api, pull, place.object_type, parts, notes).pages(place, following)
        except _Unreadable as reason:
            unreadable.append(f"{table.name} is left out: {reason}")
            if len(unreadable) == len(TABLES):
                raise ProviderError("missing_scope", " ".join(unreadable), action=GRANT) from None
            yield Page([], following.text(), notes=(unreadable[-1],), unread=(place.object_type,))
        place = following


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Users, former ones too, and queues; the labels of picklists; accounts, as far as they changed."""
    directory = Directory()
    for name, condition, loss in (
        ("User", "", "names of owners may be missing"),
        ("Group", "Type = 'Queue'", "leads that belong to a queue show no owner"),
    ):
        found, notes = _owners(api, name, condition, loss)
        directory.references += found
        directory.notes += notes
    directory.references += _labels(api, pull.mapping, directory.notes)
    accounts = _accounts(api, pull)
    try:
        first = next(accounts)  # asked for at once, so that a missing permission is told with the others
    except ProviderError as error:
        if not _is_no_access(error):
            raise
        directory.notes.append(f"Account is not readable, so names of companies may be missing. {error.message}")
    else:
        directory.changed = chain(first, chain.from_iterable(accounts))
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. `Name`, which may hold a title, stands in for hidden parts."""
    get, table, label = payload.get, TABLES[object_type], references.label
    first, last, email = _text(get("FirstName")), _text(get("LastName")), _text(get("Email"))
    owner, master = _text(get("OwnerId")), _text(get("MasterRecordId"))
    merged = (object_type, master) if master else None
    account = status_id = stage = None
    if object_type == "contact":
        if not get("IsPersonAccount"):  # the same person once more, and no employer
            account = _text(get("AccountId"))
        company = (label("company", account) or _of_parent(get("Account"), "Name")) if account else None
    else:
        company, status_id, became = _text(get("Company")), _text(get("Status")), _text(get("ConvertedContactId"))
        stage = "Converted" if get("IsConverted") is True else None
        if became and not merged:
            merged = ("contact", became)
    contact = Contact(
        crm_id=str(payload["Id"]),
        object_type=object_type,
        full_name=None if first or last else _text(get("Name")),
        first_name=first,
        last_name=last,
        phones=tuple([PhoneText(text, kind) for name, kind in table.phones if (text := _text(get(name)))]),
        emails=(email,) if email else (),
        company=company,
        country=_text(get(table.country)),
        owner_id=owner,
        owner_name=(label("owner", owner) or _of_parent(get("Owner"), "Name")) if owner else None,
        owner_email=(references.email("owner", owner) or _of_parent(get("Owner"), "Email")) if owner else None,
        status_id=status_id,
        status=(label("status", status_id) or status_id) if status_id else None,
        stage_id=stage,
        stage=stage,
        company_id=account,
        description=_text(get("Description")),
        last_activity_at=_moment(get("LastActivityDate")),
        created_at=_moment(get("CreatedDate")),
        updated_at=_moment(get("SystemModstamp")),
        is_deleted=get("IsDeleted") is True,
        merged_into=merged,
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

    def text(self) -> str:
        return "|".join(self)


DONE = _Place("done")


def _read_place(resume: str | None) -> _Place | None:
    """None for a token that is not ours any more: the pass then begins anew, which is always right."""
    parts = (resume or "").split("|")
    place = _Place(*parts) if len(parts) == len(_Place._fields) else None
    return place if place is not None and (place.object_type in TABLES or place == DONE) else None


def _following(object_type: str) -> _Place:
    names = list(TABLES)
    place = names.index(object_type) + 1
    return _Place(names[place]) if place < len(names) else DONE


class _Unreadable(Exception):
    """Why an object cannot be read, in words."""


Parts = tuple[tuple[str, ...], ...]
"""What to select of an object, in parts that fit into an address each; the first has all that a Contact needs."""


class _Sweep:
    """All pages of one object."""

    def __init__(self, api: CrmApi, pull: Pull, object_type: str, parts: Parts, notes: tuple[str, ...]) -> None:
        self._api, self._pull, self._object_type = api, pull, object_type
        self._table = TABLES[object_type]
        self._parts, self._notes = parts, notes
        self._limit = max(FEWEST_ROWS, min(MOST_ROWS, MOST_CELLS // sum(map(len, parts))))
        self._is_described_again = False

    def pages(self, place: _Place, following: _Place) -> Iterator[Page]:
        """From `place` to the end of the object, whose last page leads to `following`."""
        guard = PageGuard(f"Salesforce's query of {self._table.name}")
        if self._pull.kind == "complete" and not place.stamp:
            place = place._replace(expected=_count(self._api, self._table.name))
        while True:
            limit = self._limit
            page = self._page(place)
            if page is None:
                continue  # asked for in another way
            rows, is_whole = page
            last = (_stamp_of(rows[-1]), _id_of(rows[-1])) if rows else ("", "")
            # An answer that ends where the last one did is the last one once more, and says nothing of the end.
            is_end = is_whole and len(rows) < limit and (not rows or last != (place.stamp, place.crm_id))
            if rows:
                place = place._replace(stamp=last[0], crm_id=last[1])
            if not is_end:
                guard.check(f"{place.stamp} {place.crm_id}", len(rows))
            proven = (Proven(self._object_type, int(place.expected)),) if is_end and place.expected else ()
            resume = following if is_end else place
            yield Page(list(map(self._record, rows)), resume.text(), proven=proven, notes=self._notes)
            self._notes = ()
            if is_end:
                return

    def _record(self, row: Payload) -> RawRecord:
        stamp = _moment(row.get("SystemModstamp"))
        return RawRecord(row.get("Id"), row, self._object_type, stamp, row.get("IsDeleted") is True)

    def _page(self, place: _Place) -> tuple[list[Payload], bool] | None:
        """The rows behind `place` and whether these are all that was asked for; None if another try has to be made."""
        try:
            return self._read(place)
        except ProviderError as error:
            if _is_too_much(error) and self._limit > FEWEST_ROWS:
                self._limit = max(FEWEST_ROWS, self._limit // 2)
                return None
            if _says(error, "INVALID_FIELD") and not self._is_described_again:
                # A field went away since describe, or a parent's is out of reach although its lookup is not.
                self._is_described_again = True
                self._parts, self._notes = _find_fields(self._api, self._table, self._pull.mapping, again=True)
                return None
            if _says(error, "INVALID_TYPE"):
                raise _Unreadable(error.message) from error
            raise

    def _read(self, place: _Place) -> tuple[list[Payload], bool]:
        first, *others = self._parts
        bounds = self._bounds(place)
        rows, is_whole = _rows(
            self._api, QUERY_ALL, self._table.name, _soql(first, self._table.name, bounds, self._limit)
        )
        if rows and others:
            by_id = {row.get("Id"): row for row in rows}
            last = _stamp_of(rows[-1]), _id_of(rows[-1])
            for part in others:
                self._join(part, place, last, by_id)
        return rows, is_whole

    def _bounds(self, place: _Place) -> list[str]:
        """A complete pass has no upper bound: a record that changes before we come to it moves up, and is met there.

        With a bound it would be missed and then taken for gone.
        """
        behind = [_behind(place.stamp, place.crm_id)] if place.stamp else []
        if self._pull.kind == "complete":
            return behind
        if self._pull.since is None:
            raise ValueError("a window pass needs `since`")
        until = f"SystemModstamp < {_soql_time(self._pull.started_at + AHEAD)}"
        return [until, *(behind or [f"SystemModstamp >= {_soql_time(self._pull.since)}"])]

    def _join(
        self, fields: tuple[str, ...], place: _Place, last: tuple[str, str], by_id: Mapping[Any, Payload]
    ) -> None:
        """More fields of the same rows. Who changed meanwhile has left the stretch and is met again further up."""
        stamp, crm_id = last
        to_last = f"(SystemModstamp < {stamp} OR (SystemModstamp = {stamp} AND Id <= '{crm_id}'))"
        guard = PageGuard(f"Salesforce's query of more fields of {self._table.name}")
        while True:
            soql = _soql(fields, self._table.name, [to_last, *self._bounds(place)], MOST_ROWS)
            rows, is_whole = _rows(self._api, QUERY_ALL, self._table.name, soql)
            for row in rows:
                known = by_id.get(row.get("Id"))
                if known is not None and known.get("SystemModstamp") == row.get("SystemModstamp"):
                    known.update(row)
            if is_whole and len(rows) < MOST_ROWS:
                return
            if rows:
                place = place._replace(stamp=_stamp_of(rows[-1]), crm_id=_id_of(rows[-1]))
            guard.check(f"{place.stamp} {place.crm_id}", len(rows))


def _find_fields(
    api: CrmApi, table: Table, mapping: Mapping[str, str], *, again: bool = False
) -> tuple[Parts, tuple[str, ...]]:
    """The fields to select, and what is missing, in words. `again`: parents' fields are left out, to be safe.

    A field that the user may not read is absent from describe, and one such in a query makes the whole query fail.
    """
    try:
        described = _read_fields(api, table.name) if again else _describe(api, table.name)
    except ProviderError as error:
        if not _is_no_access(error):
            raise
        raise _Unreadable(error.message) from error
    by_name = {field["name"]: field for field in described if not field.get("deprecatedAndHidden")}
    if not (by_name.keys() >= set(ALWAYS) and by_name["SystemModstamp"].get("filterable", True)):
        raise _Unreadable("its SystemModstamp cannot be asked for in this org.")
    missing = [name for name in table.needed if name not in by_name]
    notes = [f"Fields of {table.name} that the connected user may not read: {', '.join(missing)}."] if missing else []
    wanted = [*table.needed, *table.wanted, *(name for name in mapping.values() if _is_readable(by_name.get(name)))]
    first = [name for name in dict.fromkeys([*ALWAYS, *wanted]) if name in by_name]
    custom = [name for name, field in by_name.items() if field.get("custom") and _is_readable(field)]
    chosen = set(first)
    others = [name for name in custom if name not in chosen]
    if not again:
        first += [name for lookup, names in table.parents.items() if lookup in by_name for name in names]
    return tuple(_split(first, others)), tuple(notes)


def _is_readable(field: Mapping[str, Any] | None) -> bool:
    return field is not None and field.get("type") not in UNREAD_TYPES


def _split(first: list[str], others: list[str]) -> Iterator[tuple[str, ...]]:
    """The fields in parts whose queries fit; every further one with what its rows are joined by."""
    room = LONGEST_QUERY - len(quote(_soql((), "Contact", [_WIDEST_BOUNDS], MOST_ROWS)))
    part, length = first, sum(len(name) + 1 for name in first)
    for name in others:
        if length + len(name) + 1 > room:
            yield tuple(part)
            part = ["Id", "SystemModstamp"]
            length = sum(len(name) + 1 for name in part)
        part.append(name)
        length += len(name) + 1
    yield tuple(part)


def _describe(api: CrmApi, name: str) -> list[dict[str, Any]]:
    """Once in a run for whoever needs it: these answers are long."""
    return api.once(f"describe {name}", lambda: _read_fields(api, name))


def _read_fields(api: CrmApi, name: str) -> list[dict[str, Any]]:
    return _objects(api.get(f"{BASE}/sobjects/{name}/describe", shape=("fields",)).object()["fields"], "name")


def _labels(api: CrmApi, mapping: Mapping[str, str], notes: list[str]) -> list[Reference]:
    """The options of the fields that status and stage come from; objects that cannot be read are told elsewhere."""
    labels: list[Reference] = []
    unknown = set(mapping.values())
    for object_type, table in TABLES.items():
        if not (mapping or table.default_status):
            continue
        try:
            fields = {field["name"]: field for field in _describe(api, table.name)}
        except ProviderError as error:
            if not _is_no_access(error):
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


def _options(field: Mapping[str, Any]) -> list[tuple[str, str | None]]:
    found = _objects(field.get("picklistValues") or [], "value")
    return [(str(option["value"]), _text(option.get("label"))) for option in found]


def _option(object_type: str, field: str, value: object) -> str:
    """Key of a mapped field's value: two fields, or the same on both objects, may label one value differently."""
    return f"{object_type}.{field}:{value}"


def _owners(api: CrmApi, name: str, condition: str, loss: str) -> tuple[list[Reference], list[str]]:
    """All users or queues, and what could not be read; without addresses where those are hidden."""
    reason = ""
    for fields in (("Id", "Name", "Email"), ("Id", "Name")):
        try:
            found = list(_named(api, name, condition, fields))
        except ProviderError as error:
            if not (_says(error, "INVALID_FIELD") or _is_no_access(error)):
                raise
            reason = error.message
            continue
        return found, [f"{name}.Email is not readable, so addresses of owners are missing. {reason}"] if reason else []
    return [], [f"{name} is not readable, so {loss}. {reason}"]


def _named(api: CrmApi, name: str, condition: str, fields: tuple[str, ...]) -> Iterator[Reference]:
    """Everybody of a small object by Id."""
    guard, last, limit = PageGuard(f"Salesforce's query of {name}"), "", MOST_ROWS
    while True:
        where = ([condition] if condition else []) + ([f"Id > '{last}'"] if last else [])
        rows, is_whole = _rows(api, QUERY, name, _soql(fields, name, where, limit, "Id ASC"))
        for row in rows:
            yield Reference("owner", _id_of(row), _text(row.get("Name")), _text(row.get("Email")))
        if is_whole and len(rows) < limit:
            return
        last = _id_of(rows[-1]) if rows else last
        guard.check(last, len(rows))


def _accounts(api: CrmApi, pull: Pull) -> Iterator[list[Reference]]:
    """Pages of the accounts that changed since we last asked."""
    guard, since = PageGuard("Salesforce's query of Account"), pull.references_since
    upper = f"SystemModstamp < {_soql_time(pull.started_at + AHEAD)}"
    lower, limit = [f"SystemModstamp >= {_soql_time(since)}"] if since else [], MOST_ROWS
    while True:
        soql = _soql(("Id", "Name", "SystemModstamp"), "Account", [upper, *lower], limit)
        try:
            rows, is_whole = _rows(api, QUERY, "Account", soql)
        except ProviderError as error:
            if not _is_too_much(error) or limit <= FEWEST_ROWS:
                raise
            limit = max(FEWEST_ROWS, limit // 2)
            continue
        yield [Reference("company", _id_of(row), _text(row.get("Name"))) for row in rows]
        if is_whole and len(rows) < limit:
            return
        if rows:
            lower = [_behind(_stamp_of(rows[-1]), _id_of(rows[-1]))]
        guard.check(lower[0] if lower else "", len(rows))


def _rows(api: CrmApi, path: str, name: str, soql: str) -> tuple[list[Payload], bool]:
    """The rows of one query, and False where the server lost its place before the end.

    The server may give less at once than asked. Its links die with the access token, with an eleventh open query, or
    after two days; the rows so far are good, and the next query starts behind them.
    """
    guard = PageGuard(f"Salesforce's query of {name}")
    answer = api.get(path, {"q": soql}, shape=("records", "done")).object()
    rows = list(_rows_of(answer, name))
    while answer["done"] is not True:
        link = answer.get("nextRecordsUrl")
        if not isinstance(link, str) or not link:
            raise ProviderError("unexpected_response", "Salesforce's query is not done and names no next page.")
        guard.check(link, len(answer["records"]))
        try:
            answer = api.get(path_of(link), shape=("records", "done")).object()
        except ProviderError as error:
            if not _says(error, "INVALID_QUERY_LOCATOR"):
                raise
            return rows, False
        rows += _rows_of(answer, name)
    return rows, True


def _rows_of(answer: Mapping[str, Any], name: str) -> list[Payload]:
    """The rows of an answer, which says of each what it is: an answer to another query would land as this object."""
    rows = _objects(answer["records"])
    for row in rows:
        kind = row.get("attributes")
        if type(kind) is dict and kind.get("type") != name:
            raise ProviderError("unexpected_response", f"Salesforce answered a query of {name} with other records.")
    return rows


def _count(api: CrmApi, name: str) -> str:
    """Live records, as the connected user sees them; nothing where even counting takes the server too long."""
    try:
        total = api.get(QUERY, {"q": f"SELECT COUNT() FROM {name}"}, shape=("totalSize",)).object()["totalSize"]
    except ProviderError as error:
        if _says(error, "INVALID_TYPE"):
            raise _Unreadable(error.message) from error
        if not _is_too_much(error):
            raise
        return ""
    if type(total) is not int:
        raise ProviderError("unexpected_response", f"Salesforce counted {name} and answered no number.")
    return str(total)


def _note_daily_calls(api: CrmApi) -> None:
    """The org's calls of the day, which all its integrations share; a user without setup rights is not told."""
    try:
        limits = api.get(LIMITS, shape=()).object()
    except ProviderError as error:
        if error.code not in ("missing_scope", "connection_misconfigured", "unexpected_response"):
            raise
        return  # whatever else is wrong, the calls that matter will say so
    daily = limits.get("DailyApiRequests")
    left, most = (daily.get("Remaining"), daily.get("Max")) if isinstance(daily, dict) else (None, None)
    if type(left) is int and type(most) is int and most > 0:
        api.note_budget(Budget(left, most))


def _soql(
    fields: tuple[str, ...], name: str, where: list[str], limit: int, order: str = "SystemModstamp ASC, Id ASC"
) -> str:
    condition = f" WHERE {' AND '.join(where)}" if where else ""
    return f"SELECT {','.join(fields)} FROM {name}{condition} ORDER BY {order} LIMIT {limit}"


def _behind(stamp: str, crm_id: str) -> str:
    """Rows share stamps, often by the thousand; the Id tells them apart."""
    return f"(SystemModstamp > {stamp} OR (SystemModstamp = {stamp} AND Id > '{crm_id}'))"


def _stamp_of(row: Payload) -> str:
    moment = _moment(row.get("SystemModstamp"))
    if moment is None:
        raise ProviderError("unexpected_response", "Salesforce answered a record whose SystemModstamp is no time.")
    return _soql_time(moment)


def _id_of(row: Payload) -> str:
    crm_id = row.get("Id")
    if not isinstance(crm_id, str) or not _ID.fullmatch(crm_id):
        raise ProviderError("unexpected_response", "Salesforce answered a record whose Id is none of Salesforce's.")
    return crm_id


def _soql_time(moment: datetime) -> str:
    """With milliseconds: stamps have had none so far, but nothing promises it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


_WIDEST_BOUNDS = " AND ".join([_behind("2026-01-01T00:00:00.000Z", "0" * 18)] * 3)


def _moment(value: object) -> datetime | None:
    """Salesforce writes `+0000`, or a day alone; both are read faster once they end in `Z`."""
    if type(value) is str:
        if value[-5:] == "+0000":
            return parse_time(f"{value[:-5]}Z")
        if len(value) == 10:
            return parse_time(f"{value}T00:00:00Z") or parse_time(value)
    return parse_time(value)


def _mapped(contact: Contact, payload: Payload, references: References) -> Contact:
    """The contact with what the connection's field mapping says, for those fields that its object has."""
    changed: dict[str, Any] = {}
    for ours, name in references.mapping.items():
        if name not in payload:
            continue
        text = _text(payload[name])
        if ours in LABELLED:
            key = _option(contact.object_type, name, text) if text else None
            changed |= {f"{ours}_id": key, ours: references.label(ours, key) or text}
        elif ours == "description":
            changed[ours] = text
        elif ours == "company":
            changed |= {ours: text, "company_id": None}
    return contact._replace(**changed)


def _objects(value: object, *required: str) -> list[dict[str, Any]]:
    if isinstance(value, list) and all(isinstance(item, dict) and item.keys() >= set(required) for item in value):
        return value
    wanted = f" with {', '.join(required)}" if required else ""
    raise ProviderError("unexpected_response", f"Salesforce answered a list that is not one of objects{wanted}.")


def _says(error: ProviderError, code: str) -> bool:
    """Whether Salesforce gave this error code."""
    return error.facts.get("reason") == code


def _is_no_access(error: ProviderError) -> bool:
    """An object the user may not see: refused in a query, not found by describe."""
    return error.code == "missing_scope" or _says(error, "NOT_FOUND")


def _is_too_much(error: ProviderError) -> bool:
    is_slow = _says(error, "QUERY_TIMEOUT") or _says(error, "OPERATION_TOO_LARGE")
    return is_slow or error.facts.get("body") == "too_large"


def _of_parent(parent: object, name: str) -> str | None:
    """What a record shows of its parent; a lookup that is empty shows null."""
    return _text(parent.get(name)) if type(parent) is dict else None


def _text(value: object) -> str | None:
    """Absent, null and blank mean the same."""
    if type(value) is str:
        return value.strip() or None
    return (str(value).strip() or None) if value else None


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
