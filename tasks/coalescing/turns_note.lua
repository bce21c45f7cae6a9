-- TURNS NOTE: how many wait in the line of a project, and since when the one that waits longest.  An index to find lines by; the
-- truth is in each line.
--
-- KEYS[1]  hash promptlode:turns: project -> 'how many:since', since in milliseconds of Redis' clock
-- ARGV[1]  ttl in milliseconds   ARGV[2] project   ARGV[3] how many   ARGV[4] since
if ARGV[3] == '0' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3] .. ':' .. ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return {}
