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
        local floor, ceil, max, min, match = math.floor, math.ceil, math.max, math.min, string.match
        local GRACE, SLACK, LONGEST, MOST = 1000000, 100000, 2305843009213693952, 1000000000
        local refunds = ARGV[1] == 'refund'
        local read = 1
        local function number()
          read = read + 1
          return tonumber(ARGV[read]) or 0
        end

        local gcra = {}
        function gcra.load(c, value)
          c.full, c.debt = min(c.limit * c.interval, LONGEST), 0
          local date, debt = match(value, '^(%d+) (%d+)$')
          if date then
            c.debt = max(0, debt - (now - date) * 1000)
            if c.debt > c.full + GRACE * 1000 then c.debt, c.changed = c.full, true end
          end
        end
        function gcra.raise(c)
          local debt = min(number(), c.full + GRACE * 1000)
          if debt > c.debt then c.debt, c.changed = debt, true end
        end
        function gcra.lacks(c)
          return c.cost > c.limit or c.debt + min(c.cost * c.interval, LONGEST) > c.full
        end
        function gcra.take(c) c.debt = c.debt + min(c.cost * c.interval, LONGEST) end
        function gcra.refund(c, taken)
          c.debt = max(0, c.debt - max(0, min(c.cost * c.interval, LONGEST) - (now - taken) * 1000))
        end
        function gcra.value(c) return string.format('%.0f %.0f', now, c.debt), c.debt / 1000000 end
        function gcra.tell(c, reply) reply[#reply + 1] = c.debt end

        local fixed = {}
        function fixed.load(c, value)
          c.left, c.count = 0, 0
          local stop, count = match(value, '^(%d+) (%d+)$')
          if not stop or stop - now <= 0 then return end
          c.left, c.count = stop - now, min(tonumber(count), MOST)
          if c.left > c.interval + GRACE then c.left, c.changed = c.interval, true end
        end
        function fixed.raise(c)
          local left = min(number(), c.interval)
          local count = number()
          if left > 0 and count > 0 and (count > c.count or (count == c.count and left > c.left)) then
            c.left, c.count, c.changed = left, count, true
          end
        end
        function fixed.lacks(c) return c.count + c.cost > c.limit end
        function fixed.take(c)
          if c.count == 0 then c.left = c.interval end
          c.count = c.count + c.cost
        end
        function fixed.refund(c, taken)
          if now + c.left - c.interval <= taken then c.count = max(0, c.count - c.cost) end
        end
        function fixed.value(c) return string.format('%.0f %.0f', now + c.left, c.count), c.left / 1000 end
        function fixed.tell(c, reply)
          reply[#reply + 1] = c.left
          reply[#reply + 1] = c.count
        end

        local sliding = {}
        local function total(s)
          local sum = 0
          for i = 1, 9 do sum = sum + s[i] end
          return sum
        end
        local function settle(c, s)
          local elapsed = now - s.start
          if elapsed < -GRACE then s.start, c.changed = now, true end
          if elapsed < c.slice then return s end
          local passed = floor(elapsed / c.slice)
          for i = 9, 1, -1 do s[i] = i > passed and s[i - passed] or 0 end
          s.start = s.start + passed * c.slice
          return s
        end
        function sliding.load(c, value)
          c.slice = ceil(c.interval / 8)
          local numbers = {}
          if match(value, '^%d[ %d]+$') then
            for digits in string.gmatch(value, '%d+') do
              numbers[#numbers + 1] = min(tonumber(digits), 1e18)
            end
          end
          c.s = {0, 0, 0, 0, 0, 0, 0, 0, 0, start = now}
          if #numbers ~= 10 then return end
          c.s.start = numbers[1]
          for i = 1, 9 do c.s[i] = min(numbers[i + 1], MOST) end
          settle(c, c.s)
        end
        function sliding.raise(c)
          local since = number()
          if since < 0 then return end
          local other = {start = now - since}
          for i = 1, 9 do other[i] = number() end
          settle({slice = c.slice}, other)
          local claimed = total(other)
          if claimed == 0 then return end
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
        function sliding.lacks(c) return total(c.s) + c.cost > c.limit end
        function sliding.take(c)
          if total(c.s) == 0 then c.s.start = now end
          c.s[1] = c.s[1] + c.cost
        end
        function sliding.refund(c, taken)
          local i = max(0, ceil((c.s.start - taken) / c.slice)) + 1
          if i <= 9 then c.s[i] = max(0, c.s[i] - c.cost) end
        end
        function sliding.value(c)
          return string.format('%.0f', c.s.start) .. ' ' .. table.concat(c.s, ' '),
            (c.s.start + 9 * c.slice - now) / 1000
        end
        function sliding.tell(c, reply)
          reply[#reply + 1] = max(0, now - c.s.start)
          for i = 1, 9 do reply[#reply + 1] = c.s[i] end
        end

        local kinds = {[0] = gcra, sliding, fixed}
        local held = redis.call('MGET', unpack(KEYS))
        local counters, refused, shorts = {}, false, 0
        for i = 1, #KEYS do
          local kind = number()
          local c = {kind = kinds[kind % 4], limit = number(), interval = number(), cost = number()}
          counters[i] = c
          c.kind.load(c, held[i] or '')
          if refunds then
            if held[i] then
              c.kind.refund(c, number())
              c.changed = true
            else
              number()
            end
          else
            c.kind.raise(c)
            if c.cost > 0 and c.kind.lacks(c) then
              c.short, shorts = true, shorts + 2 ^ (i - 1)
              if kind < 4 then refused = true end
            end
          end
        end
        local reply = {now, shorts}
        for i, c in ipairs(counters) do
          if not (refunds or refused or c.short) and c.cost > 0 then
            c.kind.take(c)
            c.changed = true
          end
          if c.changed then
            local value, lasts = c.kind.value(c)
            redis.call('SET', KEYS[i], value, 'PX', string.format('%.0f', min(ceil(lasts) + 1000, 1e12)))
          end
          c.kind.tell(c, reply)
        end
        return reply
        """)
}
