/// Why a head is refused. One case per reason, so that a log line, a metric and a test can name it.
package enum HeadError: Error, Equatable, Sendable, CaseIterable {
    // Lines
    case bareLineFeed, bareCarriageReturn, tooManyEmptyLines, foldedLine
    // Request line
    case badMethod, methodTooLong, connectRefused, badTarget, targetTooLong, badVersion, unsupportedVersion
    // Status line
    case badStatus, badReason
    // Fields
    case badFieldName, fieldNameTooLong, spaceBeforeColon, badFieldValue, duplicateField, tooManyFields,
        headTooLarge
    case tooManyConnectionOptions, unknownExpectation
    // Host
    case missingHost, duplicateHost, invalidHost
    // Framing
    case contentLengthWithTransferEncoding, invalidContentLength, duplicateContentLength
    case invalidTransferEncoding, transferEncodingInHTTP10

    /// The status of the answer to a request refused for this reason. An origin's head that fails is always a
    /// 502.
    package var status: Int {
        switch self {
        case .targetTooLong: 414
        case .unknownExpectation: 417
        case .tooManyFields, .headTooLarge, .fieldNameTooLong: 431
        // RFC 9112 §3: a method longer than any that is implemented. CONNECT would need an Allow field as a
        // 405, and is not implemented for any target.
        case .methodTooLong, .connectRefused: 501
        case .badStatus, .badReason: 502
        case .unsupportedVersion: 505
        case .bareLineFeed, .bareCarriageReturn, .tooManyEmptyLines, .foldedLine, .badMethod, .badTarget,
            .badVersion,
            .badFieldName, .spaceBeforeColon, .badFieldValue, .duplicateField, .tooManyConnectionOptions,
            .missingHost,
            .duplicateHost, .invalidHost, .contentLengthWithTransferEncoding, .invalidContentLength,
            .duplicateContentLength, .invalidTransferEncoding, .transferEncodingInHTTP10:
            400
        }
    }

    /// The reason as a sentence for the peer.
    package var detail: StaticString {
        switch self {
        case .bareLineFeed: "A line of the head ends with LF alone instead of CRLF."
        case .bareCarriageReturn: "The head holds a CR that is not followed by LF."
        case .tooManyEmptyLines: "More than two empty lines stand before the request line."
        case .foldedLine: "A line of the head begins with white space; folded field lines are obsolete."
        case .badMethod: "The request does not begin with a method."
        case .methodTooLong: "The method is longer than any that exists."
        case .connectRefused: "CONNECT is not offered here."
        case .badTarget: "The request target is not valid."
        case .targetTooLong: "The request target is too long."
        case .badVersion: "The protocol version is not written as HTTP/1.1."
        case .unsupportedVersion: "This HTTP version is not supported."
        case .badStatus: "The status line is not valid."
        case .badReason: "The reason phrase holds a control character."
        case .badFieldName: "A field name is empty or holds a character that names cannot have."
        case .fieldNameTooLong: "A field name is longer than 255 bytes."
        case .spaceBeforeColon: "White space stands between a field name and its colon."
        case .badFieldValue: "A field value holds a control character."
        case .duplicateField: "A field that may occur once occurs twice."
        case .tooManyFields: "The head has too many fields."
        case .headTooLarge: "The head is too large."
        case .tooManyConnectionOptions: "The Connection field lists too many options."
        case .unknownExpectation: "The Expect field asks for something other than 100-continue."
        case .missingHost: "The Host field is missing."
        case .duplicateHost: "The Host field occurs twice."
        case .invalidHost: "The Host field is not a valid host and port."
        case .contentLengthWithTransferEncoding: "Content-Length and Transfer-Encoding exclude each other."
        case .invalidContentLength: "Content-Length is not a plain decimal number."
        case .duplicateContentLength: "Content-Length occurs twice."
        case .invalidTransferEncoding: "Transfer-Encoding is not exactly chunked."
        case .transferEncodingInHTTP10: "Transfer-Encoding does not exist in HTTP/1.0."
        }
    }
}
