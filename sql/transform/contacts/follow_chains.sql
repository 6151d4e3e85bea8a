-- A contact that became one which itself became another belongs to the last. One step along every chain; run until
-- nothing changes.
-- reads: staging.contact_merges   writes: staging.contact_merges   parameters: account_id
update staging.contact_merges
set into_contact_id = n.into_contact_id
from staging.contact_merges n
where
    staging.contact_merges.account_id = $account_id
    and n.account_id = $account_id
    and n.contact_id = staging.contact_merges.into_contact_id
    and n.into_contact_id <> staging.contact_merges.contact_id
