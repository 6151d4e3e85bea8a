-- The three rooms of the store: `raw` belongs to dlt, `staging` to the walk, the default schema to people and the
-- product.
-- reads: nothing   writes: schemas raw, staging
create schema if not exists raw;
create schema if not exists staging;
