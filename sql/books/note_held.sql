-- Why an open run may remove nothing.
-- reads: nothing   writes: sync_runs   parameters: account_id, sync_id, code, message, action
update sync_runs
set error_code = $code, error_message = $message, error_action = $action
where account_id = $account_id and sync_id = cast($sync_id as uuid)
