/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", 2014).
///
/// It is not a `RandomNumberGenerator`: what the standard library makes of one may change between releases, and the
/// same seed must give the same library for ever.
package struct SeededRandom: Sendable {
    private var state: UInt64

    /// A generator whose numbers depend on all of `keys` and their order.
    package init(_ keys: UInt64...) {
        state = 0x9e37_79b9_7f4a_7c15
        for key in keys {
            state ^= key
            state = next()
        }
    }

    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    /// A number in `0 ..< bound`; 0 when `bound` is not positive. The bias is below 2⁻³² for bounds below 2³².
    package mutating func below(_ bound: Int) -> Int {
        bound > 0 ? Int(next().multipliedFullWidth(by: UInt64(bound)).high) : 0
    }

    package mutating func within(_ range: ClosedRange<Int>) -> Int {
        range.lowerBound + below(range.count)
    }

    /// True `count` times in 1000.
    package mutating func perMille(_ count: Int) -> Bool { below(1000) < count }
}
