// MusicFSCache: see docs/architecture.md.
