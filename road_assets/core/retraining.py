"""Whether a sign of drift is answered by retraining. Which signs there are, and what runs, is not known here.

A sign is a failed drift check or a firing alert. They come oldest first; each is answered once. At most one retraining
is in flight; one that failed is tried again; after one that succeeded there is a pause; a sign that was measured
against a model which is no longer in production says nothing about the one that is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

Source = Literal["check", "alert"]


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that may ask for a new model.

    Attributes:
        source: the drift check, or an alert of Prometheus.
        id: storage id of the event that told it, unique among those of its source.
        day: day to retrain as of.
        measured_at: when it was told.
        asks: whether it asks for a new model at all; a check that passed does not.
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
        retrainings: of any origin, those that matter: unfinished ones and those of the last days.
        promoted_at: when production last changed, if it is known.
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


@dataclass(frozen=True, slots=True)
class RetrainingRules:
    """Settings of the decision.

    Attributes:
        cooldown: pause after a successful retraining, in which further signs are refused.
        attempts: how often one sign is tried in all.
    """

    cooldown: timedelta = timedelta(minutes=60)
    attempts: int = 3

    def __post_init__(self) -> None:
        """Refuse settings that would never retrain.

        Raises:
            ValueError: fewer than one attempt, or a cooldown below zero.
        """
        if self.attempts < 1 or self.cooldown < timedelta(0):
            raise ValueError(f"attempts must be 1 or more and the cooldown 0 or more, not {self}")


class Action(StrEnum):
    """What is done about a trigger."""

    REQUEST = "request"
    WAIT = "wait"
    REFUSE = "refuse"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is done, and why.

    Attributes:
        action: ``REQUEST`` a run; ``WAIT`` and ask again later; ``REFUSE`` for good; or ``DONE``, it was answered.
        reason: in a sentence, for whoever reads the tick.
        attempt: number of the run to request, from 1.
    """

    action: Action
    reason: str
    attempt: int = 0


WAITING_FOR_RUN: Final = timedelta(minutes=10)
"""A requested run that nobody has seen after this time was never created."""


@dataclass(frozen=True, slots=True)
class InHand:
    """A trigger for which a run was requested, until that run succeeded or was given up.

    Attributes:
        trigger: the trigger.
        attempt: number of the last run requested.
        requested_at: when that was.
    """

    trigger: Trigger
    attempt: int
    requested_at: datetime


def judge_new(trigger: Trigger, history: History, rules: RetrainingRules) -> Verdict:
    """Decide about a trigger that nobody answered yet.

    Args:
        trigger: the oldest one.
        history: what happened so far.
        rules: the settings.
    """
    if not trigger.asks:
        return Verdict(Action.REFUSE, f"no retraining: {trigger.description}")
    if history.unfinished:
        run = history.unfinished[0]
        return Verdict(
            Action.WAIT, f"waiting with {trigger.name} ({trigger.description}): retraining {run.run_id} is in flight"
        )
    if history.promoted_at and history.promoted_at > trigger.measured_at:
        return Verdict(
            Action.REFUSE,
            f"no retraining for {trigger.name}: it was measured at {_moment(trigger.measured_at)} against a model that "
            f"was replaced at {_moment(history.promoted_at)} ({trigger.description})",
        )
    answer = history.last_answer
    if answer and answer.requested_at > trigger.measured_at:
        return Verdict(
            Action.REFUSE,
            f"no retraining for {trigger.name}: run {answer.run_id}, requested after it was measured, has answered it "
            f"already ({trigger.description})",
        )
    if answer and answer.ended_at and history.now < answer.ended_at + rules.cooldown:
        until = answer.ended_at + rules.cooldown
        return Verdict(
            Action.REFUSE,
            f"no retraining for {trigger.name}: cooldown until {_moment(until)} after run {answer.run_id} "
            f"({trigger.description})",
        )
    return Verdict(Action.REQUEST, f"drift: {trigger.description}", attempt=1)


