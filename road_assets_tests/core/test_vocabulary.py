"""The words everything else derives from."""

from dataclasses import FrozenInstanceError
from typing import Any

import numpy as np
import pytest

from road_assets.core.vocabulary import (
    FEATURE_BY_NAME,
    FEATURE_NAMES,
    FEATURES,
    GRAVITY,
    OUTCOMES,
    SEVERE_GRAVITIES,
    TABLES,
    TARGET,
    UNKNOWN_CODE,
    Feature,
)

REQUEST = "catu sexe trajet catr lum atm surf col circ plan vosp prof situ"


def test_the_13_features_stand_in_the_order_of_the_request_that_the_service_promises() -> None:
    assert " ".join(FEATURE_NAMES) == REQUEST
    assert list(FEATURE_BY_NAME) == list(FEATURE_NAMES)
    assert all(FEATURE_BY_NAME[feature.name] is feature for feature in FEATURES)


@pytest.mark.parametrize("feature", [*FEATURES, GRAVITY], ids=lambda feature: feature.name)
def test_every_code_occurs_once_in_order_with_a_label_in_both_languages(feature: Feature) -> None:
    values = [code.value for code in feature.codes]
    assert values == sorted(set(values))
    assert feature.values == set(values)
    assert feature.table in TABLES
    for language in ("fr", "en"):
        labels = [getattr(code, language) for code in feature.codes]
        assert all(labels)
        assert len(set(labels)) == len(labels)
        assert getattr(feature, language)


def test_not_recorded_is_no_code_and_every_code_fits_a_byte() -> None:
    values = {code.value for feature in (*FEATURES, GRAVITY) for code in feature.codes}
    assert UNKNOWN_CODE not in values
    assert min(values) >= 0
    assert max(values) <= np.iinfo(np.int8).max


def test_a_trip_whose_purpose_was_not_given_has_a_code_of_its_own() -> None:
    assert 0 in {code.value for code in FEATURE_BY_NAME["trajet"].codes}


def test_what_is_known_only_after_the_accident_is_no_input() -> None:
    assert not {GRAVITY.name, TARGET} & set(FEATURE_NAMES)


def test_killed_and_hospitalised_count_as_severe() -> None:
    assert {code.en for code in GRAVITY.codes if code.value in SEVERE_GRAVITIES} == {"Killed", "Hospitalised"}
    assert [OUTCOMES[answer].en for answer in (0, 1)] == ["not severe", "severe"]
    assert all(answer == code.value for answer, code in OUTCOMES.items())


def test_codes_are_listed_for_people_in_their_language() -> None:
    assert FEATURE_BY_NAME["catu"].describe_codes() == "1 = Driver, 2 = Passenger, 3 = Pedestrian"
    assert FEATURE_BY_NAME["catu"].describe_codes("fr") == "1 = Conducteur, 2 = Passager, 3 = Piéton"


@pytest.mark.parametrize(("part", "field"), [(FEATURES[0], "name"), (FEATURES[0].codes[0], "value")])
def test_nobody_can_change_the_vocabulary(part: Any, field: str) -> None:
    with pytest.raises(FrozenInstanceError):
        setattr(part, field, None)
