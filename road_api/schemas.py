"""What the service answers, as types: the OpenAPI document and the JSON both derive from them.

The shape of a question is in ``openapi.py``, made from the vocabulary. The answers to a file are dataclasses, because
msgspec wants a tag in structs of which one or the other may come.
"""

from dataclasses import dataclass

import msgspec

from road_api.explanation_schemas import Explanation


class Token(msgspec.Struct):
    """A bearer token.

    Attributes:
        access_token: to be sent as ``Authorization: Bearer <access_token>``.
        expires_in: seconds until it is refused.
        token_type: always ``bearer``.
    """

    access_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 (a word of RFC 6750, not a password)


class Prediction(msgspec.Struct, omit_defaults=True):
    """The estimate for one user of an accident.

    Attributes:
        user: who asked.
        prediction: one answer, 1 for severe and 0 for not severe.
        probability: of a severe injury.
        confidence: probability of the class answered.
        label: the answer in English.
        label_fr: the answer in French.
        model_version: version of the model that answered, in the registry.
        data: where the accidents come from that the model has learned.
        explanation: why, if it was asked for.
        explanation_problem: why it was asked for and is not there.
    """

    user: str
    prediction: list[int]
    probability: float
    confidence: float
    label: str
    label_fr: str
    model_version: str
    data: str
    explanation: Explanation | None = None
    explanation_problem: str | None = None


class UserPrediction(msgspec.Struct):
    """The estimate for one user among those of an accident; the fields are those of ``Prediction``."""

    prediction: int
    probability: float
    confidence: float
    label: str
    label_fr: str


class AccidentPrediction(msgspec.Struct, omit_defaults=True):
    """The estimate for an accident: is at least one of its users severely hurt?

    Attributes:
        user: who asked.
        prediction: 1 for severe and 0 for not severe: severe if any user is.
        label: the answer in English.
        label_fr: the answer in French.
        probability_lower: that at least one user is severely hurt, at least: the highest of the users' probabilities.
        probability_upper: the same if the users' injuries did not depend on each other.
        undecided: whether the model's threshold lies between the two, so that no user passes it and the accident may.
        deciding_user: index of the user with the highest probability, from 0; the first of equal ones.
        users: an estimate for each user, in the order asked.
        model_version: version of the model that answered, in the registry.
        data: where the accidents come from that the model has learned.
        explanation: why the user who decided has that probability, if it was asked for.
        explanation_problem: why it was asked for and is not there.
    """

    user: str
    prediction: int
    label: str
    label_fr: str
    probability_lower: float
    probability_upper: float
    undecided: bool
    deciding_user: int
    users: list[UserPrediction]
    model_version: str
    data: str
    explanation: Explanation | None = None
    explanation_problem: str | None = None


@dataclass(frozen=True, slots=True)
class PredictedRow:
    """The estimate for one line of a file; ``line`` counts from 1, so that the first row after the header is 2."""

    line: int
    prediction: int
    probability: float
    confidence: float
    label: str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a line was not estimated; ``field`` is null where the line as a whole is wrong."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line that could not be estimated. The others are."""

    line: int
    error: RowError


@dataclass(frozen=True, slots=True)
class CsvPrediction:
    """The answers for a file, a row per row and in its order."""

    user: str
    model_version: str
    data: str
    rows: int
    predictions: list[PredictedRow | RefusedRow]


class AllowedCode(msgspec.Struct):
    """A value that a field may have."""

    code: int | None
    en: str
    fr: str


class FieldError(msgspec.Struct, omit_defaults=True):
    """What is wrong with one field of a question.

    Attributes:
        field: its name.
        reason: what was found and what is allowed.
        allowed: the codes that are, where they can be listed.
        user: index of the user in a question about an accident, from 0; left out where one user is asked about.
    """

    field: str
    reason: str
    allowed: list[AllowedCode] = []
    user: int | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as RFC 9457 has it.

    Attributes:
        title: the status in words.
        status: HTTP status.
        detail: what happened and what to do.
        request_id: also in the header ``X-Request-ID`` and in the log.
        type: kind of problem.
        errors: one entry for each wrong field.
    """

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: list[FieldError] = []


class Reloaded(msgspec.Struct):
    """What a look at the production pointer came to.

    Attributes:
        outcome: ``loaded``, ``unchanged``, ``refused`` or ``nothing promoted``.
        detail: the same with its reason.
        model_version: version that answers now, null if none does.
    """

    outcome: str
    detail: str
    model_version: str | None


class Noise(msgspec.Struct):
    """The noise in force.

    Attributes:
        noise: chance that a feature's code is replaced by a random one, in partitions materialized from now on.
        since: when it was set, ISO 8601; null if it never was.
        set_by: who set it.
    """

    noise: float
    since: str | None
    set_by: str | None


class Run(msgspec.Struct):
    """A run that Dagster was given.

    Attributes:
        job: what it runs.
        run_id: its id.
        url: its page.
        day: the partition, null where the job has none.
    """

    job: str
    run_id: str
    url: str
    day: str | None


class NoiseStarted(Noise):
    """The noise now in force, and the run that shows what it does."""

    run: Run


class AlertsTaken(msgspec.Struct):
    """What became of the alerts of a delivery.

    Attributes:
        reported: firings that Dagster was told of.
        known: firings that it was told of before, or that no score stands behind.
        ignored: resolved ones, and those that are nobody's business here.
    """

    reported: int = 0
    known: int = 0
    ignored: int = 0
