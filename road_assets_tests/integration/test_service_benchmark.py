"""The benchmark of the service runs, with counts so small that its figures mean nothing."""

from datetime import date

import psutil
import pytest

from road_assets.core.families.boosting import BoostingSettings
from road_assets.core.forest_pipeline import ForestSettings
from road_assets_tests.benchmarks import service
from road_assets_tests.benchmarks.serving.inputs import Scale
from road_assets_tests.benchmarks.serving.servers import CLOCK_TICK_SECONDS, Server

TINY = Scale(
    accidents=1500,
    last_day=date(2024, 10, 10),
    boosting=BoostingSettings(max_iter=10, alone_max_iter=5, learning_rate=0.2, min_samples_leaf=10),
    forest=ForestSettings(n_estimators=5, max_depth=5),
)


@pytest.mark.timeout(300)
def test_every_figure_is_printed_and_what_was_asked_was_counted_and_logged(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ROAD_RELEASES_DIR", raising=False)
    few = ["--rounds", "1", "--seconds", "0.5", "--questions", "200", "--rows", "3000"]

    assert service.main(few, TINY) == 0

    told = capsys.readouterr().out
    for server in ("service", "common", "constant", "bare"):
        assert told.count(f"| {server} | ") == 2
    assert told.count("file of 3,000 rows") == 2
    counts = [line.split() for line in told.splitlines() if " asked, " in line]
    assert len(counts) == 3
    for words in counts:
        assert words[words.index("asked,") - 1] == words[words.index("asked,") + 1]
    (both,) = [line for line in told.splitlines() if line.startswith("asked of service and constant: ")]
    asked, logged = both.removeprefix("asked of service and constant: ").split(", logged: ")
    assert logged == asked


def test_what_took_less_than_a_tick_of_the_kernel_still_has_a_rate() -> None:
    this = Server("this process", 0, psutil.Process())
    not_yet_used = this.processor_seconds() + 60

    assert this.processor_seconds_since(not_yet_used) == CLOCK_TICK_SECONDS
