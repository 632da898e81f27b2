"""The model in production: promotes or refuses the day's candidate, by the gate's verdict."""

from typing import Any

import dagster as dg

from road_assets.asset_names import PRODUCTION_MODEL
from road_assets.assets.common import OWNERS
from road_assets.assets.model import POOL, severity_model
from road_assets.core.production_history import PROMOTED, REFUSED
from road_assets.partitions import DAILY, to_day
from road_assets.promotion.gate_evaluation import GateEvaluator, judge_day, still_holds
from road_assets.promotion.pointer import Pointer, hold_pointer
from road_assets.resources import decisions
from road_assets.resources.configuration import GateMargins
from road_assets.resources.database import Database
from road_assets.resources.decisions import Author, Decision, StoredVerdict
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry, RegisteredModel
from road_assets.step_retries import retry_on_connection_loss


@dg.asset(
    partitions_def=DAILY,
    deps=[severity_model],
    group_name="model",
    owners=OWNERS,
    kinds={"mlflow", "postgres"},
    pool=POOL,
    description=(
        "The model that answers: the champion in Postgres, and the registry's production alias, which follows it. "
        "Moved to the day's best candidate if the gate let it pass; every decision is a row of the table promotions."
    ),
)
def production_model(
    context: dg.AssetExecutionContext,
    lake: Lake,
    registry: ModelRegistry,
    database: Database,
    gate_margins: GateMargins,
) -> dg.MaterializeResult[None]:
    """Act once on the newest verdict; evaluate again if it is about another champion or other candidates."""
    day = to_day(context.partition_key)
    author = Author(PRODUCTION_MODEL, context.run_id)
    with retry_on_connection_loss(), hold_pointer(database, registry, author) as pointer:
        noticed = pointer.reconcile()
        found = registry.candidates_as_of(day)
        verdict = decisions.newest_verdict(pointer.connection, day)
        if verdict is not None and _promoted_by_earlier_attempt(context.run, pointer, verdict):
            decision = f"version {verdict.challenger} promoted"
        else:
            if verdict is None or not still_holds(verdict, pointer, found):
                noticed.append(_why_again(verdict, pointer))
                _, verdict = judge_day(GateEvaluator(lake, registry, gate_margins.margins()), pointer, day)
            decision = _act(pointer, verdict, found)
        answering = pointer.version()
    for sentence in (*noticed, decision, *verdict.reasons):
        context.log.info(sentence)
    return dg.MaterializeResult(metadata=_shown(registry, verdict, decision, noticed, answering))


def _promoted_by_earlier_attempt(run: dg.DagsterRun, pointer: Pointer, verdict: StoredVerdict) -> bool:
    """Whether an earlier attempt was cut off after its promotion; the sensor of drift looks for it in the metadata."""
    attempts = [run_id for run_id in (run.run_id, run.parent_run_id, run.root_run_id) if run_id]
    return verdict.challenger == pointer.version() and decisions.promoted_from(pointer.connection, verdict, attempts)


def _act(pointer: Pointer, verdict: StoredVerdict, found: list[RegisteredModel]) -> str:
    """Write the decision, move the pointer if it is a promotion, and describe what was done."""
    model = next((candidate for candidate in found if candidate.version == verdict.challenger), None)
    if model is None:
        return "not promoted: there was nothing to decide"
    if decisions.acted_upon(pointer.connection, verdict):
        return f"version {model.version} was decided upon before, from the same verdict; nothing was decided anew"
    decision = Decision(
        PROMOTED if verdict.promote else REFUSED,
        model.version,
        verdict.champion,
        verdict.reasons,
        as_of=model.as_of,
        family=model.family,
        figures=verdict.figures,
        lower_bound=verdict.figures["lower_bound"],
        mlflow_run_id=model.run_id,
        verdict_id=verdict.id,
    )
    if verdict.promote:
        pointer.move(decision)
        return f"version {model.version} promoted"
    decisions.add_decision(pointer.connection, decision, pointer.author)
    return f"version {model.version} not promoted"


def _why_again(verdict: StoredVerdict | None, pointer: Pointer) -> str:
    if verdict is None:
        return "the gate had not judged the day's candidates; judged now"
    if verdict.champion != pointer.version():
        return (
            f"the gate had judged against version {verdict.champion}, and version {pointer.version()} is in production "
            "now; judged again"
        )
    return "the gate had judged other candidates than there are now; judged again"


def _shown(
    registry: ModelRegistry, verdict: StoredVerdict, decision: str, noticed: list[str], answering: int | None
) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "decision": f"{decision}: {'; '.join(verdict.reasons)}",
        "promoted": decision.endswith(" promoted") and verdict.promote,
        "noticed": "; ".join(noticed) or "nothing",
        "verdict id": verdict.id,
        "gain": verdict.figures["difference"],
        "gain, lower bound": verdict.figures["lower_bound"],
    }
    if answering is not None:
        shown["model in production"] = dg.MetadataValue.url(registry.version_url(answering))
    return {name: value for name, value in shown.items() if value is not None}
