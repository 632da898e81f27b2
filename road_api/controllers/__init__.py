"""The endpoints. A handler reads the request, calls a service, and answers; the logic is in ``services``."""
