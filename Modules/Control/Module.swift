// MusicFSControl: see docs/architecture.md.
