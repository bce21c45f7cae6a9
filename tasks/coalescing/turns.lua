-- TURNS: of a project's messages only a share is under way in the broker; the others wait here, in one line.
--
-- KEYS[1]  sorted set promptlode:turns:{project}, the only key this script touches: group -> score.  Below LINE the group's
--          message is under way and the score is when it counts as lost; from LINE on the group waits and it is its place.
-- ARGV[1] ttl     milliseconds        ARGV[2] share   messages under way at most
-- ARGV[3] hold    milliseconds after which a message under way counts as lost
-- ARGV[4] what    enter: the group has a message to send   leave: its message was delivered   replace: neither
--                 hurry: a person asks for it; if it waits, it goes to the front
-- ARGV[5] group   '' for replace        ARGV[6] rank    0: a person asks   1: the group has no template   2: it has one
-- returns {waited, wait, since, group ...}: how many waited before and wait now, since when the one that waits longest (its place),
--          and whose messages the caller publishes now
local key, share, hold = KEYS[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local what, group, rank = ARGV[4], ARGV[5], tonumber(ARGV[6])
local LINE = 1e14  -- no clock of ours gets there: 1e14 ms is the year 5138.  Each rank has so many places, the first from LINE on

local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000  -- a fraction of a millisecond keeps the order of a line

redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
local waited = redis.call('ZCOUNT', key, LINE, '+inf')
local again = false
local score = group ~= '' and tonumber(redis.call('ZSCORE', key, group) or nil)

if what == 'leave' and score and score < LINE then
  redis.call('ZREM', key, group)
elseif what == 'enter' and score and score < LINE then
  again = true  -- its ticket ended, so this message is the one that counts: in the place of the other
  redis.call('ZADD', key, now + hold, group)
elseif what == 'enter' and not score then
  redis.call('ZADD', key, (rank + 1) * LINE + now, group)
elseif score and score >= (rank + 2) * LINE and (what == 'enter' or what == 'hurry') then
  redis.call('ZADD', key, (rank + 1) * LINE + now, group)  -- it waits already, further back
end

local free = share - redis.call('ZCOUNT', key, '-inf', '(' .. LINE)
local let_in = free > 0 and redis.call('ZRANGEBYSCORE', key, LINE, '+inf', 'LIMIT', 0, free) or {}
for _, one in ipairs(let_in) do redis.call('ZADD', key, now + hold, one) end
if again then let_in[#let_in + 1] = group end
redis.call('PEXPIRE', key, ARGV[1])

local longest = LINE
for place = LINE, 3 * LINE, LINE do  -- the first of each rank
  local first = redis.call('ZRANGEBYSCORE', key, place, '(' .. place + LINE, 'WITHSCORES', 'LIMIT', 0, 1)
  if first[2] then longest = math.min(longest, math.floor(tonumber(first[2]) - place)) end
end
return {waited, redis.call('ZCOUNT', key, LINE, '+inf'), longest, unpack(let_in)}
