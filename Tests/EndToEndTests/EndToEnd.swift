import TestSupport
import Testing

/// All that mounts. One test at a time: they measure times, and each has the machine's processors to itself.
@Suite(.serialized, .enabled(if: canMountFUSE)) struct EndToEnd {}
