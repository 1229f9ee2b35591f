import Settings

/// How the gateway ends.
package struct DrainSettings: Equatable, Sendable {
    /// Readiness is off and connections are still accepted, so that whoever balances the load notices first.
    package var announce: Duration = .seconds(2)
    /// The whole drain, `announce` included; what still runs then is cut.
    package var deadline: Duration = .seconds(30)

    package init() {}
}

extension DrainSettings {
    package static let section = Section(
        "How the gateway ends on SIGTERM and SIGINT.",
        initial: DrainSettings(),
        fields: [
            Field(
                "announce", \.announce, .duration(.zero...(.seconds(600))), reload: .live,
                "Time with readiness off and connections still accepted, for load balancers to notice.",
                example: "5s"),
            Field(
                "deadline", \.deadline, .duration(.zero...(.seconds(86_400))), reload: .live,
                "Longest time for the whole end, announce included; what still runs then is cut.",
                example: "1m"),
        ],
        check: { settings, node, reader in
            guard settings.announce > settings.deadline else { return }
            reader.report(
                at: reader.mark(of: reader.path + [.key("announce")]),
                "drain.announce: longer than the whole drain (deadline: \(Quantity.text(settings.deadline)))")
        })
}
