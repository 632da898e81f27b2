"""The HTTP service that answers with the model in production. It imports nothing of the platform but its core."""
