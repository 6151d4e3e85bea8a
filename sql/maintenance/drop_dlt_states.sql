-- Old states of dlt's pipelines, one for every load; only the newest whose load was completed is ever read.
-- reads: raw._dlt_pipeline_state, raw._dlt_loads   writes: raw._dlt_pipeline_state   parameters: before
delete from raw._dlt_pipeline_state
where
    _dlt_pipeline_state.created_at < cast($before as timestamptz)
    and exists (
        select 1
        from raw._dlt_pipeline_state n
        inner join raw._dlt_loads l on l.load_id = n._dlt_load_id and l.status = 0
        where
            n.pipeline_name = _dlt_pipeline_state.pipeline_name
            and n._dlt_load_id > _dlt_pipeline_state._dlt_load_id
    )
