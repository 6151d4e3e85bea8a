-- Object types whose complete pass showed fewer records than the CRM counts.
-- reads: temp proven   grain: one row per object type
select object_type, expected, shown
from proven
where shown < expected
order by object_type
