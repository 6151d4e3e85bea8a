-- Values that a changed contact had until now and that others have must be counted again: it may take a guard away, and
-- it may call for one, where of those who are left fewer share a word. What it has now is seen when it is matched.
-- reads: temp changed_contacts, staging.contact_points   writes: staging.touched_values
-- parameters: account_id
insert into staging.touched_values (account_id, kind, match_key)
with had as (
    select distinct p.kind, p.match_key
    from changed_contacts c
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = c.contact_id
    where p.is_evidence
)

select $account_id, h.kind, h.match_key
from had h
inner join staging.contact_points p on p.account_id = $account_id and p.kind = h.kind and p.match_key = h.match_key
where p.is_evidence
group by h.kind, h.match_key
having count(*) > 1
on conflict do nothing
