-- What five CRMs need beyond one: companies by id, merges told by the one that is gone, proofs by object type.
-- reads: nothing   writes: staging.contacts, staging.contact_merges, raw.complete_passes
-- company_id: the CRM's id of the company, so that its new name reaches the contact. is_own_word: the contact itself
-- says what it became, so its next version may take that back. object_type, expected: of which records a complete pass
-- has shown all, and how many of them the CRM counts.
alter table staging.contacts add column company_id text;
alter table staging.contact_merges add column is_own_word boolean;
alter table raw.complete_passes add column object_type text;
alter table raw.complete_passes add column expected bigint;
