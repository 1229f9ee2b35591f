import Bytes

/// The field names that the gateway itself reads, sets or drops. Any other name is `other`.
///
/// At most 64 cases: `FieldTable` keeps a bit for each. `FieldNameLookup.swift` finds the case of received
/// bytes.
@usableFromInline
package enum FieldName: UInt8, CaseIterable, Sendable {
    case other
    /// A name with `_` or `.` in it. CGI-like servers take `X_Real_IP` for `X-Real-IP`, so such names are
    /// dropped unless settings say otherwise (security.md 6).
    case ambiguous
    // Framing and connection (RFC 9110 §7.6.1, RFC 9112 §6, §7)
    case connection, contentLength, transferEncoding, te, trailer, upgrade, keepAlive, proxyConnection,
        expect, host
    case proxyAuthenticate, proxyAuthorization, http2Settings
    // The way here
    case forwarded, xForwardedFor, xForwardedHost, xForwardedProto, xForwardedPort, xForwardedPrefix, xRealIP
    case xRequestID, traceparent, tracestate, via
    // Identity and content
    case authorization, cookie, setCookie, origin, referer, userAgent, accept, acceptEncoding, contentType
    case contentEncoding, cacheControl, vary, etag, date, location, range, retryAfter, server, xPoweredBy
    // WebSocket
    case secWebSocketKey
    // What helmet sends
    case contentSecurityPolicy, crossOriginOpenerPolicy, crossOriginResourcePolicy, originAgentCluster,
        referrerPolicy
    case strictTransportSecurity, xContentTypeOptions, xDNSPrefetchControl, xDownloadOptions, xFrameOptions
    case xPermittedCrossDomainPolicies, xXSSProtection
    // What frameworks take for their own (security.md 15)
    case xMiddlewareSubrequest

    /// This name's bit in a set; none for `other`, whose raw value is 0.
    @inlinable
    package var bit: UInt64 { 1 &<< UInt64(rawValue) & ~1 }

    /// The name in lower case; empty for `other` and `ambiguous`.
    @inline(__always)
    package var lowercase: StaticString {
        switch self {
        case .other, .ambiguous: ""
        case .connection: "connection"
        case .contentLength: "content-length"
        case .transferEncoding: "transfer-encoding"
        case .te: "te"
        case .trailer: "trailer"
        case .upgrade: "upgrade"
        case .keepAlive: "keep-alive"
        case .proxyConnection: "proxy-connection"
        case .expect: "expect"
        case .host: "host"
        case .proxyAuthenticate: "proxy-authenticate"
        case .proxyAuthorization: "proxy-authorization"
        case .http2Settings: "http2-settings"
        case .forwarded: "forwarded"
        case .xForwardedFor: "x-forwarded-for"
        case .xForwardedHost: "x-forwarded-host"
        case .xForwardedProto: "x-forwarded-proto"
        case .xForwardedPort: "x-forwarded-port"
        case .xForwardedPrefix: "x-forwarded-prefix"
        case .xRealIP: "x-real-ip"
        case .xRequestID: "x-request-id"
        case .traceparent: "traceparent"
        case .tracestate: "tracestate"
        case .via: "via"
        case .authorization: "authorization"
        case .cookie: "cookie"
        case .setCookie: "set-cookie"
        case .origin: "origin"
        case .referer: "referer"
        case .userAgent: "user-agent"
        case .accept: "accept"
        case .acceptEncoding: "accept-encoding"
        case .contentType: "content-type"
        case .contentEncoding: "content-encoding"
        case .cacheControl: "cache-control"
        case .vary: "vary"
        case .etag: "etag"
        case .date: "date"
        case .location: "location"
        case .range: "range"
        case .retryAfter: "retry-after"
        case .server: "server"
        case .xPoweredBy: "x-powered-by"
        case .secWebSocketKey: "sec-websocket-key"
        case .contentSecurityPolicy: "content-security-policy"
        case .crossOriginOpenerPolicy: "cross-origin-opener-policy"
        case .crossOriginResourcePolicy: "cross-origin-resource-policy"
        case .originAgentCluster: "origin-agent-cluster"
        case .referrerPolicy: "referrer-policy"
        case .strictTransportSecurity: "strict-transport-security"
        case .xContentTypeOptions: "x-content-type-options"
        case .xDNSPrefetchControl: "x-dns-prefetch-control"
        case .xDownloadOptions: "x-download-options"
        case .xFrameOptions: "x-frame-options"
        case .xPermittedCrossDomainPolicies: "x-permitted-cross-domain-policies"
        case .xXSSProtection: "x-xss-protection"
        case .xMiddlewareSubrequest: "x-middleware-subrequest"
        }
    }
}
