"""Removal of what is old: runs and their events, models, reports, notices, days of the lake. What is in use stays."""
