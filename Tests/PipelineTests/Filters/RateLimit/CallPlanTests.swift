import Bytes
import Calls
import Pipeline
import Testing

@Suite struct CallPlanTests {
    private func plan(_ kind: CallKind, _ path: PathPattern) -> CallPlan {
        var settings = CallSettings()
        settings.kind = kind
        return CallPlan(settings, path: path)
    }

    @Test(
        arguments: [
            (PathPattern.prefix("/api/trpc"), "/api/trpc/a,b", "/api/trpc", "a,b"),
            (.prefix("/api/trpc"), "/api/trpc", "/api/trpc", ""), (.prefix(""), "/a,b", "", "a,b"),
            (.exact("/graphql"), "/graphql", "/graphql", ""),
            (.exact("/graphql/"), "/graphql/", "/graphql", ""),
            (.segments([.any(name: "org"), .literal("rpc"), .rest]), "/acme/rpc/a,b", "/acme/rpc", "a,b"),
            (.segments([.any(name: "org"), .literal("rpc")]), "/acme/rpc", "/acme/rpc", ""),
        ])
    func `the path of all calls ends where the pattern does`(
        pattern: PathPattern, path: String, base: String, rest: String
    ) throws {
        let plan = plan(.trpc, pattern)
        let bytes = Array(path.utf8)
        try bytes.withView { path in
            #expect(path.prefix(plan.baseEnd(of: path)).text() == base)
            try withState { state in
                #expect(plan.source(state.head, path: path, body: .empty).rest.text() == rest)
            }
        }
    }

    @Test(arguments: [
        (CallVerdict.calls(3), nil), (.tooMany, 413), (.unreadable(.contentType), 415),
        (.unreadable(.contentEncoding), 415), (.unreadable(.json), 400), (.unreadable(.document), 400),
    ])
    func `calls that cannot be counted are refused`(verdict: CallVerdict, status: Int?) {
        #expect(CallPlan.refusal(of: verdict)?.status == status)
    }
}
