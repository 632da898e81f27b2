"""Runs the steps of the main job one after the other as runs of Dagster, and reports their progress.

Which steps there are is decided in ``road_assets.local.planning``; what they do, in ``road_assets.jobs``.
"""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from road_assets import run_tags
from road_assets.errors import UserFacingError
from road_assets.local.dagster_client import DagsterClient, Event
from road_assets.local.run_retries import POLL_SECONDS, RETRY_SECONDS, is_promised, next_attempt

SIGN_OF_LIFE_SECONDS: Final = 15.0
"""A line is reported at least this often, so that nobody thinks that it hangs."""

SUCCEEDED: Final = "SUCCESS"
FAILED: Final = "FAILURE"
FINISHED: Final = frozenset({SUCCEEDED, FAILED, "CANCELED"})


class StepFailedError(UserFacingError):
    """A run of the main job failed; the message names the step and gives its error."""


@dataclass(frozen=True, slots=True)
class Step:
    """One run of a job.

    Attributes:
        title: what it does, for people.
        job: name of the job.
        first: first partition, or the only one.
        last: last partition of a range.
        may_fail: after a failure, which is reported, the job goes on, because later steps do not need this one.
    """

    title: str
    job: str
    first: str
    last: str | None = None
    may_fail: bool = False

    @property
    def key(self) -> str:
        """Identifies the step, independent of its title."""
        return ":".join(filter(None, (self.job, self.first, self.last)))

    def tags(self) -> dict[str, str]:
        """Tags that tell Dagster which partitions a run is for."""
        ours = {run_tags.MAIN_JOB: "true"}
        if self.last is None:
            return {run_tags.PARTITION: self.first, **ours}
        return {run_tags.RANGE_START: self.first, run_tags.RANGE_END: self.last, **ours}


class MainJob:
    """Runs steps one after the other and reports their progress."""

    def __init__(
        self, client: DagsterClient, report: Callable[[str], None], pause: Callable[[float], None] = time.sleep
    ) -> None:
        """Prepare a driver.

        Args:
            client: of the running web server.
            report: prints a line for people.
            pause: sleeps between two looks; may raise to end the wait.
        """
        self._client = client
        self._report = report
        self._pause = pause

    def run(self, steps: Iterable[Step], note_done: Callable[[Step], None]) -> None:
        """Run all steps in order.

        Args:
            steps: what to run.
            note_done: called with each step that has succeeded, or that failed and may.

        Raises:
            StepFailedError: a run failed that must not; later steps are not started.
            DagsterError: Dagster refused a run or went away.
        """
        for step in steps:
            try:
                self.launch_and_wait(step)
            except StepFailedError as error:
                if not step.may_fail:
                    raise
                self._report(f"  LEFT OUT. {error}")
            note_done(step)

    def launch_and_wait(self, step: Step) -> str:
        """Submit one run and follow it to its end.

        Returns:
            The run's id; that of the last attempt where Dagster retried it.

        Raises:
            StepFailedError: the run failed or was cancelled.
            DagsterError: Dagster refused it or went away.
        """
        started = time.monotonic()
        run = self._client.launch(step.job, step.tags())
        self._report(f"{step.title} ({step.job}, run {run[:8]})")
        progress = _Progress(self._report, started)
        cursor: str | None = None
        forgotten = False
        while True:
            status = self._client.status(run)
            events, cursor = self._client.events(run, cursor)  # read after the status, so that no last event is missed
            progress.tell(events, status)
            if status == FAILED and (attempt := next_attempt(self._client, run, self._pause)):
                self._report(f"  its process died ({progress.failure()}); Dagster tries again, run {attempt[:8]}")
                run, cursor, progress = attempt, None, _Progress(self._report, started)
            elif status == FAILED and not forgotten and is_promised(self._client, run):
                run, cursor, forgotten = self._client.launch(step.job, step.tags()), None, True
                self._report(
                    f"  its process died ({progress.failure()}), and Dagster has not tried again for "
                    f"{RETRY_SECONDS:.0f} s; asked for again, run {run[:8]}"
                )
                progress = _Progress(self._report, started)
            elif status in FINISHED:
                break
            self._pause(POLL_SECONDS)
        if status != SUCCEEDED:
            raise StepFailedError(f"{step.title}: run {run} of {step.job} ended as {status}. {progress.failure()}")
        self._report(f"  done after {time.monotonic() - started:5.1f} s")
        return run


class _Progress:
    """Turns a run's events into lines, and keeps what explains a failure."""

    def __init__(self, report: Callable[[str], None], started: float) -> None:
        self._report = report
        self._started = started
        self._last_line = started
        self._step_started: dict[str, float] = {}
        self._failures: list[Event] = []

    def tell(self, events: Iterable[Event], status: str) -> None:
        """Report the steps that ended, or, if nothing was reported for long, that the run is going on."""
        for event in events:
            if event.kind == "ExecutionStepStartEvent" and event.step:
                self._step_started[event.step] = event.moment
            elif event.kind == "ExecutionStepSuccessEvent" and event.step:
                self._line(f"  {event.step:<24} {event.moment - self._begin(event):6.1f} s")
            elif event.kind in {"ExecutionStepFailureEvent", "RunFailureEvent"}:
                self._step_started.pop(event.step or "", None)
                self._failures.append(event)
        if time.monotonic() - self._last_line > SIGN_OF_LIFE_SECONDS:
            doing = ", ".join(self._step_started) or status.lower()
            self._line(f"  … {doing}, {time.monotonic() - self._started:.0f} s so far")

    def failure(self) -> str:
        """The first failed step and its error; the run's own message if no step failed."""
        steps = [event for event in self._failures if event.step]
        event = next(iter(steps or self._failures), None)
        if event is None:
            return "It says nothing more."
        return f"{event.step or 'the run'} failed: {event.error or event.message}"

    def _begin(self, event: Event) -> float:
        return self._step_started.pop(event.step or "", event.moment)

    def _line(self, text: str) -> None:
        self._last_line = time.monotonic()
        self._report(text)
