/// Where a mount stands (docs/architecture.md, section 7). The raw value is the word in status and events.
package enum MountState: String, CaseIterable, Hashable, Sendable {
    case mounting, ready, syncing
    /// Some origin is down, or the cache disk is unusable.
    case degraded
    /// All origins are down.
    case offline
    case unmounting
}
