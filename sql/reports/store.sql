-- What the store is and holds, for the doctor.
-- reads: everything people read   grain: one row
select
    version() as engine_version,
    (select count(*) from schema_migrations) as migrations,
    (select count(*) from crm_connections) as connections,
    (select count(*) from leads) as leads,
    (select count(*) from staging.rejections) as rejections
