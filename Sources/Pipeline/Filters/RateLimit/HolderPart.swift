import Bytes
import HTTPModel

/// One thing that a rule tells its clients apart by, as compiled.
package struct HolderPart: Sendable {
    enum Kind: Sendable { case ip, user, apiKey, plan, route, host, header, cookie, claim }

    let kind: Kind
    /// Of a header, in lower case; of a cookie; of a claim, its path.
    let name: [UInt8]
    /// As keys in Redis have it, with its equals sign.
    let label: [UInt8]
    let isSecret: Bool

    package init(_ holder: LimitHolder) {
        (kind, name) =
            switch holder {
            case .ip: (.ip, [])
            case .user: (.user, [])
            case .apiKey: (.apiKey, [])
            case .plan: (.plan, [])
            case .route: (.route, [])
            case .host: (.host, [])
            case .header(let name): (.header, Array(name.utf8))
            case .cookie(let name): (.cookie, Array(name.utf8))
            case .claim(let path): (.claim, Array(path.utf8))
            }
        label = Array("\(holder.text)=".utf8)
        isSecret = holder.isSecret
    }

    /// What the request has of it; its address where it has nothing.
    ///
    /// - Parameters:
    ///   - route: The name of the route whose rule it is.
    ///   - prefix: Leading bits of an IPv6 address that count as one client.
    func value(of exchange: borrowing ExchangeState, route: ByteView, prefix: Int) -> HolderValue {
        let found: ByteView? =
            switch kind {
            case .ip: nil
            case .route: route
            case .host: HolderPart.host(exchange.head)
            case .plan: exchange.userPlan?.view
            case .apiKey: exchange.identity?.keyID?.view
            case .user: exchange.identity?.subject.view
            case .header: name.withView { HolderPart.field($0, in: exchange.head) }
            case .cookie: name.withView { HolderPart.cookie($0, in: exchange.head) }
            case .claim: name.withView { path in exchange.identity?.countedClaim(path) }
            }
        guard let found, !found.isEmpty else { return HolderValue(addressOf: exchange, prefix: prefix) }
        guard kind == .user, let issuer = exchange.identity?.issuer else { return .text(found) }
        return .user(found, issuer: issuer.view)
    }

    /// Without the port, which a client chooses: routes do not look at it either.
    private static func host(_ head: borrowing RequestHead) -> ByteView? {
        head.authorityBytes.map { $0.prefix(Authority.hostEnd($0) ?? $0.count) }
    }

    /// The field of the name. None where there are several that differ: which of them a backend believes
    /// nobody here can say, and another one each time would be another client each time.
    private static func field(_ name: ByteView, in head: borrowing RequestHead) -> ByteView? {
        var found: ByteView?
        for index in 0..<head.fields.count where head.name(at: index).equalsIgnoringCase(name) {
            let value = head.value(at: index)
            if let found, !found.equals(value) { return nil }
            found = value
        }
        return found
    }

    /// The cookie of the name (RFC 6265 §4.2.1: semicolons part the pairs). None where there are several that
    /// differ, as with fields.
    private static func cookie(_ name: ByteView, in head: borrowing RequestHead) -> ByteView? {
        var found: ByteView?
        for index in 0..<head.fields.count where head.fields[index].name == .cookie {
            let line = head.value(at: index)
            var start = 0
            while start < line.count {
                let end = line.firstIndex(of: UInt8(ascii: ";"), from: start) ?? line.count
                let pair = line.slice(start, end).trimmed()
                start = end + 1
                guard let equals = pair.firstIndex(of: UInt8(ascii: "=")) else { continue }
                guard pair.prefix(equals).equals(name) else { continue }
                let value = pair.dropFirst(equals + 1)
                if let found, !found.equals(value) { return nil }
                found = value
            }
        }
        return found
    }
}
