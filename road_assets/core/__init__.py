"""Pure functions and values of the domain: no Dagster, no files, no network, no clock."""
