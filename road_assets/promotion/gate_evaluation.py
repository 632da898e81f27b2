"""Evaluates candidates against the champion: reads bundles and rows, lets ``core.gate`` judge, stores the verdict.

Used by the check ``gate``, and by ``production_model`` where the check's verdict no longer holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import pandas as pd

from road_assets.asset_names import FEATURES
from road_assets.core.bundle import Bundle
from road_assets.core.candidate import split_rows
from road_assets.core.gate import CommonRows, Contender, judge
from road_assets.core.gate_slices import slices_of
from road_assets.core.model_input import model_matrix
from road_assets.core.production_history import rolled_back_versions
from road_assets.core.verdict import Margins, Verdict, refuse
from road_assets.core.vocabulary import TARGET
from road_assets.core.windows import Windows, windows_as_of
from road_assets.promotion.pointer import Pointer
from road_assets.resources import decisions
from road_assets.resources.decisions import StoredVerdict
from road_assets.resources.lake import Lake
from road_assets.resources.model_registry import ModelRegistry, RegisteredModel


@dataclass(frozen=True, slots=True)
class GateEvaluator:
    """Evaluates candidates against the champion, on rows that none of them has seen.

    Attributes:
        lake: holds the rows.
        registry: holds the models.
        margins: from the settings.
    """

    lake: Lake
    registry: ModelRegistry
    margins: Margins

    def evaluate(self, day: date, found: Sequence[RegisteredModel], champion: int | None, barred: set[int]) -> Verdict:
        """Judge the candidates of a day.

        Args:
            day: as of which they were trained.
            found: the candidates in the registry.
            champion: version in production, if any.
            barred: versions that were rolled back from.
        """
        contending = [model for model in found if model.version not in {champion, *barred}]
        numbers = [model.version for model in contending]
        if not contending:
            return refuse(numbers, champion, _why_no_contender(found, champion))
        evaluation = windows_as_of(day, self.lake.stored_days(FEATURES)).evaluation
        rows = split_rows(self.lake.read_days(FEATURES, evaluation), Windows((), evaluation)).evaluation
        current = None if champion is None else self.registry.version(champion)
        if current is not None:
            window = current.manifest.training_window
            if window.last_day >= evaluation[0]:
                return refuse(
                    numbers,
                    champion,
                    f"version {champion} in production was trained up to {window.last_day} and has seen days that the "
                    f"candidates as of {day} are judged on (from {evaluation[0]}); train as of a later day",
                )
            rows = self._unseen(rows, current)
        if rows[TARGET].nunique() < 2:  # noqa: PLR2004 - both classes
            return refuse(
                numbers,
                champion,
                f"of the real users of {evaluation[0]} to {evaluation[-1]} only {len(rows)}, or of one class only, are "
                "unknown to all models; the days repeat accidents that production has learned from. Train as of a day "
                "after newer ones",
            )
        common = CommonRows(rows[TARGET].to_numpy(), rows["num_acc"].to_numpy(), slices_of(rows))
        contenders = [self._answers(model, rows) for model in contending]
        return judge(common, contenders, self._answers(current, rows) if current else None, self.margins)

    def _unseen(self, rows: pd.DataFrame, model: RegisteredModel) -> pd.DataFrame:
        """Rows of accidents that a model has not learned from: a replayed day repeats those of an earlier one."""
        window = model.manifest.training_window
        days = [day for day in self.lake.stored_days(FEATURES) if window.first_day <= day <= window.last_day]
        if not days:
            return rows
        return rows[~rows["num_acc"].isin(self.lake.read_days(FEATURES, days, columns=["num_acc"])["num_acc"])]

    def _answers(self, model: RegisteredModel, rows: pd.DataFrame) -> Contender:
        bundle = Bundle.open(self.registry.bundle_files(model))
        answers = bundle.predict(model_matrix(rows))
        return Contender(model.version, model.family, answers, model.manifest.threshold)


def judge_day(evaluator: GateEvaluator, pointer: Pointer, day: date) -> tuple[Verdict, StoredVerdict]:
    """Judge a day's candidates against whatever is in production now, store the verdict, and tell MLflow.

    Args:
        evaluator: reads what the verdict rests on.
        pointer: held, so that the champion cannot change meanwhile.
        day: as of which the candidates were trained.

    Raises:
        NoModelError: none was.
    """
    found = evaluator.registry.candidates_as_of(day)
    verdict = evaluator.evaluate(day, found, pointer.version(), rolled_back_versions(pointer.history()))
    stored = decisions.add_verdict(pointer.connection, day, [model.version for model in found], verdict, pointer.author)
    for model in found:
        if model.version == verdict.challenger:
            _note_in_registry(evaluator.registry, model, verdict)
    return verdict, stored


def still_holds(stored: StoredVerdict, pointer: Pointer, found: Sequence[RegisteredModel]) -> bool:
    """Whether a verdict is about the present champion and the present candidates."""
    return stored.champion == pointer.version() and stored.candidates == sorted(model.version for model in found)


def _note_in_registry(registry: ModelRegistry, model: RegisteredModel, verdict: Verdict) -> None:
    tags = {
        "gate": "passed" if verdict.promote else "refused",
        "gate_champion": "none" if verdict.champion is None else str(verdict.champion),
        "gate_reasons": "; ".join(verdict.reasons),
    }
    figures = {"gate_difference": verdict.difference, "gate_lower_bound": verdict.lower_bound}
    registry.note(model, tags, {name: value for name, value in figures.items() if value is not None})


def _why_no_contender(found: Sequence[RegisteredModel], champion: int | None) -> str:
    present = [model.version for model in found if model.version == champion]
    left = [model.version for model in found if model.version != champion]
    said = [f"version {version} is in production already" for version in present]
    said += [f"version {version} was rolled back from, and only `road rollback` brings it back" for version in left]
    return "; ".join(said) + "; there is no other candidate, and nothing was decided"
