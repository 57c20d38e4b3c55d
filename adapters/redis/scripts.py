"""What happens in Redis in one step. A script that fails writes nothing: what can fail in it comes before its writes."""

FORMAT = 1
FIELDS = ("format", "version", "updated", "expires", "body", "seal")

_SEEN = f"""
-- The version that lives under a key, 0 for none. Beside it 'damaged' or 'newer', where that is what it is.
local function seen(key, name, now)
  local kind = redis.call('TYPE', key).ok
  if kind == 'none' then return 0 end
  if kind ~= 'hash' then return 0, 'damaged' end
  local found = redis.call('HMGET', key, {", ".join(f"'{field}'" for field in FIELDS)})
  for n = 1, {len(FIELDS)} do
    if not found[n] then return 0, 'damaged' end
  end
  if found[1] ~= '{FORMAT}' and string.match(found[1], '^%d+$') then return 0, 'newer' end
  local text = table.concat({{name, found[1], found[2], found[3], found[4], found[5]}}, '\\n')
  if redis.sha1hex(text) ~= found[6] then return 0, 'damaged' end
  if found[4] ~= '' and tonumber(found[4]) <= now then return 0 end
  return tonumber(found[2])
end

local function put_aside(key, ids, id, aside)
  redis.call('ZREM', ids, id)
  redis.call('RENAME', key, aside)
  redis.call('PERSIST', aside)
  return {{'damaged'}}
end
"""

# KEYS: the document, the ids, the write, where damaged ones go. ARGV: name, id, now, expected version or '', milliseconds
# for which the write is remembered. Who asks again after a lost answer is told what the first time did.
_BEGINNING = (
    _SEEN
    + """
local done = redis.call('GET', KEYS[3])
if done then return {'done', done} end
local version, wrong = seen(KEYS[1], ARGV[1], tonumber(ARGV[3]))
if wrong == 'damaged' then return put_aside(KEYS[1], KEYS[2], ARGV[2], KEYS[4]) end
if wrong then return {wrong} end
if ARGV[4] ~= '' and tonumber(ARGV[4]) ~= version then return {'conflict', string.format('%.0f', version)} end
"""
)

PUT = (
    _BEGINNING
    + f"""
-- ARGV further: updated, expires or '', milliseconds to live or '', body
local written = string.format('%.0f', version + 1)
local seal = redis.sha1hex(table.concat({{ARGV[1], '{FORMAT}', written, ARGV[6], ARGV[7], ARGV[9]}}, '\\n'))
redis.call('ZADD', KEYS[2], 0, ARGV[2])
redis.call('HSET', KEYS[1], 'format', '{FORMAT}', 'version', written, 'updated', ARGV[6],
  'expires', ARGV[7], 'body', ARGV[9], 'seal', seal)
if ARGV[8] == '' then redis.call('PERSIST', KEYS[1]) else redis.call('PEXPIRE', KEYS[1], ARGV[8]) end
redis.call('SET', KEYS[3], written, 'PX', ARGV[5])
return {{'done', written}}
"""
)

DELETE = (
    _BEGINNING
    + """
local deleted = string.format('%.0f', version)
redis.call('ZREM', KEYS[2], ARGV[2])
redis.call('DEL', KEYS[1])
if version > 0 then redis.call('SET', KEYS[3], deleted, 'PX', ARGV[5]) end
return {'done', deleted}
"""
)

# KEYS: the document, the ids, where damaged ones go. ARGV: name, id
QUARANTINE = (
    _SEEN
    + """
local _, wrong = seen(KEYS[1], ARGV[1], 0)
if wrong == 'damaged' then return put_aside(KEYS[1], KEYS[2], ARGV[2], KEYS[3]) end
return {'whole'}
"""
)

# KEYS: the ids, then documents that were not there. ARGV: their ids
TIDY = """
for n = 2, #KEYS do
  if redis.call('EXISTS', KEYS[n]) == 0 then redis.call('ZREM', KEYS[1], ARGV[n - 1]) end
end
"""
