import Redis

extension TokenCommands {
    /// Takes tokens from all counters of a command, or from none; or gives back what was taken.
    ///
    /// `KEYS` are the counters. `ARGV` begins with `take` or `refund`; four numbers follow for each counter:
    /// what kind it is of (0 GCRA, 1 sliding, 2 fixed window; and 4 for one that is dry), its limit, its
    /// interval (GCRA: nanoseconds; windows: microseconds) and the cost. Behind them stands the hint: what
    /// the gateway knows of the counter. GCRA: the debt in nanoseconds. Fixed window: microseconds until it
    /// ends, and its count. Sliding window: microseconds since its newest slice began and nine counts, the
    /// newest first; or -1 alone. With `refund` it is the instant at which the tokens were taken.
    ///
    /// The answer is flat: Redis' clock in microseconds, which counters lack tokens (bit i of a number), and
    /// of each counter the numbers of a hint, as they are now.
    ///
    /// A counter is a text. GCRA: when its debt was so high, and the debt. Fixed window: its end and its
    /// count. Sliding window: the beginning of its newest slice, and nine counts. Whatever else is found
    /// under a key is as good as nothing.
    ///
    /// Lua's numbers are doubles. Microseconds since 1970 are whole in them until 2255, and nanoseconds of a
    /// debt up to 104 days: that is why a debt has its date beside it.
    ///
    /// Nothing is written where tokens are refused, but for two things: what a hint has brought back, and
    /// what a clock has written that was ahead of this one.
    package static let script = Script(
        """
        local time = redis.call('TIME')
        local now = time[1] * 1000000 + time[2]
        local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
        local match, format = string.match, string.format
        local GRACE, SLACK, LONGEST, MOST = 1000000, 100000, 2305843009213693952, 1000000000
        local refunds = ARGV[1] == 'refund'
        local read = 2

        -- Sliding windows. Functions are made anew in each run: these only where they are needed.
        local sliding
        local function make_sliding()
          local function total(s)
            return s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7] + s[8] + s[9]
          end
          local function settle(s, slice)
            local elapsed, changed = now - s.start, false
            if elapsed < -GRACE then s.start, changed = now, true end
            if elapsed >= slice then
              local passed = floor(elapsed / slice)
              for i = 9, 1, -1 do s[i] = i > passed and s[i - passed] or 0 end
              s.start = s.start + passed * slice
            end
            return changed
          end
          local function load(c, value)
            local numbers = {}
            if match(value, '^%d[ %d]+$') then
              for digits in string.gmatch(value, '%d+') do
                numbers[#numbers + 1] = min(tonumber(digits), 1e18)
              end
            end
            if #numbers ~= 10 then
              c.s = {0, 0, 0, 0, 0, 0, 0, 0, 0, start = now}
              return
            end
            local s = {start = numbers[1]}
            for i = 1, 9 do s[i] = min(numbers[i + 1], MOST) end
            c.s, c.changed = s, settle(s, c.slice)
          end
          local function raise(c, since)
            local other = {start = now - since}
            for i = 1, 9 do other[i] = tonumber(ARGV[read + i]) end
            read = read + 9
            settle(other, c.slice)
            if total(other) == 0 then return end
            if total(c.s) == 0 then
              c.s, c.changed = other, true
              return
            end
            local base, slack = c.s, c.slice >= 2 * SLACK and SLACK or 0
            local lag = ceil((base.start - other.start - slack) / c.slice)
            local own, others, given, next = 0, 0, 0, 1
            for i = 1, 9 do
              own = own + base[i]
              while next <= 9 and next <= i - lag do
                others, next = others + other[next], next + 1
              end
              local sum = max(own, others)
              if sum - given ~= base[i] then base[i], c.changed = sum - given, true end
              given = sum
            end
          end
          return {total = total, load = load, raise = raise}
        end

        local held = redis.call('MGET', unpack(KEYS))
        local counters, refused, shorts = {}, false, 0
        for i = 1, #KEYS do
          local kind, limit = tonumber(ARGV[read]), tonumber(ARGV[read + 1])
          local interval, cost = tonumber(ARGV[read + 2]), tonumber(ARGV[read + 3])
          local told = tonumber(ARGV[read + 4])
          read = read + 4
          local value, lacks = held[i] or '', false
          local c = {kind = kind % 4, interval = interval, cost = cost, changed = refunds and held[i]}
          counters[i] = c
          if c.kind == 0 then
            local full, taken, debt = min(limit * interval, LONGEST), min(cost * interval, LONGEST), 0
            local date, stored = match(value, '^(%d+) (%d+)$')
            if date then
              debt = max(0, stored - (now - date) * 1000)
              if debt > full + GRACE * 1000 then debt, c.changed = full, true end
            end
            if refunds then
              debt = max(0, debt - max(0, taken - (now - told) * 1000))
            elseif told > debt then
              debt, c.changed = min(told, full + GRACE * 1000), true
            end
            c.debt, c.taken = debt, taken
            lacks = cost > limit or debt + taken > full
          elseif c.kind == 2 then
            local left, count = 0, 0
            local stop, counted = match(value, '^(%d+) (%d+)$')
            if stop and stop - now > 0 then
              left, count = stop - now, min(tonumber(counted), MOST)
              if left > interval + GRACE then left, c.changed = interval, true end
            end
            if refunds then
              if now + left - interval <= told then count = max(0, count - cost) end
            else
              read = read + 1
              local claimed = tonumber(ARGV[read])
              told = min(told, interval)
              if told > 0 and claimed > 0 and (claimed > count or (claimed == count and told > left)) then
                left, count, c.changed = told, claimed, true
              end
            end
            c.left, c.count = left, count
            lacks = count + cost > limit
          else
            sliding = sliding or make_sliding()
            c.slice = ceil(interval / 8)
            sliding.load(c, value)
            if refunds then
              local place = max(0, ceil((c.s.start - told) / c.slice)) + 1
              if place <= 9 then c.s[place] = max(0, c.s[place] - cost) end
              c.changed = held[i]
            elseif told >= 0 then
              sliding.raise(c, told)
            end
            lacks = sliding.total(c.s) + cost > limit
          end
          read = read + 1
          if lacks and cost > 0 and not refunds then
            c.short, shorts = true, shorts + 2 ^ (i - 1)
            if kind < 4 then refused = true end
          end
        end

        local reply = {now, shorts}
        for i, c in ipairs(counters) do
          local takes = c.cost > 0 and not (refunds or refused or c.short)
          local writes, text, lasts = takes or c.changed, nil, nil
          if c.kind == 0 then
            if takes then c.debt = c.debt + c.taken end
            if writes then text, lasts = format('%.0f %.0f', now, c.debt), c.debt / 1000000 end
            reply[#reply + 1] = c.debt
          elseif c.kind == 2 then
            if takes then
              if c.count == 0 then c.left = c.interval end
              c.count = c.count + c.cost
            end
            if writes then text, lasts = format('%.0f %.0f', now + c.left, c.count), c.left / 1000 end
            reply[#reply + 1] = c.left
            reply[#reply + 1] = c.count
          else
            local s = c.s
            if takes then
              if sliding.total(s) == 0 then s.start = now end
              s[1] = s[1] + c.cost
            end
            if writes then
              text = format('%.0f ', s.start) .. table.concat(s, ' ')
              lasts = (s.start + 9 * c.slice - now) / 1000
            end
            reply[#reply + 1] = max(0, now - s.start)
            for slice = 1, 9 do reply[#reply + 1] = s[slice] end
          end
          if writes then redis.call('SET', KEYS[i], text, 'PX', min(ceil(lasts) + 1000, 1e12)) end
        end
        return reply
        """)
}
