import Testing

/// `#expect` takes no mutating call: this takes its value.
func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, _ why: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(value == expected, why, sourceLocation: sourceLocation)
}
