"""Which model is in production: the pointer to it, the gate's evaluation of candidates, and rollbacks."""