def follow_up(in_hand: InHand, history: History, rules: RetrainingRules) -> Verdict:
    """Decide about a trigger for which a run was requested before.

    Args:
        in_hand: the trigger, and what was requested for it.
        history: what happened so far.
        rules: the settings.
    """
    trigger, attempt = in_hand.trigger, in_hand.attempt
    runs = history.of(trigger)
    if len(runs) < attempt:
        if history.now < in_hand.requested_at + WAITING_FOR_RUN:
            return Verdict(Action.WAIT, f"retraining for {trigger.name} was requested and is about to start")
        return Verdict(
            Action.REQUEST, f"drift: {trigger.description} (the run requested before never started)", attempt
        )
    run = runs[-1]
    if run.outcome is Outcome.UNFINISHED:
        return Verdict(Action.WAIT, f"retraining {run.run_id} for {trigger.name} is in flight")
    if run.outcome is Outcome.SUCCEEDED:
        return Verdict(Action.DONE, f"retraining {run.run_id} for {trigger.name} succeeded")
    return _after_failure(in_hand, run, history, rules)


def _after_failure(in_hand: InHand, run: Retraining, history: History, rules: RetrainingRules) -> Verdict:
    trigger, attempt = in_hand.trigger, in_hand.attempt
    if attempt >= rules.attempts:
        return Verdict(
            Action.DONE,
            f"gave up {trigger.name} after {attempt} failed attempts, the last is run {run.run_id}: read its log; the "
            "next evaluation that fails starts anew",
        )
    if history.unfinished:
        return Verdict(
            Action.WAIT, f"run {run.run_id} failed; before it is tried again, {history.unfinished[0].run_id} must end"
        )
    return Verdict(
        Action.REQUEST,
        f"drift: {trigger.description} (attempt {attempt + 1} of {rules.attempts}, run {run.run_id} failed)",
        attempt + 1,
    )


@dataclass(frozen=True, slots=True)
class Step:
    """What one look at the triggers leads to.

    Attributes:
        request: the trigger to request a run for, with attempt and reason; or none.
        in_hand: what the next look has to follow.
        handled: triggers that need not be looked at again.
        reasons: why for each of them, in order.
        request_reason: why the run is requested.
    """

    request: InHand | None = None
    in_hand: InHand | None = None
    handled: tuple[Trigger, ...] = ()
    reasons: tuple[str, ...] = ()
    request_reason: str = ""


def next_step(in_hand: InHand | None, waiting: Sequence[Trigger], history: History, rules: RetrainingRules) -> Step:
    """Follow the trigger in hand, then take the waiting ones oldest first until one is answered by a run.

    Args:
        in_hand: what the last look left.
        waiting: triggers that nobody looked at yet.
        history: what happened so far.
        rules: the settings.
    """
    reasons: list[str] = []
    if in_hand is not None:
        verdict = follow_up(in_hand, history, rules)
        if verdict.action is Action.WAIT:
            return Step(in_hand=in_hand, reasons=(verdict.reason,))
        if verdict.action is Action.REQUEST:
            again = InHand(in_hand.trigger, verdict.attempt, history.now)
            return Step(request=again, in_hand=again, reasons=(verdict.reason,), request_reason=verdict.reason)
        reasons.append(verdict.reason)
    handled: list[Trigger] = []
    for trigger in sorted(waiting, key=lambda one: (one.measured_at, one.id)):
        verdict = judge_new(trigger, history, rules)
        reasons.append(verdict.reason)
        if verdict.action is Action.WAIT:
            break
        handled.append(trigger)
        if verdict.action is Action.REQUEST:
            taken = InHand(trigger, verdict.attempt, history.now)
            return Step(taken, taken, tuple(handled), tuple(reasons), verdict.reason)
    return Step(handled=tuple(handled), reasons=tuple(reasons))


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
