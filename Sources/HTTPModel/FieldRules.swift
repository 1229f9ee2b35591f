import Bytes

/// A set of known field names, one bit each. `other` is in no set.
@usableFromInline
package struct FieldNameSet: Sendable, Equatable {
    @usableFromInline let bits: UInt64

    @inlinable
    package init(_ names: FieldName...) {
        var bits: UInt64 = 0
        for name in names { bits |= name.bit }
        self.bits = bits
    }

    @usableFromInline
    init(bits: UInt64) { self.bits = bits }

    @inlinable
    package func contains(_ name: FieldName) -> Bool { bits & name.bit != 0 }

    package func union(_ other: FieldNameSet) -> FieldNameSet { FieldNameSet(bits: bits | other.bits) }
}

/// What kind of field a name stands for: the one place that the serialisers, the stages and the trailer
/// filter ask.
@usableFromInline
package enum FieldRules {
    /// Fields for the next hop only, which is this gateway: never relayed, whether `Connection` lists them or
    /// not (RFC 9110 §7.6.1). Framing is written anew for each hop, so Transfer-Encoding is among them.
    /// `http2-settings` asks for h2c, which is off (security.md 4).
    @inlinable
    package static func isHopByHop(_ name: FieldName) -> Bool {
        switch name {
        case .connection, .keepAlive, .proxyConnection, .te, .transferEncoding, .upgrade, .trailer,
            .proxyAuthenticate, .proxyAuthorization, .http2Settings:
            true
        default: false
        }
    }

    /// Fields that tell how long the body is: the serialiser writes its own.
    @inlinable
    package static func isFraming(_ name: FieldName) -> Bool {
        name == .contentLength || name == .transferEncoding
    }

    /// Fields that claim where a request came from: rebuilt, and relayed from trusted hops only (security.md
    /// 8).
    @inlinable
    package static func isForwarding(_ name: FieldName) -> Bool {
        switch name {
        case .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort,
            .xForwardedPrefix,
            .xRealIP:
            true
        default: false
        }
    }

    /// Fields by which an origin tells what it is made of: removed from answers (R9).
    @inlinable
    package static func isInformation(_ name: FieldName) -> Bool { name == .server || name == .xPoweredBy }

    /// Fields that a framework behind the gateway takes for its own when they come from outside (security.md
    /// 15).
    package static func isFrameworkInternal(_ name: FieldName, _ bytes: ByteView) -> Bool {
        guard name == .other else { return name == .xMiddlewareSubrequest }
        // All of them begin alike and are of middling length: most names are told apart by their first byte.
        guard bytes.count >= 11, bytes.count <= 28, bytes[0] | 0x20 == 0x78 || bytes[0] | 0x20 == 0x74 else {
            return false
        }
        for field in frameworkInternal where bytes.equalsIgnoringCase(field) { return true }
        return false
    }

    /// Rewritten targets (IIS, Symfony), inner requests (Next.js), clients' addresses and schemes by
    /// other names, and what the gateway alone says of a client's certificate.
    private static let frameworkInternal: [StaticString] = [
        "x-original-url", "x-rewrite-url", "x-original-host", "x-forwarded-server", "x-client-ip",
        "x-cluster-client-ip",
        "true-client-ip", "x-middleware-prefetch", "x-middleware-rewrite", "x-middleware-next",
        "x-middleware-override", "x-forwarded-ssl", "x-forwarded-scheme", "x-url-scheme",
        "x-client-certificate-subject",
    ]

    /// Request fields that mean one thing only: a second line is refused, because two readers would pick two
    /// different ones (RFC 9110 §5.3, security.md 6). Cookie is not here: RFC 9113 §8.2.3 lets it be split
    /// and defines the joining.
    @inlinable
    package static func isSingleton(_ name: FieldName) -> Bool {
        switch name {
        case .host, .contentLength, .transferEncoding, .expect, .authorization, .proxyAuthorization,
            .contentType,
            .origin, .referer, .userAgent, .range, .date, .secWebSocketKey, .http2Settings:
            true
        default: false
        }
    }

    /// Whether a `Connection` option may take this field out of a message.
    ///
    /// RFC 9110 §7.6.1: a sender must not list a field that is meant for all recipients of the content. What
    /// the gateway knows by name and what is not hop-by-hop is such a field: Host, Content-Length,
    /// Authorization, Cookie, Cache-Control and the like. An option that names one of these is not obeyed:
    /// otherwise the request that the gateway judged (which account, which cache key, which length) would be
    /// another one than the origin sees. Names that the gateway does not know are removed, as the section
    /// demands; identity headers among them are set anew afterwards.
    @inlinable
    package static func isRemovableByConnection(_ name: FieldName) -> Bool {
        name == .other || name == .ambiguous || isHopByHop(name)
    }

    /// Whether a trailer field must be dropped (RFC 9110 §6.5.1): framing, routing, request modifiers,
    /// authentication, content format, hop-by-hop, and everything by which somebody is identified. A known
    /// name passes only where its definition allows trailers; of the unknown ones these families are held
    /// back.
    package static func isForbiddenTrailer(_ name: FieldName, _ bytes: ByteView) -> Bool {
        guard name == .other else { return name != .etag }
        for family in forbiddenTrailerFamilies where startsIgnoringCase(bytes, with: ByteView(family)) {
            return true
        }
        for field in forbiddenTrailers where bytes.equalsIgnoringCase(field) { return true }
        return false
    }

    private static func startsIgnoringCase(_ bytes: ByteView, with prefix: ByteView) -> Bool {
        bytes.count >= prefix.count && bytes.prefix(prefix.count).equalsIgnoringCase(prefix)
    }

    /// Beginnings of names: conditions, negotiation, fetch metadata, proxies, and who asks.
    private static let forbiddenTrailerFamilies: [StaticString] = [
        "if-", "accept-", "access-control-", "sec-", "proxy-", "cf-", "true-client-", "remote-",
        "x-forwarded", "x-real",
        "x-original", "x-rewrite", "x-auth", "x-user", "x-account", "x-client", "x-cluster", "x-remote",
        "x-jwt", "x-api-",
        "x-http-method", "x-middleware", "x-request", "x-envoy", "x-tenant", "x-role", "x-scope", "x-plan",
        "x-floodgate",
        "floodgate-",
    ]

    private static let forbiddenTrailers: [StaticString] = [
        "age", "allow", "content-disposition", "content-language", "content-location", "content-range",
        "expires",
        "last-modified", "max-forwards", "pragma", "www-authenticate", "authentication-info", "warning",
        "from", "link",
        "clear-site-data", "alt-svc", "refresh", "public-key-pins", "nel", "report-to", "early-data",
        "cookie2",
        "set-cookie2", "priority", "idempotency-key",
    ]
}
