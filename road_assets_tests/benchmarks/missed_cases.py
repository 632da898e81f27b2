"""Whom the model in production misses: shares of severe users not found, by cost and by group.

Run beside a running platform (``make up``), whose ``ROAD_HOME`` and ports are read as ``road`` reads them:

    python -m road_assets_tests.benchmarks.missed_cases

The rows are the real users of the days that the model was judged on, asked with every optional field that was recorded,
and with the 13 features alone. A cost is ``ROAD_MISSED_CASE_COST``: help is called for from 1 / (1 + cost) on.
"""

import argparse
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from road_assets.core.bundle import Bundle, FeatureMatrix, Probabilities
from road_assets.core.candidate import split_rows
from road_assets.core.gate_slices import slices_of
from road_assets.core.model_input import hide_scene, model_matrix
from road_assets.core.vocabulary import TARGET
from road_assets.core.windows import Windows
from road_assets.local.platform import make_site
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry
from road_assets.settings import PlatformSettings, PortSettings

COSTS = (1.0, 4.0, 9.0)


def by_cost(labels: npt.NDArray[np.bool_], answers: Probabilities, costs: Sequence[float]) -> Iterator[str]:
    """A line for each cost: how many are called severe, how many severe ones are missed, and how many needlessly."""
    for cost in costs:
        called = answers >= 1 / (1 + cost)
        missed, needless = int((labels & ~called).sum()), int((called & ~labels).sum())
        yield (
            f"| {cost:g} | {1 / (1 + cost):.2f} | {called.mean():.3f} | {missed / labels.sum():.3f} ({missed:,} of "
            f"{labels.sum():,}) | {needless / max(called.sum(), 1):.3f} ({needless:,} of {called.sum():,}) |"
        )


def by_group(
    rows: pd.DataFrame, labels: npt.NDArray[np.bool_], answers: Probabilities, costs: Sequence[float]
) -> Iterator[str]:
    """A line for each group of users: share of its severe ones missed at each cost."""
    for (field, value), inside in slices_of(rows).items():
        severe = answers[inside][labels[inside]]
        shares = " | ".join(f"{(severe < 1 / (1 + cost)).mean():.3f}" for cost in costs)
        yield f"| {field} | {value} | {len(severe):,} of {len(inside):,} | {shares} |"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=float, nargs="+", default=COSTS, help="of a missed case, in needless calls")
    costs = parser.parse_args().costs
    settings = PlatformSettings()
    site = make_site(settings, PortSettings())
    mlflow = site.addresses["mlflow"]
    registry, lake = ModelRegistry(tracking_uri=mlflow, public_url=mlflow), Lake(root=f"{settings.storage}/lake")
    model = registry.production()
    if model is None:
        parser.error(f"no model is in production at {mlflow}; `make up` trains and promotes one")
    window = model.manifest.evaluation_window
    days = tuple(day for day in lake.stored_days("features") if window.first_day <= day <= window.last_day)
    rows = split_rows(lake.read_days("features", days), Windows((), days)).evaluation
    labels, matrix = rows[TARGET].to_numpy() == 1, model_matrix(rows)
    bundle = Bundle.open(registry.bundle_files(model))
    print(f"model version {model.version}, {len(rows):,} real users of {window.first_day} to {window.last_day}")
    asked: dict[str, FeatureMatrix] = {"all fields": matrix, "13 features alone": hide_scene(matrix)}
    for name, questions in asked.items():
        answers = bundle.predict(questions)
        print(f"\n{name}\n\n| cost | called from | called severe | severe ones missed | needless of the calls |")
        print("\n".join(("|---|---|---|---|---|", *by_cost(labels, answers, costs))))
        heads = " | ".join(f"missed, cost {cost:g}" for cost in costs)
        print(f"\n| group | | severe | {heads} |\n|---|---|---|{'---|' * len(costs)}")
        print("\n".join(by_group(rows, labels, answers, costs)))


if __name__ == "__main__":
    main()
