-- One audited write: compare the document with what was read, record the change, make it. All of it or nothing.
-- KEYS: the document, the audit stream (in that order; one slot in a cluster if the caller names them so).
-- ARGV: 'present' or 'absent', the text that was read, 'set' or 'delete', the new text, by, acl_user, via, why.
-- It never reads JSON: cjson turns [] into {} and drops digits.
local stored = redis.call('GET', KEYS[1])
local expected = ARGV[1] == 'present' and ARGV[2]
if stored ~= expected then
  return {'conflict', stored}
end

-- RFC 3339 from the server's clock, the same for all writers. There is no date library here, so the calendar is
-- counted in eras of 400 years that begin in March (http://howardhinnant.github.io/date_algorithms.html).
local function now()
  local floor, clock = math.floor, redis.call('TIME')
  local seconds, milliseconds = tonumber(clock[1]), floor(tonumber(clock[2]) / 1000)
  local days = floor(seconds / 86400) + 719468
  local era = floor(days / 146097)
  local day_of_era = days - era * 146097
  local year_of_era = floor(
    (day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524) - floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  local months_since_march = floor((5 * day_of_year + 2) / 153)
  local day = day_of_year - floor((153 * months_since_march + 2) / 5) + 1
  local month = months_since_march < 10 and months_since_march + 3 or months_since_march - 9
  local year = year_of_era + era * 400 + (month <= 2 and 1 or 0)
  return string.format('%04d-%02d-%02dT%02d:%02d:%02d.%03dZ', year, month, day,
    floor(seconds / 3600) % 24, floor(seconds / 60) % 60, seconds % 60, milliseconds)
end

local at, new = now(), ARGV[3] == 'set' and ARGV[4]
-- The record comes first: what cannot be recorded is not done.
local id = redis.pcall('XADD', KEYS[2], 'MAXLEN', '~', '10000', '*',
  'at', at, 'by', ARGV[5], 'acl_user', ARGV[6], 'via', ARGV[7], 'why', ARGV[8], 'key', KEYS[1],
  'old', stored or '', 'new', new or '',
  'sha_before', stored and redis.sha1hex(stored) or '', 'sha_after', new and redis.sha1hex(new) or '')
if type(id) == 'table' and id.err then
  -- The error names no key, and its reader would blame the document.
  if string.find(id.err, '^WRONGTYPE') then
    return {'no trail'}
  end
  return id
end
local done
if new and stored then
  -- Whoever let the document expire meant it.
  done = redis.pcall('SET', KEYS[1], new, 'KEEPTTL')
  if type(done) == 'table' and done.err and string.find(done.err, 'syntax error', 1, true) then
    -- A server before Redis 6 cannot keep it; a kill must not fail for that.
    done = redis.pcall('SET', KEYS[1], new)
  end
elseif new then
  done = redis.pcall('SET', KEYS[1], new)
else
  done = redis.pcall('DEL', KEYS[1])
end
if type(done) == 'table' and done.err then
  redis.pcall('XDEL', KEYS[2], id)
  return done
end
return {'written', at}
