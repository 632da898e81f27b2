"""What is old goes: runs and their events, models, reports, notes, days of the lake. What is in use stays."""
