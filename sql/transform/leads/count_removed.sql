-- How many leads would be taken away, how many of them although the CRM still has the contact, and of how many.
-- reads: temp leads_to_remove, temp connection_leads   grain: one row
select
    (select count(*) from leads_to_remove) as removed,
    (select count(*) from leads_to_remove where rejected > 0) as rejected,
    (select count(*) from connection_leads) as leads
