-- Room for the groups found without putting two contacts together that have to stay apart.
-- reads: nothing   writes: temp regrouped   grain: one row per contact
create temp table regrouped (
    contact_id uuid,
    group_no bigint
)
