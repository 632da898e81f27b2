"""What the environment says counts as drift."""

import pytest
from pydantic import ValidationError

from road_assets.core.drift_limits import DriftLimits
from road_assets.resources.configuration import DriftSettingsResource
from road_assets.settings import DriftSettings


def test_without_settings_the_limits_are_those_of_the_core() -> None:
    assert DriftSettings().limits() == DriftLimits() == DriftSettingsResource().limits()


def test_every_limit_can_be_set(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = DriftLimits(14, 0.6, 0.2, 0.15, 0.9, 0.08, 0.05, 300)
    for name in DriftLimits.__slots__:
        monkeypatch.setenv(f"ROAD_DRIFT_{name.upper()}", str(getattr(wanted, name)))
    assert DriftSettings().limits() == wanted
    assert DriftSettingsResource(**DriftSettings().model_dump()).limits() == wanted


def test_a_warning_after_retraining_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROAD_DRIFT_WARN_ABOVE", "0.7")
    with pytest.raises(ValidationError, match=r"ROAD_DRIFT_WARN_ABOVE=0.7 is above ROAD_DRIFT_RETRAIN_ABOVE=0.5"):
        DriftSettings()


@pytest.mark.parametrize(("name", "value"), [("WINDOW_DAYS", "0"), ("FALSE_ALARM_SHARE", "0"), ("MIN_ROWS", "none")])
def test_what_makes_no_sense_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(f"ROAD_DRIFT_{name}", value)
    with pytest.raises(ValidationError):
        DriftSettings()
