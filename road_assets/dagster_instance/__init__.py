"""What this platform replaces in a Dagster instance, and why: run launcher, event log storage, code server.

``dagster.yaml`` and the commands that start the code server name these modules.
"""
