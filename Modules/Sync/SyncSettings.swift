/// What of the configuration keeping in step needs.
package struct SyncSettings: Hashable, Sendable {
    /// `tree.companions`.
    package var showsCompanions: Bool
    /// Whether several origins may hold the same file, so that files need a content identity (D18).
    package var wantsIdentity: Bool
    /// `scan.removal_brake`: the share of an origin's files that may vanish at once.
    package var removalBrake: Double
    /// `origins.poll_interval`, for what cannot be watched.
    package var pollInterval: Duration
    /// How long a folder must be quiet before it is looked at.
    package var debounce: Duration = .milliseconds(200)
    /// The longest that a folder which is never quiet waits.
    package var longestDebounce: Duration = .seconds(2)

    package init(
        showsCompanions: Bool, wantsIdentity: Bool, removalBrake: Double, pollInterval: Duration
    ) {
        self.showsCompanions = showsCompanions
        self.wantsIdentity = wantsIdentity
        self.removalBrake = removalBrake
        self.pollInterval = pollInterval
    }
}
