"""The endpoints: lists of version 2 by cursor, and the users of version 1.

https://developers.pipedrive.com/docs/api/v1/Persons#getPersons
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from crm_pipeline.sandbox.exchange import Reply, Request, iso_seconds, json_reply
from crm_pipeline.sandbox.pipedrive.account import CONTACT_SYNC, OPTIONAL, Account, FieldDefinition, Fields, User
from crm_pipeline.sandbox.pipedrive.requests import (
    DIRECTIONS,
    Cursor,
    Refused,
    flag,
    ids_of,
    limit_of,
    moment,
    names,
    number,
    one_of,
    parameters,
    seal,
    unseal,
)
from crm_pipeline.sandbox.shelf import Row, Shelf

MOST_CUSTOM_FIELDS = 15
SORTS = ("id", "update_time", "add_time")
PAGING = frozenset({"limit", "cursor"})
LIST = PAGING | {"ids", "owner_id", "updated_since", "updated_until", "sort_by", "sort_direction"}
SHOWN = frozenset({"include_fields", "custom_fields", "include_option_labels", "include_labels"})
NEVER = 1
"""Milliseconds: behind the persons that have no time of change, before all others."""
LEAVE_OUT: frozenset[str] = frozenset()


def list_persons(account: Account, request: Request) -> Reply:
    """`GET /v2/persons`; the deleted ones are not among them."""
    asked = parameters(request, LIST | SHOWN | {"org_id"}, frozenset({"filter_id", "deal_id"}))
    write = _person_writer(account, asked)
    rows, cursor = _page(account.persons, asked)
    return _listed([write(row) for row in rows], cursor)


def read_person(account: Account, request: Request, person: str) -> Reply:
    """`GET /v2/persons/{id}`."""
    asked = parameters(request, SHOWN)
    row = account.persons.live.get(int(person)) if person.isdigit() and len(person) < 16 else None
    if row is None:
        raise Refused(404, "Person not found")
    return Reply(200, b'{"success":true,"data":' + _person_writer(account, asked)(row) + b',"additional_data":null}')


def list_organizations(account: Account, request: Request) -> Reply:
    """`GET /v2/organizations`."""
    asked = parameters(request, LIST, SHOWN | {"filter_id"})
    rows, cursor = _page(account.organizations, asked)
    return _listed([_write_organization(row) for row in rows], cursor)


def list_activities(account: Account, request: Request) -> Reply:
    """`GET /v2/activities`, by ids or all of them."""
    unserved = {"filter_id", "owner_id", "deal_id", "lead_id", "person_id", "org_id", "done", "include_fields"}
    unserved |= {"updated_since", "updated_until", "sort_by", "sort_direction"}
    asked = parameters(request, PAGING | {"ids"}, frozenset(unserved))
    wanted = ids_of(asked)
    found = account.activities.keys() if wanted is None else wanted & account.activities.keys()
    ids, cursor = _page_of_ids(sorted(found), asked)
    return _listed([orjson.dumps(account.activities[key]) for key in ids], cursor)


def list_person_fields(account: Account, request: Request) -> Reply:
    """`GET /v2/personFields`; the cursor counts."""
    asked = parameters(request, PAGING, frozenset({"include_fields"}))
    fields = list(account.fields.values())
    places, cursor = _page_of_ids(list(range(len(fields))), asked)
    return _listed([orjson.dumps(_definition(fields[place])) for place in places], cursor)


def list_users(account: Account, request: Request) -> Reply:
    """`GET /v1/users`; not paginated, and those who left are among them."""
    parameters(request, LEAVE_OUT)
    return json_reply(200, {"success": True, "data": [_user(user) for user in account.users]})


def read_user(account: Account, request: Request, who: str) -> Reply:
    """`GET /v1/users/{id}` and `/v1/users/me`."""
    parameters(request, LEAVE_OUT)
    if who == "me":
        company = {"company_id": 77, "company_name": account.name, "company_domain": account.name}
        return json_reply(200, {"success": True, "data": _user(account.users[0]) | company})
    user = account.user(int(who)) if who.isdigit() and len(who) < 16 else None
    if user is None:
        raise Refused(404, "User not found")
    return json_reply(200, {"success": True, "data": _user(user)})


def person_object(account: Account, row: Row, include: Iterable[str] = LEAVE_OUT) -> Fields:
    """A person as the API shows it, the custom fields last."""
    values = row.values
    shown = {
        "id": row.id, "name": values["name"], "first_name": values["first_name"], "last_name": values["last_name"],
        "owner_id": values["owner_id"], "org_id": values["org_id"], "add_time": iso_seconds(row.created_ms),
        "update_time": iso_seconds(row.updated_ms) if row.updated_ms else None, "emails": values["emails"],
        "phones": values["phones"], "is_deleted": row.deleted_ms is not None, "visible_to": values["visible_to"],
        "label_ids": values["label_ids"], "picture_id": values["picture_id"],
        **{name: values.get(name, 0 if name.endswith("_count") else None) for name in include},
    }  # fmt: skip
    if account.contact_sync:
        shown |= {name: values[name] for name in CONTACT_SYNC}
    shown["custom_fields"] = values["custom_fields"]
    return shown


# Pages


def _listed(items: list[bytes], cursor: str | None) -> Reply:
    following = orjson.dumps({"next_cursor": cursor})
    body = b'{"success":true,"data":[' + b",".join(items) + b'],"additional_data":' + following + b"}"
    return Reply(200, body)


def _page(shelf: Shelf, asked: Mapping[str, str]) -> tuple[list[Row], str | None]:
    """The rows of one page and the cursor of the next, which is the keyset of its last row."""
    field, direction = one_of(asked, "sort_by", SORTS), one_of(asked, "sort_direction", DIRECTIONS)
    limit, after = limit_of(asked), unseal(asked.get("cursor"), field, direction)
    since, until = moment(asked, "updated_since"), moment(asked, "updated_until")
    if since is None and until is not None:
        since = NEVER
    wanted, filters = ids_of(asked), {name: number(asked, name) for name in ("owner_id", "org_id") if name in asked}
    plain = direction == "asc" and wanted is None and not filters
    if plain and field == "id" and since is None:
        rows = shelf.by_id(after=after.id if after else None, limit=limit + 1)
    elif plain and field == "update_time":
        key = (_milliseconds(after.value), after.id) if after else None
        rows = shelf.changed(since=since, until=until, after=key, limit=limit + 1)
    else:
        rows = _sifted(shelf.changed(since=since, until=until), field, direction, after, wanted, filters)
    page = rows[:limit]
    if len(rows) <= limit:
        return page, None
    last = page[-1]
    return page, seal(field, direction, Cursor(_shown_value(last, field), last.id))


def _sifted(
    rows: list[Row],
    field: str,
    direction: str,
    after: Cursor | None,
    wanted: frozenset[int] | None,
    filters: Mapping[str, int | None],
) -> list[Row]:
    """Any filter in any order, by looking at every row."""
    key = _sort_key(field)
    rows = [row for row in rows if wanted is None or row.id in wanted]
    rows = [row for row in rows if all(row.values.get(name) == value for name, value in filters.items())]
    rows.sort(key=key, reverse=direction == "desc")
    if after is None:
        return rows
    last = (after.id if field == "id" else _milliseconds(after.value), after.id)
    return [row for row in rows if (key(row) > last if direction == "asc" else key(row) < last)]


def _sort_key(field: str) -> Callable[[Row], tuple[int, int]]:
    if field == "id":
        return lambda row: (row.id, row.id)
    if field == "add_time":
        return lambda row: (row.created_ms, row.id)
    return lambda row: (row.updated_ms, row.id)


def _shown_value(row: Row, field: str) -> Any:
    if field == "id":
        return row.id
    milliseconds = row.created_ms if field == "add_time" else row.updated_ms
    return iso_seconds(milliseconds) if milliseconds else None


def _milliseconds(value: Any) -> int:
    """The time in a cursor; rows without one stand before all others."""
    found = None if value is None else moment({"cursor": str(value)}, "cursor")
    return found or 0


def _page_of_ids(ids: list[int], asked: Mapping[str, str]) -> tuple[list[int], str | None]:
    limit, after = limit_of(asked), unseal(asked.get("cursor"), "id", "asc")
    rest = [key for key in ids if after is None or key > after.id]
    page = rest[:limit]
    return page, seal("id", "asc", Cursor(page[-1], page[-1])) if len(rest) > limit else None


# Writing


def _person_writer(account: Account, asked: Mapping[str, str]) -> Callable[[Row], bytes]:
    """How this request wants its persons written; without a choice of custom fields a person stays written."""
    include = names(asked, "include_fields", OPTIONAL)
    custom = frozenset(code for code, field in account.fields.items() if field.custom)
    chosen = names(asked, "custom_fields", custom, MOST_CUSTOM_FIELDS)
    with_options, with_labels = flag(asked, "include_option_labels"), flag(asked, "include_labels")
    if chosen or with_options or with_labels:
        return lambda row: orjson.dumps(_tailored(account, row, include, chosen, with_options, with_labels))
    key = include, account.contact_sync
    # One text for everybody, so that three thousand fields of a thousand persons need no gigabyte.
    filled = b"," + orjson.dumps(account.filled_fields)[1:] + b"}" if account.filled_fields else b""

    def write(row: Row) -> bytes:
        text = row.written.get(key)
        if text is None:
            # Copied, since orjson leaves each result at the head of a much larger block.
            text = row.written[key] = bytes(memoryview(orjson.dumps(person_object(account, row, include))))
        return text[:-2] + filled if filled else text

    return write


def _tailored(
    account: Account, row: Row, include: Iterable[str], chosen: tuple[str, ...], with_options: bool, with_labels: bool
) -> Fields:
    """With the custom fields that were chosen, all if none; and with the labels of options."""
    person = person_object(account, row, include)
    custom = person["custom_fields"] | account.filled_fields
    custom = {code: custom.get(code) for code in chosen or custom}
    if with_options:
        custom = {code: _with_label(account.fields[code].options, value) for code, value in custom.items()}
    person["custom_fields"] = custom
    if with_labels:
        options = account.fields["label_ids"].options or {}
        person["labels"] = [{"id": key, "label": options[key]} for key in person["label_ids"] if key in options]
    return person


def _with_label(options: Mapping[int, str] | None, value: Any) -> Any:
    if options is None or value is None:
        return value
    if isinstance(value, list):
        return [_with_label(options, part) for part in value]
    return {"id": value, "label": options.get(value)}


def _write_organization(row: Row) -> bytes:
    text = row.written.get("")
    if text is None:
        shown = {
            "id": row.id, "name": row.values["name"], "owner_id": row.values["owner_id"],
            "add_time": iso_seconds(row.created_ms), "update_time": iso_seconds(row.updated_ms), "address": None,
            "is_deleted": False, "visible_to": 3, "label_ids": [], "website": None, "linkedin": None, "industry": None,
            "annual_revenue": None, "employee_count": None, "custom_fields": {},
        }  # fmt: skip
        text = row.written[""] = orjson.dumps(shown)
    return text


def _definition(field: FieldDefinition) -> Fields:
    times = {"add_time": "2025-01-02T03:04:05Z", "update_time": None}
    options = [{"id": key, "label": label, "color": None, **times} for key, label in (field.options or {}).items()]
    return {
        "field_name": field.name, "field_code": field.code, "description": None, "field_type": field.kind,
        "options": options or None, "subfields": None, "is_custom_field": field.custom,
        "is_optional_response_field": field.optional,
    }  # fmt: skip


def _user(user: User) -> Fields:
    return {
        "id": user.id, "name": user.name, "email": user.email, "phone": None, "active_flag": user.active,
        "is_deleted": False, "is_admin": 1 if user.active else 0, "role_id": 1, "timezone_name": "Europe/Berlin",
        "timezone_offset": "+02:00", "created": "2024-01-09 10:00:00",
        "modified": iso_seconds(user.modified_ms or 1_760_000_000_000).replace("T", " ").rstrip("Z"),
        "last_login": "2026-06-30 08:00:00",
    }  # fmt: skip
