"""The fixtures of the platform on one machine, as the command line meets it."""

from road_assets_tests.local.conftest import clean_environment

__all__ = ("clean_environment",)
