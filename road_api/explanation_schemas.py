"""Why an answer is what it is, as types: the OpenAPI document and the JSON both derive from them."""

from typing import Literal

import msgspec


class Contribution(msgspec.Struct):
    """What one field adds to the answer.

    Attributes:
        field: its official name.
        label: in English.
        label_fr: in French.
        value: the code or number given, null where it is unknown.
        value_label: the same in English words.
        value_label_fr: the same in French words.
        contribution: on the scale of the explanation; positive raises the probability.
        probability_contribution: the same in probability.
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
    """Why a probability is what it is: exact Shapley values of the trees that answered (TreeSHAP, path dependent).

    Attributes:
        scale: what the contributions are counted in and where they add up: `log_odds` (boosting, calibration
            included), `probability` (forest), or `probability_before_calibration` (calibrated forest).
        ensemble: the trees that answered: `alone` whoever tells the 13 features only, `scene` whoever tells more,
            `forest` where the model is one.
        base_value: mean over the training rows, before anything is known.
        value: `base_value` and all contributions together; `probability` is what it stands for.
        base_probability: what `base_value` stands for.
        probability: the model's answer.
        contributions: of every field that the trees see, the weightiest first. `base_value` + Σ `contribution` =
            `value`, and `base_probability` + Σ `probability_contribution` = `probability`; the latter are the former
            times one positive factor, so that order and signs are the same.
    """

    scale: Literal["log_odds", "probability", "probability_before_calibration"]
    ensemble: str
    base_value: float
    value: float
    base_probability: float
    probability: float
    contributions: list[Contribution]


class ExplainedAnswer(msgspec.Struct):
    """An answer given before, explained by the model that gave it.

    Attributes:
        request_id: of the request.
        line: of the file, or 1 for the first user of an accident; 0 for a question asked alone.
        user: who asked.
        answered_at: when it was answered, ISO 8601.
        model_version: version of the model that answered, in the registry.
        data: where the accidents come from that the model has learned.
        prediction: 1 for severe and 0 for not severe.
        probability: of a severe injury, as answered.
        label: the answer in English.
        label_fr: the answer in French.
        explanation: why.
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
