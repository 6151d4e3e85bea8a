-- What people said of two contacts, in both directions. A contact that the CRM merged into another hands its rules on,
-- as long as it is away.
-- reads: identity_rules, staging.contacts, staging.contact_merges   writes: temp active_rules
-- grain: one row per contact of a rule   parameters: account_id
create temp table active_rules as
with resolved as (
    select
        r.kind,
        case when c.state = 'accepted' then r.contact_id else coalesce(g.into_contact_id, r.contact_id) end
            as contact_id,
        case when d.state = 'accepted' then r.other_contact_id else coalesce(h.into_contact_id, r.other_contact_id) end
            as other_id
    from identity_rules r
    left join staging.contacts c on c.account_id = $account_id and c.contact_id = r.contact_id
    left join staging.contacts d on d.account_id = $account_id and d.contact_id = r.other_contact_id
    left join staging.contact_merges g on g.account_id = $account_id and g.contact_id = r.contact_id
    left join staging.contact_merges h on h.account_id = $account_id and h.contact_id = r.other_contact_id
    where r.account_id = $account_id
)

select kind, contact_id, other_id
from resolved
where contact_id <> other_id
union
select kind, other_id as contact_id, contact_id as other_id
from resolved
where contact_id <> other_id
