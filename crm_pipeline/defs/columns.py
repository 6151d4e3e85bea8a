"""The columns of each table as the asset's page shows them. A test holds them to the store's own."""

from collections.abc import Mapping

import dagster as dg

Columns = Mapping[str, tuple[str, str]]
"""Name to type and meaning."""

ACCOUNT = ("text", "The customer account.")
RAW: Columns = {
    "account_id": ACCOUNT,
    "connection_id": ("text", "The connection it came through (crm_connections.id)."),
    "sync_id": ("text", "The sync that landed it (sync_runs.sync_id)."),
    "crm_id": ("text", "The record's id in the CRM."),
    "object_type": ("text", "What the CRM calls the record: contact, lead, person."),
    "source_updated_at": ("timestamptz", "When the CRM says it changed last."),
    "is_deleted": ("boolean", "The CRM said that it is deleted."),
    "merged_into": ("text", "The record that the CRM merged it into."),
    "payload": ("json", "The record whole, as the CRM sent it."),
    "payload_hash": ("text", "Tells whether two versions are the same."),
    "fetched_at": ("timestamptz", "When we received it; the newest version counts."),
}
CONTACTS: Columns = {
    "account_id": ACCOUNT,
    "contact_id": ("uuid", "The contact's id here, derived from connection and CRM id."),
    "connection_id": ("uuid", "The connection it came through."),
    "provider": ("text", "The CRM."),
    "object_type": ("text", "What the CRM calls the record."),
    "crm_id": ("text", "The record's id in the CRM."),
    "state": ("text", "accepted, rejected (see rejections) or deleted."),
    "reason": ("text", "Why it is rejected or deleted."),
    "name": ("text", "The whole name."),
    "phone": ("text", "The first usable phone, E.164."),
    "email": ("text", "The first usable e-mail, lower case."),
    "company": ("text", "The company's name."),
    "owner_name": ("text", "Who owns the contact in the CRM."),
    "status": ("text", "The CRM's status, as people there read it."),
    "stage": ("text", "The CRM's stage, as people there read it."),
    "last_activity_at": ("timestamptz", "The last activity that the CRM knows."),
    "source_updated_at": ("timestamptz", "When the CRM says it changed last."),
    "updated_at": ("timestamptz", "When anything of it changed here."),
}
REJECTIONS: Columns = {
    "account_id": ACCOUNT,
    "contact_id": ("uuid", "The contact (staging.contacts)."),
    "connection_id": ("uuid", "The connection it came through."),
    "provider": ("text", "The CRM."),
    "crm_id": ("text", "The record's id in the CRM, to open and mend it there."),
    "name": ("text", "The name, where there is one."),
    "reason": ("text", "Why it cannot be a lead: missing_phone, missing_name, phone_too_short, …"),
    "value": ("text", "What could not be used, as the CRM has it."),
    "sync_id": ("uuid", "The sync that found it so."),
    "rejected_at": ("timestamptz", "Since when."),
}
LEADS: Columns = {
    "account_id": ACCOUNT,
    "id": ("uuid", "The lead's id; it stays, whatever changes."),
    "name": ("text", "The whole name."),
    "first_name": ("text", "The first name."),
    "last_name": ("text", "The last name."),
    "phone": ("text", "Where to text, E.164."),
    "email": ("text", "The e-mail, lower case."),
    "company": ("text", "The company's name."),
    "lead_type": ("text", "What the CRM calls the record."),
    "crm_id": ("text", "The id of the contact that is trusted most, in its CRM."),
    "crm_source": ("text", "That contact's CRM."),
    "crm_status": ("text", "Status in the CRM."),
    "crm_stage": ("text", "Stage in the CRM."),
    "crm_description": ("text", "Notes in the CRM."),
    "crm_owner": ("text", "Who owns the contact in the CRM."),
    "crm_owner_email": ("text", "That person's e-mail."),
    "crm_last_activity_at": ("timestamptz", "The last activity that the CRM knows."),
    "crm_inactive_at": ("timestamptz", "Since when nobody should text it: no contact of it may be a lead any more."),
    "crm_inactive_reason": ("text", "Why."),
    "contacted_at": ("timestamptz", "The product's own: when it was first texted. A sync never writes it."),
    "created_at": ("timestamptz", "When the lead came into being."),
    "updated_at": ("timestamptz", "When a field of it changed last."),
}
RECENT_THREADS: Columns = {
    "account_id": ACCOUNT,
    "lead_id": ("uuid", "The lead."),
    "name": ("text", "Its name."),
    "phone": ("text", "Its phone."),
    "crm_owner": ("text", "Who owns it in the CRM."),
    "crm_status": ("text", "Its status in the CRM."),
    "crm_description": ("text", "Notes in the CRM."),
    "last_message": ("text", "The newest text."),
    "last_direction": ("text", "in: from the lead; out: to the lead."),
    "last_message_at": ("timestamptz", "When it was sent."),
    "contacted_at": ("timestamptz", "When the lead was first texted."),
}


def schema_of(columns: Columns) -> Mapping[str, dg.TableSchema]:
    """The metadata of an asset that Dagster shows as its columns."""
    return {
        "dagster/column_schema": dg.TableSchema(
            [dg.TableColumn(name, type, description=meaning) for name, (type, meaning) in columns.items()]
        )
    }
