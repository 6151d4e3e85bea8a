-- The contacts of this connection are matched.
-- reads: temp taken   writes: staging.match_queue   parameters: account_id
delete from staging.match_queue
where account_id = $account_id and contact_id in (select t.contact_id from taken t)
