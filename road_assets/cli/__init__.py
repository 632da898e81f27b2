"""The command ``road``: names, arguments and options. What a command does stands in the packages that it calls."""

from road_assets.cli.root import main

__all__ = ("main",)
