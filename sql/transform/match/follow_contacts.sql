-- An id that was merged into a lead stands for the contact it was made for, or where that one is not here, for its
-- primary contact then: where that one goes, the id leads to.
-- reads: temp placements   writes: lead_merges   parameters: account_id
update lead_merges
set into_lead_id = p.lead_id
from placements p
where
    lead_merges.account_id = $account_id
    and lead_merges.into_lead_id = p.old_lead_id
    and p.lead_id <> p.old_lead_id
    and p.lead_id <> lead_merges.lead_id
    and (
        lead_merges.lead_id = cast(md5(concat('lead:', cast(p.contact_id as text))) as uuid)
        or (
            cast(lead_merges.lead ->> 'crm_contact_id' as uuid) = p.contact_id
            and lead_merges.lead_id not in (
                select cast(md5(concat('lead:', cast(f.contact_id as text))) as uuid)
                from placements f
            )
        )
    )
