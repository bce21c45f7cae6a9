-- FINISH: the owner gives the lease back and says what became of the run.
--
-- ARGV[10] owner
-- ARGV[11] outcome  committed | empty | fenced | failed | stopped
-- ARGV[12] more     1: owed traces are left that did not fit into the window
-- ARGV[13] pause    milliseconds until a failed run is tried again
-- answers  lost     another owner, or the lease ended: nothing is touched
--          rest     everything that was asked for is covered
--          send     the caller publishes one message before it acknowledges its own, number = its ticket
--          park     the caller notes the group as due at `until`
local outcome, more, pause = ARGV[11], ARGV[12] == '1', tonumber(ARGV[13])
if not (is('running') and hash.owner == ARGV[10]) then return answer('lost') end

-- The pause of pace.py: `least` is 250 ms there.
local took = math.max(now - number('run_at'), 250)
set('rest_until', now + math.floor(took * gap))
set('enough', math.floor(took * crowd))
local covers = outcome == 'committed' or outcome == 'empty'
if covers then
  set('done', math.max(number('done'), number('run_seq')))
else
  raise_urgency(number('run_urgency'))
end
if outcome == 'empty' or outcome == 'fenced' then count(outcome) else count('runs') end
if outcome == 'failed' then count('errors') end
if more then set('seq', number('seq') + 1) end
enter('idle', 0)

if number('seq') <= number('done') then return answer('rest') end
ask_itself()
if outcome == 'failed' then return answer(park(now + pause, 1)) end
if more or outcome == 'stopped' then return answer(send(), number('seq')) end
return answer(send_or_park(), number('seq'))
