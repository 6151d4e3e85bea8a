"""One person as one CRM knows them, in the CRM's own words. Mappers make it; nothing here judges or repairs.

Named tuples: made by the hundred thousand, and a third of the cost of frozen dataclasses.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class PhoneText(NamedTuple):
    """A phone as the CRM has it, with the CRM's label for it (`mobilephone`, `Work`, `fax` …)."""

    text: str
    label: str = ""


class Contact(NamedTuple):
    """A contact after mapping: renamed fields, every phone and e-mail kept, times already read as UTC."""

    crm_id: str
    object_type: str
    full_name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    phones: tuple[PhoneText, ...] = ()
    emails: tuple[str, ...] = ()
    company: str | None = None
    country: str | None = None
    """As the CRM has it: a code or a name in any language; `country.country_region` reads it."""
    owner_id: str | None = None
    owner_name: str | None = None
    owner_email: str | None = None
    status_id: str | None = None
    status: str | None = None
    stage_id: str | None = None
    stage: str | None = None
    company_id: str | None = None
    description: str | None = None
    last_activity_at: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    is_deleted: bool = False
    merged_into: tuple[str, str] | None = None
    """Object type and `crm_id` of the contact this one became by a merge or a conversion, when the CRM says so here."""
    is_merge_unknown: bool = False
    """The payload cannot say whether this contact became another one, so what was known of it stays."""
    is_purged: bool = False
    """Deleted for good: the CRM can neither show nor restore it."""
    merged_ids: tuple[str, ...] = ()
    """The `crm_id`s of contacts that were merged into this one."""
