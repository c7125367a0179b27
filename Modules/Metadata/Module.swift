// MusicFSMetadata: see docs/architecture.md.
