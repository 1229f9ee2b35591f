import Bytes
import HTTPModel
import Testing

@Suite struct GRPCTests {
    @Test(arguments: [
        ("application/grpc", true), ("APPLICATION/GRPC", true), ("application/grpc+json", true),
        ("application/grpc; charset=x", true), ("application/grpc ", true), ("application/grpc-web", false),
        ("application/grpc-web+proto", false), ("application/grp", false), ("text/application/grpc", false),
        ("", false),
    ])
    func `a content type tells a call`(contentType: String, isCall: Bool) {
        #expect(Array(contentType.utf8).withView { GRPC.isNamed(by: $0) } == isCall)
    }

    @Test(arguments: [
        ("1H", Duration.seconds(3600)), ("2M", .seconds(120)), ("3S", .seconds(3)), ("4m", .milliseconds(4)),
        ("5u", .microseconds(5)), ("6n", .nanoseconds(6)), ("0S", .zero),
        ("99999999H", .seconds(99_999_999 * 3600)), ("00000001S", .seconds(1)),
    ])
    func `a timeout is digits and a unit`(text: String, duration: Duration) {
        #expect(Array(text.utf8).withView { GRPC.timeout($0) } == duration)
    }

    @Test(arguments: ["", "S", "1", "1s", "1 S", "-1S", "+1S", "1.5S", "123456789S", "1SS", "٣S"])
    func `everything else is no timeout`(text: String) {
        #expect(Array(text.utf8).withView { GRPC.timeout($0) } == nil)
    }

    @Test(
        arguments: [
            ("grpc-status: 0\r\n", 0), ("a: b\r\nGrpc-Status:14\r\ngrpc-message: no\r\n", 14),
            ("HTTP/1.1 200 \r\ngrpc-status: 5 \r\n\r\n", 5), ("grpc-status: 7", 7),
            ("grpc-status: x\r\n", nil),
            ("grpc-status:\r\n", nil), ("x-grpc-status: 1\r\n", nil), ("grpc-status-details-bin: 1\r\n", nil),
            ("", nil),
        ] as [(String, Int?)])
    func `a status is found among lines`(lines: String, status: Int?) {
        #expect(Array(lines.utf8).withView { GRPC.status(in: $0) } == status)
    }
}
