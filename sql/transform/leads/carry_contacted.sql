-- Who goes over to another lead takes along when the one it leaves was contacted, if it was in it by then, and so does
-- an id that follows its contact: better to count as contacted than to be written to as somebody new. What a whole lead
-- brings that is merged is noted apart, so that it can be taken back.
-- reads: temp placements, temp lost_leads, staging.identity_map, leads, lead_merges   writes: leads
-- parameters: account_id
update leads
set contacted_at = c.contacted_at
from (
    select lead_id, max(contacted_at) as contacted_at
    from (
        select p.lead_id, l.contacted_at
        from placements p
        inner join staging.identity_map i on i.account_id = $account_id and i.contact_id = p.contact_id and i.is_member
        inner join leads l on l.account_id = $account_id and l.id = p.old_lead_id
        left join lost_leads o on o.lead_id = p.old_lead_id and o.into_lead_id = p.lead_id
        where p.old_lead_id <> p.lead_id and l.contacted_at >= i.matched_at and o.lead_id is null
        union all
        select p.lead_id, g.contacted_at
        from placements p
        inner join lead_merges g
            on
                g.account_id = $account_id
                and g.into_lead_id = p.lead_id
                and (g.lead_id = p.own_lead_id or cast(g.lead ->> 'crm_contact_id' as uuid) = p.contact_id)
        where p.old_lead_id <> p.lead_id and g.contacted_at is not null
    ) brought
    group by lead_id
) c
where
    leads.account_id = $account_id
    and leads.id = c.lead_id
    and (leads.contacted_at is null or leads.contacted_at < c.contacted_at)
