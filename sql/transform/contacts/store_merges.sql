-- Remember what the CRM merged, also for when the loser's old payload is read again.
-- reads: temp incoming_merges   writes: staging.contact_merges   parameters: account_id
insert into staging.contact_merges (account_id, contact_id, into_contact_id)
select $account_id, contact_id, cast(min(cast(into_contact_id as text)) as uuid)
from incoming_merges
where contact_id <> into_contact_id
group by contact_id
on conflict (account_id, contact_id) do update set into_contact_id = excluded.into_contact_id
