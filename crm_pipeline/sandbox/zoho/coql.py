"""The one form of Zoho's query language that is served: fields of records by their ids.

    select id, Budget, Team_Size from Leads where id in ('5550001000010000001', '5550001000010000002')

https://www.zoho.com/crm/developer/docs/api/v8/COQL-Overview.html (500 fields, 100 values in a list)
"""

from __future__ import annotations

import re

from crm_pipeline.sandbox.exchange import Reply, Request, json_reply
from crm_pipeline.sandbox.zoho.lists import check_module
from crm_pipeline.sandbox.zoho.org import ZohoOrg, whole
from crm_pipeline.sandbox.zoho.records import CONTACTS, LEADS, ONLY_ALONE
from crm_pipeline.sandbox.zoho.requests import Refused, asked, json_object, unserved

MOST_FIELDS, MOST_VALUES = 500, 100
FORM = re.compile(r"select (?P<names>[\w, $]+) from (?P<module>\w+) where id in \((?P<ids>[^()]*)\)")
ID = re.compile(r"'(\d{19})'")


def module_named(request: Request) -> str:
    """The module a query reads, for the check of the scope."""
    return _read(request)["module"]


def run_query(org: ZohoOrg, request: Request) -> Reply:
    """`POST /crm/v8/coql`."""
    asked(request, frozenset())
    found = _read(request)
    module, names = found["module"], [name.strip() for name in found["names"].split(",")]
    check_module(org, module)
    if len(names) > MOST_FIELDS:
        raise Refused(400, "LIMIT_EXCEEDED", "too many fields in select", limit=MOST_FIELDS)
    for name in names:
        field = org.fields[module].get(name)
        if name != "id" and (field is None or field.data_type in ONLY_ALONE):
            raise Refused(400, "INVALID_QUERY", "invalid query formed", column_name=name, reason="column is invalid")
    ids = [part.strip() for part in found["ids"].split(",")]
    if len(ids) > MOST_VALUES:
        raise Refused(400, "LIMIT_EXCEEDED", "too many values in a list", limit=MOST_VALUES)
    if not all(map(ID.fullmatch, ids)):
        raise Refused(400, "INVALID_QUERY", "invalid query formed", reason="an id is no id", clause="where")
    live = org.shelves[module].live
    rows = [live[number] for number in (whole(text.strip("'")) for text in ids) if number in live]
    if not rows:
        return Reply(204)
    data = [_lookups_as_ids(org.as_object(module, row, names)) for row in rows]
    return json_reply(200, {"data": data, "info": {"count": len(data), "more_records": False}})


def _read(request: Request) -> re.Match[str]:
    body = json_object(request)
    query = body.get("select_query")
    if not isinstance(query, str) or set(body) != {"select_query"}:
        raise Refused(400, "MANDATORY_NOT_FOUND", "required field not found", api_name="select_query")
    found = FORM.fullmatch(query)
    if found is None:
        raise unserved("this form of query")
    if found["module"] not in (LEADS, CONTACTS):
        raise Refused(400, "INVALID_QUERY", "invalid query formed", reason="the module is not supported")
    return found


def _lookups_as_ids(record: dict[str, object]) -> dict[str, object]:
    return {name: {"id": value["id"]} if isinstance(value, dict) else value for name, value in record.items()}
