-- How many different names share each value that is guarded or has to be: of the values that contacts have which wait
-- as changed (of any connection: what was staged counts, matched or not) or are matched anew, and of those that a
-- contact had before it changed. Values of more than so many names are no evidence, nor those of fewer names that are
-- strangers: all names that share a word (a family, spellings of one name) count as one then. An initial is no word.
-- reads: staging.match_queue, temp taken, staging.contact_points, staging.contacts, staging.touched_values,
-- staging.guarded_values
-- writes: temp counted_values   grain: one row per value that was or is guarded
-- parameters: account_id, max_people_per_phone, max_people_per_email, max_strangers
create temp table counted_values as
with changed as (
    select t.contact_id
    from taken t
    where t.is_changed
    union
    select q.contact_id
    from staging.match_queue q
    where q.account_id = $account_id and q.is_changed
),

touched as (
    select p.kind, p.match_key
    from changed c
    inner join staging.contact_points p on p.account_id = $account_id and p.contact_id = c.contact_id
    where p.is_evidence
    union
    select v.kind, v.match_key
    from staging.touched_values v
    where v.account_id = $account_id
),

limited as (
    select
        kind,
        match_key,
        cast(case when kind = 'phone' then $max_people_per_phone else $max_people_per_email end as bigint) as most
    from touched
),

crowded as (
    select l.kind, l.match_key
    from limited l
    inner join staging.contact_points p on p.account_id = $account_id and p.kind = l.kind and p.match_key = l.match_key
    where p.is_evidence
    group by l.kind, l.match_key, l.most
    having count(*) > l.most or count(*) > $max_strangers
),

named as (
    select distinct w.kind, w.match_key, c.name_key
    from crowded w
    inner join staging.contact_points p on p.account_id = $account_id and p.kind = w.kind and p.match_key = w.match_key
    inner join staging.contacts c on c.account_id = $account_id and c.contact_id = p.contact_id
    where p.is_evidence and c.state = 'accepted'
),

counted as (
    select n.kind, n.match_key, count(*) as names
    from named n
    group by n.kind, n.match_key
),

words as (
    select distinct n.kind, n.match_key, n.name_key, unnest(string_to_array(n.name_key, ' ')) as word
    from named n
),

shared_words as (
    select w.kind, w.match_key, w.word
    from words w
    where length(w.word) > 1
    group by w.kind, w.match_key, w.word
    having count(*) > 1
),

related as (
    select w.kind, w.match_key, count(distinct w.name_key) as names
    from words w
    inner join shared_words s on s.kind = w.kind and s.match_key = w.match_key and s.word = w.word
    group by w.kind, w.match_key
),

judged as (
    select
        l.kind,
        l.match_key,
        coalesce(c.names, 0) as names,
        g.match_key is not null as was_guarded,
        coalesce(c.names > l.most or c.names - coalesce(r.names - 1, 0) > $max_strangers, false) as is_guarded
    from limited l
    left join counted c on c.kind = l.kind and c.match_key = l.match_key
    left join related r on r.kind = l.kind and r.match_key = l.match_key
    left join staging.guarded_values g on g.account_id = $account_id and g.kind = l.kind and g.match_key = l.match_key
)

select
    kind,
    match_key,
    names,
    was_guarded,
    is_guarded
from judged
where is_guarded or was_guarded
