"""Shared by the tests of the core."""

from hypothesis import settings

settings.register_profile("busy_machine", deadline=None)  # how long an example takes says nothing about the code
settings.load_profile("busy_machine")
