"""The rows that models are trained on: the 13 features, imputed, the optional scene fields, and the target."""

from collections.abc import Iterator

import dagster as dg
import pandas as pd

from road_assets.asset_names import FEATURES, RAW_ACCIDENTS
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.assets.history import known_rows
from road_assets.checks.contracts import check_contract, contract_spec, store_if_passed
from road_assets.core.features import impute, modes_of
from road_assets.core.noise import describe_noise, distort, noise_of_days, with_noise
from road_assets.core.scene_derivation import with_scene
from road_assets.core.vocabulary import FEATURE_NAMES, TARGET
from road_assets.core.windows import earlier_days, group_by_history, rows_on
from road_assets.partitions import DAILY, to_days
from road_assets.reporting.metadata import figures_table, keep_large_for_last_day, preview
from road_assets.resources.lake import Lake


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    group_name="features",
    owners=OWNERS,
    kinds={"parquet", "pandas"},
    io_manager_key="parquet",
    check_specs=[contract_spec(FEATURES)],
    description=(
        "The 13 features with missing codes replaced by the mode of earlier days, the optional scene fields as far as "
        "they are known, and the target: 1 for a user killed or hospitalised. Rows of a day whose mix carries noise "
        "are distorted as much. Standardisation belongs to the model's pipeline."
    ),
)
def features(
    context: dg.AssetExecutionContext, synthetic_mix: pd.DataFrame, lake: Lake
) -> Iterator[dg.AssetCheckResult | dg.Output[pd.DataFrame]]:
    """Impute each day with the modes of its history window."""
    days = to_days(list(context.partition_keys))
    groups = group_by_history(days, lake.stored_days(RAW_ACCIDENTS))
    known = known_rows(synthetic_mix[~synthetic_mix["synthetic"]], lake, earlier_days(groups))
    mix = with_noise(with_scene(synthetic_mix))
    parts, filled = [], dict.fromkeys(FEATURE_NAMES, 0)
    for history, members in groups.items():
        modes = modes_of(rows_on(known, history))
        part, counts = impute(rows_on(mix, members), modes)
        parts.append(part)
        filled = {name: filled[name] + counts[name] for name in FEATURE_NAMES}
    noise = noise_of_days(synthetic_mix)
    rows = distort(pd.concat(parts, ignore_index=True), noise)
    output = dg.Output(
        rows,
        metadata={
            "dagster/row_count": len(rows),
            "severe share of real rows": float(rows.loc[~rows["synthetic"], TARGET].mean()),
            "noise": describe_noise(noise),
            "values imputed per feature": figures_table(filled),
            "preview": preview(rows),
        },
    )
    output = output.with_metadata(keep_large_for_last_day(context, output.metadata))
    yield from store_if_passed(output, [check_contract(rows, FEATURES)])
