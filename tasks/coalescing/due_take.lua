-- DUE TAKE: the groups whose time has come, taken out of the index.  Whoever takes one must WAKE it; when it dies
-- before, the reconciler finds the group owed.
--
-- KEYS[1]  sorted set promptlode:due      ARGV[1] the most to take
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local groups = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, ARGV[1])
if #groups > 0 then redis.call('ZREM', KEYS[1], unpack(groups)) end
return groups
