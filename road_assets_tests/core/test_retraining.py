"""Which signs of drift are answered by a retraining, which wait, which are refused."""

from datetime import UTC, date, datetime, timedelta
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from road_assets.core.retraining import (
    WAITING_FOR_RUN,
    Action,
    InHand,
    RetrainingRules,
    follow_up,
    judge_new,
    next_step,
)
from road_assets.core.retraining_history import History, Outcome, Retraining, Trigger

NOON = datetime(2024, 10, 1, 12, tzinfo=UTC)
RULES = RetrainingRules(cooldown=timedelta(minutes=60), attempts=3)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def sign(
    number: int = 1, *, at: datetime = NOON, asks: bool = True, source: Literal["check", "alert"] = "check"
) -> Trigger:
    return Trigger(source, number, date(2024, 9, 30), at, asks, f"score {0.9 if asks else 0.1}")


def run(
    outcome: Outcome, *, of: Trigger | None = None, at: datetime = NOON, took: timedelta | None = None
) -> Retraining:
    ended = None if outcome is Outcome.UNFINISHED else at + (took or minutes(2))
    return Retraining(f"run of {of.name if of else 'somebody'}", of.name if of else None, at, ended, outcome)


def test_a_sign_that_asks_for_nothing_is_refused_with_what_was_found() -> None:
    verdict = judge_new(sign(asks=False), History(NOON), RULES)
    assert verdict.action is Action.REFUSE
    assert "score 0.1" in verdict.reason


def test_a_sign_of_drift_requests_a_retraining() -> None:
    verdict = judge_new(sign(), History(NOON + minutes(1)), RULES)
    assert (verdict.action, verdict.attempt) == (Action.REQUEST, 1)
    assert "score 0.9" in verdict.reason


@pytest.mark.parametrize("other", [None, sign(7)])
def test_a_sign_waits_while_any_retraining_is_in_flight(other: Trigger | None) -> None:
    verdict = judge_new(sign(), History(NOON, (run(Outcome.UNFINISHED, of=other),)), RULES)
    assert verdict.action is Action.WAIT
    assert "in flight" in verdict.reason


def test_a_sign_measured_before_the_last_promotion_is_refused() -> None:
    verdict = judge_new(sign(), History(NOON + minutes(9), promoted_at=NOON + minutes(5)), RULES)
    assert verdict.action is Action.REFUSE
    assert "was replaced at 2024-10-01 12:05:00 UTC" in verdict.reason


def test_a_sign_measured_after_the_last_promotion_is_answered() -> None:
    verdict = judge_new(sign(), History(NOON + minutes(9), promoted_at=NOON - minutes(5)), RULES)
    assert verdict.action is Action.REQUEST


def test_an_alert_about_what_the_check_has_told_already_starts_no_second_run() -> None:
    answer = run(Outcome.SUCCEEDED, of=sign(), at=NOON + minutes(1))
    verdict = judge_new(sign(3, source="alert"), History(NOON + minutes(10), (answer,)), RULES)
    assert verdict.action is Action.REFUSE
    assert "has answered it already" in verdict.reason


def test_a_sign_within_the_cooldown_is_refused_and_told_until_when() -> None:
    answer = run(Outcome.SUCCEEDED, of=sign(), at=NOON)
    history = History(NOON + minutes(30), (answer,))
    verdict = judge_new(sign(2, at=NOON + minutes(29)), history, RULES)
    assert verdict.action is Action.REFUSE
    assert "cooldown until 2024-10-01 13:02:00 UTC" in verdict.reason


def test_after_the_cooldown_the_next_sign_is_answered() -> None:
    answer = run(Outcome.SUCCEEDED, of=sign(), at=NOON)
    verdict = judge_new(sign(2, at=NOON + minutes(63)), History(NOON + minutes(64), (answer,)), RULES)
    assert verdict.action is Action.REQUEST


def test_a_retraining_that_nobody_asked_for_because_of_drift_starts_no_cooldown() -> None:
    by_hand = run(Outcome.SUCCEEDED, at=NOON)
    verdict = judge_new(sign(2, at=NOON + minutes(3)), History(NOON + minutes(4), (by_hand,)), RULES)
    assert verdict.action is Action.REQUEST


def test_a_failed_retraining_is_tried_again_until_the_attempts_are_used_up() -> None:
    trigger, runs = sign(), []
    for attempt in (1, 2):
        runs.append(run(Outcome.FAILED, of=trigger, at=NOON + minutes(attempt)))
        verdict = follow_up(InHand(trigger, attempt, NOON), History(NOON + minutes(9), tuple(runs)), RULES)
        assert (verdict.action, verdict.attempt) == (Action.REQUEST, attempt + 1)
    runs.append(run(Outcome.FAILED, of=trigger, at=NOON + minutes(3)))
    verdict = follow_up(InHand(trigger, 3, NOON), History(NOON + minutes(9), tuple(runs)), RULES)
    assert verdict.action is Action.DONE
    assert "gave up check-1 after 3 failed attempts" in verdict.reason


