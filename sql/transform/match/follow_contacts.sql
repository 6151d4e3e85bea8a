-- An id that was merged into a lead stands for the contact it was made for, or where that one did not come with it, for
-- its primary contact then: where that one goes, the id leads to. `into_contacted_at` is then what that lead has of its
-- own.
-- reads: temp placements, leads   writes: lead_merges   parameters: account_id
update lead_merges
set
    into_lead_id = p.lead_id,
    into_contacted_at = case
        when l.contacted_at = lead_merges.contacted_at then lead_merges.into_contacted_at else l.contacted_at
    end
from placements p
inner join leads l on l.account_id = $account_id and l.id = p.lead_id
where
    lead_merges.account_id = $account_id
    and lead_merges.into_lead_id = p.old_lead_id
    and p.lead_id <> p.old_lead_id
    and p.lead_id <> lead_merges.lead_id
    and (
        lead_merges.lead_id = p.own_lead_id
        or (
            cast(lead_merges.lead ->> 'crm_contact_id' as uuid) = p.contact_id
            and not exists (
                select 1
                from placements f
                where f.own_lead_id = lead_merges.lead_id and f.old_lead_id = lead_merges.into_lead_id
            )
        )
    )
