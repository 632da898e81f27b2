"""Decides whether a trigger starts a retraining: a pure state machine, which knows nothing of Dagster.

A trigger is an evaluation of the drift check or a drift alert. Triggers are taken oldest first, and each is handled
once. At most one retraining is in flight. A failed one is retried; after a successful one there is a cooldown. A
trigger that was measured against a model which has been replaced since is refused.
"""

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, get_args

from road_assets.core.retraining_history import History, Outcome, Retraining, Source, Trigger


@dataclass(frozen=True, slots=True)
class RetrainingRules:
    """Settings of the decision.

    Attributes:
        cooldown: pause after a successful retraining, in which further triggers are refused.
        attempts: number of runs for one trigger at most.
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
        action: ``REQUEST`` a run; ``WAIT`` and decide again later; ``REFUSE`` for good; or ``DONE``: it was answered.
        reason: in a sentence, for whoever reads the tick.
        attempt: number of the run to request, from 1.
    """

    action: Action
    reason: str
    attempt: int = 0


WAITING_FOR_RUN: Final = timedelta(minutes=10)
"""A requested run that does not exist after this time was never created."""


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
    """Decide about a trigger that has not been handled yet.

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
    """Result of one evaluation of the triggers.

    Attributes:
        request: the trigger to request a run for, with its attempt; or none.
        in_hand: the trigger that the next evaluation has to follow up.
        handled: triggers that need not be read again.
        reasons: the reason of each decision, in order.
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
        in_hand: the trigger for which a run was requested before, if any.
        waiting: triggers that have not been handled, in any order.
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
    for trigger in _oldest_first(waiting):
        verdict = judge_new(trigger, history, rules)
        reasons.append(verdict.reason)
        if verdict.action is Action.WAIT:
            break
        handled.append(trigger)
        if verdict.action is Action.REQUEST:
            taken = InHand(trigger, verdict.attempt, history.now)
            return Step(taken, taken, tuple(handled), tuple(reasons), verdict.reason)
    return Step(handled=tuple(handled), reasons=tuple(reasons))


def _oldest_first(triggers: Sequence[Trigger]) -> Iterator[Trigger]:
    """Triggers by the time of their measurement, but those of one source by their ids.

    An evaluation gets its id when its run is planned, so ids and times can disagree. The sensor's cursor is the highest
    id handled of each source: a trigger that waits must not be passed by one of its source with a higher id.
    """
    by_source = (sorted((one for one in triggers if one.source == source), key=_id) for source in get_args(Source))
    return heapq.merge(*by_source, key=_measured_at)


def _id(trigger: Trigger) -> int:
    return trigger.id


def _measured_at(trigger: Trigger) -> datetime:
    return trigger.measured_at


def _moment(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S %Z}"
