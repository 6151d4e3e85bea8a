-- Values to be counted again because a contact that had them changed: beside those that are guarded, any that several
-- have. Fewer names can call for a guard too, where those that shared a word are gone.
-- reads: staging.contact_points   writes: staging.touched_values, staging.guarded_values
-- touched_values: a value of an account   grain: one value, until the account is matched
create table staging.touched_values (
    account_id text not null,
    kind text not null,
    match_key text not null,
    primary key (account_id, kind, match_key)
);
insert into staging.touched_values (account_id, kind, match_key)
select account_id, kind, match_key
from staging.contact_points
where is_evidence
group by account_id, kind, match_key
having count(*) > 1;
alter table staging.guarded_values drop column is_touched;
