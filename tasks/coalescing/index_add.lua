-- INDEX ADD: note when a parked group is due, or how many wait in the line of a project.  An index to find them by; the truth is
-- in the group's own hash, in the project's own line.
--
-- KEYS[1]  sorted set promptlode:due: group -> due time in milliseconds; promptlode:turns: project -> how many wait
-- ARGV[1]  ttl in milliseconds   ARGV[2] group or project   ARGV[3] its score
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
