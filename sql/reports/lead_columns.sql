-- The columns of leads in their order, for the heading of a table without rows.
-- reads: information_schema   grain: one row per column
select column_name
from information_schema.columns
where table_name = 'leads' and table_schema = current_schema()
order by ordinal_position
