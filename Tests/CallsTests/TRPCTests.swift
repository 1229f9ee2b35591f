import Calls
import Testing

@Suite struct TRPCTests {
    @Test(
        arguments: [
            ("user.byID", ["user.byID": 1]),
            ("a,b", ["a": 1, "b": 1]),
            ("a%2Cb,c", ["a": 1, "b": 1, "c": 1]),
            ("a%2cb", ["a": 1, "b": 1]),
            ("a,a,b,a", ["a": 3, "b": 1]),
            ("a,b/", ["a": 1, "b": 1]),
            ("post.list_all-2", ["post.list_all-2": 1]),
            ("Login,login", ["Login": 1, "login": 1]),
            ("...", ["...": 1]),
        ] as [(String, [String: Int])])
    func `names stand between commas`(_ rest: String, _ calls: [String: Int]) {
        #expect(reading(.trpc, Request(rest: rest)) == .calls(calls))
    }

    /// The server looks for a procedure of no name, and answers with an error.
    @Test(
        arguments: [
            ("", [:], 1), ("/", [:], 1), (",", [:], 2), ("a,", ["a": 1], 1), (",a,,b", ["a": 1, "b": 1], 2),
            ("%2C", [:], 2),
        ] as [(String, [String: Int], Int)])
    func `an empty name is a call without a name`(_ rest: String, _ calls: [String: Int], _ unnamed: Int) {
        #expect(reading(.trpc, Request(rest: rest)) == .calls(calls, unnamed: unnamed))
    }

    @Test(
        arguments: [
            "a%252Cb", "a%20", "x/login,login", "a//b", "a;b", "a+b", "a%", "a%2", "a:b", ".", "..", "a,..",
            "é", "%C3%A9", "a b", "a\u{0}", String(repeating: "n", count: 129),
        ])
    func `what some servers read in another way is unreadable`(_ rest: String) {
        #expect(reading(.trpc, Request(rest: rest)) == .unreadable(.name), "\(rest)")
    }

    @Test func `a name of 128 bytes is one`() {
        let name = String(repeating: "n", count: 128)
        #expect(reading(.trpc, Request(rest: name)) == .calls([name: 1]))
    }

    /// Servers find `batch` in different ways; without it they run nothing of such a path.
    @Test(arguments: [nil, "", "batch=1", "batch=0", "batch=1&batch=1", "batch[]=1", "%62atch=1", "input={}"])
    func `the query changes nothing`(_ query: String?) {
        #expect(reading(.trpc, Request(rest: "a,b", query: query)) == .calls(["a": 1, "b": 1]))
    }

    @Test func `neither do a body and its type`() {
        let request = Request(rest: "a,b", type: "text/plain", coding: "gzip", body: "{\"0\":{}}")
        #expect(reading(.trpc, request) == .calls(["a": 1, "b": 1]))
    }

    @Test func `more calls than the limit are too many`() {
        let limits = CallLimits(calls: 3)
        #expect(reading(.trpc, Request(rest: "a,a,a"), limits: limits) == .calls(["a": 3]))
        #expect(reading(.trpc, Request(rest: "a,a,a,a"), limits: limits) == .tooMany)
        #expect(reading(.trpc, Request(rest: ",,,"), limits: limits) == .tooMany)
        #expect(reading(.trpc, Request(rest: "a,a,a,%"), limits: limits) == .unreadable(.name))
    }

    @Test func `as many distinct names as a request may have are told apart`() {
        let names = (0..<256).map { "\($0)" + String(repeating: "n", count: 120) }
        let expected = Dictionary(uniqueKeysWithValues: names.map { ($0, 1) })
        let most = CallLimits(calls: CallReader.mostCalls)
        let request = Request(rest: names.joined(separator: ","))
        #expect(reading(.trpc, request, limits: most) == .calls(expected))
    }

    /// Its tables are emptied by counting up a number of 16 bits.
    @Test func `a reader forgets the requests before, however many there were`() {
        var reader = CallReader()
        let many = (0..<50).map { "n\($0)" }
        let all = Reading.calls(Dictionary(uniqueKeysWithValues: many.map { ($0, 1) }))
        for round in 0...0xFFFF {
            let isFull = round == 0 || round >= 0xFFF0
            let request = Request(rest: isFull ? many.joined(separator: ",") : "a")
            let found = reader.reading(.trpc, request)
            guard found == (isFull ? all : .calls(["a": 1])) else {
                Issue.record("round \(round): \(found)")
                return
            }
        }
        #expect(reader.reading(.trpc, Request(rest: "a;b")) == .unreadable(.name))
        #expect(reader.count == 0 && reader.unnamed == 0)
    }
}
