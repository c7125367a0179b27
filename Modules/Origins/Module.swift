// MusicFSOrigins: see docs/architecture.md.
