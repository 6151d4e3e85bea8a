-- Phones and e-mails that more than one of the members has: the evidence that two contacts are one person.
-- reads: temp members, staging.contact_points   writes: temp shared_points   grain: one row per member and shared value
-- parameters: account_id
create temp table shared_points as
select distinct contact_id, kind, match_key
from (
    select
        p.contact_id,
        p.kind,
        p.match_key,
        min(m.trust) over (partition by p.kind, p.match_key) as lowest,
        max(m.trust) over (partition by p.kind, p.match_key) as highest
    from members m
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = m.contact_id
) counted
where lowest <> highest
