"""Explanations of estimates: the contribution of each field, with the labels of field and value."""

from typing import Final, TypeVar

import anyio
import msgspec
import numpy as np
from anyio import to_thread

from road_api.schemas.explanations import Contribution, Explanation
from road_api.schemas.responses import AccidentPrediction, Prediction
from road_api.services.field_codes import FIELDS
from road_api.services.model_store import ServedModel
from road_assets.core.bundle import FeatureMatrix, NotExplainedError
from road_assets.core.explanation import Explanation as CoreExplanation
from road_assets.core.scene_fields import describe_value

CONCURRENT_EXPLANATIONS: Final = 2
"""Explanations computed at once; the others wait, so that cores stay free for estimates."""

_Answer = TypeVar("_Answer", Prediction, AccidentPrediction)


def explain(model: ServedModel, row: FeatureMatrix) -> Explanation:
    """Explain a model's answer. It takes about 10 ms, with a forest of 300 trees 0.4 s, so call it in a thread.

    Args:
        model: the one that answers.
        row: shape (1, 27) or (1, 13), NaN where unknown.

    Raises:
        NotExplainedError: the model's bundle cannot explain.
    """
    return _add_labels(model.bundle.explain(row), row)


async def add_explanation(
    answer: _Answer, model: ServedModel, row: FeatureMatrix, limiter: anyio.CapacityLimiter
) -> _Answer:
    """Add an explanation to an answer, or the reason why there is none.

    Args:
        answer: to the question.
        model: the one that gave the answer.
        row: shape (1, 27), the question, or the deciding user of the accident.
        limiter: of the explanations computed at once.
    """
    try:
        found = await to_thread.run_sync(explain, model, row, limiter=limiter)
    except NotExplainedError as error:
        return msgspec.structs.replace(answer, explanation_problem=str(error))
    return msgspec.structs.replace(answer, explanation=found)


def _add_labels(found: CoreExplanation, row: FeatureMatrix) -> Explanation:
    by_weight = np.argsort(-np.abs(found.contributions), kind="stable").tolist()
    return Explanation(
        scale=found.scale,
        ensemble=found.ensemble,
        base_value=found.base_value,
        value=found.value,
        base_probability=found.base_probability,
        probability=found.probability,
        contributions=[_contribution(found, place, row) for place in by_weight],
    )


def _contribution(found: CoreExplanation, place: int, row: FeatureMatrix) -> Contribution:
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
