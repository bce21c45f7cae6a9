-- WAKE: a pacer finds the group due, or the reconciler finds it owed.
--
-- ARGV[10] owed    1: PostgreSQL holds owed traces of this group, whatever is remembered here
-- ARGV[11] fresh   1 or 0 as in REQUEST when owed, '' to keep what is known
-- ARGV[12] project as in REQUEST
-- answers  send    the caller publishes one message, number = its ticket
--          park    not due yet: the caller notes `until`
--          live    a run or a message will see to it
--          rest    nothing to do
local owed = ARGV[10] == '1'
if ARGV[11] ~= '' then set('fresh', ARGV[11]) end
belong_to(ARGV[12])
if is('running') or is('queued') then return answer('live') end
if is('parked') then
  if now < number('until') then return answer('park') end
  return answer(send(), number('seq'))
end
if owed and number('seq') <= number('done') then set('seq', number('done') + 1) end
if number('seq') <= number('done') then return answer('rest') end
ask_itself()
return answer(send(), number('seq'))
