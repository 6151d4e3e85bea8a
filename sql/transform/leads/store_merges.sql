-- Where merged leads went, so that an old id still leads to the person; and their whole rows, with whatever columns the
-- product has added, for when a split gives them back. `into_contacted_at` is what the other lead has of its own, not
-- what it has from leads that were merged into it before. A name alone means a column before it means the whole row, so
-- the table has a name here that no column will have.
-- reads: temp lost_leads, leads   writes: lead_merges   parameters: account_id, sync_id, now
insert into lead_merges (account_id, lead_id, into_lead_id, sync_id, merged_at, contacted_at, into_contacted_at, lead)
with own as (
    select m.into_lead_id, max(m.into_contacted_at) as contacted_at, max(m.contacted_at) as from_others
    from lead_merges m
    where m.account_id = $account_id and m.into_lead_id in (select o.into_lead_id from lost_leads o)
    group by m.into_lead_id
)

select
    $account_id, o.lead_id, o.into_lead_id, cast($sync_id as uuid), cast($now as timestamptz),
    merged_lead_row.contacted_at,
    case when s.contacted_at = w.from_others then w.contacted_at else s.contacted_at end,
    to_json(merged_lead_row)
from lost_leads o
inner join leads merged_lead_row on merged_lead_row.account_id = $account_id and merged_lead_row.id = o.lead_id
left join leads s on s.account_id = $account_id and s.id = o.into_lead_id
left join own w on w.into_lead_id = o.into_lead_id
where true
on conflict (account_id, lead_id) do update set
    into_lead_id = excluded.into_lead_id,
    sync_id = excluded.sync_id,
    merged_at = excluded.merged_at,
    contacted_at = excluded.contacted_at,
    into_contacted_at = excluded.into_contacted_at,
    lead = excluded.lead
