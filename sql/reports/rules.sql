-- What people said of pairs of contacts, the oldest first; and whether it is so: a contact that is no lead now is with
-- nobody.
-- reads: identity_rules, staging.contacts, staging.identity_map   grain: one row per rule   parameters: account_id
select
    r.kind, r.note, r.created_at, r.contact_id, c.provider, c.object_type, c.crm_id, c.name, i.lead_id,
    r.other_contact_id, d.provider as other_provider, d.object_type as other_object_type, d.crm_id as other_crm_id,
    d.name as other_name, j.lead_id as other_lead_id,
    case r.kind
        when 'together' then coalesce(i.lead_id = j.lead_id, false)
        else coalesce(i.lead_id <> j.lead_id, true)
    end as is_kept
from identity_rules r
left join staging.contacts c on c.account_id = r.account_id and c.contact_id = r.contact_id
left join staging.contacts d on d.account_id = r.account_id and d.contact_id = r.other_contact_id
left join staging.identity_map i on i.account_id = r.account_id and i.contact_id = r.contact_id and i.is_member
left join staging.identity_map j on j.account_id = r.account_id and j.contact_id = r.other_contact_id and j.is_member
where r.account_id = $account_id
order by r.created_at, cast(r.contact_id as text) collate "C", cast(r.other_contact_id as text) collate "C"
