"""What the model is trained on: 13 features, every code present, and the binary target."""

from collections.abc import Iterator, Sequence
from datetime import date

import dagster as dg
import pandas as pd

from road_assets.assets.common import OWNERS, SINGLE_RUN, figures_table, preview
from road_assets.checks.contracts import check_contract, contract_spec, store_if_passed
from road_assets.core.features import impute, modes_of
from road_assets.core.history import group_by_history
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET
from road_assets.partitions import DAILY, to_days
from road_assets.resources.lake import Lake

MIX = "synthetic_mix"


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    group_name="features",
    owners=OWNERS,
    kinds={"parquet", "pandas"},
    io_manager_key="parquet",
    check_specs=[contract_spec("features")],
    description=(
        "The 13 features with missing codes replaced by the mode of earlier days, and the target: 1 for a user killed "
        "or hospitalised. Standardisation belongs to the model's pipeline."
    ),
)
def features(
    context: dg.AssetExecutionContext, synthetic_mix: pd.DataFrame, lake: Lake
) -> Iterator[dg.AssetCheckResult | dg.Output[pd.DataFrame]]:
    """Impute each day with the modes of its history window."""
    days = to_days(list(context.partition_keys))
    groups = group_by_history(days, lake.stored_days(MIX))
    known = _with_earlier(synthetic_mix, days, groups, lake)
    parts, filled = [], dict.fromkeys(FEATURE_NAMES, 0)
    for history, members in groups.items():
        modes = modes_of(known[known["day"].isin(pd.to_datetime(list(history)))])
        part, counts = impute(synthetic_mix[synthetic_mix["day"].isin(pd.to_datetime(members))], modes)
        parts.append(part)
        filled = {name: filled[name] + counts[name] for name in FEATURE_NAMES}
    rows = pd.concat(parts, ignore_index=True)
    output = dg.Output(
        rows,
        metadata={
            "dagster/row_count": len(rows),
            "severe share of real rows": float(rows.loc[~rows["synthetic"], TARGET].mean()),
            "values imputed per feature": figures_table(filled),
            "preview": preview(rows),
        },
    )
    yield from store_if_passed(output, [check_contract(rows, "features")])


def _with_earlier(
    mix: pd.DataFrame, days: Sequence[date], groups: dict[tuple[date, ...], list[date]], lake: Lake
) -> pd.DataFrame:
    """Real rows of the run and of the earlier days that the modes come from."""
    earlier = {day for history in groups for day in history} - set(days)
    rows = pd.concat([lake.read_days(MIX, earlier), mix], ignore_index=True) if earlier else mix
    return rows[~rows["synthetic"]]
