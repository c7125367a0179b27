// MusicFSSQLite: see docs/architecture.md.
