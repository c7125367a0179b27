// MusicFSDaemon: see docs/architecture.md.
