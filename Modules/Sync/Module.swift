// MusicFSSync: see docs/architecture.md.
