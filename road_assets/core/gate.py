"""Whether a candidate takes the place of the model in production."""

from collections.abc import Mapping
from dataclasses import dataclass

from road_assets.core.bundle import Manifest
from road_assets.core.metrics import DECIDING_METRIC


@dataclass(frozen=True, slots=True)
class Contender:
    """A model that stands for promotion, or defends its place.

    Attributes:
        version: in the registry.
        manifest: what it is.
        figures: what it reached on the rows that both are judged on.
    """

    version: int
    manifest: Manifest
    figures: Mapping[str, float]

    @property
    def reached(self) -> float:
        """The figure that decides."""
        return self.figures[DECIDING_METRIC]


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided.

    Attributes:
        promote: whether the challenger takes over.
        reason: why, in a sentence with the figures.
    """

    promote: bool
    reason: str


def decide(challenger: Contender, champion: Contender | None) -> Decision:
    """Promote the challenger if there is no champion, or if it ranks the same later rows better.

    Args:
        challenger: trained now; it has not seen the rows it is judged on.
        champion: in production, if any.
    """
    if champion is None:
        return Decision(
            promote=True,
            reason=f"version {challenger.version} is the first: {DECIDING_METRIC} {challenger.reached:.4f}",
        )
    if champion.version == challenger.version:
        return Decision(promote=False, reason=f"version {champion.version} is in production already")
    first_judged, last_seen = (
        challenger.manifest.evaluation_window.first_day,
        champion.manifest.training_window.last_day,
    )
    if last_seen >= first_judged:
        return Decision(
            promote=False,
            reason=f"version {champion.version} in production was trained up to {last_seen} and has seen days that "
            f"version {challenger.version} is judged on (from {first_judged}); train as of a later day",
        )
    better = challenger.reached > champion.reached
    return Decision(
        promote=better,
        reason=f"version {challenger.version} reached {DECIDING_METRIC} {challenger.reached:.4f}, version "
        f"{champion.version} in production {champion.reached:.4f} on the same rows: "
        f"{'promoted' if better else 'not promoted'}",
    )
