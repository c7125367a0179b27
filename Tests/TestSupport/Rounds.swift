import MusicFSSystem

/// How often a test tries what does not go wrong every time. `MUSICFS_TEST_FULL=1 swift test --filter …` tries as often as
/// it takes to be sure; the suite itself has not got that much time.
package enum Rounds {
    package static let areFull = ThisProcess.environment["MUSICFS_TEST_FULL"] == "1"

    package static func of(_ few: Int, full: Int) -> Int { areFull ? full : few }
}
