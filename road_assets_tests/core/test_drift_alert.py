"""The words in which an alert reaches Dagster."""

import pytest

from road_assets.core.drift_alert import AlertKey, describe_alert, read_alert_key


def test_what_the_service_writes_the_sensor_reads() -> None:
    key = AlertKey("2dfd74ed1b0b1f0e", "2026-11-25T10:00:00.123Z")

    assert read_alert_key(describe_alert(key, 0.6153)) == key
    assert "drift score 0.62" in describe_alert(key, 0.6153)


@pytest.mark.parametrize("text", ["", "reported by hand", "[fingerprint= startsAt=]", "fingerprint=a startsAt=b"])
def test_other_words_hold_no_key(text: str) -> None:
    assert read_alert_key(text) is None
