"""The fixtures of the platform on one machine, where commands find it."""

from road_assets_tests.local.conftest import clean_environment, open_home

__all__ = ("clean_environment", "open_home")
