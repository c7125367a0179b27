// MusicFSCore: see docs/architecture.md.
