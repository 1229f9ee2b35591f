import Calls
import Testing

@Suite struct JSONRPCTests {
    @Test(
        arguments: [
            (#"{"jsonrpc":"2.0","method":"add","params":[1,2],"id":1}"#, ["add": 1]),
            (#"{"method":"add"}"#, ["add": 1]),
            (#"[{"method":"a"},{"method":"b"},{"method":"a","id":2}]"#, ["a": 2, "b": 1]),
            (#" [ {"method" : "a"} ] "#, ["a": 1]),
            (#"{"method":"login"}"#, ["login": 1]),
            (#"{"method":"login"}"#, ["login": 1]),
            (#"{"Method":"login"}"#, ["login": 1]),
            (#"{"params":{"method":"x"},"method":"y"}"#, ["y": 1]),
            (#"{"method":"tools/call"}"#, ["tools/call": 1]),
            (#"{"method":"tools\/call"}"#, ["tools/call": 1]),
            (#"{"method":"$/cancel"}"#, ["$/cancel": 1]),
            (#"{"method":"eth_getBalance"}"#, ["eth_getBalance": 1]),
            (#"{"method":"ns:rpc.x-1@2~3"}"#, ["ns:rpc.x-1@2~3": 1]),
        ] as [(String, [String: Int])])
    func `calls are named by their method`(_ body: String, _ calls: [String: Int]) {
        #expect(reading(.jsonrpc, .json(body)) == .calls(calls))
    }

    @Test(
        arguments: [
            ("{}", [:], 1), ("[]", [:], 1), ("", [:], 1), (#"{"method":null}"#, [:], 1),
            (#"{"method":""}"#, [:], 1), (#"{"methods":"a"}"#, [:], 1),
            (#"[1,{"method":"a"},"x",null,{}]"#, ["a": 1], 4),
        ] as [(String, [String: Int], Int)])
    func `what is answered with an error is a call without a name`(
        _ body: String, _ calls: [String: Int], _ unnamed: Int
    ) {
        #expect(reading(.jsonrpc, .json(body)) == .calls(calls, unnamed: unnamed))
    }

    @Test(
        arguments: [
            (#"{"method":"a","method":"b"}"#, .ambiguous), (#"{"method":"a","Method":"a"}"#, .ambiguous),
            (#"{"method":"a","method":null}"#, .ambiguous), (#"{"method":"a","method":"b"}"#, .ambiguous),
            (#"[{"method":"a"},{"method":"a","method":"b"}]"#, .ambiguous),
            (#"{"method":["login"]}"#, .name), (#"{"method":1}"#, .name), (#"{"method":{}}"#, .name),
            (#"{"method":" login"}"#, .name), (#"{"method":"a b"}"#, .name), (#"{"method":"é"}"#, .name),
            (#"{"method":"a%2fb"}"#, .name), (#"{"method":"../a"}"#, .name), (#"{"method":"a//b"}"#, .name),
            (#"{"method":"a/"}"#, .name), (#"{"method":"/a"}"#, .name), (#"{"method":"a\u0000"}"#, .name),
            (#"{"method":"a?b"}"#, .name), (#"{"method":"."}"#, .name),
            ("1", .json), ("null", .json), (#""a""#, .json), (#"{"method":"a"}}"#, .json),
            (#"{"method":"a",}"#, .json), (#"{'method':'a'}"#, .json), (#"[{"method":"a"}"#, .json),
            (#"[[{"method":"a"}]]"#, .json), (" ", .json), ("{\"method\":\"a\"}\u{0}", .json),
            ("\u{FEFF}{\"method\":\"a\"}", .json), (#"{"method":"a"}{"method":"b"}"#, .json),
        ] as [(String, CallFault)])
    func `anything else is unreadable`(_ body: String, _ fault: CallFault) {
        #expect(reading(.jsonrpc, .json(body)) == .unreadable(fault), "\(body)")
    }

    @Test func `a method of 128 bytes is one, and one of 129 is not`() {
        let longest = String(repeating: "m", count: 128)
        #expect(reading(.jsonrpc, .json(#"{"method":"\#(longest)"}"#)) == .calls([longest: 1]))
        #expect(reading(.jsonrpc, .json(#"{"method":"\#(longest)m"}"#)) == .unreadable(.name))
        let huge = String(repeating: "m", count: 10_000)
        #expect(reading(.jsonrpc, .json(#"{"method":"\#(huge)"}"#)) == .unreadable(.name))
    }

    @Test(arguments: [nil, "application/json", "text/plain", "application/json-rpc", "x", ""])
    func `the media type does not matter`(_ type: String?) {
        #expect(reading(.jsonrpc, Request(type: type, body: #"{"method":"a"}"#)) == .calls(["a": 1]))
    }

    @Test(
        arguments: [
            ("application/json; charset=utf-7", .contentType),
            ("application/json;charset=UTF-16", .contentType),
            ("application/json; x=\";\"; charset=latin1", .contentType),
            ("application/json; charset=utf-8; charset=utf-7", .contentType),
            ("application/json; charset=\"utf-8\"", nil), ("application/json; Charset = UTF8", nil),
            ("application/json; charset=us-ascii", nil), ("application/json; x=\"charset=utf-7\"", nil),
            ("application/json; x=\"a\\\";charset=utf-7\"", nil), ("application/json;", nil),
            ("application/json; charset", nil),
        ] as [(String, CallFault?)])
    func `the charset is UTF-8`(_ type: String, _ fault: CallFault?) {
        // In UTF-7 this is two members.
        let body = #"{"method":"a+ACI-,+ACI-method+ACI-:+ACI-login"}"#
        let expected = fault ?? .name
        #expect(reading(.jsonrpc, Request(type: type, body: body)) == .unreadable(expected))
    }

    @Test(arguments: [
        ("gzip", false), ("br", false), ("identity, gzip", false), ("Identity", true), ("", true),
    ])
    func `a packed body is unreadable`(_ coding: String, _ isReadable: Bool) {
        let request = Request(type: "application/json", coding: coding, body: #"{"method":"a"}"#)
        #expect(reading(.jsonrpc, request) == (isReadable ? .calls(["a": 1]) : .unreadable(.contentEncoding)))
    }

    @Test func `a method in the URL is a call where there is no body`() {
        #expect(reading(.jsonrpc, Request(query: "id=1&method=add&params=x")) == .calls(["add": 1]))
        #expect(reading(.jsonrpc, Request(query: "method=a%64d")) == .calls(["add": 1]))
        #expect(reading(.jsonrpc, Request(query: "+METHOD[0]=add")) == .calls(["add": 1]))
        #expect(reading(.jsonrpc, Request(query: "method=")) == .calls([:], unnamed: 1))
        #expect(reading(.jsonrpc, Request(query: "x=1")) == .calls([:], unnamed: 1))
        #expect(reading(.jsonrpc, Request(query: "method=a&method=b")) == .unreadable(.ambiguous))
        #expect(reading(.jsonrpc, Request(query: "x=1;method=b")) == .unreadable(.ambiguous))
        #expect(reading(.jsonrpc, Request(query: "method=%zz")) == .unreadable(.name))
        #expect(reading(.jsonrpc, .json(#"{"method":"a"}"#, query: "method=b")) == .unreadable(.ambiguous))
        #expect(reading(.jsonrpc, .json(#"{"method":"a"}"#, query: "x=b;c")) == .calls(["a": 1]))
    }

    @Test func `more calls than the limit are too many`() {
        let batch = { (count: Int) in
            Request.json(
                "[" + Array(repeating: #"{"method":"a"}"#, count: count).joined(separator: ",") + "]")
        }
        #expect(reading(.jsonrpc, batch(50)) == .calls(["a": 50]))
        #expect(reading(.jsonrpc, batch(51)) == .tooMany)
        #expect(reading(.jsonrpc, batch(100_000)) == .tooMany)
        #expect(reading(.jsonrpc, batch(256), limits: CallLimits(calls: 256)) == .calls(["a": 256]))
    }
}
