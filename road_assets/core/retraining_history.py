"""Drift triggers and the retrainings that answered them, as ``retraining`` is given them to decide."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

Source = Literal["check", "alert"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that may ask for a new model.

    Attributes:
        source: the drift check, or an alert of Prometheus.
        id: storage id of its event, unique among those of its source.
        day: day to retrain as of.
        measured_at: when the drift was measured or the alert reported.
        asks: whether it asks for a new model; a check that passed does not.
        description: what was found, in words.
    """

    source: Source
    id: int
    day: date
    measured_at: datetime
    asks: bool
    description: str

    @property
    def name(self) -> str:
        """Short and unique, for keys and messages."""
        return f"{self.source}-{self.id}"


class Outcome(StrEnum):
    """What became of a retraining."""

    UNFINISHED = "unfinished"
    SUCCEEDED = "succeeded"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Retraining:
    """A run that trains.

    Attributes:
        run_id: Dagster's.
        trigger: name of the trigger that it answers; None for a run that somebody else asked for.
        requested_at: when it was created.
        ended_at: when it ended, None while it goes on.
        outcome: how.
    """

    run_id: str
    trigger: str | None
    requested_at: datetime
    ended_at: datetime | None
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class History:
    """What happened so far.

    Attributes:
        retrainings: of any origin: unfinished ones and those of the last days.
        promoted_at: when a model was last promoted, if it is known.
        now: the moment of the decision.
    """

    now: datetime
    retrainings: Sequence[Retraining] = ()
    promoted_at: datetime | None = None

    def of(self, trigger: Trigger) -> list[Retraining]:
        """Runs that answer a trigger, the newest last."""
        return sorted((run for run in self.retrainings if run.trigger == trigger.name), key=lambda r: r.requested_at)

    @property
    def unfinished(self) -> list[Retraining]:
        """Runs that go on."""
        return [run for run in self.retrainings if run.outcome is Outcome.UNFINISHED]

    @property
    def last_answer(self) -> Retraining | None:
        """The newest successful run that answered a trigger."""
        answers = [run for run in self.retrainings if run.trigger and run.outcome is Outcome.SUCCEEDED and run.ended_at]
        return max(answers, key=lambda run: run.requested_at, default=None)
