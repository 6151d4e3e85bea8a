-- Which of dlt's own tables are there; the first landing makes them.
-- reads: information_schema.tables   grain: one row per table
select table_name
from information_schema.tables
where table_schema = 'raw' and table_name in ('_dlt_loads', '_dlt_pipeline_state')
order by table_name
