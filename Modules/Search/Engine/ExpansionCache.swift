final class ExpansionCache: Sendable {}
