-- The members of the groups that have to fall apart, in an order that stays: the oldest in the CRM first, then by the
-- CRM's id. Not by trust, which changes with every call that somebody logs.
-- reads: temp apart_pairs, temp members, staging.contacts   grain: one row per contact   parameters: account_id
select m.contact_id, m.trust
from members m
inner join staging.contacts c on c.account_id = $account_id and c.contact_id = m.contact_id
where m.group_no in (select a.group_no from apart_pairs a)
order by c.source_created_at nulls last, c.crm_id collate "C", cast(m.contact_id as text) collate "C"
