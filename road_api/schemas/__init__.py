"""Bodies of requests and responses as types, from which both the JSON and the OpenAPI document are made."""
