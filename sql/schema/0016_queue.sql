-- Whether a contact that waits was matched before is kept when it is queued: the clocks of two machines do not tell.
-- reads: staging.match_queue, staging.identity_map   writes: staging.match_queue
alter table staging.match_queue add column was_known boolean;
update staging.match_queue
set was_known = exists (
    select 1 from staging.identity_map m
    where
        m.account_id = staging.match_queue.account_id
        and m.contact_id = staging.match_queue.contact_id
        and m.matched_at < staging.match_queue.queued_at
);
