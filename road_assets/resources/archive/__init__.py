"""The archive of promoted models, under git and DVC."""
