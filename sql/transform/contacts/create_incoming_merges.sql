-- Room for the ids that the CRM says were merged into a contact.
-- reads: nothing   writes: temp incoming_merges   grain: one row per merged-away id
create temp table incoming_merges (
    contact_id uuid,
    into_contact_id uuid,
    is_own_word boolean
)
