-- state.lua: what every transition has in common.  protocol.py puts this text before the body of each script.
--
-- KEYS[1]       hash  promptlode:{group}, the only key a script touches (safe in a Redis Cluster)
-- ARGV[1..8]    the terms (protocol.Terms), milliseconds except gap and crowd:
--               ttl, ticket, lease, grace, quiet, max_wait, gap, crowd
-- ARGV[9]       patience: how much longer than its ticket a message may be under way now, because others are before it
-- ARGV[10..]    belong to the transition
-- returns       {answer, now, until, number, fresh, trace, project}; what number means is said in each transition
--
-- Fields of the hash.  Times are milliseconds of Redis' own clock; no other clock is ever asked.
--   state      idle | parked | queued | running
--   until      parked: when it is due; queued: when its ticket counts as lost; running: when its lease ends
--   backoff    1 while parked for a failure (a request does not move its due time)
--   seq        requests so far;  done: the highest seq that a committed run covers;  done <= seq
--   owner      of the live run;  run_seq: seq when it was claimed;  run_at: when
--   first_at   when the oldest request that no run has claimed was made, 0 for none
--   rest_until the pause after the last run: requests before it wait for it, or until they have waited
--   enough     milliseconds, all of them together
--   urgency    0 trace, 1 a person or a review: the highest that waits;  run_urgency: of the live run
--   fresh      1 while the group has no template, as far as the last caller knew, or a person asked last: its messages go first
--   trace      id of the latest trace that asked, for the logs
--   project    id of the project, whose messages take turns with those of others; absent while nobody has said
--   at         when the hash was last written
--   born       when this hash was made (microseconds): tells counters before a flush from those after
--   n_*        counters, ever growing; the reconciler adds their growth to PostgreSQL

local key = KEYS[1]
local ttl, ticket, lease, grace = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local quiet, max_wait, gap, crowd = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local patience = tonumber(ARGV[9])

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local hash, changed = {}, {}
local stored = redis.call('HGETALL', key)
for i = 1, #stored, 2 do hash[stored[i]] = stored[i + 1] end

local function number(field) return tonumber(hash[field]) or 0 end

local function set(field, value)
  hash[field] = value
  changed[field] = value
end

local function count(counter) set('n_' .. counter, number('n_' .. counter) + 1) end

local function is(state) return (hash.state or 'idle') == state end

local function enter(state, till)
  set('state', state)
  set('until', till)
end

-- Write what changed and answer.  Every path of every script ends here, so every key gets its expiry.
local function answer(word, extra)
  set('at', now)
  if not hash.born then set('born', clock[1] * 1000000 + clock[2]) end
  local flat = {}
  for field, value in pairs(changed) do
    flat[#flat + 1] = field
    flat[#flat + 1] = value
  end
  redis.call('HSET', key, unpack(flat))
  redis.call('PEXPIRE', key, ttl)
  return {word, now, number('until'), extra or 0, number('fresh'), hash.trace or '', hash.project or ''}
end

local function belong_to(project)
  if project ~= '' then set('project', project) end
end

local function raise_urgency(urgency) set('urgency', math.max(number('urgency'), urgency)) end

-- Someone waits from now on, unless someone waits already.
local function wait_from_now()
  if number('first_at') == 0 then set('first_at', now) end
end

-- When a group that has no message should get one: at the end of its pause, else once it has been quiet (pace.py);
-- never later than max_wait after the first that waits.
local function due()
  local rest_until, waiting = number('rest_until'), math.max(number('seq') - number('run_seq'), 1)
  local at = now + math.floor(quiet * math.min(1, crowd / waiting))
  if rest_until > now then
    local waited = waiting * (now - number('run_at')) / 2
    local enough = tonumber(hash.enough) or math.huge  -- an older release notes none: the whole pause
    at = math.min(rest_until, now + math.floor(math.max(0, enough - waited) / waiting))
  end
  return math.min(at, number('first_at') + max_wait)
end

local function send()
  count('messages')
  set('backoff', 0)
  enter('queued', now + ticket)
  return 'send'
end

local function park(at, backoff)
  set('backoff', backoff)
  enter('parked', at)
  return 'park'
end

-- A message for what waits: now for a person, else when it is due.
local function send_or_park()
  if number('urgency') > 0 or due() <= now then return send() end
  return park(due(), 0)
end

-- The pipeline's own request for a message (a follow-up, a retry, a wake) is counted as one.
local function ask_itself()
  count('requests')
  count('followups')
  wait_from_now()
end

-- The clock was set back, or another server with another clock took over: every time moves along, or a dead run would keep its lease
-- until the clock is there again.  How long that took nobody knows, so no time has passed.
local back = number('at') - now
if back > 0 then
  for _, time in ipairs({'until', 'first_at', 'rest_until', 'run_at'}) do
    if number(time) > 0 then set(time, number(time) - back) end
  end
end

-- Expired leases and tickets count as absent.  A run whose lease ended has no FINISH: it is counted here.
if is('running') and now >= number('until') then
  count('runs')
  count('lost')
  raise_urgency(number('run_urgency'))
  wait_from_now()
  enter('idle', 0)
elseif is('queued') and now >= number('until') + patience then
  count('expired')
  enter('idle', 0)
end
