-- A budget and repeats in one script, which Redis runs alone: the same rules as streams/core for them.
-- KEYS: the department's budget (a hash: currency, limit, held:PERIOD), event, authorization.
-- ARGV: amount, currency, period, content. Returns outcome, reason, limit, held before, repeated.
local first = redis.call('GET', KEYS[2])
if first then
    local kept = cjson.decode(first)
    if kept[1] ~= ARGV[4] then
        return {'rejected', 'exists_with_different_content', 0, 0, 0}
    end
    return {kept[2], kept[3], kept[4], kept[5], 1}
end
local budget = redis.call('HMGET', KEYS[1], 'currency', 'limit', 'held:' .. ARGV[3])
if not budget[1] then
    return {'rejected', 'unknown_department', 0, 0, 0}
end
if budget[1] ~= ARGV[2] then
    return {'rejected', 'wrong_currency', 0, 0, 0}
end
if redis.call('EXISTS', KEYS[3]) == 1 then
    return {'rejected', 'authorization_exists', 0, 0, 0}
end
local limit, held, amount = tonumber(budget[2]), tonumber(budget[3] or '0'), tonumber(ARGV[1])
local outcome, reason = 'approved', ''
if held + amount > limit then
    outcome, reason = 'declined', 'budget_exceeded'
end
redis.call('SET', KEYS[2], cjson.encode({ARGV[4], outcome, reason, limit, held}))
redis.call('SET', KEYS[3], outcome == 'approved' and ARGV[1] or '0')
if outcome == 'approved' then
    redis.call('HINCRBY', KEYS[1], 'held:' .. ARGV[3], ARGV[1])
end
return {outcome, reason, limit, held, 0}
