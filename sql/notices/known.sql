-- What one channel was told, or will be.
-- reads: troubles   grain: one row per connection and code   parameters: channel
select account_id, connection_id, code, provider, message, action, began_at, told_at, ended_at
from troubles
where channel = $channel
order by account_id collate "C", provider collate "C", connection_id, began_at, code collate "C"
