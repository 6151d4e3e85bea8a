-- Old loads that no state of a pipeline belongs to.
-- reads: raw._dlt_pipeline_state   writes: raw._dlt_loads   parameters: before
delete from raw._dlt_loads
where
    _dlt_loads.inserted_at < cast($before as timestamptz)
    and _dlt_loads.load_id not in (select s._dlt_load_id from raw._dlt_pipeline_state s)
