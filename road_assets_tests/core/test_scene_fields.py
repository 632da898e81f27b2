"""The words of the optional fields: whole, official, and nothing known only afterwards."""

import pytest

from road_assets.core.scene_fields import (
    FULL_EXAMPLE_FIELDS,
    MODEL_FIELDS,
    SCENE_FIELD_NAMES,
    SCENE_FIELDS,
    SceneField,
    describe_value,
)
from road_assets.core.vocabulary import FEATURE_BY_NAME, FEATURE_NAMES, GRAVITY, TARGET, UNKNOWN_CODE


def test_the_input_is_the_13_features_then_the_14_optional_fields() -> None:
    assert MODEL_FIELDS[:13] == FEATURE_NAMES
    assert MODEL_FIELDS[13:] == SCENE_FIELD_NAMES
    assert len(set(MODEL_FIELDS)) == 27
    assert " ".join(SCENE_FIELD_NAMES) == (
        "age catv agg int vma heure equipement manv obs obsm choc nbv nb_vehicules nb_usagers"
    )


def test_nothing_that_is_known_only_after_the_outcome_is_a_field() -> None:
    assert not {GRAVITY.name, TARGET} & set(MODEL_FIELDS)


@pytest.mark.parametrize("field", SCENE_FIELDS, ids=lambda field: field.name)
def test_every_field_has_values_that_fit_in_16_bits_labels_in_two_languages_and_an_example(field: SceneField) -> None:
    values = field.values
    assert field.fr
    assert field.en
    assert len(values) >= 2
    assert min(values) >= 0
    assert max(values) <= 999
    assert not {UNKNOWN_CODE, *field.also_unknown} & values
    assert FULL_EXAMPLE_FIELDS[field.name] in values


@pytest.mark.parametrize(
    "field", [field for field in SCENE_FIELDS if field.kind == "code"], ids=lambda field: field.name
)
def test_every_code_stands_once_and_in_both_languages(field: SceneField) -> None:
    assert len(field.codes) == len(field.values)
    assert all(code.fr and code.en for code in field.codes)
    assert field.describe_codes("fr").startswith(f"{field.codes[0].value} = {field.codes[0].fr}, ")


def test_a_range_is_told_with_its_unit_in_either_language() -> None:
    fields = {field.name: field for field in SCENE_FIELDS}
    assert (fields["age"].describe_codes("en"), fields["age"].describe_codes("fr")) == ("0 to 120 years", "0 à 120 ans")
    assert fields["vma"].describe_codes() == "5 to 130 km/h"
    assert fields["nbv"].describe_codes("fr") == "1 à 20"


def test_a_value_is_said_in_words_with_its_unit_or_as_unknown() -> None:
    fields = {**FEATURE_BY_NAME, **{field.name: field for field in SCENE_FIELDS}}
    said = [
        (describe_value(fields[name], value, "en"), describe_value(fields[name], value, "fr"))
        for name, value in (("catu", 3), ("age", 34), ("vma", 80), ("nbv", 2), ("equipement", 2), ("lum", None))
    ]
    assert said == [
        ("Pedestrian", "Piéton"),
        ("34 years", "34 ans"),
        ("80 km/h", "80 km/h"),
        ("2", "2"),
        ("Helmet", "Casque"),
        ("Unknown", "Inconnu"),
    ]
