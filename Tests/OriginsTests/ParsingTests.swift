import TestSupport
import Testing

@testable import MusicFSOrigins

/// What comes from a network is read, whatever it is.
@Suite struct ParsingTests {
    private let listing = """
        <?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>m</Name>\
        <Contents><Key>a%20b.mp3</Key><LastModified>2026-11-21T03:00:17.253Z</LastModified><ETag>&quot;x&quot;</ETag>\
        <Size>12</Size></Contents><IsTruncated>false</IsTruncated></ListBucketResult>
        """

    @Test func elementsAreFoundWithoutTheirNamespace() throws {
        let document = try #require(XMLElement.parse(Array(listing.utf8)))
        #expect(document.name == "ListBucketResult")
        #expect(document.all("Contents").first?["ETag"]?.text == "\"x\"")
    }

    @Test func damagedListingsAreRefusedOrRead() {
        var random = SeededGenerator(seed: 11)
        for _ in 0..<3000 {
            var bytes = Array(listing.utf8)
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                bytes[index] = UInt8.random(in: 0...255, using: &random)
            }
            _ = XMLElement.parse(Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random))))
        }
        #expect(XMLElement.parse(Array(String(repeating: "<a>", count: 5000).utf8)) == nil)
    }

    @Test(arguments: [
        ("2026-11-21T03:00:17.253Z", 1_795_230_017_253_000_000), ("1970-01-01T00:00:00Z", 0),
        ("2000-02-29T12:00:00Z", 951_825_600_000_000_000),
    ])
    func internetTimes(_ text: String, _ nanoseconds: Int64) {
        #expect(InternetTime.nanoseconds(text) == nanoseconds)
    }

    @Test(arguments: ["", "Z", "2026-13-01T00:00:00Z", "yesterday", "2026-11-21 03:00:17"])
    func noInternetTimes(_ text: String) { #expect(InternetTime.nanoseconds(text) == nil) }

    @Test func percentCodingIsItsOwnInverse() {
        var random = SeededGenerator(seed: 3)
        for _ in 0..<500 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect(PercentCoding.decode(PercentCoding.encode(bytes).utf8) == bytes)
        }
        #expect(PercentCoding.decode("%2".utf8) == nil && PercentCoding.decode("%zz".utf8) == nil)
    }

    @Test(arguments: ["..", ".", "", "a/b", "a\u{0}b"])
    func namesThatLeadElsewhere(_ name: String) { #expect(!SafeName.isComponent(Array(name.utf8))) }
}
