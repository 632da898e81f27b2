"""The history of the tables, one revision per change, run by Alembic; a revision that was released never changes."""
