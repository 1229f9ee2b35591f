import Bytes
import Calls
import HTTPModel

/// How a route finds out which calls a request carries. Each is counted by the limits of the route that its
/// own path leads to: the request's path as far as the route's pattern fixes it, and the call's name.
package struct CallPlan: Sendable {
    package let kind: CallKind
    package let limits: CallLimits
    /// Bytes of a body that is held.
    package let maxBody: Int
    /// Segments of a path that belong to all calls; nil for all there are.
    private let fixedSegments: Int?

    package init(_ settings: CallSettings, path: PathPattern) {
        kind = settings.kind
        limits = CallLimits(calls: settings.max, persistedDocuments: settings.persistedDocuments)
        maxBody = settings.maxBody
        fixedSegments =
            switch path {
            case .exact: nil
            case .prefix(let prefix): prefix.utf8.count(where: { $0 == UInt8(ascii: "/") })
            case .segments(let segments):
                segments.last == .rest ? segments.count - 1 : nil
            }
    }

    /// Where the part of a path ends that belongs to all calls: without the slash behind it.
    package func baseEnd(of path: ByteView) -> Int {
        guard let fixedSegments else {
            return path.count > 1 && path[path.count - 1] == UInt8(ascii: "/") ? path.count - 1 : path.count
        }
        var end = 0
        for _ in 0..<fixedSegments {
            guard end < path.count else { break }
            end = path.firstIndex(of: UInt8(ascii: "/"), from: end + 1) ?? path.count
        }
        return end
    }

    /// What of a request tells its calls.
    package func source(_ head: borrowing RequestHead, path: ByteView, body: ByteView) -> CallSource {
        let end = baseEnd(of: path)
        return CallSource(
            rest: end < path.count ? path.dropFirst(end + 1) : .empty, query: head.queryBytes,
            contentType: head.value(of: .contentType), contentEncoding: head.value(of: .contentEncoding),
            body: body)
    }

    /// What a client hears of a request whose calls cannot be told.
    package static func refusal(of verdict: CallVerdict) -> LocalResponse? {
        switch verdict {
        case .calls: nil
        case .tooMany:
            LocalResponse(
                status: 413, title: "Content too large",
                detail: "There are more calls in this request than are taken at once. Send fewer.")
        case .unreadable(.contentType), .unreadable(.contentEncoding):
            LocalResponse(
                status: 415, title: "Unsupported media type",
                detail: "The calls of this request cannot be counted in a body of this type or encoding.")
        case .unreadable:
            LocalResponse(
                status: 400, title: "Bad request",
                detail: "The calls of this request cannot be counted: it is not a well-formed batch.")
        }
    }

    /// A call whose own route has rules that a batch would get around.
    package static let foreignCall = LocalResponse(
        status: 400, title: "Bad request",
        detail: "A call of this batch belongs to a route with rules of its own. Send it alone.")

    package static let bodyTooLarge = LocalResponse(
        status: 413, title: "Content too large",
        detail: "The body is longer than this route holds to count its calls (calls.max_body).")
}
