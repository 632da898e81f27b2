"""Explanations in words: what each field adds, with its labels and those of the value given."""

from typing import Final, TypeVar

import anyio
import msgspec
import numpy as np
from anyio import to_thread

from road_api.explanation_schemas import Contribution, Explanation
from road_api.schemas import AccidentPrediction, Prediction
from road_api.services.field_codes import FIELDS
from road_api.services.model_store import ServedModel
from road_assets.core.bundle import FeatureMatrix, NotExplainedError
from road_assets.core.explanation import Explanation as Found
from road_assets.core.scene_fields import describe_value

CONCURRENT_EXPLANATIONS: Final = 2
"""Explanations worked on at once; the others wait, so that cores stay free for estimates."""

_Answer = TypeVar("_Answer", Prediction, AccidentPrediction)


def explain(model: ServedModel, row: FeatureMatrix) -> Explanation:
    """Explain what a model answers. It takes a hundredth of a second, with a forest half of one: call it in a thread.

    Args:
        model: the one that answers.
        row: shape (1, 27) or (1, 13), NaN where unknown.

    Raises:
        NotExplainedError: the model's bundle cannot.
    """
    return _in_words(model.bundle.explain(row), row)


async def attach(answer: _Answer, model: ServedModel, row: FeatureMatrix, limiter: anyio.CapacityLimiter) -> _Answer:
    """Add to an answer why it is so, or why nobody can say.

    Args:
        answer: to the question.
        model: that gave it.
        row: shape (1, 27), the question, or the user who decided the accident.
        limiter: of the explanations worked on at once.
    """
    try:
        found = await to_thread.run_sync(explain, model, row, limiter=limiter)
    except NotExplainedError as error:
        return msgspec.structs.replace(answer, explanation_problem=str(error))
    return msgspec.structs.replace(answer, explanation=found)


def _in_words(found: Found, row: FeatureMatrix) -> Explanation:
    weightiest = np.argsort(-np.abs(found.contributions), kind="stable").tolist()
    return Explanation(
        scale=found.scale,
        ensemble=found.ensemble,
        base_value=found.base_value,
        value=found.value,
        base_probability=found.base_probability,
        probability=found.probability,
        contributions=[_contribution(found, place, row) for place in weightiest],
    )


def _contribution(found: Found, place: int, row: FeatureMatrix) -> Contribution:
    field = FIELDS[place]
    known = place < row.shape[1] and np.isfinite(row[0, place])
    value = int(row[0, place]) if known else None
    return Contribution(
        field=field.name,
        label=field.en,
        label_fr=field.fr,
        value=value,
        value_label=describe_value(field, value, "en"),
        value_label_fr=describe_value(field, value, "fr"),
        contribution=float(found.contributions[place]),
        probability_contribution=float(found.probability_contributions[place]),
    )
