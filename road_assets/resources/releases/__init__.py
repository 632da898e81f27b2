"""Releases of accident files: found in a directory, fetched from data.gouv.fr or generated; read and joined."""
