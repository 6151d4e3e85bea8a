-- Room for the phones and e-mails of the contacts just normalized.
-- reads: nothing   writes: temp incoming_points   grain: one row per phone or e-mail of a contact
create temp table incoming_points (
    contact_id uuid,
    kind text,
    position smallint,
    value text,
    match_key text,
    extension text,
    source_text text,
    is_evidence boolean
)
