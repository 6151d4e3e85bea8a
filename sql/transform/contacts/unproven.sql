-- Object types whose complete pass showed fewer records than the CRM counts, or lost some on the way.
-- reads: temp proven   grain: one row per object type
select object_type, expected, shown, is_whole
from proven
where shown < expected or not is_whole
order by object_type
