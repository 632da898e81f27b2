"""Asset checks: data contracts, the promotion gate, and drift."""
