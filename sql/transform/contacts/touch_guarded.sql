-- Guarded values that a changed contact had until now have to be counted again; what it has now is seen when it is
-- matched.
-- reads: temp changed_contacts, staging.contact_points   writes: staging.guarded_values   parameters: account_id
update staging.guarded_values
set is_touched = true
where
    account_id = $account_id
    and not is_touched
    and (kind, match_key) in (
        select p.kind, p.match_key
        from changed_contacts c
        inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = c.contact_id
    )
