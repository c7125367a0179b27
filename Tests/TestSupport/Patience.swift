import MusicFSSystem

/// How many times longer than usual tests wait for what should come: `MUSICFS_TEST_PATIENCE`, for builds that are slow (Tools/tsan.sh).
package let patience: Double = ThisProcess.environment["MUSICFS_TEST_PATIENCE"].flatMap(Double.init) ?? 1
