-- How many leads would be taken away, how many of them although the CRM still has the contact, and how many that were
-- awake; of how many, of how many that were awake, and behind how many of them the connection still is.
-- reads: temp leads_to_remove, temp connection_leads   grain: one row
select
    (select count(*) from leads_to_remove) as removed,
    (select count(*) from leads_to_remove where rejected > 0) as rejected,
    (select count(*) from leads_to_remove where was_awake) as fallen,
    (select count(*) from connection_leads) as leads,
    (select count(*) from connection_leads where was_awake) as awake,
    (select count(*) from connection_leads where members > 0) as kept
