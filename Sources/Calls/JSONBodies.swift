import Bytes
import JSON

/// A body of one JSON object or an array of them, read entry by entry. Of an object it has been checked whole
/// once its members are through.
extension ByteView {
    /// Levels of a body; the scanner's own bound.
    private static let limits = JSONLimits(length: .max, depth: JSONLimits.deepest)

    var isJSONArray: Bool {
        var index = 0
        while index < count {
            switch self[index] {
            case 0x20, 0x09, 0x0A, 0x0D: index &+= 1
            case let byte: return byte == UInt8(ascii: "[")
            }
        }
        return false
    }

    func jsonItems() throws(CallStop) -> JSONItems {
        do throws(JSONFault) {
            return try JSONItems(self, limits: Self.limits)
        } catch {
            throw .fault(.json)
        }
    }

    func jsonMembers() throws(CallStop) -> JSONMembers {
        do throws(JSONFault) {
            return try JSONMembers(self, limits: Self.limits)
        } catch {
            throw .fault(.json)
        }
    }
}

extension JSONItems {
    mutating func nextItem() throws(CallStop) -> JSONElement? {
        do throws(JSONFault) {
            return try next()
        } catch {
            throw .fault(.json)
        }
    }
}

extension JSONMembers {
    mutating func nextMember() throws(CallStop) -> JSONMember? {
        do throws(JSONFault) {
            return try next()
        } catch {
            throw .fault(.json)
        }
    }
}
