-- HEARTBEAT: the owner of the live run keeps its lease.
--
-- ARGV[10] owner
-- answers  held   the lease now ends at `until`
--          lost   it ended, or another run has it: stop, nothing of this run may be committed
if not (is('running') and hash.owner == ARGV[10]) then return answer('lost') end
enter('running', now + lease)
return answer('held')
