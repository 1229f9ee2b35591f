import Testing

/// As `#expect`, for calls that mutate and for loops: it looks at nothing but the two values.
func expectEqual<Value: Equatable>(
    _ value: Value, _ expected: Value, _ why: Comment? = nil,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    if value == expected { return }
    Issue.record("\(value) is not \(expected) \(why.map { "(\($0))" } ?? "")", sourceLocation: sourceLocation)
}

func verify(_ holds: Bool, _ why: Comment? = nil, sourceLocation: SourceLocation = #_sourceLocation) {
    if !holds { Issue.record(why, sourceLocation: sourceLocation) }
}
