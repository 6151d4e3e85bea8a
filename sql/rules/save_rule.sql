-- What a person says of two contacts; it replaces what was said of them before. Said again without a note, the note
-- stays.
-- reads: nothing   writes: identity_rules   parameters: account_id, contact_id, other_contact_id, kind, note, now
insert into identity_rules (account_id, contact_id, other_contact_id, kind, note, created_at)
values (
    $account_id, cast($contact_id as uuid), cast($other_contact_id as uuid), $kind, $note, cast($now as timestamptz)
)
on conflict (account_id, contact_id, other_contact_id) do update set
    kind = excluded.kind,
    note = case
        when identity_rules.kind = excluded.kind then coalesce(excluded.note, identity_rules.note) else excluded.note
    end,
    created_at = excluded.created_at
