import Bytes

extension FieldName {
    /// The known name that `token` is, in whatever case, or `other`. `token` must be a valid token (RFC 9110
    /// §5.6.2).
    ///
    /// Length, then one byte that tells the names of that length apart, then one comparison: no table in
    /// memory, no hash that a peer could collide.
    package init(lowercasing token: ByteView) {
        guard token.count >= 2, token.count <= 33 else {
            self = .other
            return
        }
        let candidate = FieldName.candidate(token)
        guard candidate != .other, token.equalsToken(ByteView(candidate.lowercase)) else {
            self = .other
            return
        }
        self = candidate
    }

    /// The one known name that has this length and this byte at the place where names of this length differ.
    @inline(__always)
    private static func candidate(_ token: ByteView) -> FieldName {
        let length = token.count
        let first = token[0] | 0x20
        let last = token[length &- 1] | 0x20
        return switch length {
        case 2: .te
        case 3: .via
        case 4: four(first)
        case 5: .range
        case 6: six(first)
        case 7: first == 0x74 ? .trailer : first == 0x75 ? .upgrade : .referer
        case 8: .location
        case 9: first == 0x66 ? .forwarded : .xRealIP
        case 10: ten(first)
        case 11: first == 0x74 ? .traceparent : .retryAfter
        case 12: first == 0x63 ? .contentType : last == 0x64 ? .xRequestID : .xPoweredBy
        case 13: first == 0x61 ? .authorization : .cacheControl
        case 14: first == 0x63 ? .contentLength : .http2Settings
        case 15: fifteen(first, last)
        case 16: sixteen(first, token[14] | 0x20)
        case 17: first == 0x74 ? .transferEncoding : first == 0x73 ? .secWebSocketKey : .xForwardedProto
        case 18: first == 0x70 ? .proxyAuthenticate : last == 0x78 ? .xForwardedPrefix : .xDownloadOptions
        case 19: .proxyAuthorization
        case 20: .originAgentCluster
        case 22: last == 0x73 ? .xContentTypeOptions : .xDNSPrefetchControl
        case 23: first == 0x63 ? .contentSecurityPolicy : .xMiddlewareSubrequest
        case 25: .strictTransportSecurity
        case 26: .crossOriginOpenerPolicy
        case 28: .crossOriginResourcePolicy
        case 33: .xPermittedCrossDomainPolicies
        default: .other
        }
    }

    /// host, date, etag, vary
    @inline(__always)
    private static func four(_ first: UInt8) -> FieldName {
        first == 0x68 ? .host : first == 0x64 ? .date : first == 0x65 ? .etag : .vary
    }

    /// accept, cookie, expect, origin, server
    @inline(__always)
    private static func six(_ first: UInt8) -> FieldName {
        switch first {
        case 0x61: .accept
        case 0x63: .cookie
        case 0x65: .expect
        case 0x6F: .origin
        default: .server
        }
    }

    /// connection, keep-alive, set-cookie, tracestate, user-agent
    @inline(__always)
    private static func ten(_ first: UInt8) -> FieldName {
        switch first {
        case 0x63: .connection
        case 0x6B: .keepAlive
        case 0x73: .setCookie
        case 0x74: .tracestate
        default: .userAgent
        }
    }

    /// accept-encoding, referrer-policy, x-forwarded-for, x-frame-options
    @inline(__always)
    private static func fifteen(_ first: UInt8, _ last: UInt8) -> FieldName {
        switch first {
        case 0x61: .acceptEncoding
        case 0x72: .referrerPolicy
        default: last == 0x72 ? .xForwardedFor : .xFrameOptions
        }
    }

    /// content-encoding, proxy-connection, x-forwarded-host, x-forwarded-port, x-xss-protection
    @inline(__always)
    private static func sixteen(_ first: UInt8, _ lastButOne: UInt8) -> FieldName {
        switch first {
        case 0x63: .contentEncoding
        case 0x70: .proxyConnection
        default: lastButOne == 0x6F ? .xXSSProtection : lastButOne == 0x73 ? .xForwardedHost : .xForwardedPort
        }
    }
}
