"""What goes wrong when state is saved or brought back."""

from road_assets.local.errors import LocalError


class BackupError(LocalError):
    """No backup was written, or none was restored; the message says why, and what stands."""
