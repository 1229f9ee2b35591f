import Bytes
import Time

/// One exchange as the access log tells it: views into memory that outlives the call of
/// `AccessLogBuffer.append`, and integers.
///
/// There is no member for Authorization, Cookie or Set-Cookie, and there must never be one.
package struct AccessRecord {
    package enum Scheme: UInt8, Sendable { case http, https }

    package enum HTTPVersion: UInt8, Sendable { case http10, http11, http2 }

    /// What happened to the connection to the server.
    package enum UpstreamConnection: UInt8, Sendable {
        /// The exchange needed none, or never got one.
        case none
        /// Made for this exchange.
        case fresh
        /// Kept from an earlier exchange.
        case reused
    }

    /// When the exchange ended.
    package var time = WallTime(nanoseconds: 0)
    package var requestID: ByteView = .empty
    /// The trace id of `traceparent`, 32 hexadecimal digits; empty where there is none.
    package var traceID: ByteView = .empty
    /// The client's address as text, without port.
    package var client: ByteView = .empty
    /// Who asks, as their token names them (`sub`); empty for who is not known.
    package var user: ByteView = .empty
    package var method: ByteView = .empty
    package var scheme: Scheme = .http
    package var host: ByteView = .empty
    package var path: ByteView = .empty
    /// The query without its `?`; nil where there was none. Secrets live there: it is written only where
    /// settings say so.
    package var query: ByteView?
    package var version: HTTPVersion = .http11
    /// Status sent to the client; 0 where none was.
    package var status = 0
    /// `grpc-status` of a call of gRPC; nil where the answer has none.
    package var grpcStatus: Int?
    package var outcome: Outcome = .ok
    /// Name of the route; empty where none matched.
    package var route: ByteView = .empty
    /// Name of the upstream; empty where none was asked.
    package var upstream: ByteView = .empty
    /// Address of the server as text.
    package var server: ByteView = .empty
    /// Bytes received from the client for this exchange, head included.
    package var bytesIn = 0
    /// Bytes sent to the client for this exchange, head included.
    package var bytesOut = 0
    package var timings = Timings()
    /// Attempts beyond the first.
    package var retries = 0
    package var upstreamConnection: UpstreamConnection = .none
    /// Position of the exchange on its client connection: 1 is the first.
    package var sequence = 1
    /// The limit that refused; empty where none did.
    package var limitRule: ByteView = .empty
    package var userAgent: ByteView = .empty
    /// The Referer field as received; the encoder leaves its query and fragment out.
    package var referer: ByteView = .empty

    package init() {}
}
