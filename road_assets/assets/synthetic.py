"""The half-synthetic mix: a day's real rows and as many generated ones, so that each day differs from the last."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pandas as pd

from road_assets.asset_names import RAW_ACCIDENTS, SYNTHETIC_MIX
from road_assets.assets.common import OWNERS, SINGLE_RUN
from road_assets.assets.history import LEARNED, known_rows
from road_assets.checks.contracts import check_contract, contract_spec, store_if_passed
from road_assets.core.candidate import data_source_of
from road_assets.core.drift import add_counts, count_codes, score_drift
from road_assets.core.mix_quality import chain_generator, halve, measure_mix
from road_assets.core.mixing import CHAIN_COLUMNS, fit_chain, generate_days, labelled_codes, mix_days
from road_assets.core.noise import describe_noise, distort
from road_assets.core.scene_derivation import SCENE_SOURCES
from road_assets.core.scene_fields import DEPARTMENT, SCENE_FIELD_NAMES
from road_assets.core.vocabulary import UNKNOWN_CODE
from road_assets.core.windows import earlier_days, group_by_history, rows_on
from road_assets.io_managers import COLUMNS
from road_assets.partitions import DAILY, to_days
from road_assets.reporting.metadata import figures_table, keep_large_for_last_day, preview
from road_assets.resources.database import Database
from road_assets.resources.lake import Lake
from road_assets.resources.runtime_settings import read_noise

_COLUMNS = list(dict.fromkeys([*LEARNED, DEPARTMENT, *SCENE_SOURCES]))


_ENOUGH_TO_MEASURE = 2_000
_MOST_TO_MEASURE = 15_000
"""Rows on each side; with more, measuring would take longer than generating."""


class MixConfig(dg.Config):
    """How rows are generated.

    Attributes:
        seed: with the day, decides every generated row.
        measure: compare the newest generator's rows with unseen real ones, which takes some seconds.
    """

    seed: int = 42
    measure: bool = True


@dg.asset(
    partitions_def=DAILY,
    backfill_policy=SINGLE_RUN,
    ins={RAW_ACCIDENTS: dg.AssetIn(metadata={COLUMNS: _COLUMNS})},
    group_name="synthetic",
    owners=OWNERS,
    kinds={"parquet", "scikitlearn"},
    io_manager_key="parquet",
    check_specs=[contract_spec(SYNTHETIC_MIX)],
    description=(
        "All real rows of the day and as many generated ones, drawn from the joint distribution of earlier days. While "
        "noise is set, the generated ones are distorted, and the real ones in features."
    ),
)
def synthetic_mix(
    context: dg.AssetExecutionContext, config: MixConfig, raw_accidents: pd.DataFrame, lake: Lake, database: Database
) -> Iterator[dg.AssetCheckResult | dg.Output[pd.DataFrame]]:
    """Fit one generator per history window, and generate each day's second half."""
    days, setting = to_days(list(context.partition_keys)), read_noise(database)
    real = labelled_codes(raw_accidents)
    groups = group_by_history(days, lake.stored_days(RAW_ACCIDENTS))
    known = known_rows(real, lake, earlier_days(groups))
    rows_of_day = real["day"].dt.date.value_counts()
    generated = []
    for number, (history, members) in enumerate(groups.items(), start=1):
        learned = rows_on(known, history)
        chain = fit_chain(learned[list(CHAIN_COLUMNS)].to_numpy(dtype="int8"), seed=config.seed)
        rows = rows_of_day.reindex(members, fill_value=0).to_dict()
        generated.append(generate_days(chain, rows, seed=config.seed, data_source=data_source_of(learned)))
        context.log.info("generator %d of %d: %d rows for %d days", number, len(groups), chain.rows, len(members))
    mix = mix_days(real, generated)
    mix = distort(mix, dict.fromkeys(days, setting.noise), where=mix["synthetic"])
    synthetic = mix["synthetic"]
    output = dg.Output(
        mix,
        metadata={
            "dagster/row_count": len(mix),
            "real rows": int((~synthetic).sum()),
            "generated rows": int(synthetic.sum()),
            "rows without a recorded severity, left out": len(raw_accidents) - len(real),
            "generators fitted": len(groups),
            "optional fields known (share of real rows)": figures_table(_known_shares(mix[~synthetic])),
            "noise": describe_noise(dict.fromkeys(days, setting.noise)),
            "noise setting": str(setting),
            "distance per column (generated against real)": figures_table(_distances(mix)),
            **(_quality(known, max(groups), config.seed) if config.measure else {}),
            "preview": preview(mix[mix["synthetic"]]),
        },
    )
    output = output.with_metadata(keep_large_for_last_day(context, output.metadata))
    yield from store_if_passed(output, [check_contract(mix, SYNTHETIC_MIX)])


def _known_shares(real: pd.DataFrame) -> dict[str, float]:
    return {name: float((real[name] != UNKNOWN_CODE).mean()) for name in SCENE_FIELD_NAMES}


def _quality(known: pd.DataFrame, history: tuple[date, ...], seed: int) -> dict[str, dg.MetadataValue]:
    """Figures of the newest generator, fitted to one half of its history and compared with the other."""
    rows = rows_on(known, history)
    if len(rows) < _ENOUGH_TO_MEASURE:
        return {"quality of the mix": dg.MetadataValue.text(f"{len(rows)} earlier rows are too few to measure")}
    codes = rows[list(CHAIN_COLUMNS)].to_numpy(dtype="int8")
    halves = halve(codes, rows["num_acc"].to_numpy(dtype=object), seed=seed, most_rows=_MOST_TO_MEASURE)
    return {"quality of the mix": figures_table(measure_mix(halves, chain_generator(seed), seed=seed).as_figures())}


def _distances(mix: pd.DataFrame) -> dict[str, float]:
    """Total-variation distance of each feature between the two halves."""
    real, generated = mix[~mix["synthetic"]], mix[mix["synthetic"]]
    compared = score_drift(add_counts([count_codes(real)]), add_counts([count_codes(generated)]))
    return {feature.feature: feature.distance for feature in compared.features}
