"""Answers of the health endpoints as types."""

import msgspec


class Live(msgspec.Struct):
    """The process is alive."""

    status: str = "live"


class RegistryHealth(msgspec.Struct):
    """What the last poll of the model registry found; ``reachable`` is null before the first one."""

    reachable: bool | None
    detail: str


class PredictionLogHealth(msgspec.Struct):
    """Whether predictions are logged.

    Attributes:
        on: false if the service has no database.
        reachable: whether Postgres stored the last batch, null before the first one.
        detail: the same in words.
    """

    on: bool
    reachable: bool | None
    detail: str


class UsersHealth(msgspec.Struct):
    """Whether the users in the tables can be read.

    Attributes:
        reachable: whether the last poll succeeded, null before the first one and without a database.
        detail: the same in words.
    """

    reachable: bool | None
    detail: str


class Ready(msgspec.Struct):
    """The service can estimate.

    Attributes:
        status: always ``ready``.
        model_version: version that answers.
        data: origin of the accidents that the model was trained on.
        known_answers: number of known questions that were just answered correctly.
        loaded_at: when this version was loaded, ISO 8601.
        registry: the model registry, needed only to load the next version.
        prediction_log: the prediction log, which no estimate waits for.
        users: who may log in; while Postgres is away, the users read last.
        refused: why the version in production is not the one that answers, else null.
    """

    model_version: str
    data: str
    known_answers: int
    loaded_at: str
    registry: RegistryHealth
    prediction_log: PredictionLogHealth
    users: UsersHealth
    refused: str | None
    status: str = "ready"
