// MusicFSArguments: see docs/architecture.md.
