"""The HTTP service that answers with the newest production model. It knows nothing of Dagster."""
