import Bytes
import Testing

@testable import Proxy

@Suite struct EventBoundaryTests {
    @Test(
        arguments: [
            ([], true), (["data: 1\n\n"], true), (["data: 1\r\n\r\n"], true), (["data: 1\n"], false),
            (["data: 1"], false), (["data: 1\n", "\n"], true), (["data: 1\r\n", "\r", "\n"], true),
            (["data: 1\n\n", "d"], false), (["data: 1\n\n", ": ping\n\n"], true), (["\n"], true),
            (["data: 1\n", "data: 2\n"], false),
        ] as [([String], Bool)])
    func `an event stream stands between events behind an empty line, wherever reads cut it`(
        pieces: [String], isBetween: Bool
    ) {
        var boundary = EventBoundary()
        for piece in pieces { Array(piece.utf8).withView { boundary.pass($0) } }
        #expect(boundary.isBetween == isBetween)
    }
}
