/// Why a path is refused (security.md 9). Each answers with 400.
package enum PathError: Error, Equatable, Sendable, CaseIterable {
    case notAbsolute, badEscape, encodedSeparator, controlCharacter, backslash, invalidUTF8, climbsAboveRoot
    case disguisedDotSegment, disguisedEmptySegment, badByte

    package var detail: StaticString {
        switch self {
        case .notAbsolute: "The path does not begin with a slash."
        case .badEscape: "A percent sign in the path is not followed by two hexadecimal digits."
        case .encodedSeparator: "The path holds an encoded slash or backslash."
        case .controlCharacter: "The path holds an encoded control character."
        case .backslash: "The path holds a backslash."
        case .invalidUTF8: "The path holds escapes that are not valid UTF-8."
        case .climbsAboveRoot: "The path climbs above its root."
        case .disguisedDotSegment: "The path holds a dot segment with parameters."
        case .disguisedEmptySegment: "The path holds parameters without a segment before them."
        case .badByte: "The path holds a byte that a path cannot have."
        }
    }
}
