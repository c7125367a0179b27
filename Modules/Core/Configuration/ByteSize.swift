/// Sizes as the configuration writes them: a whole number with B, KiB, MiB, GiB, TiB, or kB, MB, GB, TB.
enum ByteSize {
    private static let units: [(name: String, bytes: Int64)] = [
        ("TiB", 1 << 40), ("TB", 1_000_000_000_000), ("GiB", 1 << 30), ("GB", 1_000_000_000), ("MiB", 1 << 20),
        ("MB", 1_000_000), ("KiB", 1 << 10), ("kB", 1000), ("B", 1),
    ]

    /// - Returns: nil for what is no size, or too large for 64 bits. A number without a unit is bytes.
    static func bytes(_ text: String) -> Int64? {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        let unit = text[digits.endIndex...].drop { $0 == " " }
        guard let count = Int64(digits),
            let (_, bytes) = units.first(where: { $0.name == unit || unit.isEmpty && $0.bytes == 1 })
        else { return nil }
        let (total, overflow) = count.multipliedReportingOverflow(by: bytes)
        return overflow ? nil : total
    }

    /// What `bytes` reads, in the largest unit that is whole.
    static func text(_ bytes: Int64) -> String {
        let unit = bytes == 0 ? nil : units.first { bytes.isMultiple(of: $0.bytes) }
        return unit.map { "\(bytes / $0.bytes)\($0.name)" } ?? "0"
    }
}
