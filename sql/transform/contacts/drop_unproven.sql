-- What was not proven says nothing about who is absent.
-- reads: nothing   writes: temp proven
delete from proven
where shown < expected or not is_whole
