"""Asset checks: what must hold of the data, and what starts work when it no longer does."""
