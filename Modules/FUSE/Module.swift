// MusicFSFUSE: see docs/architecture.md.
