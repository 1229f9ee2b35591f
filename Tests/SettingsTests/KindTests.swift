import Testing

@testable import Settings

private struct Box<Value: Sendable>: Sendable { var value: Value? }

/// Reads `v: <text>`; the value, and the words of what is wrong.
private func read<Value: Sendable>(_ kind: Kind<Value>, _ text: String) -> (value: Value?, problems: [String])
{
    let field = Field("v", \Box<Value>.value, .optional(kind), reload: .live, "The value.", example: "x")
    let section = Section("A box.", initial: Box<Value>(), fields: [field])
    let loaded = section.load(text: "v: \(text)\n", file: "f", environment: [:]) { _, _ in }
    return (
        loaded.settings?.value,
        loaded.diagnostics.map { String($0.headline.dropFirst("f:1:4: error: v: ".count)) }
    )
}

@Suite struct KindTests {
    @Test(arguments: [
        ("true", true), ("yes", true), ("on", true), ("false", false), ("no", false), ("off", false),
    ])
    func `truth values are words`(text: String, expected: Bool) {
        #expect(read(.bool, text).value == expected)
    }

    @Test(arguments: [
        ("1", 1), ("64", 64), ("1_0", 10), ("\"7\"", 7),
    ])
    func `counts inside their bounds are read`(text: String, expected: Int) {
        #expect(read(.count(1...64), text).value == expected)
    }

    @Test(arguments: ["0", "65", "-1", "+1", "1.0", "01", "abc", "99999999999999999999", "0x10", "１"])
    func `any other count is refused with its bounds`(text: String) {
        let result = read(.count(1...64), text)
        #expect(result.value == nil)
        #expect(result.problems == ["expected a whole number from 1 to 64, found \"\(text)\""])
    }

    @Test(arguments: [("240B/s", 240), ("1KiB/s", 1024), ("1 MiB/s", 1 << 20)])
    func `speeds are sizes in a second`(text: String, expected: Int) {
        #expect(read(.byteRate(ByteRate(1)...ByteRate(1 << 20)), text).value == ByteRate(expected))
        #expect(Quantity.text(ByteRate(240)) == "240B/s")
        #expect(Quantity.text(ByteRate(1024)) == "1KiB/s")
    }

    @Test(arguments: [
        ("240", "\"240\": a speed is written as 240B/s (did you mean \"240B/s\"?)"),
        ("1KiB", "\"1KiB\": a speed is written as 240B/s (did you mean \"1KiB/s\"?)"),
        ("240/s", "\"240/s\": a speed is written as 240B/s (did you mean \"240B/s\"?)"),
        ("0B/s", "expected a speed from 1B/s to 1MiB/s, found \"0B/s\""),
        ("1KB/s", "\"1KB/s\": a size is written in B, KiB, MiB or GiB (did you mean \"1KiB\"?)"),
    ])
    func `speeds without a unit or beyond their bounds are refused`(text: String, problem: String) {
        #expect(read(.byteRate(ByteRate(1)...ByteRate(1 << 20)), text).problems == [problem])
    }

    @Test(arguments: [
        ("512", 512), ("1KiB", 1024), ("16 KiB", 16384), ("1MiB", 1 << 20), ("2GiB", 2 << 30), ("7B", 7),
    ])
    func `sizes carry binary units`(text: String, expected: Int) {
        #expect(read(.bytes(0...(1 << 40)), text).value == expected)
    }

    @Test(arguments: [
        ("10MB", "\"10MB\": a size is written in B, KiB, MiB or GiB (did you mean \"10MiB\"?)"),
        ("10k", "\"10k\": a size is written in B, KiB, MiB or GiB (did you mean \"10KiB\"?)"),
        ("1.5MiB", "\"1.5MiB\": a size is written in B, KiB, MiB or GiB"),
        ("9999999999GiB", "expected a size from 0 to 1024GiB, found \"9999999999GiB\""),
        ("9223372036854775807GiB", "expected a size from 0 to 1024GiB, found \"9223372036854775807GiB\""),
        ("MiB", "expected a size from 0 to 1024GiB, found \"MiB\""),
    ])
    func `sizes in other units are refused`(text: String, problem: String) {
        #expect(read(.bytes(0...(1 << 40)), text).problems == [problem])
    }

    @Test(arguments: [
        ("250ms", Duration.milliseconds(250)), ("5s", .seconds(5)), ("15m", .seconds(900)),
        ("1h", .seconds(3600)),
        ("1d", .seconds(86_400)), ("0s", .zero), ("10 s", .seconds(10)),
    ])
    func `durations carry units`(text: String, expected: Duration) {
        #expect(read(.duration(.zero...(.seconds(86_400))), text).value == expected)
    }

    @Test(arguments: [
        ("5", "\"5\": a duration needs a unit: ms, s, m, h or d (did you mean \"5s\"?)"),
        ("5 minutes", "\"5 minutes\": a duration is written in ms, s, m, h or d (did you mean \"5m\"?)"),
        ("5S", "\"5S\": a duration is written in ms, s, m, h or d"),
        ("2d", "expected a duration from 0s to 1d, found \"2d\""),
        ("-5s", "expected a duration from 0s to 1d, found \"-5s\""),
        ("999999999999999999d", "expected a duration from 0s to 1d, found \"999999999999999999d\""),
        ("", "expected a duration from 0s to 1d, found nothing"),
        ("[5s]", "expected a duration from 0s to 1d, found a list"),
    ])
    func `durations without units or out of bounds are refused`(text: String, problem: String) {
        #expect(read(.duration(.zero...(.seconds(86_400))), text).problems == [problem])
    }

