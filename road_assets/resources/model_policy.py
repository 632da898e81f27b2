"""What is trained, as a resource of Dagster: families of models, and the cost of a missed severe case."""

import dagster as dg
from pydantic import Field

from road_assets.core.candidate import MISSED_CASE_COST
from road_assets.core.families import FAMILIES


class ModelPolicy(dg.ConfigurableResource):
    """What the environment asks of training.

    Attributes:
        candidates: families to fit, the model of record first.
        missed_case_cost: of a missed severe case, in needless dispatches.
    """

    candidates: list[str] = Field(default=list(FAMILIES), min_length=1)
    missed_case_cost: float = MISSED_CASE_COST
