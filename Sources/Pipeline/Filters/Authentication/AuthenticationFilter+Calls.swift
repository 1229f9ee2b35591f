extension AuthenticationFilter {
    /// Whether a call that belongs to the route of this filter may come with a request whose own route has
    /// asked who sends it; what the client hears where it may not. Claims are not looked at again: a call
    /// whose route asks for some comes alone.
    package func refusal(ofCallBy identity: Identity?) -> LocalResponse? {
        guard claims.isEmpty else { return CallPlan.foreignCall }
        guard let identity else { return isRequired ? .missing(accepted) : nil }
        if !identity.hasScopes(scopes) { return .insufficientScope(insufficient) }
        return identity.hasRole(of: roles) ? nil : .insufficientRole
    }

    /// Whether both believe the same credentials.
    package func believesAs(_ other: AuthenticationFilter) -> Bool {
        accepted == other.accepted && sources == other.sources
    }
}
