import Bytes
import JWT
import Testing
import Time

/// What is kept of verified tokens, and for how long.
@Suite struct TokenCacheTests {
    private static let start = time(1000)

    private func token(_ number: Int, length: Int = 200) -> [UInt8] {
        var state = UInt64(number + 1)
        return (0..<length).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: 0x61 + (state >> 40) % 26)
        }
    }

    private func cache(entries: Int = 64, bytes: Int = 1 << 20, age: Duration = .seconds(300)) -> TokenCache<
        Int
    > {
        TokenCache(limits: .init(entries: entries, bytes: bytes, maximumAge: age), seed: (0x1234, 0x9876))
    }

    @Test func `what was kept is found by all of its bytes and by nothing less`() {
        var cache = cache()
        let token = token(1)
        token.withView { cache.insert(7, for: $0, cost: 10, expires: nil, now: Self.start) }
        #expect(token.withView { cache.find($0, now: Self.start) } == 7)
        for place in token.indices {
            var other = token
            other[place] ^= 1
            #expect(other.withView { cache.find($0, now: Self.start) } == nil)
        }
        for other in [
            Array(token.dropFirst()), Array(token.dropLast()), token + [0x61], [0x61] + token, [], [0x61],
        ] {
            #expect(other.withView { cache.find($0, now: Self.start) } == nil)
        }
        #expect(cache.count == 1 && cache.bytes == token.count + 10 + 128)
    }

    @Test func `a token that repeats itself at the end is not taken for another`() {
        var cache = cache()
        let tail = token(1, length: 64)
        let (one, two) = (token(2) + tail, token(3) + tail)
        one.withView { cache.insert(1, for: $0, cost: 0, expires: nil, now: Self.start) }
        two.withView { cache.insert(2, for: $0, cost: 0, expires: nil, now: Self.start) }
        #expect(one.withView { cache.find($0, now: Self.start) } == 1)
        #expect(two.withView { cache.find($0, now: Self.start) } == 2)
    }

    @Test func `an entry ends with its token, and with the greatest age`() {
        var cache = cache(age: .seconds(100))
        let (soon, late, never) = (token(1), token(2), token(3))
        soon.withView { cache.insert(1, for: $0, cost: 0, expires: time(1010), now: Self.start) }
        late.withView { cache.insert(2, for: $0, cost: 0, expires: time(9999), now: Self.start) }
        never.withView { cache.insert(3, for: $0, cost: 0, expires: nil, now: Self.start) }
        #expect(soon.withView { cache.find($0, now: time(1009.999)) } == 1)
        #expect(soon.withView { cache.find($0, now: time(1010)) } == nil)
        for token in [late, never] {
            #expect(token.withView { cache.find($0, now: time(1099.999)) } != nil)
            #expect(token.withView { cache.find($0, now: time(1100)) } == nil)
        }
        // What has run out already is not kept.
        let old = self.token(4)
        old.withView { cache.insert(4, for: $0, cost: 0, expires: Self.start, now: Self.start) }
        #expect(old.withView { cache.find($0, now: Self.start) } == nil)
    }

    @Test func `a token that comes again takes its old place`() {
        var cache = cache()
        let token = token(1)
        for value in 0..<5 {
            token.withView { cache.insert(value, for: $0, cost: 5, expires: nil, now: Self.start) }
        }
        #expect(token.withView { cache.find($0, now: Self.start) } == 4)
        #expect(cache.count == 1 && cache.bytes == 200 + 5 + 128)
        token.withView { cache.remove($0, now: Self.start) }
        #expect(cache.count == 0 && cache.bytes == 0)
        #expect(token.withView { cache.find($0, now: Self.start) } == nil)
    }

    @Test func `after new keys nothing of before is found`() {
        var cache = cache()
        for number in 0..<20 {
            token(number).withView { cache.insert(number, for: $0, cost: 0, expires: nil, now: Self.start) }
        }
        cache.invalidate()
        for number in 0..<20 { #expect(token(number).withView { cache.find($0, now: Self.start) } == nil) }
        for number in 0..<20 {
            token(number).withView { cache.insert(-number, for: $0, cost: 0, expires: nil, now: Self.start) }
        }
        for number in 0..<20 {
            #expect(token(number).withView { cache.find($0, now: Self.start) } == -number)
        }
    }

    @Test func `entries and bytes stay within their bounds whatever comes`() {
        var cache = cache(entries: 100, bytes: 20_000)
        var state: UInt64 = 5
        for number in 0..<5000 {
            state = state &* 6_364_136_223_846_793_005 &+ 1
            let length = 64 + Int(state >> 33) % 3000
            token(number, length: length).withView {
                cache.insert(number, for: $0, cost: 50, expires: nil, now: Self.start)
            }
            #expect(cache.count <= 64 && cache.bytes <= 20_000)
        }
        #expect(cache.count > 4)
        // What is larger than all of it has no place, and drives nobody out for nothing but its set.
        token(1, length: 25_000).withView { cache.insert(1, for: $0, cost: 0, expires: nil, now: Self.start) }
        #expect(token(1, length: 25_000).withView { cache.find($0, now: Self.start) } == nil)
        token(2, length: 63).withView { cache.insert(1, for: $0, cost: 0, expires: nil, now: Self.start) }
        #expect(token(2, length: 63).withView { cache.find($0, now: Self.start) } == nil)
    }

    @Test func `what is asked for stays while others come and go`() {
        var cache = cache(entries: 64)
        let busy = token(0)
        busy.withView { cache.insert(0, for: $0, cost: 0, expires: nil, now: Self.start) }
        for number in 1..<2000 {
            token(number).withView { cache.insert(number, for: $0, cost: 0, expires: nil, now: Self.start) }
            #expect(busy.withView { cache.find($0, now: Self.start) } == 0)
        }
        #expect(cache.count == 64)
    }

    @Test func `values that are thrown out are let go`() {
        final class Value {}
        var cache = TokenCache<Value>(
            limits: .init(entries: 8, bytes: 1 << 20, maximumAge: .seconds(300)), seed: (1, 2))
        weak var first: Value?
        do {
            let value = Value()
            first = value
            token(0).withView { cache.insert(value, for: $0, cost: 0, expires: nil, now: Self.start) }
        }
        #expect(first != nil)
        for number in 1..<9 {
            token(number).withView { cache.insert(Value(), for: $0, cost: 0, expires: nil, now: Self.start) }
        }
        #expect(first == nil)
    }

    @Test func `another seed spreads tokens over other sets`() {
        var lost = Set<[Int]>()
        for seed in 0..<4 {
            var cache = TokenCache<Int>(
                limits: .init(entries: 64), seed: (UInt64(seed * 977), UInt64(seed + 13)))
            for number in 0..<80 {
                token(number).withView {
                    cache.insert(number, for: $0, cost: 0, expires: nil, now: Self.start)
                }
            }
            lost.insert(
                (0..<80).filter { number in token(number).withView { cache.find($0, now: Self.start) } == nil
                })
        }
        #expect(lost.count > 1)
    }
}
