import Calls
import Testing

@Suite struct GraphQLRequestTests {
    @Test func `a document comes in JSON, alone, in a form and in the URL`() {
        let requests = [
            Request.json(#"{"query":"{ a }"}"#),
            Request.json(#"{"query":"{\n a\n}","variables":{"x":[1]},"operationName":null,"extensions":{}}"#),
            Request.json(#" {"query":"{ a }"} "#),
            Request.json(#"{"QUERY":"{ a }"}"#),
            Request(type: "Application/JSON ; charset=UTF-8", body: #"{"query":"{a}"}"#),
            Request(type: "application/graphql+json", body: #"{"query":"{a}"}"#),
            Request(type: "application/graphql", body: "{ a }"),
            Request(type: "application/graphql; charset=utf-8", body: "\u{FEFF}{ a }"),
            Request(type: "application/x-www-form-urlencoded", body: "x=1&query=%7B+a+%7D&y"),
            Request(query: "query=%7B%0A%20a%7D"),
            Request(query: "query={a}&variables={}"),
            Request(query: "x&quer%79={+a+}"),
            Request(query: "Query[]={a}"),
            Request(query: "query%00x={a}"),
            Request(query: "query={a}", type: "application/json"),
            Request(type: "application/graphql", coding: "identity", body: "{ a }"),
        ]
        for request in requests { #expect(reading(.graphql, request) == .calls(["a": 1]), "\(request)") }
    }

    @Test func `an array is as many requests`() {
        let body = #"[{"query":"{a}"},{"query":"{a x:a ...F} fragment F on Q {b}"},{"query":"{b}"}]"#
        #expect(reading(.graphql, .json(body)) == .calls(["a": 3, "b": 2]))
        #expect(reading(.graphql, .json("[]")) == .calls([:], unnamed: 1))
        #expect(reading(.graphql, .json(body), limits: CallLimits(calls: 4)) == .tooMany)
        // Each has its own operations and fragments.
        let names =
            #"[{"query":"query A{a} query B{b}","operationName":"A"},{"query":"query A{c} query B{d}"}]"#
        #expect(reading(.graphql, .json(names)) == .calls(["a": 1, "c": 1, "d": 1]))
        let foreign = #"[{"query":"{a} fragment F on Q {b}"},{"query":"{...F}"}]"#
        #expect(reading(.graphql, .json(foreign)) == .unreadable(.document))
    }

    @Test func `the operation is named in the URL as well`() {
        let document = "query A{a} query B{b}"
        let body = #"{"query":"\#(document)"}"#
        #expect(reading(.graphql, .json(body, query: "operationName=A")) == .calls(["a": 1]))
        #expect(reading(.graphql, .json(body, query: "operationname=%42")) == .calls(["b": 1]))
        #expect(reading(.graphql, .json(body, query: "op=A")) == .calls(["a": 1, "b": 1]))
        let raw = Request(query: "operationName=A", type: "application/graphql", body: document)
        #expect(reading(.graphql, raw) == .calls(["a": 1]))
        let url = Request(query: "operationName=B&query=query+A{a}+query+B{b}")
        #expect(reading(.graphql, url) == .calls(["b": 1]))
        // Servers differ in which they take.
        let both = #"{"query":"\#(document)","operationName":"A"}"#
        #expect(reading(.graphql, .json(both, query: "operationName=B")) == .calls(["a": 1, "b": 1]))
        #expect(
            reading(.graphql, .json(#"{"query":"query A{a}","operationName":"A"}"#, query: "operationName=A"))
                == .calls(["a": 1]))
        // The name may be written with escapes, and so may the member.
        let escaped = #"{"query":"query A{a} query B{b}","operationName":"\u0041"}"#
        #expect(reading(.graphql, .json(escaped)) == .calls(["a": 1]))
        #expect(reading(.graphql, .json(both, query: "operationName=%4")) == .calls(["a": 1, "b": 1]))
    }

    @Test(
        arguments: [
            (.json(#"{"query":"{a}","query":"{b}"}"#), .ambiguous),
            (.json(#"{"query":"{a}","Query":"{b}"}"#), .ambiguous),
            (.json(#"{"query":"{a}","query":"{b}"}"#), .ambiguous),
            (.json(#"{"query":null,"query":"{b}"}"#), .ambiguous),
            (.json(#"{"query":"{a}","operationName":"A","operationname":"B"}"#), .ambiguous),
            (.json(#"{"query":"{a}"}"#, query: "query={login}"), .ambiguous),
            (.json(#"{"query":"{a}"}"#, query: "x=1&Query=%7Blogin}"), .ambiguous),
            (.json(#"[{"query":"{a}"}]"#, query: "query={login}"), .ambiguous),
            (.json(#"{"query":"{a}","documentId":"x"}"#), .ambiguous),
            (.json(#"{"query":"{a}","doc_id":7}"#), .ambiguous),
            (.json(#"{"query":"{a}"}"#, query: "documentId=x"), .ambiguous),
            (Request(query: "query={a}&query={b}"), .ambiguous),
            (Request(query: "query={a}&query[1]={b}"), .ambiguous),
            (Request(query: "query={a}&%20query={b}"), .ambiguous),
            (Request(query: "x=1;query={a}"), .ambiguous),
            (Request(query: "query={a};b"), .ambiguous),
            (Request(query: "query={a}&documentId=1"), .ambiguous),
            (Request(query: "query={a}", type: "application/graphql", body: "{b}"), .ambiguous),
            (Request(type: "application/x-www-form-urlencoded", body: "query={a}&query={b}"), .ambiguous),
            (
                Request(query: "query={a}", type: "application/x-www-form-urlencoded", body: "query={b}"),
                .ambiguous
            ),
            (.json(#"{"query":1}"#), .json), (.json(#"{"query":["{a}"]}"#), .json),
            (.json(#"{"query":"{a}","operationName":["A"]}"#), .json),
            (.json(#"[["{a}"]]"#), .json), (.json(#"["{a}"]"#), .json), (.json("null"), .json),
            (.json(#"{"query":"{a}"}x"#), .json), (.json(#"[{"query":"{a}"}"#), .json),
            (Request(type: "text/plain", body: #"{"query":"{a}"}"#), .contentType),
            (Request(body: #"{"query":"{a}"}"#), .contentType),
            (Request(type: "multipart/form-data; boundary=x", body: "--x"), .contentType),
            (Request(type: "application/json, text/x+json", body: #"{"query":"{a}"}"#), .contentType),
            (Request(type: "application/json; charset=utf-7", body: #"{"query":"{a}"}"#), .contentType),
            (Request(type: "application/json", coding: "gzip", body: #"{"query":"{a}"}"#), .contentEncoding),
            (Request(query: "query=%7Ba%7"), .document), (Request(query: "query={a%zz}"), .document),
        ] as [(Request, CallFault)])
    func `what two servers may read in two ways is unreadable`(_ request: Request, _ fault: CallFault) {
        #expect(reading(.graphql, request) == .unreadable(fault), "\(request)")
    }

    @Test func `a request for nothing is one call without a name`() {
        for query in [nil, "", "x=1", "a;b", "variables={}"] {
            #expect(reading(.graphql, Request(query: query)) == .calls([:], unnamed: 1))
        }
    }

    @Test(
        arguments: [
            (.json(#"{"operationName":"Get","extensions":{"persistedQuery":{"sha256Hash":"0"}}}"#), "Get"),
            (.json(#"{"operationName":"Get","query":"","documentId":"x"}"#), "Get"),
            (.json(#"{"operationName":"Get","query":null}"#), "Get"),
            (Request(query: "operationName=Get&extensions={}"), "Get"), (Request(query: "documentId=1"), nil),
            (.json("{}"), nil), (.json(#"{"operationName":"a b","id":"x"}"#), nil),
            (Request(type: "application/x-www-form-urlencoded", body: "x=1"), nil),
        ] as [(Request, String?)])
    func `a document that is only named counts where the operator trusts it`(
        _ request: Request, _ name: String?
    ) {
        #expect(reading(.graphql, request) == .unreadable(.persistedDocument))
        let trusted = CallLimits(persistedDocuments: .trusted)
        let expected = name.map { Reading.calls([$0: 1]) } ?? .calls([:], unnamed: 1)
        #expect(reading(.graphql, request, limits: trusted) == expected)
    }

    @Test func `a hash beside its document changes nothing`() {
        let body = #"{"query":"{a}","extensions":{"persistedQuery":{"sha256Hash":"0"}},"id":"q1"}"#
        #expect(reading(.graphql, .json(body)) == .calls(["a": 1]))
    }

    @Test func `two names of a trusted document are unreadable`() {
        let request = Request.json(#"{"operationName":"A"}"#, query: "operationName=B")
        let trusted = CallLimits(persistedDocuments: .trusted)
        #expect(reading(.graphql, request, limits: trusted) == .unreadable(.ambiguous))
    }
}
