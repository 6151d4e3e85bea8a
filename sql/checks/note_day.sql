-- What an account has now; the last word of a day stands.
-- reads: leads, staging.contacts   writes: account_days   parameters: account_id, today
insert into account_days (account_id, day, leads, accepted, rejected)
select
    $account_id,
    cast($today as date),
    (select count(*) from leads l where l.account_id = $account_id and l.crm_inactive_at is null),
    count(*) filter (where c.state = 'accepted'),
    count(*) filter (where c.state = 'rejected')
from staging.contacts c
where c.account_id = $account_id
on conflict (account_id, day)
do update set leads = excluded.leads, accepted = excluded.accepted, rejected = excluded.rejected
