-- REQUEST: someone asks that the group be grouped.  Only after COMMIT: whoever asks has made its trace readable.
--
-- ARGV[10] urgency   0 a trace, 1 a person or a review
-- ARGV[11] fresh     1 when the group has no template
-- ARGV[12] trace     id of the trace that asks, or ''
-- ARGV[13] project   id of the group's project, or '' when whoever asks does not know it
-- answers  send      the caller publishes one message, number = its ticket (seq)
--          park      the caller notes the group as due at `until`; a pacer will send
--          coalesced a live run, a queued message or a due time covers it
local urgency = tonumber(ARGV[10])
set('seq', number('seq') + 1)
set('fresh', ARGV[11])
if ARGV[12] ~= '' then set('trace', ARGV[12]) end
belong_to(ARGV[13])
raise_urgency(urgency)
wait_from_now()
count('requests')

if is('idle') then return answer(send_or_park(), number('seq')) end

if is('parked') then
  local overdue = now >= number('until') + grace  -- every pacer is dead, or its note of this group was lost
  if urgency > 0 or overdue then
    count('coalesced')                            -- the message belongs to the request that parked
    return answer(send(), number('seq'))
  end
  if number('backoff') == 0 then enter('parked', due()) end
end
count('coalesced')
return answer('coalesced', number('seq'))
