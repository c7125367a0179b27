import TestSupport
import Testing

/// All that mounts what lies near: deaths, take-overs, stores. One test at a time: they measure times.
@Suite(.serialized, .enabled(if: canMountFUSE)) struct EndToEnd {}

/// All that mounts what is far away: beside the others, since these wait for lines and servers most of the time.
@Suite(.serialized, .enabled(if: canMountFUSE)) struct EndToEndRemote {}
