"""What the assets declare alike."""

from typing import Final

import dagster as dg

OWNERS: Final = ["team:road-safety"]
SINGLE_RUN: Final = dg.BackfillPolicy.single_run()
"""A year is one run, not 365."""
