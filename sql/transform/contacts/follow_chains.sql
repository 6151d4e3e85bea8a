-- A contact that became one which itself became another belongs to the last. One step along every chain that this
-- reading touched; run until nothing changes.
-- reads: staging.contact_merges, temp incoming_merges   writes: staging.contact_merges   parameters: account_id
update staging.contact_merges
set into_contact_id = n.into_contact_id
from staging.contact_merges n
where
    staging.contact_merges.account_id = $account_id
    and n.account_id = $account_id
    and n.contact_id = staging.contact_merges.into_contact_id
    and n.into_contact_id <> staging.contact_merges.contact_id
    and (
        n.contact_id in (select i.contact_id from incoming_merges i)
        or staging.contact_merges.contact_id in (select i.contact_id from incoming_merges i)
    )
