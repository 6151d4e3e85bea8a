-- Remember what the CRM merged, also for when the loser's old payload is read again.
-- reads: temp incoming_merges   writes: staging.contact_merges   parameters: account_id
insert into staging.contact_merges (account_id, contact_id, into_contact_id, told_into_contact_id, is_own_word)
select $account_id, contact_id, into_contact_id, into_contact_id, is_own_word
from (
    select
        contact_id,
        cast(min(cast(into_contact_id as text)) as uuid) as into_contact_id,
        min(case when is_own_word then 1 else 0 end) = 1 as is_own_word
    from incoming_merges
    where contact_id <> into_contact_id
    group by contact_id
) told
where true
on conflict (account_id, contact_id) do update set
    into_contact_id = excluded.into_contact_id,
    told_into_contact_id = excluded.told_into_contact_id,
    is_own_word = excluded.is_own_word
