/// The two event streams: one that ends, as an AI provider sends it, and one that does not.
enum EventStreams {
    /// Milliseconds between two tokens.
    static let tokenInterval = 60
    /// Bytes of a prompt; more is refused.
    static let promptLimit = 1024 * 1024

    private static let words = [
        "The", " gateway", " passes", " every", " token", " on", " the", " moment", " it", " arrives", ":",
        " nothing",
        " is", " held", " back", ",", " nothing", " is", " put", " together", ".",
    ]

    static func chat(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        var prompt = 0
        while true {
            let piece = try connection.readBody()
            if piece.isEmpty { break }
            prompt += piece.count
            guard prompt <= promptLimit else { throw .refused(.contentTooLarge) }
        }
        let writer = try AnswerWriter(stream, to: request, on: connection)
        for (index, word) in words.enumerated() {
            try writer.write("data: {\"index\": \(index), \"delta\": \(JSONText.quoted(word))}\n\n")
            try connection.wait(milliseconds: tokenInterval)
        }
        let usage = "{\"usage\": {\"prompt_tokens\": \(prompt / 4), \"completion_tokens\": \(words.count)}}"
        try writer.write("data: \(usage)\n\n")
        try writer.write("data: [DONE]\n\n")
        return try writer.end()
    }

    /// The time, each second, until the client leaves.
    static func clock(_ request: DemoRequest, _ connection: Connection) throws(ConnectionEnd) -> Bool {
        let writer = try AnswerWriter(stream, to: request, on: connection)
        var id = 0
        while true {
            id += 1
            try writer.write("id: \(id)\nevent: clock\ndata: {\"now\": \"\(Clock.timestamp())\"}\n\n")
            try connection.wait(milliseconds: 1000)
        }
    }

    private static var stream: Answer {
        Answer(type: "text/event-stream", fields: [("Cache-Control", "no-store")], framing: .streamed)
    }
}
