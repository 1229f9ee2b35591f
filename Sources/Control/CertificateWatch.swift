import Proxy
import Reactor
import Telemetry
import Time

/// Looks whether files of certificates, keys and address lists have changed, whether a certificate is about
/// to end, and replaces the keys of session tickets. On the control thread.
struct CertificateWatch: ~Copyable {
    private var known: [String: FileVersion] = [:]
    /// Seen at the last look: a file that is being written changes twice.
    private var seen: [String: FileVersion] = [:]
    private var generation = 0
    private var nextLook: Instant
    private var nextRotation: Instant
    /// Seconds since 1970; nil before the first.
    private var warned: Int64?

    /// Between two looks at the files.
    static let interval = Duration.seconds(2)
    /// Between two warnings of the same certificate, in seconds.
    private static let warningInterval: Int64 = 86_400

    init(now: Instant) {
        nextLook = now
        nextRotation = now + TicketRotation.interval
    }

    mutating func look(_ gateway: Gateway, now: Instant, time: WallTime) {
        guard now >= nextLook else { return }
        nextLook = now + Self.interval
        if now >= nextRotation {
            nextRotation = now + TicketRotation.interval
            gateway.rotateTicketKeys()
        }
        lookAtFiles(gateway)
        // While any is held, each request looks.
        if gateway.bans.count > 0 { gateway.bans.removeExpired(now: time) }
        warnOfEnd(gateway, time)
    }

    private mutating func lookAtFiles(_ gateway: Gateway) {
        let current = gateway.settings.credentialPaths.reduce(into: [:]) { versions, path in
            versions[path] = FileVersion(of: path)
        }
        defer { seen = current }
        // A reload has read them all, and not what may have been written since.
        let inForce = gateway.credentials
        if inForce.generation != generation { (generation, known) = inForce }
        guard current != known, current == seen else { return }
        known = current
        gateway.refreshFiles()
        generation = gateway.generation
    }

    private mutating func warnOfEnd(_ gateway: Gateway, _ time: WallTime) {
        if let warned, time.seconds < warned + Self.warningInterval { return }
        guard let end = gateway.settings.certificatesExpire else { return }
        let days = (end - time.seconds) / 86_400
        guard days < 14 else { return }
        warned = time.seconds
        if end < time.seconds {
            gateway.events.error("a certificate has expired", [:])
        } else {
            gateway.events.warning("a certificate expires soon", ["days": "\(days)"])
        }
    }
}

/// How often session tickets get a new key.
enum TicketRotation {
    static let interval = Duration.seconds(12 * 3600)
}
