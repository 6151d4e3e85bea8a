"""Tally contacts. Both passes page one list by rising time of change and id; a complete pass leaves `since` out.

A cursor stands behind the last contact of its page, so whatever changes meanwhile moves behind it and is met again.
`since` is inclusive. Tally tells of no deletion: whoever a complete pass does not show is gone.

https://developers.tally.example/contacts (made up, like Tally itself: `test_sixth_crm.py` registers it)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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

CONTACTS, COMPANIES, USERS, STATUSES = "/v1/contacts", "/v1/companies", "/v1/users", "/v1/statuses"
PAGE_LIMIT = 200
"""Tally's maximum."""
REFUSALS = {
    "rate_limited": ("rate_limited", True),  # its Retry-After is read by the client
    "quota_used": ("daily_limit", False),
    "token_refused": ("connection_expired", True),
    "scope_missing": ("missing_scope", False),
    "plan_too_small": ("connection_misconfigured", False),
}
"""What Tally calls a refusal, to our code and whether the same call may succeed later (after a new token)."""


def fetch_contacts(api: CrmApi, pull: Pull) -> Iterator[Page]:
    """Everybody, or everybody changed at or after `since`, the oldest change first."""
    since = pull.since if pull.kind == "window" else None
    for answer, cursor in _pages(api, CONTACTS, since, (pull.resume or "").removeprefix("after:")):
        is_end = pull.kind == "complete" and not answer["has_more"]
        records = [_record(item) for item in answer["items"]]
        yield Page(records, f"after:{cursor}", proven=(Proven("contact", answer["total"]),) if is_end else ())


def fetch_references(api: CrmApi, pull: Pull) -> Directory:
    """Users, statuses, and the companies that changed; contacts name all of them by id only."""
    directory = Directory()
    for kind, path in (("owner", USERS), ("status", STATUSES)):
        try:
            directory.references += _listed(api, kind, path)
        except ProviderError as error:
            if error.code != "missing_scope":
                raise
            directory.notes.append(f"Leads carry no {kind}. {error.message}")
    directory.changed = _companies(api, pull.references_since, directory.notes)
    return directory


def to_contact(payload: Payload, references: References, object_type: str = "contact") -> Contact:
    """Rename fields, look labels up; judge nothing. Every phone is kept, whatever its label."""
    get, label, custom = payload.get, references.label, payload.get("custom") or {}
    owner, company, status = (_text(get(key)) for key in ("owner_id", "company_id", "status_id"))
    own = {field: _text(custom.get(source)) for field, source in references.mapping.items()}
    return Contact(
        crm_id=str(payload["id"]),
        object_type=object_type,
        first_name=_text(get("first_name")),
        last_name=_text(get("last_name")),
        phones=tuple(PhoneText(one["number"], one["label"]) for one in get("phones") or () if _text(one["number"])),
        emails=tuple(email for email in get("emails") or () if _text(email)),
        company=own.get("company", label("company", company)),
        company_id=None if "company" in own else company,
        country=_text(get("country")),
        owner_id=owner,
        owner_name=label("owner", owner),
        owner_email=references.email("owner", owner),
        status_id=status,
        status=own.get("status", label("status", status)),
        stage=own.get("stage"),
        description=own.get("description", _text(get("note"))),
        created_at=parse_time(get("created_at")),
        updated_at=parse_time(get("updated_at")),
    )


def read_refusal(status: int, headers: Mapping[str, str], body: object) -> Refusal | None:
    """What Tally means by `{"error": {"type", "message"}}`; None where the status alone says it."""
    error = body.get("error") if isinstance(body, dict) else None
    if not isinstance(error, dict) or error.get("type") not in REFUSALS:
        return None
    code, can_retry = REFUSALS[error["type"]]
    return Refusal(code, f"Tally refused: {error.get('message')}", can_retry)


def record_url(config: Mapping[str, Any], object_type: str, crm_id: str) -> str | None:
    """The contact's page in the company's Tally."""
    workspace = config.get("workspace")
    return f"https://{workspace}.tally.example/contacts/{crm_id}" if workspace else None


def _pages(api: CrmApi, path: str, since: datetime | None, cursor: str = "") -> Iterator[tuple[Payload, str]]:
    """The pages of a list, each with the cursor behind it; a page without rows stands where the one before ended."""
    guard = PageGuard(f"Tally's list {path}")
    query = {"limit": str(PAGE_LIMIT), "include": "custom"} | ({"since": since.isoformat()} if since else {})
    while True:
        asked = query | ({"cursor": cursor} if cursor else {})
        answer = _answer(api, path, asked, "has_more", "total")
        cursor = answer.get("cursor") or cursor
        yield answer, cursor
        if not answer["has_more"]:
            return
        guard.check(cursor, len(answer["items"]))


def _listed(api: CrmApi, kind: str, path: str) -> list[Reference]:
    """A short list, answered whole."""
    items = _answer(api, path, {})["items"]
    return [Reference(kind, str(one["id"]), _text(one["name"]), _text(one.get("email"))) for one in items]


def _companies(api: CrmApi, since: datetime | None, notes: list[str]) -> Iterator[Reference]:
    try:
        for answer, _ in _pages(api, COMPANIES, since):
            yield from (Reference("company", str(one["id"]), _text(one["name"])) for one in answer["items"])
    except ProviderError as error:
        if error.code != "missing_scope":
            raise
        notes.append(f"Leads carry no company. {error.message}")


def _answer(api: CrmApi, path: str, query: Mapping[str, str], *required: str) -> Payload:
    """An answer with `items` that are objects; anything else is no answer to what was asked."""
    answer = api.get(path, query, shape=("items", *required)).object()
    items = answer["items"]
    if isinstance(items, list) and all(isinstance(item, dict) for item in items):
        return answer
    raise ProviderError("unexpected_response", f"Tally's list {path} holds something else than objects.")


def _record(item: Payload) -> RawRecord:
    return RawRecord(item.get("id"), item, source_updated_at=parse_time(item.get("updated_at")))


def _text(value: object) -> str | None:
    """Text or a number as text; absent, null and blank mean the same."""
    return None if value is None else str(value).strip() or None


TALLY = Provider(
    name="tally",
    title="Tally",
    integration="tally",
    identity="workspace",
    rates={"default": Rate(8, 8)},  # of 100 in 10 seconds
    fetch_contacts=fetch_contacts,
    fetch_references=fetch_references,
    to_contact=to_contact,
    read_refusal=read_refusal,
    record_url=record_url,
    deletions="sweep",
)
