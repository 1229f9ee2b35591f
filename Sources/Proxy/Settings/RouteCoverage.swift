import Pipeline

/// Which routes have no limit, for `check` (R22).
package enum RouteCoverage {
    package struct Gap: Equatable, Sendable {
        /// Index among the settings' routes.
        package var index: Int
        package var name: String
        package var path: String

        package init(index: Int, name: String, path: String) {
            self.index = index
            self.name = name
            self.path = path
        }
    }

    /// Routes that send requests to an upstream without asking any limit, in the order of the file.
    package static func report(_ settings: GatewaySettings) -> [Gap] {
        settings.routes.enumerated().compactMap { index, route in
            guard route.limits.isEmpty, case .proxy = route.action else { return nil }
            return Gap(index: index, name: route.name, path: route.path.text)
        }
    }
}
