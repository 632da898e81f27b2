"""Answers of the service as types, from which both the OpenAPI document and the JSON are made.

The schema of questions is made from the vocabulary, in ``openapi.py``. Answers to a file are dataclasses, because in a
union of structs msgspec asks for a tag field.
"""

from dataclasses import dataclass

import msgspec

from road_api.schemas.explanations import Explanation


class Token(msgspec.Struct):
    """A bearer token.

    Attributes:
        access_token: send it as ``Authorization: Bearer <access_token>``.
        expires_in: seconds until it expires.
        token_type: always ``bearer``.
    """

    access_token: str
    expires_in: int
    token_type: str = "bearer"  # noqa: S105 (a word of RFC 6750, not a password)


class Prediction(msgspec.Struct, omit_defaults=True):
    """The estimate for one user of an accident.

    Attributes:
        user: who asked.
        prediction: a list of one class: 1 for severe, 0 for not severe.
        probability: of a severe injury.
        confidence: probability of the predicted class.
        label: the answer in English.
        label_fr: the answer in French.
        model_version: version of the model that answered, in the registry.
        data: origin of the accidents that the model was trained on.
        explanation: contributions of the fields, if asked for.
        explanation_problem: why the explanation that was asked for is missing.
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
        prediction: 1 for severe, 0 for not severe: severe if any user is.
        label: the answer in English.
        label_fr: the answer in French.
        probability_lower: lower bound of the probability that at least one user is severely hurt: the highest of the
            users' probabilities.
        probability_upper: upper bound, reached if the users' injuries are independent of each other.
        undecided: whether the model's threshold lies between the bounds: no user reaches it, but the accident may.
        deciding_user: index of the user with the highest probability, from 0; the first of equal ones.
        users: an estimate for each user, in the order of the request.
        model_version: version of the model that answered, in the registry.
        data: origin of the accidents that the model was trained on.
        explanation: contributions to the deciding user's probability, if asked for.
        explanation_problem: why the explanation that was asked for is missing.
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
    """The estimate for one line of a file; lines are numbered from 1, so that the first row below the header is 2."""

    line: int
    prediction: int
    probability: float
    confidence: float
    label: str


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a line was not estimated; ``field`` is null if the line as a whole is wrong."""

    field: str | None
    reason: str


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A line that could not be estimated; the other lines are."""

    line: int
    error: RowError


@dataclass(frozen=True, slots=True)
class CsvPrediction:
    """The answers to a file, one for each row, in the order of the rows."""

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
        allowed: the allowed codes, if they can be listed.
        user: index of the user in a question about an accident, from 0; left out in a question about one user.
    """

    field: str
    reason: str
    allowed: list[AllowedCode] = []
    user: int | None = None


class Problem(msgspec.Struct, omit_defaults=True):
    """An error as problem details (RFC 9457).

    Attributes:
        title: the HTTP status in words.
        status: HTTP status.
        detail: what happened and what to do.
        request_id: the same as in the header ``X-Request-ID`` and in the log.
        type: always ``about:blank``: the status says what kind of problem it is.
        errors: one entry for each wrong field of a question.
    """

    title: str
    status: int
    detail: str
    request_id: str
    type: str = "about:blank"
    errors: list[FieldError] = []


class Reloaded(msgspec.Struct):
    """Result of polling the production alias.

    Attributes:
        outcome: ``loaded``, ``unchanged``, ``refused`` or ``nothing promoted``.
        detail: the same in a sentence, with the reason.
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
    """A run that Dagster has accepted.

    Attributes:
        job: name of its job.
        run_id: its id.
        url: address of its page in Dagster.
        day: its partition, null if the job has none.
    """

    job: str
    run_id: str
    url: str
    day: str | None


class NoiseStarted(Noise):
    """The noise now in force, and the run that materializes the current day with it."""

    run: Run


class AlertsTaken(msgspec.Struct):
    """What was done with the alerts of one delivery.

    Attributes:
        reported: firing alerts that were reported to Dagster.
        known: firing alerts that were reported before, or without any drift score in the tables.
        ignored: resolved alerts, and alerts other than that of drift.
    """

    reported: int = 0
    known: int = 0
    ignored: int = 0
