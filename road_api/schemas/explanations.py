"""Explanations as types, from which both the OpenAPI document and the JSON are made."""

from typing import Literal

import msgspec


class Contribution(msgspec.Struct):
    """What one field contributes to the answer.

    Attributes:
        field: its official name.
        label: of the field, in English.
        label_fr: of the field, in French.
        value: the code or number given, null if unknown.
        value_label: the value in English, with its unit.
        value_label_fr: the value in French, with its unit.
        contribution: on the scale of the explanation; a positive one raises the probability.
        probability_contribution: the same on the scale of probabilities.
    """

    field: str
    label: str
    label_fr: str
    value: int | None
    value_label: str
    value_label_fr: str
    contribution: float
    probability_contribution: float


class Explanation(msgspec.Struct):
    """Contributions of the fields to a probability: exact Shapley values of the trees (path-dependent TreeSHAP).

    Attributes:
        scale: the scale on which the contributions add up: `log_odds` (boosting, calibration included),
            `probability` (forest), or `probability_before_calibration` (calibrated forest).
        ensemble: the trees that answered: `alone` if only the 13 features were given, `scene` if more was given,
            `forest` if the model is a forest.
        base_value: mean over the training rows, before any field is known.
        value: sum of `base_value` and all contributions; it corresponds to `probability`.
        base_probability: the probability that corresponds to `base_value`.
        probability: the model's answer.
        contributions: of every field that the trees use, largest absolute value first. `base_value` +
            Σ `contribution` = `value`, and `base_probability` + Σ `probability_contribution` = `probability`. The
            latter are the former times one positive factor, so order and signs are the same.
    """

    scale: Literal["log_odds", "probability", "probability_before_calibration"]
    ensemble: str
    base_value: float
    value: float
    base_probability: float
    probability: float
    contributions: list[Contribution]


class ExplainedAnswer(msgspec.Struct):
    """A logged answer, explained by the model that gave it.

    Attributes:
        request_id: of the request.
        line: of the file, or number of the user in an accident from 1; 0 for a single question.
        user: who asked.
        answered_at: time of the answer, ISO 8601.
        model_version: version of the model that answered, in the registry.
        data: origin of the accidents that the model was trained on.
        prediction: 1 for severe, 0 for not severe.
        probability: of a severe injury, as answered.
        label: the answer in English.
        label_fr: the answer in French.
        explanation: contributions of the fields.
    """

    request_id: str
    line: int
    user: str
    answered_at: str
    model_version: str
    data: str
    prediction: int
    probability: float
    label: str
    label_fr: str
    explanation: Explanation
