-- DUE ADD: note when a parked group is due.  An index to find groups by; the truth is in each group's own hash.
--
-- KEYS[1]  sorted set promptlode:due: group -> due time in milliseconds, a key of its own with scripts of its own
-- ARGV[1]  ttl in milliseconds   ARGV[2] group   ARGV[3] due time
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
