-- The leads of an account in the order in which its page shows them: 200,000 are paged through by it alone. It costs a
-- sync some microseconds per lead that is written. DuckDB sorts its columns faster than it keeps an index.
-- reads: nothing   writes: indexes
create index leads_latest on leads (account_id, crm_last_activity_at desc nulls last, name collate "C", id);