    @Test(arguments: [("50%", 5000), ("0.25%", 25), ("0.5%", 50), ("100%", 10_000), ("0%", 0)])
    func `percentages are exact to a hundredth`(text: String, hundredths: Int) {
        let all = Percent(hundredths: 0)...Percent(hundredths: 10_000)
        #expect(read(.percent(all), text).value == Percent(hundredths: hundredths))
        #expect(Quantity.text(Percent(hundredths: hundredths)) == text)
    }

    @Test(arguments: ["50", "101%", "-1%", "0.125%", "%", "1.%", "100.01%"])
    func `any other percentage is refused`(text: String) {
        let all = Percent(hundredths: 0)...Percent(hundredths: 10_000)
        #expect(read(.percent(all), "\"\(text)\"").problems.count == 1)
    }

    @Test(arguments: [
        ("100 per 15m", Rate(100, per: .seconds(900))), ("10 per 1s", Rate(10, per: .seconds(1))),
        ("10 per s", Rate(10, per: .seconds(1))), ("1_000 per d", Rate(1000, per: .seconds(86_400))),
    ])
    func `rates are so many per so long`(text: String, expected: Rate) {
        #expect(read(.rate, text).value == expected)
    }

    @Test(arguments: [
        ("100/15m", "expected a rate such as 100 per 15m, found \"100/15m\" (did you mean \"100 per 15m\"?)"),
        ("100", "expected a rate such as 100 per 15m, found \"100\""),
        ("0 per 1s", "\"0 per 1s\": a rate counts from 1 to 1000000000"),
        ("1 per 0s", "\"1 per 0s\": a rate's period is from 1ms to 31d"),
        ("1 per 60d", "\"1 per 60d\": a rate's period is from 1ms to 31d"),
        ("1 per 15", "\"1 per 15\": a duration needs a unit: ms, s, m, h or d (did you mean \"15s\"?)"),
    ])
    func `any other rate is refused`(text: String, problem: String) {
        #expect(read(.rate, text).problems == [problem])
    }

    @Test(arguments: [
        ("{ a: 1, b: [x, true, null, 1.50] }", #"{"a":1,"b":["x",true,null,1.50]}"#),
        ("{ a: \"1\", b: 'true', c: 010 }", #"{"a":"1","b":"true","c":"010"}"#),
        ("'{\"a\" : 1}'", #"{"a" : 1}"#),
        ("x", "\"x\""),
    ])
    func `JSON is written in YAML or quoted as it is`(text: String, expected: String) {
        #expect(read(.jsonBody, text).value == .json(expected))
    }

    @Test(arguments: ["'{a: 1}'", "\"[1,]\"", "'nope'", "'1 2'", "'\\x'", "'{\"a\":1'", "'01'"])
    func `quoted text that is not JSON is refused`(text: String) {
        #expect(
            read(.jsonBody, text).problems == [
                "a text in quotes must be JSON itself, or leave the quotes out"
            ])
    }

    @Test func `header names and values that would break a message are refused`() {
        let kind = Kind<[HeaderField]>.headers("headers", allowsFraming: false)
        #expect(read(kind, "{ X-A: \"b c\" }").value == [HeaderField("X-A", "b c")])
        let bad = [
            #"{ X-A: "b\r\nSet-Cookie: c" }"#, #"{ X-A: "b\0" }"#, #"{ "X A": b }"#, #"{ "X:": b }"#,
            #"{ X-A: " b" }"#,
            #"{ Content-Length: "1" }"#, #"{ transfer-encoding: chunked }"#, #"{ X-A: 1, x-a: 2 }"#,
            #"{ "": b }"#,
        ]
        for text in bad { #expect(read(kind, text).value == nil, "\(text)") }
    }

    @Test func `a word out of several is suggested`() {
        enum Fruit: String, CaseIterable, Sendable { case apple, pear }
        #expect(read(Kind<Fruit>.choice, "pear").value == .pear)
        #expect(
            read(Kind<Fruit>.choice, "aple").problems == [
                "expected apple or pear, found \"aple\" (did you mean \"apple\"?)"
            ])
        #expect(
            read(Kind<Fruit>.choice, "Apple").problems == [
                "expected apple or pear, found \"Apple\" (did you mean \"apple\"?)"
            ])
        #expect(read(Kind<Fruit>.choice, "melon").problems == ["expected apple or pear, found \"melon\""])
    }

    @Test(arguments: [
        ("burst", "burts", 1), ("abc", "", 3), ("kitten", "sitting", 3), ("ca", "ac", 1), ("same", "same", 0),
    ])
    func `distance counts swaps of neighbours as one`(left: String, right: String, expected: Int) {
        #expect(Suggestion.distance(left, right) == expected)
    }
}
