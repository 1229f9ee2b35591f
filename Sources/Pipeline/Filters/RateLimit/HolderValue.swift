import Addressing
import Bytes
import JWT

/// What a request has of one thing that a rule tells its clients apart by.
enum HolderValue {
    /// The client's address, masked; in place of what the request does not have, too.
    case address(IPAddress, prefix: Int)
    case text(ByteView)
    /// A user, and who has vouched for them: two issuers may know one name.
    case user(ByteView, issuer: ByteView)

    init(addressOf exchange: borrowing ExchangeState, prefix: Int) {
        let client = exchange.client
        self = .address(client.isIPv4 ? client : client.masked(to: prefix), prefix: prefix)
    }

    func hash(into hasher: inout Hasher) {
        switch self {
        case .address(let address, _):
            hasher.combine(0 as UInt8)
            hasher.combine(UInt64(truncatingIfNeeded: address.bits >> 64))
            hasher.combine(UInt64(truncatingIfNeeded: address.bits))
        case .text(let text):
            hasher.combine(1 as UInt8)
            text.hash(into: &hasher)
        case .user(let subject, let issuer):
            hasher.combine(2 as UInt8)
            issuer.hash(into: &hasher)
            subject.hash(into: &hasher)
        }
    }

    /// Bytes of a value that is written as it is. Longer ones, those that are secret and those with signs of
    /// another meaning are told apart by `#` and 128 bits of their SHA-256.
    static let longestText = 64

    /// Writes it as keys in Redis, `explain` and operators name it: `ip=203.0.113.9`, `user=users|alice`.
    func write(as part: HolderPart, to writer: inout ByteWriter) {
        switch self {
        case .address(let address, let prefix):
            writer.write("ip=")
            writer.write(address)
            guard !address.isIPv4, prefix < 128 else { return }
            writer.write("/")
            writer.write(decimal: prefix)
        case .text(let text):
            part.label.withView { writer.write($0) }
            HolderValue.write(text, isSecret: part.isSecret, to: &writer)
        case .user(let subject, let issuer):
            writer.write("user=")
            writer.write(issuer)
            writer.write("|")
            HolderValue.write(subject, isSecret: false, to: &writer)
        }
    }

    private static func write(_ text: ByteView, isSecret: Bool, to writer: inout ByteWriter) {
        guard isSecret || text.count > longestText || !isPlain(text) else { return writer.write(text) }
        writer.write("#")
        SHA256Value(of: text).write(first: 16, into: &writer)
    }

    /// Whether it has no sign that parts values (`,`), marks a digest (`#`) or means something to a cluster
    /// (braces), no blank and no control character.
    private static func isPlain(_ text: ByteView) -> Bool {
        for index in 0..<text.count {
            let byte = text[index]
            guard byte > 0x20, byte < 0x7F, byte != 0x7B, byte != 0x7D, byte != 0x2C, byte != 0x23 else {
                return false
            }
        }
        return true
    }
}
