"""The model card: what it says, in both languages, and that nothing in it comes from elsewhere or runs."""

import re
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest

from road_assets.core.manifest import Manifest, SliceFigures, Window
from road_assets.core.metrics import evaluate
from road_assets.core.model_card import card_markdown, constant_figures, write_card
from road_assets.core.model_card_labels import FIGURES, HTML_CARDS, LANGUAGES, card_file
from road_assets.core.scene_fields import MODEL_FIELDS
from road_assets.core.vocabulary import DATA_DEMONSTRATION, FEATURE_NAMES, FEATURES, MODEL_NAME

PICTURE = b"\x89PNG\r\n\x1a\n of some pixels"
LABELS = [1, 1, 0, 0, 0, 0, 0, 0, 0, 0]


@pytest.fixture
def manifest() -> Manifest:
    return _manifest()


def _manifest(**changes: Any) -> Manifest:
    scores = np.linspace(0.9, 0.1, len(LABELS))
    return Manifest.model_validate(
        {
            "model_name": MODEL_NAME,
            "family": "boosting",
            "parameters": {"max_iter": 300},
            "features": MODEL_FIELDS,
            "threshold": 0.2,
            "data": DATA_DEMONSTRATION,
            "training_window": Window(first_day=date(2024, 1, 1), last_day=date(2024, 9, 30)),
            "evaluation_window": Window(first_day=date(2024, 10, 1), last_day=date(2024, 10, 31)),
            "metrics": evaluate(np.array(LABELS), scores, threshold=0.2),
            "intervals": {"roc_auc": (0.91, 1.0)},
            "slices": (
                SliceFigures(
                    field="catu",
                    value="3",
                    rows=1234,
                    severe_share=0.25,
                    roc_auc=0.8123,
                    roc_auc_low=0.7,
                    roc_auc_high=0.9,
                ),
                SliceFigures(field="lum", value="Daylight", rows=9, severe_share=0.0),
            ),
            "code_version": "0.1.0",
            "libraries": {"numpy": "2.4"},
            "created_at": datetime(2024, 11, 1, tzinfo=UTC),
            "sha256": {"model.onnx": "ab" * 32},
            **changes,
        }
    )


def test_every_language_has_markdown_and_html(manifest: Manifest) -> None:
    files = write_card(manifest, "4", {})
    assert set(files) == {card_file(language, suffix) for language in LANGUAGES for suffix in ("md", "html")}


@pytest.mark.parametrize("language", LANGUAGES)
def test_it_tells_inputs_codes_figures_windows_and_hashes(manifest: Manifest, language: Any) -> None:
    text = card_markdown(manifest, "4", {}, language)

    for feature in FEATURES:
        assert f"| `{feature.name}` | {getattr(feature, language)} | {feature.describe_codes(language)} |" in text
    assert all(f"`{name}`" in text for name in MODEL_FIELDS)
    assert all(words.to(language) in text for words in FIGURES.values())
    assert "ab" * 32 in text
    assert ("30/09/2024" if language == "fr" else "2024-09-30") in text


def test_figures_stand_beside_the_constant_answer_with_their_interval(manifest: Manifest) -> None:
    text = card_markdown(manifest, "4", {}, "en")
    assert "| Area under the ROC curve | 1.0000 | 0.9100 to 1.0000 | 0.5000 |" in text
    assert "| Accuracy | 0.4000 | – | 0.8000 |" in text


def test_numbers_and_groups_are_written_as_the_language_does(manifest: Manifest) -> None:
    assert "| Catégorie d'usager | Piéton | 1\u202f234 | 0,2500 | 0,8123 | 0,7000 à 0,9000 | – |" in card_markdown(
        manifest, "4", {}, "fr"
    )
    assert "| Lumière | Plein jour | 9 | 0,0000 | – | – | – |" in card_markdown(manifest, "4", {}, "fr")
    assert "| Road user category | Pedestrian | 1,234 | 0.2500 | 0.8123 | 0.7000 to 0.9000 | – |" in card_markdown(
        manifest, "4", {}, "en"
    )


def test_the_threshold_is_told_as_a_cost_with_what_it_did(manifest: Manifest) -> None:
    text = card_markdown(manifest, "4", {}, "en")
    assert "costs 4.00 times as much" in text
    assert "| was severe | 2 | 0 |" in text
    assert "| was not severe | 6 | 2 |" in text


def test_data_that_is_generated_is_said_first_in_both_languages(manifest: Manifest) -> None:
    assert DATA_DEMONSTRATION in card_markdown(manifest, "4", {}, "en")[:200]
    assert "données de démonstration, générées" in card_markdown(manifest, "4", {}, "fr")[:200]


def test_a_bundle_of_before_is_described_by_what_it_tells() -> None:
    old = {"features": FEATURE_NAMES, "metrics": {"roc_auc": 0.75}, "intervals": {}, "slices": (), "parameters": {}}
    text = card_markdown(_manifest(**old), "1", {}, "en")
    assert "| Area under the ROC curve | 0.7500 | – | – |" in text
    assert "By group" not in text
    assert "`age`" not in text
    assert "was severe" not in text


def test_plots_are_shown_with_a_caption_each_known_ones_first(manifest: Manifest) -> None:
    page = write_card(manifest, "4", {"something_else": PICTURE, "ROC": PICTURE})[HTML_CARDS["fr"]].decode()
    assert re.findall(r'<img src="data:image/png;base64,[^"]+" alt="([^"]+)"', page) == ["Courbe ROC", "something else"]


def test_the_page_loads_nothing_runs_nothing_and_names_its_language(manifest: Manifest) -> None:
    files = write_card(manifest, "4", {"ROC": PICTURE})
    for language, name in HTML_CARDS.items():
        page = files[name].decode()
        other = next(file for file in HTML_CARDS.values() if file != name)
        assert f'<html lang="{language}">' in page
        assert re.findall(r'href="([^"]*)"', page) == [other]
        assert all(source.startswith("data:image/png;base64,") for source in re.findall(r'src="([^"]*)"', page))
        assert "<script" not in page
        assert "@import" not in page


def test_what_a_manifest_holds_never_becomes_markup() -> None:
    evil = "<script>alert(1)</script> | [x](javascript:alert(1)) \n# y"
    figures = SliceFigures(field=evil, value=evil, rows=1, severe_share=0)
    hostile = _manifest(
        data=evil, family=evil, parameters={evil: evil}, libraries={evil: evil}, code_version=evil, slices=(figures,)
    )
    for name, content in write_card(hostile, evil, {}).items():
        if name.endswith("html"):
            page = content.decode()
            assert "<script" not in page
            assert page.count("<h1>") == 1
            assert page.count("<a ") == 1, "the link to the other language"
            assert "javascript:alert" not in "".join(re.findall(r'href="[^"]*"', page))


def test_the_constant_answer_reaches_what_is_said_of_it() -> None:
    labels = np.array(LABELS)
    share = labels.mean()
    measured = evaluate(labels, np.full(len(labels), share), threshold=0.5)
    said = constant_figures(measured)
    assert {name: measured[name] for name in said} == pytest.approx(said)
    assert constant_figures({"roc_auc": 0.7}) == {}
