/// A chain as text for people.
package enum CertificateReport {
    /// Every certificate with what it says of itself, then what is wrong with them.
    ///
    /// - Parameter now: seconds since 1970.
    package static func text(_ chain: CertificateChain, now: Int64) -> String {
        var lines: [String] = []
        for (index, certificate) in chain.certificates.enumerated() {
            let subject = certificate.subject.isEmpty ? "(no subject)" : certificate.subject
            lines.append("\(index + 1). \(subject)")
            lines += rows(certificate, now: now).map { name, value in
                "   " + name + String(repeating: " ", count: 13 - name.count) + value
            }
        }
        for problem in CertificateInspection.problems(chain, key: nil, now: now) {
            lines.append("\(problem.severity.rawValue): \(problem)")
        }
        return lines.joined(separator: "\n")
    }

    private static func rows(_ certificate: Certificate, now: Int64) -> [(String, String)] {
        let names = certificate.names.map(\.description).joined(separator: ", ")
        return [
            ("names", names.isEmpty ? "none" : names),
            ("valid", validity(certificate, now: now)),
            ("key", certificate.key.description),
            ("kind", kind(certificate)),
            ("issuer", certificate.issuer),
            ("signature", certificate.signature.name),
            ("serial", certificate.serial),
            ("SHA-256", certificate.fingerprintText),
        ]
    }

    private static func validity(_ certificate: Certificate, now: Int64) -> String {
        let days = certificate.daysLeft(now: now)
        let left: String
        if now < certificate.notBefore {
            left = "not yet"
        } else if now > certificate.notAfter {
            left = days == -1 ? "expired within the last day" : "expired \(UTCText.days(-days)) ago"
        } else {
            left = days == 0 ? "less than a day left" : "\(UTCText.days(days)) left"
        }
        return "\(UTCText.text(certificate.notBefore)) to \(UTCText.text(certificate.notAfter)), \(left)"
    }

    private static func kind(_ certificate: Certificate) -> String {
        let kind = certificate.isAuthority ? "authority" : "leaf"
        return certificate.isSelfSigned ? kind + ", self-signed" : kind
    }
}
