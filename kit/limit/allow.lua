-- KEYS[1]  a sorted set: what was admitted, by its time in microseconds
-- ARGV     n, window and keep in microseconds, nonce (may be empty)
-- answers  {1, 0} admitted, {0, microseconds until one is admitted} refused
--
-- The clock is Redis' own: those of the callers differ. Numbers are formatted by hand, since Lua would round them.
local n, window, keep, nonce = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - keep))
local member = 'n' .. nonce
if nonce ~= '' and redis.call('ZSCORE', KEYS[1], member) then
  return {1, 0}
end
if n <= 0 then
  return {0, window}
end

-- After a failover to a clock that is behind, what seems far ahead says nothing.
local from = string.format('(%.0f', now - window)
local count = redis.call('ZCOUNT', KEYS[1], from, string.format('%.0f', now + window))
if count >= n then
  local oldest = redis.call('ZRANGEBYSCORE', KEYS[1], from, '+inf', 'WITHSCORES', 'LIMIT', count - n, 1)
  return {0, math.max(1, math.min(window, oldest[2] + window - now))}
end

if nonce == '' then
  member = string.format('#%.0f:%d', now, redis.call('ZCARD', KEYS[1]))
end
redis.call('ZADD', KEYS[1], string.format('%.0f', now), member)
redis.call('PEXPIRE', KEYS[1], math.ceil(keep / 1000))
return {1, 0}
