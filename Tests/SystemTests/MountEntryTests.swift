import MusicFSSystem
import Testing

@Suite struct MountEntryTests {
    @Test func mountinfoIsParsedAsTheManualSays() {
        let text = """
            36 35 98:0 /mnt1 /mnt\\040a rw,noatime master:1 shared:2 - ext3 /dev/root rw,errors=continue
            40 35 0:52 / /x rw - fuse.musicfs musicfs ro
            broken line
            """
        let entries = MountEntry.parse(Array(text.utf8))
        #expect(entries.map(\.mountPoint) == ["/mnt a", "/x"])
        #expect(entries.map(\.type) == ["ext3", "fuse.musicfs"])
        #expect(entries.first?.device == "98:0")
    }

    @Test func theRootIsMounted() throws {
        #expect(try MountEntry.at("/") != nil)
        #expect(try MountEntry.at("/no/such/place") == nil)
    }
}
