"""The promotion gate as an asset check; ``production_model`` acts on its verdict.

It is blocking, so that ``production_model`` runs after it. A refusal has severity WARN, so that ``production_model``
still runs: it records the refusal.
"""

from collections.abc import Mapping
from typing import Any, Final

import dagster as dg
import pandas as pd

from road_assets.asset_names import SEVERITY_MODEL
from road_assets.core.verdict import Verdict
from road_assets.partitions import DAILY, to_day
from road_assets.promotion.gate_evaluation import GateEvaluator, judge_day
from road_assets.promotion.pointer import hold_pointer
from road_assets.reporting import plots
from road_assets.reporting.metadata import picture, preview
from road_assets.resources.configuration import GateMargins
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry
from road_assets.step_retries import retry_on_connection_loss

CHECK: Final = "gate"
GATE_CHECK_KEY: Final = dg.AssetCheckKey(dg.AssetKey(SEVERITY_MODEL), CHECK)


@dg.asset_check(
    asset=SEVERITY_MODEL,
    name=CHECK,
    blocking=True,
    partitions_def=DAILY,
    description=(
        "The best of the day's candidates ranks later real users better than the model in production, by more than "
        "chance (paired bootstrap over accidents, one-sided 95 %), and is worse neither in calibration nor in any "
        "group of users."
    ),
)
def gate(
    context: dg.AssetCheckExecutionContext,
    lake: Lake,
    registry: ModelRegistry,
    database: Database,
    gate_margins: GateMargins,
) -> dg.AssetCheckResult:
    """Evaluate the candidates, store the verdict, show its grounds."""
    run = context.op_execution_context
    day = to_day(run.partition_key)
    author = Author(f"the check {CHECK}", run.run_id)
    with retry_on_connection_loss(), hold_pointer(database, registry, author) as pointer:
        noticed = pointer.reconcile()
        verdict, stored = judge_day(GateEvaluator(lake, registry, gate_margins.margins()), pointer, day)
    for sentence in (*noticed, *verdict.reasons):
        context.log.info(sentence)
    return dg.AssetCheckResult(
        passed=verdict.promote,
        severity=dg.AssetCheckSeverity.WARN,
        description="; ".join(verdict.reasons),
        metadata={
            "verdict": "promote" if verdict.promote else "refuse",
            "verdict id": stored.id,
            "noticed": "; ".join(noticed) or "nothing",
            **grounds_shown(verdict, registry),
        },
    )


def grounds_shown(verdict: Verdict, registry: ModelRegistry) -> Mapping[str, Any]:
    """The grounds of a verdict as metadata: links, tables, a plot of the groups."""
    shown: dict[str, Any] = {"reasons": "; ".join(verdict.reasons)}
    if verdict.challenger is not None:
        shown["challenger"] = dg.MetadataValue.url(registry.version_url(verdict.challenger))
    if verdict.champion is not None:
        shown["champion"] = dg.MetadataValue.url(registry.version_url(verdict.champion))
    if verdict.difference is None or verdict.lower_bound is None:
        return shown
    shown |= {
        "gain": verdict.difference,
        "gain, lower bound": verdict.lower_bound,
        "judged on rows": verdict.rows,
        "judged on accidents": verdict.accidents,
    }
    figures = pd.DataFrame({f"version {version}": dict(measured) for version, measured in verdict.figures.items()})
    figures = figures.rename_axis("figure").reset_index()
    shown["figures by version"] = preview(figures.round(4), rows=len(figures))
    if verdict.comparisons:
        table = pd.DataFrame(verdict.grounds()["comparisons"])
        shown["calibration and groups of users"] = preview(table.round(4), rows=len(table))
        shown["loss by group"] = picture(plots.losses(verdict.comparisons), "loss by group")
    return shown
