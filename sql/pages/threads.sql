-- Texts with leads as an account manager looks at them: one line per lead, the newest text first.
-- reads: recent_threads   grain: one row per lead with texts   parameters: account_id, row_limit, row_offset
select
    lead_id, name, phone, crm_owner, crm_status, crm_description, last_message, last_direction, last_message_at,
    contacted_at
from recent_threads
where account_id = $account_id
order by last_message_at desc, lead_id
limit cast($row_limit as bigint) offset cast($row_offset as bigint)
