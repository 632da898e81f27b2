"""The Dagster code location: assets, checks, sensors and the pure core they call."""