def test_a_retry_waits_for_a_retraining_of_somebody_else() -> None:
    trigger = sign()
    runs = (run(Outcome.FAILED, of=trigger), run(Outcome.UNFINISHED, at=NOON + minutes(3)))
    verdict = follow_up(InHand(trigger, 1, NOON), History(NOON + minutes(4), runs), RULES)
    assert verdict.action is Action.WAIT


def test_a_requested_run_is_given_time_to_appear_and_is_then_requested_again() -> None:
    in_hand = InHand(sign(), 1, NOON)
    assert follow_up(in_hand, History(NOON + minutes(1)), RULES).action is Action.WAIT
    late = follow_up(in_hand, History(NOON + WAITING_FOR_RUN), RULES)
    assert (late.action, late.attempt) == (Action.REQUEST, 1)


def test_signs_are_taken_oldest_first_and_later_ones_wait_for_their_turn() -> None:
    signs = [sign(3, at=NOON + minutes(3)), sign(1, asks=False), sign(2, at=NOON + minutes(2))]
    step = next_step(None, signs, History(NOON + minutes(5)), RULES)
    assert step.request is not None
    assert step.request.trigger.name == "check-2"
    assert [one.name for one in step.handled] == ["check-1", "check-2"]


def test_a_sign_that_waits_is_not_handled_and_neither_are_those_after_it() -> None:
    signs = [sign(1), sign(2, at=NOON + minutes(1))]
    step = next_step(None, signs, History(NOON + minutes(5), (run(Outcome.UNFINISHED),)), RULES)
    assert step.handled == ()
    assert step.request is None


def test_a_sign_is_not_passed_by_one_of_its_source_that_was_planned_later_but_measured_earlier() -> None:
    """Else the cursor, which keeps the highest id handled of each source, would skip the sign that waits."""
    signs = [sign(10, at=NOON + minutes(2)), sign(11, at=NOON, asks=False)]
    step = next_step(None, signs, History(NOON + minutes(5), (run(Outcome.UNFINISHED),)), RULES)
    assert step.handled == ()


def test_signs_of_both_sources_are_taken_by_the_moment_of_their_measurement() -> None:
    signs = [sign(1, at=NOON + minutes(1), asks=False), sign(9, asks=False, source="alert")]
    step = next_step(None, signs, History(NOON + minutes(5)), RULES)
    assert [one.name for one in step.handled] == ["alert-9", "check-1"]


def test_while_one_is_in_hand_nothing_else_is_looked_at() -> None:
    trigger = sign()
    history = History(NOON + minutes(1), (run(Outcome.UNFINISHED, of=trigger),))
    step = next_step(InHand(trigger, 1, NOON), [sign(2, at=NOON + minutes(1))], history, RULES)
    assert (step.request, step.handled) == (None, ())
    assert step.in_hand is not None


def test_a_trigger_answered_in_the_same_look_frees_the_next_one_subject_to_the_cooldown() -> None:
    trigger = sign()
    history = History(NOON + minutes(5), (run(Outcome.SUCCEEDED, of=trigger),))
    step = next_step(InHand(trigger, 1, NOON), [sign(2, at=NOON + minutes(4))], history, RULES)
    assert step.in_hand is None
    assert "succeeded" in step.reasons[0]
    assert "cooldown" in step.reasons[1]


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"cooldown": minutes(-1)}])
def test_settings_that_would_never_retrain_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="attempts must be 1 or more"):
        RetrainingRules(**wrong)  # type: ignore[arg-type]


@given(st.lists(st.tuples(st.integers(0, 300), st.booleans(), st.sampled_from(["check", "alert"])), max_size=25))
def test_whatever_comes_at_most_one_run_is_in_flight_and_every_sign_is_handled_once(
    events: list[tuple[int, bool, Literal["check", "alert"]]],
) -> None:
    signs = [sign(n, at=NOON + minutes(at), asks=asks, source=who) for n, (at, asks, who) in enumerate(events)]
    waiting, in_hand, runs, handled = list(signs), None, [], []
    for minute in range(0, 600, 5):
        now = NOON + minutes(minute)
        runs = [
            Retraining(one.run_id, one.trigger, one.requested_at, one.ended_at or now, Outcome.SUCCEEDED)
            for one in runs
        ]
        step = next_step(in_hand, [one for one in waiting if one.measured_at <= now], History(now, tuple(runs)), RULES)
        in_hand = step.in_hand
        handled += step.handled
        waiting = [one for one in waiting if one not in step.handled]
        if step.request:
            runs.append(run(Outcome.UNFINISHED, of=step.request.trigger, at=now))
        assert len([one for one in runs if one.outcome is Outcome.UNFINISHED]) <= 1
    assert sorted(one.name for one in handled) == sorted(one.name for one in signs)
