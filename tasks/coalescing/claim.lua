-- CLAIM: a worker that holds a message asks for the right to run the group.
--
-- ARGV[10] owner        unique to this delivery of the message
-- ARGV[11] ticketless   1: nobody made a REQUEST for this message (`celery call`, an older publisher): make it here
-- ARGV[12] redelivered  1: the broker says that it delivers the message again
-- answers  run      the lease is the owner's until `until`, number = the urgency of who asked
--          busy     a run is live; its FINISH will see what is not covered
--          early    parked, and `until` is not reached
--          covered  a committed run has read everything that was asked for: the check against the stored latest
local owner, ticketless = ARGV[10], ARGV[11] == '1'
if is('running') and hash.owner == owner then return answer('run', number('run_urgency')) end  -- a retried call

if ARGV[12] == '1' then count('redelivered') end
if ticketless then
  set('seq', number('seq') + 1)
  count('requests')
  count('messages')
  wait_from_now()
  raise_urgency(1)
end

if is('running') then
  count('busy')
  return answer('busy')
end
if is('parked') and now < number('until') and not ticketless then
  count('early')
  return answer('early')
end
if number('seq') <= number('done') then
  if not is('idle') then enter('idle', 0) end
  count('covered')
  return answer('covered')
end

if is('parked') then count('coalesced') end  -- this run serves the request that waited for a message of its own
enter('running', now + lease)
set('owner', owner)
set('run_seq', number('seq'))
set('run_at', now)
set('run_urgency', number('urgency'))
set('urgency', 0)
set('first_at', 0)
set('backoff', 0)
return answer('run', number('run_urgency'))
