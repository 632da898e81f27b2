"""What the service says about itself and what it needs."""

import msgspec


class Live(msgspec.Struct):
    """The process answers."""

    status: str = "live"


class RegistryHealth(msgspec.Struct):
    """What the last look at the model registry found; ``reachable`` is null before the first."""

    reachable: bool | None
    detail: str


class PredictionLogHealth(msgspec.Struct):
    """Whether predictions are logged.

    Attributes:
        on: false where the service was not told of a database.
        reachable: whether Postgres took the last ones, null if it was not asked yet.
        detail: the same in words.
    """

    on: bool
    reachable: bool | None
    detail: str


class UsersHealth(msgspec.Struct):
    """Whether the users in the tables can be read.

    Attributes:
        reachable: whether the last look succeeded, null before the first and where there are no tables.
        detail: the same in words.
    """

    reachable: bool | None
    detail: str


class Ready(msgspec.Struct):
    """The service can estimate.

    Attributes:
        status: always ``ready``.
        model_version: version that answers.
        data: where the accidents come from that the model has learned.
        known_answers: number of known questions just answered right.
        loaded_at: when this version was loaded, ISO 8601.
        registry: the model registry, which is only needed for the next version.
        prediction_log: the log of predictions, which no estimate waits for.
        users: those who may log in; while their tables are away, those read last may.
        refused: why the version that production points at is not the one served, else null.
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
