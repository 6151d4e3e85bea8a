-- Contacts that share a phone or e-mail, a lead, a rule or a CRM merge with a contact of the last round. A value that
-- is no evidence leads to nobody: who changes with an office phone does not have the office matched anew.
-- reads: temp scope, temp active_rules, staging.contact_points, staging.guarded_values, staging.identity_map,
-- staging.contact_merges   writes: temp scope
-- grain: one row per contact found   parameters: account_id, last_round
insert into scope (contact_id, round)
select found.contact_id, cast($last_round as integer) + 1
from (
    select theirs.contact_id
    from scope s
    inner join staging.contact_points ours on ours.account_id = $account_id and ours.contact_id = s.contact_id
    left join staging.guarded_values g
        on g.account_id = $account_id and g.kind = ours.kind and g.match_key = ours.match_key
    inner join staging.contact_points theirs
        on theirs.account_id = $account_id and theirs.kind = ours.kind and theirs.match_key = ours.match_key
    where
        s.round = cast($last_round as integer)
        and g.match_key is null
        and ours.is_evidence
        and theirs.is_evidence
        and theirs.contact_id <> s.contact_id
    union
    select theirs.contact_id
    from scope s
    inner join staging.identity_map ours on ours.account_id = $account_id and ours.contact_id = s.contact_id
    inner join staging.identity_map theirs on theirs.account_id = $account_id and theirs.lead_id = ours.lead_id
    where s.round = cast($last_round as integer) and theirs.contact_id <> s.contact_id
    union
    select r.other_id
    from scope s
    inner join active_rules r on r.contact_id = s.contact_id
    where s.round = cast($last_round as integer) and r.kind = 'together'
    union
    select g.contact_id
    from scope s
    inner join staging.contact_merges g on g.account_id = $account_id and g.into_contact_id = s.contact_id
    where s.round = cast($last_round as integer)
    union
    select g.into_contact_id
    from scope s
    inner join staging.contact_merges g on g.account_id = $account_id and g.contact_id = s.contact_id
    where s.round = cast($last_round as integer)
) found
where found.contact_id not in (select known.contact_id from scope known)
