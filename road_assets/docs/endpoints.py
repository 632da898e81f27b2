"""The table of the service's endpoints, from its OpenAPI document."""

from typing import Any, Final

from litestar import Litestar

from road_assets.docs.markdown import table

_METHODS: Final = ("get", "post", "put", "patch", "delete")
_NOT_ALLOWED: Final = ("401", "403")


def endpoint_table(service: Litestar) -> str:
    """Every operation with its path, and whom it refuses."""
    document = service.openapi_schema.to_schema()
    rows = [
        (f"`{method.upper()} {path}`", str(operation.get("summary", "")), _refused(operation) or "–")
        for path, item in sorted(document["paths"].items())
        for method, operation in item.items()
        if method in _METHODS
    ]
    return table(("operation", "what it does", "whom it refuses"), rows)


def _refused(operation: dict[str, Any]) -> str:
    responses = operation["responses"]
    return "; ".join(responses[status]["description"] for status in _NOT_ALLOWED if status in responses)
