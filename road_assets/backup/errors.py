"""What goes wrong when state is saved or restored."""

from road_assets.errors import UserFacingError


class BackupError(UserFacingError):
    """No backup was written, or none was restored; the message says why, and in which state everything is."""
