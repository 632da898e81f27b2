"""Backup and restore of all state: what there is, one file with checksums, and back."""
