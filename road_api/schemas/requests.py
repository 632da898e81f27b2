"""Request bodies of ``/config`` and ``/alerts`` as types: how they are decoded, and how OpenAPI describes them.

Questions about accidents are made from the vocabulary instead, in ``openapi`` and ``services.scene``.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Final, TypeVar

import msgspec
from litestar.exceptions import ClientException, HTTPException
from litestar.openapi.spec import Example, OpenAPIMediaType, OpenAPIType, Operation, Reference, RequestBody, Schema
from msgspec import Meta

HIGHEST_VERSION: Final = 2**31 - 1

T = TypeVar("T")


class NoiseRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The noise to put on partitions materialized from now on; no noise if the value is left out.

    Attributes:
        noise: chance that a feature's code is replaced by a random one.
    """

    noise: Annotated[float, Meta(ge=0, le=1)] = 0.0


class RollbackRequest(msgspec.Struct, forbid_unknown_fields=True):
    """The former model to bring back.

    Attributes:
        version: in the registry; null for the version that was in production before.
    """

    version: Annotated[int, Meta(ge=1, le=HIGHEST_VERSION)] | None = None


class Alert(msgspec.Struct, rename="camel"):
    """An alert as Alertmanager delivers it; members that are not needed here are left out.

    Attributes:
        status: ``firing`` or ``resolved``.
        labels: ``alertname`` among them.
        starts_at: when it began to fire.
        fingerprint: hash of the labels.
    """

    status: str
    labels: dict[str, str]
    starts_at: Annotated[datetime, Meta(tz=True)]
    fingerprint: Annotated[str, Meta(min_length=1, max_length=64, pattern="^[0-9a-f]+$")]


class AlertDelivery(msgspec.Struct):
    """The body of Alertmanager's webhook: the alerts of one group."""

    alerts: list[Alert]


def decode_request(content: bytes, kind: type[T]) -> T:
    """Decode and validate a JSON body.

    Args:
        content: the body.
        kind: one of the structs of this module.

    Raises:
        ClientException: it is not JSON, or has a field more than once.
        HTTPException: 422, a field is unknown, missing or out of range.
    """
    try:
        request = msgspec.json.decode(content, type=kind)
        json.loads(content, object_pairs_hook=_refuse_duplicates)
    except msgspec.ValidationError as error:
        raise HTTPException(f"{error}; nothing was changed", status_code=HTTPStatus.UNPROCESSABLE_ENTITY) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ClientException("the body is not JSON; nothing was changed") from error
    return request


def _refuse_duplicates(pairs: list[tuple[str, Any]]) -> None:
    """Refuse an object with a field more than once, of which msgspec would keep the last.

    Raises:
        ClientException: a field is there more than once.
    """
    if len({name for name, _ in pairs}) != len(pairs):
        raise ClientException("the body has a field more than once; nothing was changed")


@dataclass
class NoiseOperation(Operation):
    """An operation that takes a ``NoiseRequest``."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        noise = Schema(type=OpenAPIType.NUMBER, minimum=0, maximum=1, default=0)
        self.request_body = _body({"noise": noise}, set={"noise": 0.8}, reset={})


@dataclass
class RollbackOperation(Operation):
    """An operation that takes a ``RollbackRequest``."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        version = Schema(type=[OpenAPIType.INTEGER, OpenAPIType.NULL], minimum=1, maximum=HIGHEST_VERSION)
        self.request_body = _body({"version": version}, before={"version": None}, chosen={"version": 3})


@dataclass
class AlertsOperation(Operation):
    """An operation that takes an ``AlertDelivery``."""

    def __post_init__(self) -> None:
        """Describe the body, which the handler reads itself."""
        text = Schema(type=OpenAPIType.STRING)
        alert = Schema(
            type=OpenAPIType.OBJECT,
            properties={
                "status": text,
                "labels": Schema(type=OpenAPIType.OBJECT, additional_properties=text),
                "startsAt": Schema(type=OpenAPIType.STRING, format="date-time"),  # type: ignore[arg-type] # as an enum
                "fingerprint": Schema(type=OpenAPIType.STRING, pattern="^[0-9a-f]{1,64}$"),
            },
            required=["status", "labels", "startsAt", "fingerprint"],
        )
        alerts = Schema(type=OpenAPIType.ARRAY, items=alert)
        delivery = Schema(type=OpenAPIType.OBJECT, properties={"alerts": alerts}, required=["alerts"])
        self.request_body = RequestBody({"application/json": OpenAPIMediaType(delivery)}, required=True)


def _body(properties: dict[str, Schema | Reference], **examples: dict[str, Any]) -> RequestBody:
    request = Schema(type=OpenAPIType.OBJECT, properties=properties, additional_properties=False)
    shown: dict[str, Example | Reference] = {name: Example(value=value) for name, value in examples.items()}
    return RequestBody({"application/json": OpenAPIMediaType(request, examples=shown)}, required=True)
