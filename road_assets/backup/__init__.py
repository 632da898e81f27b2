"""Backup of all state to one file with checksums, and restore from it."""
